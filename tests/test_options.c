#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/options.h"
#include "suites.h"

#define HOUR INT64_C(3600000)
#define YEARS_30 INT64_C(946080000000)

extern char **environ;

/* ---- valid options ------------------------------------------------------ */

/* Words, and the only members that they set. */
struct accepted {
	const char *words;
	struct setting set[3];
};

#define NO_CHANGE { { 0 } }

static void
sets(const struct accepted *a, const char *format, ...)
{
	struct options is, expected;
	char words[128];
	va_list arguments;

	set_as_documented(&expected);
	set(&expected, a->set, COUNT_OF(a->set));
	va_start(arguments, format);
	vsnprintf(words, sizeof(words), format, arguments);
	va_end(arguments);
	parse(&is, "pith", words);
	are_same(&is, &expected);
}

static const struct accepted accepted[] = {
	{ "--", NO_CHANGE },
	{ "-s", NO_CHANGE },
	{ "--subreaper", NO_CHANGE },
	{ "-g", { IS(run.group, true) } },
	{ "--group", { IS(run.group, true) } },
	{ "-gg --", { IS(run.group, true) } },
	{ "--all", { IS(run.all, true) } },
	{ "-w", { IS(run.warn_orphans, true) } },
	{ "--wait", { IS(run.wait, true) } },
	{ "-v", { IS(run.verbosity, 1) } },
	{ "-vv -v", { IS(run.verbosity, 3) } },
	{ "-vgwv",
	    { IS(run.group, true), IS(run.verbosity, 2),
		IS(run.warn_orphans, true) } },
	{ "--wait --all -w",
	    { IS(run.wait, true), IS(run.all, true),
		IS(run.warn_orphans, true) } },
	{ "-vpTERM -g",
	    { IS(run.verbosity, 1), IS(run.group, true),
		IS(parent_death_signal, SIGTERM) } },
	{ "--timeout 1 --timeout 2", { IS(run.timeout, 2000) } },
	{ "-e 7:1 -e 7:2 -e 8:3",
	    { IS(exit_codes[7], 2), IS(exit_codes[8], 3) } },
	{ "-r TERM:0 -r TERM:15", NO_CHANGE },
	{ "-r HUP:INT -r INT:HUP",
	    { IS(run.signals.rewrite[SIGHUP], SIGINT),
		IS(run.signals.rewrite[SIGINT], SIGHUP) } },
	{ "-e 143", { IS(exit_codes[143], 0) } },
	{ "-e 0:255", { IS(exit_codes[0], 255) } },
	{ "-e 255:0", { IS(exit_codes[255], 0) } },
	{ "-e SIGTERM:0", { IS(exit_codes[143], 0) } },
	{ "-e term", { IS(exit_codes[143], 0) } },
	{ "-e RTMAX:1", { IS(exit_codes[192], 1) } },
	{ "-e 15:1", { IS(exit_codes[15], 1) } },
	{ "-e 1:KILL", { IS(exit_codes[1], 137) } },
	{ "-r TERM:0", { IS(run.signals.rewrite[SIGTERM], 0) } },
	{ "-r hup:00", { IS(run.signals.rewrite[SIGHUP], 0) } },
	{ "-r SIGRTMIN+3:RTMAX-1", { IS(run.signals.rewrite[37], 63) } },
	{ "-r 32:33", { IS(run.signals.rewrite[32], 33) } },
	{ "-r 1:64", { IS(run.signals.rewrite[1], 64) } },
	{ "-r USR1:KILL", { IS(run.signals.rewrite[SIGUSR1], SIGKILL) } },
	{ "--delay RTMIN:0.001", { IS(run.signals.delay[34], 1) } },
	{ "--delay INT:0", NO_CHANGE },
	{ "--delay 64:2147483647ms", { IS(run.signals.delay[64], INT32_MAX) } },
	{ "-p 64", { IS(parent_death_signal, 64) } },
	{ "--report-fd 0", { IS(report_fd, 0) } },
	{ "--report-fd 2147483647", { IS(report_fd, INT_MAX) } },
};

START_TEST(an_option_sets_only_its_own_members)
{
	sets(&accepted[_i], "%s run", accepted[_i].words);
}
END_TEST

/* Options that take a value. The test gives it in every possible form. */
static const struct {
	const char *name, *letter;
	struct accepted with;
} valued[] = {
	{ "parent-death-signal", "p",
	    { "USR1", { IS(parent_death_signal, SIGUSR1) } } },
	{ "exit", "e", { "143:7", { IS(exit_codes[143], 7) } } },
	{ "rewrite", "r", { "2:3", { IS(run.signals.rewrite[2], 3) } } },
	{ "delay", NULL, { "15:1.5", { IS(run.signals.delay[15], 1500) } } },
	{ "stop-timeout", NULL, { "2m", { IS(run.stop_timeout, 120000) } } },
	{ "stop-signal", NULL, { "KILL", { IS(run.stop_signal, SIGKILL) } } },
	{ "grace", NULL, { "0", { IS(run.grace, 0) } } },
	{ "timeout", NULL, { "90", { IS(run.timeout, 90000) } } },
	{ "report-fd", NULL, { "3", { IS(report_fd, 3) } } },
};

START_TEST(a_value_is_part_of_the_option_or_the_next_word)
{
	static const char *const forms[][4] = {
		{ "--%s %s", "--%s=%s", "-s --%s %s --", "--%s=%s --" },
		{ "-%s %s", "-%s%s", "-s%s %s", "-ss%s%s" },
	};
	const struct accepted *with = &valued[_i].with;
	char words[128];

	for (int form = 0; form < 8; form++) {
		const char *option = form < 4 ? valued[_i].name :
		    valued[_i].letter;

		if (!option)
			break;
		snprintf(words, sizeof(words), forms[form / 4][form % 4],
		    option, with->words);
		sets(with, "%s run", words);
		setenv("PITH_OPTIONS", words, 1);
		sets(with, "run");
	}
}
END_TEST

/* Seen to fail if grow_array() returns a new array, and if the names of
 * --keep-env stay one word. */
START_TEST(values_for_the_command_are_kept_in_order)
{
	static const struct {
		enum change_kind kind;
		const char *text;
		size_t size;
	} changes[] = {
		{ VARIABLE_SET, "A=1", 1 }, { VARIABLE_KEPT, "BC,D", 2 },
		{ VARIABLE_KEPT, "D", 1 }, { VARIABLE_KEPT, "E", 1 },
		{ VARIABLE_UNSET, "F", 1 }, { VARIABLE_FILE, "f", 0 },
		{ VARIABLE_KEPT, "", 0 }, { VARIABLE_SET, "A==", 1 },
	};
	struct options o;

	parse(&o, "pith", "--env A=1 --keep-env=BC,D --env E --unsetenv F "
	    "--env-file f --keep-env --env A== run");
	ck_assert(o.sandbox.requested);
	ck_assert_int_eq(o.sandbox.change_count, COUNT_OF(changes));
	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		const struct variable_change *c = &o.sandbox.changes[i];

		ck_assert_int_eq(c->kind, changes[i].kind);
		ck_assert_str_eq(c->text, changes[i].text);
		ck_assert_uint_eq(c->size, changes[i].size);
	}
}
END_TEST

/* Seen to fail if add_filter() sets path for "default", and if add_rule()
 * stores the index of the prefix plus 1. */
START_TEST(filters_and_groups_are_kept_in_order)
{
	struct options o;
	const struct sandbox *s = &o.sandbox;

	parse(&o, "pith", "--landlock ro:/a --landlock connect:80 --seccomp "
	    "bpf:x --seccomp default --group-add 7 --group-add staff run");
	ck_assert_int_eq(s->rule_count, 2);
	ck_assert_int_eq(s->rules[0].right, LANDLOCK_READ);
	ck_assert_str_eq(s->rules[0].path, "/a");
	ck_assert_int_eq(s->rules[1].right, LANDLOCK_CONNECT);
	ck_assert_int_eq(s->rules[1].port, 80);
	ck_assert_str_eq(s->rules[1].text, "connect:80");
	ck_assert_int_eq(s->filter_count, 2);
	ck_assert_str_eq(s->filters[0].path, "x");
	ck_assert_ptr_null(s->filters[1].path);
	ck_assert(!s->seccomp_off);
	ck_assert_int_eq(s->group_count, 2);
	ck_assert(s->groups[0].is_number && s->groups[0].id == 7);
	ck_assert(!s->groups[1].is_number);
	ck_assert_str_eq(s->groups[1].name, "staff");
}
END_TEST

/* Seen to fail if add_caps() ignores drop, and if set_user() takes the rest of
 * the text as the name of the user. */
START_TEST(user_capabilities_and_limits_are_typed)
{
	struct options o;
	const struct sandbox *s = &o.sandbox;

	parse(&o, "pith", "--cap-add KILL --cap-add=cap_chown --cap-drop all "
	    "--cap-drop bpf --ulimit core=1:2 --ulimit as=-1 -u me:10 run");
	ck_assert_uint_eq(s->cap_add.names, 1 << 5 | 1);
	ck_assert(!s->cap_add.all && !s->cap_add.docker);
	ck_assert_uint_eq(s->cap_drop.names, UINT64_C(1) << 39);
	ck_assert(s->cap_drop.all && !s->cap_drop.docker);
	ck_assert_uint_eq(s->ulimits[RLIMIT_CORE].soft, 1);
	ck_assert_uint_eq(s->ulimits[RLIMIT_CORE].hard, 2);
	ck_assert_uint_eq(s->ulimits[RLIMIT_AS].hard, UINT64_MAX);
	ck_assert_ptr_null(s->ulimits[RLIMIT_STACK].text);
	ck_assert(!s->user_account.is_number && s->has_group);
	ck_assert_uint_eq(s->user_account.size, 2);
	ck_assert(s->group_account.is_number && s->group_account.id == 10);
}
END_TEST

/* Seen to fail if a table keeps only its last row. */
START_TEST(maps_parameters_and_descriptors_keep_all_their_values_in_order)
{
	struct options o;
	const struct sandbox *s = &o.sandbox;

	parse(&o, "pith", "--uidmap 0:7:8 --gidmap=1:2:3 --uidmap=9:9:1 "
	    "--sysctl a.b=c --sysctl d=e=f --sysctl a.b=c "
	    "--preserve-fd 7 --preserve-fd=5 run");
	ck_assert(s->requested);
	ck_assert_int_eq(s->id_map_count, 3);
	ck_assert(!s->id_maps[0].of_groups && s->id_maps[1].of_groups);
	ck_assert_int_eq(s->id_maps[0].extent.outside, 7);
	ck_assert_int_eq(s->id_maps[0].extent.count, 8);
	ck_assert_int_eq(s->id_maps[1].extent.inside, 1);
	ck_assert_str_eq(s->id_maps[2].text, "9:9:1");
	ck_assert_int_eq(s->sysctl_count, 3);
	ck_assert_str_eq(s->sysctls[0].value, "c");
	ck_assert_str_eq(s->sysctls[1].text, "d=e=f");
	ck_assert_str_eq(s->sysctls[1].value, "e=f");
	ck_assert_int_eq(s->passed_fd_count, 2);
	ck_assert_int_eq(s->passed_fds[0], 7);
	ck_assert_int_eq(s->passed_fds[1], 5);
}
END_TEST

static const struct { const char *text; int flags; } lists[] = {
	{ "user", CLONE_NEWUSER }, { "mnt,pid", CLONE_NEWNS | CLONE_NEWPID },
	{ "net --unshare ipc", CLONE_NEWNET | CLONE_NEWIPC },
	{ "uts,cgroup,time", CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWTIME },
};

/* Seen to fail if the last list replaces the others. */
START_TEST(lists_of_namespaces_add_up)
{
	struct options o;
	char text[128];

	snprintf(text, sizeof(text), "--unshare %s run", lists[_i].text);
	parse(&o, "pith", text);
	ck_assert_int_eq(o.sandbox.unshared, lists[_i].flags);
}
END_TEST

static const struct { const char *text; int clock, seconds; } offsets[] = {
	{ "boot=+7", CLOCK_OF_BOOT, 7 }, { "boot=-7", CLOCK_OF_BOOT, -7 },
	{ "boot=0", CLOCK_OF_BOOT, 0 }, { "monotonic=8", MONOTONIC_CLOCK, 8 },
	{ "monotonic=-9", MONOTONIC_CLOCK, -9 },
};

START_TEST(a_clock_has_an_offset_in_seconds)
{
	struct options o;
	char text[128];

	snprintf(text, sizeof(text), "--timens %s run", offsets[_i].text);
	parse(&o, "pith", text);
	ck_assert_str_eq(o.sandbox.clocks[offsets[_i].clock].text,
	    offsets[_i].text);
	ck_assert_int_eq(o.sandbox.clocks[offsets[_i].clock].seconds,
	    offsets[_i].seconds);
	ck_assert_ptr_null(o.sandbox.clocks[!offsets[_i].clock].text);
}
END_TEST

static const struct { const char *words; struct bind_value is; } binds[] = {
	{ "--volume /a:/b", { VOLUME, 0, -1, -1, "/a", "/b", NULL, NULL } },
	{ "--volume=/a\\:b:/c:ro,try",
	    { VOLUME, BIND_RO | BIND_TRY, -1, -1, "/a:b", "/c", NULL, NULL } },
	{ "--tmpfs /t", { TMPFS, 0, -1, -1, NULL, "/t", NULL, NULL } },
	{ "--tmpfs /t:size=9k,mode=1700,exec",
	    { TMPFS, BIND_EXEC, -1, 01700, NULL, "/t", "9k", NULL } },
	{ "--dir /d", { DIR_AT, 0, -1, -1, NULL, "/d", NULL, NULL } },
	{ "--symlink x:/s", { SYMLINK, 0, -1, -1, "x", "/s", NULL, NULL } },
	{ "--file 7:/f:mode=640,ro",
	    { FILE_AT, BIND_RO, 7, 0640, "7", "/f", NULL, NULL } },
	{ "--file x:/f", { FILE_AT, 0, -1, -1, "x", "/f", NULL, NULL } },
	{ "--device /n", { DEVICE, 0, -1, -1, "/n", "/n", NULL, NULL } },
	{ "--device /n:/m:try",
	    { DEVICE, BIND_TRY, -1, -1, "/n", "/m", NULL, NULL } },
};

/* Each bind stands between two others. Seen to fail if each text is copied over
 * the one before. */
START_TEST(a_bind_is_parsed_into_its_parts)
{
	const struct bind_value *want = &binds[_i].is, *got;
	struct options o;
	char text[128];

	snprintf(text, sizeof(text), "--dir /x %s --dir=/yy run",
	    binds[_i].words);
	parse(&o, "pith", text);
	ck_assert_int_eq(o.sandbox.bind_count, 3);
	got = &o.sandbox.binds[1];
	ck_assert_str_eq(o.sandbox.binds[0].to, "/x");
	ck_assert_str_eq(o.sandbox.binds[2].to, "/yy");
	ck_assert_int_eq(got->kind, want->kind);
	ck_assert_int_eq(got->flags, want->flags);
	ck_assert_int_eq(got->fd, want->fd);
	ck_assert_int_eq(got->mode, want->mode);
	ck_assert_pstr_eq(got->from, want->from);
	ck_assert_str_eq(got->to, want->to);
	ck_assert_pstr_eq(got->size, want->size);
}
END_TEST

/* Seen to fail if value_add_ip() does not count, and if it keeps no prefix. */
START_TEST(addresses_are_kept_in_order)
{
	struct options o;
	const struct sandbox *s = &o.sandbox;

	parse(&o, "pith", "--ip 10.0.0.2/24 --gateway=fd00::1 --ip fd00::2/64 "
	    "--ip 10.0.0.2/24 --dns 1.1.1.1 --dns ::1 run");
	ck_assert(s->requested);
	ck_assert_int_eq(s->ips.count, 3);
	ck_assert_str_eq(s->ips.items[0].word, "10.0.0.2/24");
	ck_assert_int_eq(s->ips.items[0].family, AF_INET);
	ck_assert_int_eq(s->ips.items[0].bits, 24);
	ck_assert_mem_eq(s->ips.items[0].bytes, "\n\0\0\2", 4);
	ck_assert_int_eq(s->ips.items[1].family, AF_INET6);
	ck_assert_int_eq(s->ips.items[1].bits, 64);
	ck_assert_str_eq(s->ips.items[2].word, "10.0.0.2/24");
	ck_assert_int_eq(s->gateways.count, 1);
	ck_assert_int_eq(s->gateways.items[0].family, AF_INET6);
	ck_assert_int_eq(s->gateways.items[0].bits, 0);
	ck_assert_int_eq(s->servers.count, 2);
	ck_assert_str_eq(s->servers.items[0].word, "1.1.1.1");
	ck_assert_str_eq(s->servers.items[1].word, "::1");
}
END_TEST

static const struct {
	const char *words;
	struct port_option is;
} ports[] = {
	{ "--listen 80", { .outer = 80, .inner = 80 } },
	{ "--listen 1.2.3.4:80/tcp", { .outer = 80, .inner = 80,
	    .family = AF_INET, .address = { 1, 2, 3, 4 } } },
	{ "--listen [::1]:65535/udp", { .outer = 65535, .inner = 65535,
	    .datagrams = true, .family = AF_INET6, .address[15] = 1 } },
	{ "--listen [::]:1", { .outer = 1, .inner = 1, .family = AF_INET6 } },
	{ "--publish 8080:80", { .published = true, .outer = 8080,
	    .inner = 80 } },
	{ "--publish 1.2.3.4:8080:80/udp", { .published = true,
	    .datagrams = true, .outer = 8080, .inner = 80, .family = AF_INET,
	    .address = { 1, 2, 3, 4 } } },
};

/* Seen to fail if parse_port() swaps the ports, and if value_add_port()
 * overwrites the previous port. */
START_TEST(a_port_is_parsed_and_appended)
{
	struct options o;
	char text[128];
	const struct port_option *is, *expected = &ports[_i].is;

	snprintf(text, sizeof(text), "--listen 7 %s run", ports[_i].words);
	parse(&o, "pith", text);
	ck_assert_int_eq(o.sandbox.ports.count, 2);
	ck_assert_int_eq(o.sandbox.ports.listening, 2 - expected->published);
	is = o.sandbox.ports.memory.block;
	ck_assert_int_eq(is[0].outer, 7);
	ck_assert_str_eq(is[1].word, strchr(ports[_i].words, ' ') + 1);
	ck_assert(is[1].published == expected->published);
	ck_assert(is[1].datagrams == expected->datagrams);
	ck_assert_int_eq(is[1].outer, expected->outer);
	ck_assert_int_eq(is[1].inner, expected->inner);
	ck_assert_int_eq(is[1].family, expected->family);
	ck_assert_mem_eq(is[1].address, expected->address, 16);
}
END_TEST

START_TEST(hosts_are_kept_in_order)
{
	struct options o;
	const struct host_option *hosts;

	parse(&o, "pith", "--add-host a.b:1.2.3.4 --add-host=db:::1 run");
	hosts = o.sandbox.hosts.memory.block;
	ck_assert_int_eq(o.sandbox.hosts.count, 2);
	ck_assert_str_eq(hosts[0].name, "a.b");
	ck_assert_str_eq(hosts[0].address, "1.2.3.4");
	ck_assert_str_eq(hosts[1].name, "db");
	ck_assert_str_eq(hosts[1].address, "::1");
}
END_TEST

static const struct {
	const char *value;
	enum network_type type;
	const char *object;
} networks[] = {
	{ "none", NETWORK_NONE, NULL }, { "host", NETWORK_HOST, NULL },
	{ "ns:/a:b", NETWORK_NS, "/a:b" }, { "veth", NETWORK_VETH, NULL },
	{ "veth:br0", NETWORK_VETH, "br0" }, { "veth:", NETWORK_VETH, "" },
	{ "macvlan:eth0", NETWORK_MACVLAN, "eth0" },
};

START_TEST(a_network_has_a_type_and_an_object)
{
	struct options o;
	const struct network *n = &o.sandbox.network;
	char text[128];

	snprintf(text, sizeof(text), "--network %s run", networks[_i].value);
	parse(&o, "pith", text);
	ck_assert_str_eq(n->word, networks[_i].value);
	ck_assert_int_eq(n->type, networks[_i].type);
	ck_assert_pstr_eq(n->object, networks[_i].object);
}
END_TEST

static const struct { const char *text; int64_t ms; } times[] = {
	{ "0", 0 }, { "1", 1000 }, { "90s", 90000 }, { "500ms", 500 },
	{ "2m", 120000 }, { "1h", HOUR }, { "007", 7000 }, { "0h", 0 },
	{ "1.5", 1500 }, { "1.5s", 1500 }, { "0.5m", 30000 }, { ".5", 500 },
	{ "0.25h", HOUR / 4 }, { "1.001", 1001 }, { "0.000000001h", 1 },
	{ "0.0001", 1 }, { "1.0001", 1001 }, { "1.5ms", 2 }, { "0.0", 0 },
	{ "1.000000000", 1000 }, { "0.999999999", 1000 },
	{ "946080000", YEARS_30 }, { "262800h", YEARS_30 },
	{ "946080000000ms", YEARS_30 }, { "946079999.999", YEARS_30 - 1 },
};

START_TEST(a_time_is_parsed_into_milliseconds)
{
	const struct accepted a = { "", { IS(run.grace, times[_i].ms) } };

	sets(&a, "--grace %s run", times[_i].text);
}
END_TEST

static const struct { const char *words, *variable, *file; } reports[] = {
	{ "--report a=b run", NULL, "a=b" },
	{ "--report=a=b run", NULL, "a=b" },
	{ "--report --group run", NULL, "--group" },
	{ "--report -- run", NULL, "--" },
	{ "--report=a,b\\c run", NULL, "a,b\\c" },
	{ "run", "--report=file", "file" },
	{ "run", "--report=a\\ b\\,c", "a b,c" },
	{ "run", "--report a\\\\b\\c,-v", "a\\bc" },
	{ "run", "--report \\ ", " " },
	{ "run", "--report=x\\", "x\\" },
	{ "--report x run", "--report=x", "x" },
};

static const struct {
	const char *words, *device;
	int seconds;
} watchdogs[] = {
	{ "--boot --watchdog /dev/watchdog", "/dev/watchdog", 30 },
	{ "--boot --watchdog=/dev/watchdog0:3600", "/dev/watchdog0", 3600 },
	{ "--boot --watchdog a:b:1", "a:b", 1 },
};

START_TEST(a_watchdog_is_split_into_device_and_seconds)
{
	struct options o;

	parse(&o, "pith", watchdogs[_i].words);
	ck_assert_str_eq(o.boot.watchdog.device, watchdogs[_i].device);
	ck_assert_int_eq(o.boot.watchdog.seconds, watchdogs[_i].seconds);
}
END_TEST

START_TEST(a_report_file_may_have_any_name)
{
	struct options o;

	if (reports[_i].variable)
		setenv("PITH_OPTIONS", reports[_i].variable, 1);
	parse(&o, "pith", reports[_i].words);
	ck_assert_str_eq(o.report, reports[_i].file);
	ck_assert_ptr_nonnull(o.command);
	ck_assert_str_eq(o.command[0], "run");
}
END_TEST

/* ---- the command --------------------------------------------------------- */

static const struct {
	const char *name, *first, *second;
	struct group_setting settings[2];       /* without text */
} settings[] = {
	{ "device-read-bps", "/dev/a:1", "/b:1k",
	    { { READ_BPS, NULL, 6, 1 }, { READ_BPS, NULL, 2, 1024 } } },
	{ "device-write-bps", "a:b:2m", "c:3",
	    { { WRITE_BPS, NULL, 3, 2 << 20 }, { WRITE_BPS, NULL, 1, 3 } } },
	{ "device-read-iops", "a:1", "b:2147483647",
	    { { READ_IOPS, NULL, 1, 1 }, { READ_IOPS, NULL, 1, INT_MAX } } },
	{ "device-write-iops", "a:2", "a:3",
	    { { WRITE_IOPS, NULL, 1, 2 }, { WRITE_IOPS, NULL, 1, 3 } } },
	{ "cgroup-conf", "a.b=1", "c.dd=e=f",
	    { { CGROUP_CONF, NULL, 3, 0 }, { CGROUP_CONF, NULL, 4, 0 } } },
	{ "cgroup-join", "1", "2147483647",
	    { { CGROUP_JOIN, NULL, 0, 1 }, { CGROUP_JOIN, NULL, 0, INT_MAX } }
	},
};

/* Seen to fail if set_group_value() adds nothing, and if it overwrites the
 * previous setting. */
START_TEST(a_setting_of_the_group_keeps_all_its_values_in_order)
{
	const char *const given[] = { settings[_i].first, settings[_i].second };
	struct options o;
	char text[128];

	snprintf(text, sizeof(text), "--%s=%s --%s=%s run", settings[_i].name,
	    given[0], settings[_i].name, given[1]);
	parse(&o, "pith", text);
	ck_assert(o.sandbox.requested);
	ck_assert_int_eq(o.sandbox.setting_count, 2);
	for (int i = 0; i < 2; i++) {
		const struct group_setting *is = &o.sandbox.settings[i];
		const struct group_setting *expected =
		    &settings[_i].settings[i];

		ck_assert_int_eq(is->kind, expected->kind);
		ck_assert_str_eq(is->text, given[i]);
		ck_assert_uint_eq(is->length, expected->length);
		ck_assert_int_eq(is->n, expected->n);
	}
}
END_TEST

static const struct { const char *words; int command; } commands[] = {
	{ "run", 1 }, { "-- run", 2 }, { "-g run -v", 2 }, { "run --help", 1 },
	{ "-- -v", 2 }, { "-- -- run", 2 }, { "-", 1 }, { "-g - -v", 2 },
	{ "-g -- --group x", 3 }, { "--report x y", 3 }, { "run -- -x", 1 },
	{ "-- --", 2 }, { "-p 15 run", 3 }, { "-p15 run", 2 },
};

START_TEST(the_first_word_that_is_no_option_is_the_command)
{
	char **argv = argv_of("pith", commands[_i].words);
	struct options o;

	options_parse(&o, NULL, argv, false);
	ck_assert_ptr_eq(o.command, argv + commands[_i].command);
	ck_assert_int_eq(o.run.verbosity, 0);
}
END_TEST

/* ---- PITH_OPTIONS -------------------------------------------------------- */

static const struct accepted variables[] = {
	{ "", NO_CHANGE },
	{ " ,\t\n, ", NO_CHANGE },
	{ "-g", { IS(run.group, true) } },
	{ ",,-g,, -v\t-v\n", { IS(run.group, true), IS(run.verbosity, 2) } },
	{ "-gv,--timeout,5", { IS(run.group, true), IS(run.verbosity, 1),
	    IS(run.timeout, 5000) } },
	{ "-p TERM --", { IS(parent_death_signal, SIGTERM) } },
	{ "\\-\\g", { IS(run.group, true) } },
	{ "-e 1:2,-e 3:4 -r HUP:0", { IS(exit_codes[1], 2),
	    IS(exit_codes[3], 4), IS(run.signals.rewrite[SIGHUP], 0) } },
};

START_TEST(pith_options_is_parsed_and_removed)
{
	static char option[64];
	static char *rest[] = { "PITH_OPTIONS_TOO=-w", option,
	    "PITH_OPTION=-w", "LAST=stays", NULL };

	snprintf(option, sizeof(option), "PITH_OPTIONS=%s",
	    variables[_i].words);
	environ = rest;
	sets(&variables[_i], "run");
	ck_assert_str_eq(environ[0], "PITH_OPTIONS_TOO=-w");
	ck_assert_str_eq(environ[1], "PITH_OPTION=-w");
	ck_assert_str_eq(environ[2], "LAST=stays");
	ck_assert_ptr_null(environ[3]);
}
END_TEST

START_TEST(the_command_line_overrides_pith_options)
{
	static const struct accepted both = { "",
		{ IS(run.timeout, 2000), IS(run.grace, 3000),
		    IS(run.verbosity, 2) } };

	setenv("PITH_OPTIONS", "--timeout 1 --grace 3 -v", 1);
	sets(&both, "--timeout 2 -v run");
}
END_TEST

/* ---- invalid options ----------------------------------------------------- */

#define TIME_ " takes a time such as 1.5, 500ms, 90s, 2m or 1h"
#define SIGNAL_ " takes a signal such as TERM, SIGUSR1, RTMIN+3 or 15"
#define EXIT_ " takes exit codes FROM[:TO] such as 143:0 or SIGTERM:0"
#define REWRITE_ " takes signals FROM:TO such as TERM:QUIT, FROM:0 drops"
#define DELAY_ " takes a signal and a time, such as TERM:5s"

/* Invalid values of each option, separated by blanks. */
static const struct { const char *name, *takes, *values; } bad_values[] = {
	{ "--timeout", TIME_, " . 5. x s ms -1 +1 1x 1S 1sec 1d 1e3 1,5 1..5 "
	    "1.5.5 1m30s 1:30 0x1 1.0000000000 946080000.001 946080001 "
	    "262800.1h 262801h 946080000001ms 9460800000000 18446744073709551 "
	    "99999999999999999999 5124095576031h 18446744073709551617 "
	    "9223372036854775807h" },
	{ "--grace", TIME_, " 5w" },
	{ "--stop-timeout", TIME_, " never" },
	{ "--stop-signal", SIGNAL_, " 0 65 -1 TER SIG 15x RTMIN+31 KILL:9" },
	{ "--parent-death-signal", SIGNAL_, " 0 00 65 NONE" },
	{ "-p", SIGNAL_, " 0 v" },
	{ "-e", EXIT_, " : x 256 -1 +1 1: :1 1:256 1:x 1:2:3 300:0 TERMS:0 "
	    "1:0x 0x1:1 SIG:0 65536 4294967296 18446744073709551616 "
	    "0000000000000001 1:00000000000000000256" },
	{ "--exit", EXIT_, " 1=0" },
	{ "-r", REWRITE_, " TERM 15 TERM: :TERM : 0:15 65:1 KILL:TERM 9:15 "
	    "STOP:TERM CHLD:TERM TERM:x TERM:65 TERM:-1 TERM:0x TERM:HUP: "
	    "TERM:HUP:INT TERM=QUIT 0000000000000015:1 x:1" },
	{ "--rewrite", REWRITE_, " TERM>QUIT" },
	{ "--delay", DELAY_, " TERM 5 TERM: TERM:x :5 0:5 65:5 KILL:5 STOP:5 "
	    "CHLD:5 TERM:-1 TERM:5:5 TERM:2147483648ms TERM:25d TERM:600h" },
	{ "--report", " takes a file name", "" },
	{ "--watchdog", " takes DEVICE[:SECONDS]", " : :5 d: d:0 d:x d:1x d:-1 "
	    "d:3601 a:b:0 ________________________________________________"
	    "________________" },
	{ "--report-fd", " takes the number of an open file", " x -1 +1 1x 1.0 "
	    "0x1 2147483648 4294967296 18446744073709551616" },
};

static void
parse_words(const void *words)
{
	struct options o;

	parse(&o, "pith", words);
}

START_TEST(a_bad_value_is_refused_with_the_valid_forms)
{
	char values[512], words[128], *rest = values, *value;

	strcpy(values, bad_values[_i].values);
	/* The first value is empty. */
	while ((value = strsep(&rest, " "))) {
		snprintf(words, sizeof(words), "%s %s run", bad_values[_i].name,
		    value);
		says(parse_words, words, 125, "pith: bad value '%s': %s%s",
		    value, bad_values[_i].name, bad_values[_i].takes);
	}
}
END_TEST

/* Options that protect, limit, identify or name a file. The test repeats the
 * first value, which is valid, and then gives a second one. The first value may
 * also be in PITH_OPTIONS. */
static const struct { const char *first, *second, *says; } twice[] = {
	{ "--report a", "--report b", "cannot take 'b': --report has another "
	    "value already; give it once" },
	{ "--report-fd 3", "--report-fd=4", "cannot take '4': --report-fd has "
	    "another value already; give it once" },
	{ "--rootfs a", "--rootfs b", "cannot take 'b': --rootfs has another "
	    "value already; give it once" },
	{ "--boot --watchdog d:3", "--watchdog d:4", "cannot take 'd:4': "
	    "--watchdog has another value already; give it once" },
	{ "-u 1", "--user 2", "cannot take '2': --user has another value "
	    "already; give it once" },
	{ "--network none", "--network host", "cannot take 'host': --network "
	    "has another value already; give it once" },
	{ "--userns auto", "--userns host", "cannot take 'host': --userns has "
	    "another value already; give it once" },
	{ "--memory 1m", "--memory 2m", "cannot take '2m': --memory has "
	    "another value already; give it once" },
	{ "--cpu-time 1", "--cpu-time 1.5", "cannot take '1.5': --cpu-time has "
	    "another value already; give it once" },
	{ "--pty-max 10", "--pty-max 11", "cannot take '11': --pty-max has "
	    "another value already; give it once" },
	{ "-t", "--tty=no", "cannot take 'no': --tty has another value "
	    "already; give it once" },
	{ "--tty=no", "-t", "cannot take '-t': it has another value already; "
	    "give it once" },
	{ "--read-only", "--writable", "--writable contradicts '--read-only'; "
	    "give one of them" },
	{ "--ephemeral", "--read-only", "--read-only contradicts "
	    "'--ephemeral'; give one of them" },
	{ "--ephemeral", "--ephemeral=1m", "--ephemeral contradicts "
	    "'--ephemeral'; give one of them" },
	{ "--sysctl a=1", "--sysctl a=2", "cannot take 'a=2': --sysctl has "
	    "another value already; give it once" },
	{ "--cgroup-conf a.b=1", "--cgroup-conf a.b=2", "cannot take 'a.b=2': "
	    "--cgroup-conf has another value already; give it once" },
	{ "--timens boot=1", "--timens boot=2", "cannot take 'boot=2': "
	    "--timens has another value already; give it once" },
};

START_TEST(a_second_value_of_a_protecting_option_is_refused)
{
	char words[128];
	struct options o;

	snprintf(words, sizeof(words), "%s %s run", twice[_i].first,
	    twice[_i].first);
	parse(&o, "pith", words);
	snprintf(words, sizeof(words), "%s %s run", twice[_i].first,
	    twice[_i].second);
	says(parse_words, words, 125, "pith: %s", twice[_i].says);
	setenv("PITH_OPTIONS", twice[_i].first, 1);
	snprintf(words, sizeof(words), "%s run", twice[_i].second);
	says(parse_words, words, 125, "pith: %s", twice[_i].says);
}
END_TEST

static const char *const unknown[] = {
	"--nope", "--grou", "--groups", "--Group", "--=1", "--g", "---g", "-x",
	"-gxv", "-P", "-g-", "--pause-", "--group:1",
};

START_TEST(an_unknown_option_is_refused)
{
	says(parse_words, unknown[_i], 125,
	    "pith: unknown option '%s'; see --help", unknown[_i]);
}
END_TEST

#define HELP_ "; see --help"
#define NO_VALUE_(option) "missing value for '" option "': a time such as " \
	"1.5, 500ms, 90s, 2m or 1h" HELP_
#define NO_OPTION_(word) "PITH_OPTIONS: not an option '" word "'; the " \
	"command goes on the command line"
#define TWICE_ "--report and --report-fd contradict each other" HELP_

/* Words of argv, NULL for an argv without argv[0], and of PITH_OPTIONS. */
static const struct refused {
	const char *words, *variable, *line;
} refused[] = {
	{ "-\033[2J", "", "unknown option '-\\x1b[2J'" HELP_ },
	{ "--\xff=\n run", "", "unknown option '--\\xff=\\x0a'" HELP_ },
	{ "--group=1 run", "", "unexpected value '--group=1': this option "
	    "takes none" HELP_ },
	{ "--wait= run", "", "unexpected value '--wait=': this option takes "
	    "none" HELP_ },
	{ "--timeout", "", NO_VALUE_("--timeout") },
	{ "-gp", "", "missing value for '-p': a signal such as TERM, SIGUSR1, "
	    "RTMIN+3 or 15" HELP_ },
	{ "--timeout= run", "", "bad value '': --timeout" TIME_ },
	{ "--timeout -- run", "", "bad value '--': --timeout" TIME_ },
	{ "-p\033 run", "", "bad value '\\x1b': -p" SIGNAL_ },
	{ "", "", "empty command" HELP_ },
	{ "-- ", "", "empty command" HELP_ },
	{ "-g", "", "no command given" HELP_ },
	{ "--", "", "no command given" HELP_ },
	{ NULL, "", "no command given" HELP_ },
	{ "--pause \033c", "", "--pause takes no command '\\x1bc'" },
	{ "--report x --report-fd 3 run", "", TWICE_ },
	{ "run", "--report-fd=3 --report x", TWICE_ },
	{ "-g run", "-x", "PITH_OPTIONS: unknown option '-x'" HELP_ },
	{ "1 run", "--grace", "PITH_OPTIONS: " NO_VALUE_("--grace") },
	{ "run", "-g x -v", NO_OPTION_("x") },
	{ "run", "-- -v", NO_OPTION_("-v") },
	{ "run", "-", NO_OPTION_("-") },
};

static void
parse_refused(const void *with)
{
	const struct refused *r = with;
	struct options o;

	setenv("PITH_OPTIONS", r->variable, 1);
	if (r->words)
		parse_words(r->words);
	else
		options_parse(&o, NULL, (char *[]){ NULL }, false);
}

START_TEST(a_bad_command_line_is_refused_in_one_line)
{
	says(parse_refused, &refused[_i], 125, "pith: %s", refused[_i].line);
}
END_TEST

Suite *
options_suite(void)
{
	Suite *s = suite_create("options");
	TCase *t = tcase_create("accepted");

	add_each(t, an_option_sets_only_its_own_members, accepted);
	add_each(t, a_value_is_part_of_the_option_or_the_next_word, valued);
	add_each(t, a_setting_of_the_group_keeps_all_its_values_in_order,
	    settings);
	tcase_add_test(t, values_for_the_command_are_kept_in_order);
	tcase_add_test(t, filters_and_groups_are_kept_in_order);
	tcase_add_test(t, user_capabilities_and_limits_are_typed);
	tcase_add_test(t,
	    maps_parameters_and_descriptors_keep_all_their_values_in_order);
	add_each(t, lists_of_namespaces_add_up, lists);
	add_each(t, a_clock_has_an_offset_in_seconds, offsets);
	add_each(t, a_bind_is_parsed_into_its_parts, binds);
	tcase_add_test(t, addresses_are_kept_in_order);
	add_each(t, a_port_is_parsed_and_appended, ports);
	tcase_add_test(t, hosts_are_kept_in_order);
	add_each(t, a_network_has_a_type_and_an_object, networks);
	add_each(t, a_time_is_parsed_into_milliseconds, times);
	add_each(t, a_report_file_may_have_any_name, reports);
	add_each(t, a_watchdog_is_split_into_device_and_seconds, watchdogs);
	add_each(t, the_first_word_that_is_no_option_is_the_command, commands);
	add_each(t, pith_options_is_parsed_and_removed, variables);
	tcase_add_test(t, the_command_line_overrides_pith_options);
	suite_add_tcase(s, t);
	t = tcase_create("refused");
	add_each(t, a_bad_value_is_refused_with_the_valid_forms, bad_values);
	add_each(t, a_second_value_of_a_protecting_option_is_refused, twice);
	add_each(t, an_unknown_option_is_refused, unknown);
	add_each(t, a_bad_command_line_is_refused_in_one_line, refused);
	suite_add_tcase(s, t);
	return s;
}
