#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "log.h"
#include "memory.h"
#include "options.h"
#include "startup.h"
#include "values.h"
#include "values_boot.h"
#include "values_cgroup.h"
#include "values_command.h"

extern char **environ;

#define AT(member) offsetof(struct options, member)

static const struct option native_options[] = {
	{ .name = "group", .letter = 'g', .type = ON, .scope = SCOPE_COMMAND,
	    .at = AT(run.group) },
	{ .name = "subreaper", .letter = 's', .type = NOTHING },
	{ .name = "parent-death-signal", .letter = 'p', .type = SIGNAL,
	    .scope = SCOPE_COMMAND, .at = AT(parent_death_signal) },
	{ .name = "exit", .letter = 'e', .type = EXIT, .scope = SCOPE_COMMAND,
	    .at = AT(exit_codes) },
	{ .name = "rewrite", .letter = 'r', .type = REWRITE,
	    .scope = SCOPE_COMMAND, .at = AT(run.signals.rewrite) },
	{ .name = "delay", .type = DELAY, .scope = SCOPE_COMMAND,
	    .at = AT(run.signals.delay) },
	{ .name = "all", .type = ON, .scope = SCOPE_COMMAND,
	    .at = AT(run.all) },
	{ .letter = 'w', .type = ON, .scope = SCOPE_COMMAND,
	    .at = AT(run.warn_orphans) },
	{ .letter = 'v', .type = COUNT, .scope = SCOPE_COMMAND,
	    .at = AT(run.verbosity) },
	{ .name = "stop-timeout", .type = TIME, .at = AT(run.stop_timeout) },
	{ .name = "stop-signal", .type = SIGNAL, .scope = SCOPE_COMMAND,
	    .at = AT(run.stop_signal) },
	{ .name = "grace", .type = TIME, .at = AT(run.grace) },
	{ .name = "wait", .type = ON, .scope = SCOPE_COMMAND,
	    .at = AT(run.wait) },
	{ .name = "timeout", .type = TIME, .scope = SCOPE_COMMAND,
	    .at = AT(run.timeout) },
	{ .name = "report", .type = STRING, .scope = SCOPE_COMMAND,
	    .at = AT(report) },
	{ .name = "report-fd", .type = NUMBER, .scope = SCOPE_COMMAND,
	    .at = AT(report_fd) },
	{ .name = "pause", .type = ON, .scope = SCOPE_COMMAND,
	    .at = AT(run.pause) },
	{ .name = "rootfs", .type = STRING, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.rootfs) },
	{ .name = "ephemeral", .type = OPTIONAL_SIZE, .scope = SCOPE_SANDBOX },
	{ .name = "read-only", .type = READ_ONLY_ROOT, .scope = SCOPE_SANDBOX },
	{ .name = "writable", .type = WRITABLE_ROOT, .scope = SCOPE_SANDBOX },
	{ .name = "layer", .type = LAYER, .scope = SCOPE_SANDBOX },
	{ .name = "upper", .type = STRING, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.upper) },
	{ .name = "volume", .type = BIND, .list = VOLUME,
	    .scope = SCOPE_SANDBOX },
	{ .name = "tmpfs", .type = BIND, .list = TMPFS,
	    .scope = SCOPE_SANDBOX },
	{ .name = "dir", .type = BIND, .list = DIR_AT, .scope = SCOPE_SANDBOX },
	{ .name = "symlink", .type = BIND, .list = SYMLINK,
	    .scope = SCOPE_SANDBOX },
	{ .name = "file", .type = BIND, .list = FILE_AT,
	    .scope = SCOPE_SANDBOX },
	{ .name = "device", .type = BIND, .list = DEVICE,
	    .scope = SCOPE_SANDBOX },
	{ .name = "shm-size", .type = SIZE, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.shm_size) },
	{ .name = "pty-max", .type = PTYS, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.pty_max) },
	{ .name = "proc", .type = CHOICE_PROC, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.proc) },
	{ .name = "sys", .type = CHOICE_SYS, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.sys) },
	{ .name = "chroot", .type = STRING, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.chroot) },
	{ .name = "memory", .type = LIMIT, .limit = MEMORY,
	    .scope = SCOPE_SANDBOX },
	{ .name = "memory-swap", .type = LIMIT, .limit = MEMORY_SWAP,
	    .scope = SCOPE_SANDBOX },
	{ .name = "memory-high", .type = LIMIT, .limit = MEMORY_HIGH,
	    .scope = SCOPE_SANDBOX },
	{ .name = "oom", .type = CHOICE_OOM, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.oom) },
	{ .name = "cpus", .type = LIMIT, .limit = CPUS,
	    .scope = SCOPE_SANDBOX },
	{ .name = "cpu-shares", .type = LIMIT, .limit = CPU_SHARES,
	    .scope = SCOPE_SANDBOX },
	{ .name = "cpuset-cpus", .type = LIMIT, .limit = CPUSET_CPUS,
	    .scope = SCOPE_SANDBOX },
	{ .name = "cpu-time", .type = TIME_LIMIT, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.cpu_time) },
	{ .name = "pids-limit", .type = LIMIT, .limit = PIDS_LIMIT,
	    .scope = SCOPE_SANDBOX },
	{ .name = "blkio-weight", .type = LIMIT, .limit = BLKIO_WEIGHT,
	    .scope = SCOPE_SANDBOX },
	{ .name = "device-read-bps", .type = SETTING, .list = READ_BPS,
	    .scope = SCOPE_SANDBOX },
	{ .name = "device-write-bps", .type = SETTING, .list = WRITE_BPS,
	    .scope = SCOPE_SANDBOX },
	{ .name = "device-read-iops", .type = SETTING, .list = READ_IOPS,
	    .scope = SCOPE_SANDBOX },
	{ .name = "device-write-iops", .type = SETTING, .list = WRITE_IOPS,
	    .scope = SCOPE_SANDBOX },
	{ .name = "cgroup-conf", .type = SETTING, .list = CGROUP_CONF,
	    .scope = SCOPE_SANDBOX },
	{ .name = "cgroup-parent", .type = STRING, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.cgroup_parent) },
	{ .name = "cgroup-join", .type = SETTING, .list = CGROUP_JOIN,
	    .scope = SCOPE_SANDBOX },
	{ .name = "cgroupfs", .type = ON, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.cgroupfs) },
	{ .name = "cgroups", .type = CHOICE_CGROUPS, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.cgroups) },
	{ .name = "ulimit", .type = COMMAND_VALUE, .list = ULIMIT,
	    .scope = SCOPE_SANDBOX },
	{ .name = "user", .letter = 'u', .type = COMMAND_VALUE, .list = USER,
	    .scope = SCOPE_SANDBOX },
	{ .name = "group-add", .type = COMMAND_VALUE, .list = GROUP_ADD,
	    .scope = SCOPE_SANDBOX },
	{ .name = "hostname", .type = PLAIN, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.hostname) },
	{ .name = "workdir", .type = PLAIN, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.workdir) },
	{ .name = "env", .type = COMMAND_VALUE, .list = ENV,
	    .scope = SCOPE_SANDBOX },
	{ .name = "env-file", .type = COMMAND_VALUE, .list = ENV_FILE,
	    .scope = SCOPE_SANDBOX },
	{ .name = "keep-env", .type = OPTIONAL_LIST, .list = KEEP_ENV,
	    .scope = SCOPE_SANDBOX },
	{ .name = "unsetenv", .type = COMMAND_VALUE, .list = UNSETENV,
	    .scope = SCOPE_SANDBOX },
	{ .name = "umask", .type = MASK, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.umask) },
	{ .name = "userns", .type = CHOICE_USERNS, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.userns) },
	{ .name = "uidmap", .type = UID_MAP, .scope = SCOPE_SANDBOX },
	{ .name = "gidmap", .type = GID_MAP, .scope = SCOPE_SANDBOX },
	{ .name = "unshare", .type = NAMESPACE_LIST,
	    .scope = SCOPE_SANDBOX },
	{ .name = "pid", .type = HOST, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.host_pid) },
	{ .name = "ipc", .type = HOST, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.host_ipc) },
	{ .name = "uts", .type = HOST, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.host_uts) },
	{ .name = "cgroupns", .type = HOST, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.host_cgroup) },
	{ .name = "timens", .type = CLOCK, .scope = SCOPE_SANDBOX },
	{ .name = "network", .type = NETWORK, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.network) },
	{ .name = "ip", .type = IP, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.ips) },
	{ .name = "gateway", .type = GATEWAY, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.gateways) },
	{ .name = "publish", .type = PUBLISH, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.ports) },
	{ .name = "listen", .type = LISTEN, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.ports) },
	{ .name = "dns", .type = DNS, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.servers) },
	{ .name = "add-host", .type = ADD_HOST, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.hosts) },
	{ .name = "sysctl", .type = PARAMETER, .scope = SCOPE_SANDBOX },
	{ .name = "cap-add", .type = COMMAND_VALUE, .list = CAP_ADD,
	    .scope = SCOPE_SANDBOX },
	{ .name = "cap-drop", .type = COMMAND_VALUE, .list = CAP_DROP,
	    .scope = SCOPE_SANDBOX },
	{ .name = "new-privs", .type = ON, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.new_privs) },
	{ .name = "seccomp", .type = COMMAND_VALUE, .list = SECCOMP,
	    .scope = SCOPE_SANDBOX },
	{ .name = "landlock", .type = COMMAND_VALUE, .list = LANDLOCK,
	    .scope = SCOPE_SANDBOX },
	{ .name = "allow-userns", .type = ON, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.allow_userns) },
	{ .name = "tty", .letter = 't', .type = TTY, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.tty) },
	{ .name = "detach", .letter = 'd', .type = ON, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.detach) },
	{ .name = "info", .type = STRING, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.info) },
	{ .name = "info-fd", .type = NUMBER, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.info_fd) },
	{ .name = "block-fd", .type = NUMBER, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.block_fd) },
	{ .name = "pidfile", .type = STRING, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.pidfile) },
	{ .name = "preserve-fd", .type = PASSED_FD,
	    .scope = SCOPE_SANDBOX },
	{ .name = "args-fd", .type = ARGS },
	{ .name = "best-effort", .type = ON, .scope = SCOPE_SANDBOX,
	    .at = AT(sandbox.best_effort) },
	{ .name = "doctor", .type = DOCTOR, .at = AT(doctor) },
	{ .name = "boot", .type = ON, .at = AT(boot.requested) },
	{ .name = "on-exit", .type = CHOICE_ON_EXIT, .at = AT(boot.on_exit) },
	{ .name = "switch-root", .type = STRING, .at = AT(boot.switch_root) },
	{ .name = "watchdog", .type = WATCHDOG, .at = AT(boot.watchdog) },
	{ .name = "reexec", .type = ON, .at = AT(boot.reexec) },
	{ .name = "status", .type = ON, .at = AT(boot.status) },
	{ .name = "help", .letter = 'h', .type = HELP },
	{ .name = "version", .letter = 'V', .type = VERSION },
	{ .name = "license", .letter = 'l', .type = LICENSE },
};

static const struct dialect native = {
	.name = "pith",
	.failure_code = 125,
	.version = "pith " PITH_VERSION "\n",
	.options = native_options,
	.option_count = sizeof(native_options) / sizeof(native_options[0]),
	.usage =
"usage: pith [OPTION ...] [--] COMMAND [ARGUMENT ...]\n"
"Run COMMAND as a good process 1: forward signals, reap zombies, exit with its\n"
"code. T is a time: 1.5, 500ms, 90s, 2m, 1h. SIG is a name or a number.\n"
"\n"
"  -g, --group              forward to the child's whole process group\n"
"      --all                forward to every process of the PID namespace\n"
"  -r, --rewrite FROM:TO    forward signal FROM as TO; TO 0 drops it\n"
"      --delay SIG:T        forward SIG after T; a second SIG at once\n"
"  -e, --exit FROM[:TO]     exit with TO (0) if the command exits with FROM\n"
"  -p, --parent-death-signal SIG\n"
"                           signal that pith gets when its parent dies\n"
"      --timeout T          stop the command after T, exit with 124\n"
"      --stop-timeout T     kill the command T after a request to stop\n"
"      --stop-signal SIG    signal that --timeout sends (TERM)\n"
"      --grace T            stop remaining processes: TERM, after T KILL\n"
"      --wait               exit only when every process has exited\n"
"      --pause              no command: reap until TERM or INT\n"
"      --report FILE        write how the command ended, as JSON\n"
"      --report-fd N        the same, to an open descriptor\n"
"  -s, --subreaper          ignored; pith adopts orphans anyway\n"
"  -w                       warn about reaped orphans\n"
"  -v                       verbose; -vv prints more\n"
"  -h, --help   -V, --version   -l, --license\n"
"\n"
"Sandbox: all namespaces, no capabilities, a filter of system calls, no network.\n"
"      --rootfs DIR         root: a directory, / (this one), an image, none\n"
"      --ephemeral[=SIZE]   discard writes (default); or --read-only, --writable\n"
"      --layer DIR          add a layer on top; --upper DIR keeps the writes\n"
"      --volume SRC:DST[:ro,noexec,dev,try]   --device PATH[:DST]\n"
"      --tmpfs DST[:size=N,mode=M,exec]       --shm-size N\n"
"      --pty-max N          limit of open pseudoterminals (256)\n"
"      --dir DST   --symlink TARGET:DST   --file FD:DST[:mode=M,ro]\n"
"      --proc masked|minimal|full|none        --sys ro|none\n"
"      --network none|host|ns:PATH|veth[:BRIDGE]|macvlan:IF\n"
"      --ip ADDRESS/BITS    --gateway ADDRESS   for eth0 in the sandbox\n"
"      --publish [ADDRESS:]PORT:PORT[/udp]      host port to sandbox port\n"
"      --dns ADDRESS        --add-host NAME:ADDRESS\n"
"      --pid, --ipc, --uts, --cgroupns host\n"
"      --userns auto|host|subid|keep-id   --uidmap, --gidmap IN:OUT:COUNT\n"
"      --timens boot=+N     --sysctl NAME=VALUE   --hostname NAME\n"
"      --allow-userns       allow nested sandboxes\n"
"      --best-effort        continue without features that fail\n"
"Also without --rootfs:\n"
"      --listen [ADDRESS:]PORT[/udp]   pass a socket, LISTEN_FDS\n"
"      --unshare LIST       user,mnt,pid,net,ipc,uts,cgroup,time\n"
"      --chroot DIR         chroot(2) only, which confines no root user\n"
"  -u, --user UID[:GID]|NAME   --group-add GROUP   --umask MASK   --workdir DIR\n"
"      --env K=V   --env-file FILE   --keep-env[=A,B]   --unsetenv K\n"
"      --cap-add, --cap-drop NAME|ALL|default   --ulimit NAME=SOFT[:HARD]\n"
"      --seccomp default|off|bpf:FILE   --new-privs\n"
"      --landlock ro:PATH|rw:PATH|bind:PORT|connect:PORT\n"
"  -t, --tty[=no]           give the command its own terminal\n"
"  -d, --detach             return when the command runs\n"
"      --info FILE   --info-fd N   --pidfile FILE   --preserve-fd N\n"
"      --block-fd N         start the command at end of file on N\n"
"      --args-fd N          read more options, each NUL-terminated\n"
"      --doctor[=json]      check what works here and how to fix the rest\n"
"Limits of the command and its descendants, by a control group:\n"
"      --memory, --memory-swap, --memory-high SIZE   --oom process|group\n"
"      --cpus N             processors, such as 0.5; --cpu-shares N\n"
"      --cpuset-cpus LIST   --pids-limit N   --blkio-weight N\n"
"      --cpu-time T         stop the command after T of CPU time, exit with 124\n"
"      --device-read-bps, --device-write-bps PATH:SIZE\n"
"      --device-read-iops, --device-write-iops PATH:N\n"
"      --cgroup-conf FILE=VALUE   write any other cgroup file\n"
"      --cgroup-parent DIR  --cgroup-join PID   --cgroupfs\n"
"      --cgroups auto|v1|v2|off\n"
"Boot of a device, called as init or with\n"
"      --boot               process 1 for /etc/inittab, or for COMMAND alone\n"
"      --on-exit reboot|poweroff|halt|respawn|shell   when COMMAND ends\n"
"      --switch-root DIR    from an initramfs to COMMAND (/sbin/init) in DIR\n"
"      --watchdog DEVICE[:SECONDS]   feed it while the system is healthy\n"
"      --status             print the state of the services\n"
"      --reexec             restart process 1 and keep the services\n"
"\n"
"PITH_OPTIONS holds further options. Exit codes: the command's; 128+n signal n;\n"
"124 timeout; 125 pith failed; 126 not executable; 127 not found. See pith(8).\n",
};

static const char license[] =
"MIT License\n"
"\n"
"Copyright (c) 2026 the pith authors\n"
"\n"
"Permission is hereby granted, free of charge, to any person obtaining a copy\n"
"of this software and associated documentation files (the \"Software\"), to deal\n"
"in the Software without restriction, including without limitation the rights\n"
"to use, copy, modify, merge, publish, distribute, sublicense, and/or sell\n"
"copies of the Software, and to permit persons to whom the Software is\n"
"furnished to do so, subject to the following conditions:\n"
"\n"
"The above copyright notice and this permission notice shall be included in all\n"
"copies or substantial portions of the Software.\n"
"\n"
"THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR\n"
"IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,\n"
"FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE\n"
"AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER\n"
"LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,\n"
"OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE\n"
"SOFTWARE.\n";

/* Bytes of an --args-fd: the limit of execve(2) for all arguments. */
enum { ARGS_MOST = 6 << 20 };

/* "PITH_OPTIONS=..." of the environment, or NULL. */
static char *variable;

static const char SEE_HELP[] = "see --help";

/* Words of the types that are a choice. Their index and 1 is the value. */
static const struct choices choices[] = {
	[HOST - FIRST_CHOICE] = { { "host" } },
	[CHOICE_USERNS - FIRST_CHOICE] =
	    { { "auto", "host", "subid", "keep-id" } },
	[CHOICE_PROC - FIRST_CHOICE] =
	    { { "masked", "minimal", "full", "none" } },
	[CHOICE_SYS - FIRST_CHOICE] = { { "ro", "none" } },
	[CHOICE_OOM - FIRST_CHOICE] = { { "process", "group" } },
	[CHOICE_CGROUPS - FIRST_CHOICE] = { { "auto", "v1", "v2", "off" } },
	[CHOICE_ON_EXIT - FIRST_CHOICE] =
	    { { "reboot", "poweroff", "halt", "respawn", "shell" } },
};

static const char *
sandbox_form(enum value_type type)
{
	switch (type) {
	case UID_MAP:
	case GID_MAP:
		return "INSIDE:OUTSIDE:COUNT";
	case NAMESPACE_LIST:
		return "a list of user, mnt, pid, net, ipc, uts, cgroup and "
		    "time";
	case CLOCK:
		return "boot=+N or monotonic=-N, in seconds";
	case PARAMETER:
		return "NAME=VALUE";
	default:
		return "";
	}
}

/* Return the valid form of a value for the network; "" for other types. */
static const char *
network_form(enum value_type type)
{
	switch (type) {
	case NETWORK:
		return "none, host, ns:PATH, veth, veth:BRIDGE or macvlan:IF";
	case IP:
		return "ADDRESS/BITS, such as 10.0.0.2/24";
	case GATEWAY:
		return "an address";
	case PUBLISH:
		return "[ADDRESS:]PORT:PORT[/udp], from 1 to 65535";
	case LISTEN:
		return "[ADDRESS:]PORT[/udp], from 1 to 65535";
	case DNS:
		return "an address, three times at most";
	case ADD_HOST:
		return "NAME:ADDRESS";
	default:
		return sandbox_form(type);
	}
}

/* Return the valid form of a value, for error messages. */
static const char *
valid_form(enum value_type type)
{
	switch (type) {
	case OPTIONAL_SIZE:
		return "a size such as 512m";
	case TTY:
		return "no";
	case DOCTOR:
		return "json";
	case OPTIONAL_LIST:
		return "names such as A,B";
	case STRING:
		return "a file name";
	case PLAIN:
		return "a name";
	case NUMBER:
	case ARGS:
	case PASSED_FD:
		return "the number of an open file";
	case TIME:
	case TIME_LIMIT:
		return "a time such as 1.5, 500ms, 90s, 2m or 1h";
	case SIGNAL:
		return "a signal such as TERM, SIGUSR1, RTMIN+3 or 15";
	case EXIT:
		return "exit codes FROM[:TO] such as 143:0 or SIGTERM:0";
	case REWRITE:
		return "signals FROM:TO such as TERM:QUIT, FROM:0 drops";
	case DELAY:
		return "a signal and a time, such as TERM:5s";
	case SIZE:
		return "a size such as 65536, 64k, 512m or 1g";
	case MASK:
		return "an octal number such as 022";
	case PTYS:
		return "a number from 1 to 1048576";
	case WATCHDOG:
		return "DEVICE[:SECONDS]";
	case COMMAND_VALUE:
	case LAYER:
	case BIND:
		return "a value, see pith(8)";
	default:
		return network_form(type);
	}
}

/* Return the index of a word among those of a choice; -1 if it is not there. */
static int
parse_choice(enum value_type type, const char *word)
{
	return value_choice(&choices[type - FIRST_CHOICE], word);
}

/* Append the valid form of a value to an error message. */
static void
add_valid_form(struct strbuf *l, const struct option *r)
{
	const enum value_type type = r->type;
	const struct choices *c;

	strbuf_add(l, type == LIMIT ? value_limit_form(r->limit) :
	    type == SETTING ? value_setting_form(r->list) : valid_form(type));
	if (type < FIRST_CHOICE || type > LAST_CHOICE)
		return;
	c = &choices[type - FIRST_CHOICE];
	for (int i = 0; i < CHOICES_MAX && c->words[i][0]; i++) {
		const bool is_last = i + 1 == CHOICES_MAX ||
		    !c->words[i + 1][0];

		strbuf_add(l, i == 0 ? "" : is_last ? " or " : ", ");
		strbuf_add(l, c->words[i]);
	}
}

/* ---- values ------------------------------------------------------------- */

/* Split "FROM:TO". *to is NULL if there is no colon. False if FROM is longer
 * than any signal name or number. */
static bool
split_pair(const char *value, char from[SIGNAL_NAME], const char **to)
{
	size_t n = strchrnul(value, ':') - value;

	if (n >= SIGNAL_NAME)
		return false;
	memcpy(from, value, n);
	from[n] = '\0';
	*to = value[n] ? value + n + 1 : NULL;
	return true;
}

static bool
set_exit(struct options *o, const char *value)
{
	char text[SIGNAL_NAME];
	const char *to;
	int from, target;

	if (!split_pair(value, text, &to))
		return false;
	from = value_exit_code(text);
	target = to ? value_exit_code(to) : 0;
	if (from < 0 || target < 0)
		return false;
	o->exit_codes[from] = target;
	return true;
}

static bool
set_rewrite(struct options *o, const char *value)
{
	char text[SIGNAL_NAME];
	const char *to;
	int from;

	if (!split_pair(value, text, &to) || !to)
		return false;
	from = value_forwarded_signal(text);
	if (from == 0 || (signal_number(to) == 0 && value_number(to, 0) != 0))
		return false;
	o->run.signals.rewrite[from] = signal_number(to);
	return true;
}

static bool
set_delay(struct options *o, const char *value)
{
	char text[SIGNAL_NAME];
	const char *to;
	int from;
	int64_t ms;

	if (!split_pair(value, text, &to) || !to)
		return false;
	from = value_forwarded_signal(text);
	ms = value_time(to);
	if (from == 0 || ms < 0 || ms > INT32_MAX)
		return false;
	o->run.signals.delay[from] = ms;
	return true;
}

static bool
add_id_map(struct sandbox *s, const char *value, bool of_groups)
{
	struct id_map map;

	if (!*value)
		return false;
	if (!value_id_map(&map, value, of_groups))
		diex("bad value", value, "an id map is INSIDE:OUTSIDE:COUNT",
		    NULL);
	s->id_maps = memory_append(&s->memory.id_maps, &s->id_map_count,
	    &map, sizeof(map));
	return true;
}

static bool
add_sysctl(struct sandbox *s, const char *value)
{
	struct sysctl sysctl;

	if (!value_sysctl(&sysctl, value))
		return false;
	s->sysctls = memory_append(&s->memory.sysctls, &s->sysctl_count,
	    &sysctl, sizeof(sysctl));
	return true;
}

static bool
add_passed_fd(struct sandbox *s, const char *value)
{
	const int fd = value_number(value, INT32_MAX);

	if (fd < 0)
		return false;
	s->passed_fds = memory_append(
	    &s->memory.passed_fds, &s->passed_fd_count, &fd, sizeof(fd));
	return true;
}

/* Copy a text to memory that does not move. */
static char *
copy_text(struct text_memory *m, const char *text)
{
	const size_t n = strlen(text) + 1;

	if (n > m->memory.size - m->used) {
		*m = (struct text_memory){ .used = 0 };
		memory_reserve(&m->memory, n);
	}
	m->used += n;
	return memcpy((char *)m->memory.block + m->used - n, text, n);
}

static bool
add_bind_value(struct sandbox *s, enum bind_kind kind, const char *value)
{
	const char *bad_setting;
	struct bind_value bind;

	if (!*value)
		return false;
	if (!value_bind(&bind, kind, copy_text(&s->texts, value), &bad_setting))
		diex(bad_setting ? "bad setting" : "bad value", bad_setting ?
		    bad_setting : value, bad_setting ? NULL :
		    "it takes an absolute path inside", bad_setting ?
		    "write \\: for a colon in a path" : "see pith(8)");
	bind.text = value;
	s->binds = memory_append(&s->memory.binds, &s->bind_count,
	    &bind, sizeof(bind));
	return true;
}

static bool
add_layer(struct sandbox *s, const char *value)
{
	s->layers = memory_append(&s->memory.layers, &s->layer_count,
	    &value, sizeof(value));
	return *value;
}

static bool
set_clock(struct sandbox *s, const char *value)
{
	struct clock_offset offset;
	const int which = value_clock(&offset, value);

	if (which >= 0)
		s->clocks[which] = offset;
	return which >= 0;
}

static bool
clock_differs(const struct sandbox *s, const char *value)
{
	struct clock_offset offset;
	const int which = value_clock(&offset, value);

	return which >= 0 && s->clocks[which].text &&
	    s->clocks[which].seconds != offset.seconds;
}

/* True if the words set the same name to different values. */
static bool
assignment_differs(const char *one, const char *other)
{
	const size_t n = strchrnul(one, '=') - one;

	return one[n] && strncmp(one, other, n + 1) == 0 &&
	    strcmp(one, other) != 0;
}

static bool
sysctl_differs(const struct sandbox *s, const char *value)
{
	for (int i = 0; i < s->sysctl_count; i++)
		if (assignment_differs(value, s->sysctls[i].text))
			return true;
	return false;
}

/* Set a limit, or add a setting of the control group. */
static bool
set_group_value(struct sandbox *s, const struct option *r, const char *value)
{
	struct group_setting g;

	if (r->type == LIMIT)
		return value_limit(r->limit, value, &s->limits[r->limit]);
	if (!value_setting(r->list, value, &g))
		return false;
	s->settings = memory_append(&s->memory.settings, &s->setting_count,
	    &g, sizeof(g));
	return true;
}

/* True if a limit has another value already, or if an earlier --cgroup-conf
 * gives the same file another value. */
static bool
group_value_differs(const struct sandbox *s, const struct option *r,
    const char *value)
{
	const size_t file = strcspn(value, "=") + 1;

	if (r->type == LIMIT)
		return s->limits[r->limit].text &&
		    strcmp(s->limits[r->limit].text, value) != 0;
	for (int i = 0; i < s->setting_count && r->list == CGROUP_CONF; i++)
		if (s->settings[i].kind == CGROUP_CONF &&
		    strncmp(s->settings[i].text, value, file) == 0 &&
		    strcmp(s->settings[i].text, value) != 0)
			return true;
	return false;
}

/* True if the option has another value already. A value that protects, limits,
 * identifies or names a file to write is never replaced silently; pith(8) lists
 * the times, signals, sizes and names of which the last one wins. */
static bool
value_differs(const struct options *o, const struct option *r,
    const char *value)
{
	const void *member = (const char *)o + r->at;
	/* Read only if the member is an int: others may be less aligned. */
	const int *is = member;

	switch (r->type) {
	case STRING:
	case NETWORK:                   /* its first member is the text */
	case WATCHDOG:                  /* the same */
		return *(const char *const *)member &&
		    strcmp(*(const char *const *)member, value) != 0;
	case LIMIT:
	case SETTING:
		return group_value_differs(&o->sandbox, r, value);
	case NUMBER:
		return *is != UNSET && *is != value_number(value, INT32_MAX);
	case TIME_LIMIT:
		return *(const int64_t *)member != UNSET &&
		    *(const int64_t *)member != value_time(value);
	case TTY:
		return *is != UNSET && *is != !value;
	case PTYS:
		return *is != 0 && *is != value_number(value, PTYS_MOST);
	case CHOICE_USERNS:
	case CHOICE_PROC:
	case CHOICE_SYS:
	case CHOICE_OOM:
	case CHOICE_CGROUPS:
	case CHOICE_ON_EXIT:
		return *is != 0 &&
		    *is != parse_choice(r->type, value) + 1;
	case COMMAND_VALUE:
		return r->list == USER && o->sandbox.user &&
		    strcmp(o->sandbox.user, value) != 0;
	case CLOCK:
		return clock_differs(&o->sandbox, value);
	case PARAMETER:
		return sysctl_differs(&o->sandbox, value);
	default:
		return false;
	}
}

static void
set_root_mode(struct sandbox *s, enum root_mode mode, int64_t size)
{
	static const char names[][24] = {
		[EPHEMERAL] = "--ephemeral", [READ_ONLY] = "--read-only",
		[WRITABLE] = "--writable",
	};
	char text[48];
	struct strbuf what = STRBUF(text);

	if (s->root_requested && (s->root_mode != (int)mode ||
	    s->root_size != size)) {
		strbuf_add(&what, names[mode]);
		strbuf_add(&what, " contradicts");
		diex(text, names[s->root_mode], NULL, "give one of them");
	}
	s->root_requested = true;
	s->root_mode = mode;
	s->root_size = size;
}

static bool read_args_fd(struct options *o, const char *value);

static bool
set_optional(struct options *o, const struct option *r, const char *value)
{
	switch (r->type) {
	case OPTIONAL_SIZE:
		if (value && value_size(value) < 0)
			return false;
		set_root_mode(&o->sandbox, EPHEMERAL, value ?
		    value_size(value) : 0);
		return true;
	case TTY:
		o->sandbox.tty = !value;
		return !value || strcmp(value, "no") == 0;
	case DOCTOR:
		o->doctor = value ? 2 : 1;
		return !value || strcmp(value, "json") == 0;
	default:
		/* Reject "=": an empty variable of a script does not mean
		 * all. */
		return (!value || *value) && command_set(&o->sandbox,
		    r->list, value ? value : "");
	}
}

/* Set or append a value for the network. False if it is invalid. */
static bool
set_network_value(enum value_type type, void *member, const char *value)
{
	switch (type) {
	case NETWORK:
		return value_network(value, member);
	case IP:
	case GATEWAY:
		return value_add_ip(member, value, type == IP);
	case PUBLISH:
	case LISTEN:
		return value_add_port(member, value, type == PUBLISH);
	case DNS:
		return value_add_server(member, value);
	case ADD_HOST:
		return value_add_host(member, value);
	default:
		return false;
	}
}

/* Set a value of one member. False if it is invalid. */
static bool
set_scalar(const struct option *r, void *member, const char *value)
{
	switch (r->type) {
	case STRING:
	case PLAIN:
		*(const char **)member = value;
		return *value != '\0';
	case NUMBER:
		return (*(int *)member = value_number(value, INT32_MAX)) >= 0;
	case TIME:
	case TIME_LIMIT:
		return (*(int64_t *)member = value_time(value)) >= 0;
	case SIGNAL:
		return (*(int *)member = signal_number(value)) > 0;
	case PTYS:
		return (*(int *)member = value_number(value, PTYS_MOST)) > 0;
	case SIZE:
		return (*(int64_t *)member = value_size(value)) > 0;
	case MASK:
		return (*(int *)member = value_mode(value)) >= 0;
	case HOST:
		return *(bool *)member = parse_choice(HOST, value) == 0;
	case CHOICE_USERNS:
	case CHOICE_PROC:
	case CHOICE_SYS:
	case CHOICE_OOM:
	case CHOICE_CGROUPS:
	case CHOICE_ON_EXIT:
		*(int *)member = parse_choice(r->type, value) + 1;
		return *(int *)member > 0;
	case WATCHDOG:
		return value_watchdog(value, member);
	default:
		return set_network_value(r->type, member, value);
	}
}

/* Set the option to value. False if the value is invalid. */
static bool
set_value(struct options *o, const struct option *r, const char *value)
{
	struct sandbox *s = &o->sandbox;

	switch (r->type) {
	case EXIT:
		return set_exit(o, value);
	case REWRITE:
		return set_rewrite(o, value);
	case DELAY:
		return set_delay(o, value);
	case LEVEL:
		/* TINI_VERBOSITY=1 prints only warnings, as our 0 does. */
		o->run.verbosity = value_number(value, 9) - 1;
		return true;
	case ARGS:
		return read_args_fd(o, value);
	case LIMIT:
	case SETTING:
		return set_group_value(s, r, value);
	case COMMAND_VALUE:
		return *value && command_set(s, r->list, value);
	case LAYER:
		return add_layer(s, value);
	case BIND:
		return add_bind_value(s, r->list, value);
	case UID_MAP:
	case GID_MAP:
		return add_id_map(s, value, r->type == GID_MAP);
	case NAMESPACE_LIST:
		return *value && value_namespaces(&s->unshared, value);
	case CLOCK:
		return set_clock(s, value);
	case PARAMETER:
		return add_sysctl(s, value);
	case PASSED_FD:
		return add_passed_fd(s, value);
	default:
		return set_scalar(r, (char *)o + r->at, value);
	}
}

/* ---- options ------------------------------------------------------------ */

static _Noreturn void
print_and_exit(const char *text, const struct dialect *d)
{
	size_t n = strlen(text);
	int fd = d->on_stderr ? STDERR_FILENO : STDOUT_FILENO;

	/* A full pipe blocks write(2): let signals end us. */
	startup_end_by_signal(true, "the output");
	if (write(fd, text, n) != (ssize_t)n)
		die("cannot write to", d->on_stderr ? "stderr" : "stdout");
	log_exit(0);
}

/* Print --help. That of another init has a common frame. */
static _Noreturn void
print_usage(const struct dialect *d)
{
	char text[768];
	struct strbuf l = STRBUF(text);

	if (d == &native)
		print_and_exit(d->usage, d);
	strbuf_add(&l, "usage: ");
	strbuf_add(&l, d->name);
	strbuf_add(&l, " [OPTION ...] [--] COMMAND [ARGUMENT ...]\n"
	    "This is pith in the place of ");
	strbuf_add(&l, d->name);
	strbuf_add(&l, ", with its options:\n");
	strbuf_add(&l, d->usage);
	strbuf_add(&l, "It also takes pith's long options and PITH_OPTIONS, "
	    "see pith(8).\n");
	print_and_exit(text, d);
}

/* Append the option as the user wrote it: "--name", or "-x" if n is 0. Option
 * names are short, so the name fits. */
static void
option_name(struct strbuf *l, const char *name, size_t n)
{
	strbuf_add(l, n > 0 ? "--" : "-");
	n += n == 0;
	memcpy(l->text + l->used, name, n);
	l->used += n;
	l->text[l->used] = '\0';
}

/* Set an option that takes a value. name is its long name of n bytes, or its
 * letter if n is 0. */
static void
apply_value(struct options *o, const struct option *r, const char *value,
    const char *name, size_t n)
{
	const bool optional = r->type < STRING;
	char text[128], valid[64];
	struct strbuf why = STRBUF(text);

	option_name(&why, name, n);
	if ((value || optional) && value_differs(o, r, value)) {
		strbuf_add(&why, value ? " has another value already" : "");
		diex("cannot take", value ? value : text, value ? text :
		    "it has another value already", "give it once");
	}
	if (optional ? set_optional(o, r, value) :
	    value && set_value(o, r, value))
		return;
	if (!value) {
		struct strbuf form = STRBUF(valid);

		add_valid_form(&form, r);
		diex("missing value for", text, valid, SEE_HELP);
	}
	strbuf_add(&why, optional ? "= takes " : " takes ");
	add_valid_form(&why, r);
	diex("bad value", value, text, NULL);
}

static void
apply_flag(struct options *o, const struct option *r, const struct dialect *d)
{
	void *member = (char *)o + r->at;

	switch (r->type) {
	case ON:
		*(bool *)member = true;
		break;
	case OFF:
		*(bool *)member = false;
		break;
	case COUNT:
		++*(int *)member;
		break;
	case READ_ONLY_ROOT:
		set_root_mode(&o->sandbox, READ_ONLY, 0);
		break;
	case WRITABLE_ROOT:
		set_root_mode(&o->sandbox, WRITABLE, 0);
		break;
	case HELP:
		print_usage(d);
	case VERSION:
		print_and_exit(d->version, d);
	case LICENSE:
		print_and_exit(license, d);
	}
}

/* Find a long name of n bytes, or a letter if n is 0; NULL if there is none.
 * The dialect's options come first; pith's long names work in every dialect. */
static const struct option *
find_option(const struct dialect *d, const char *name, size_t n)
{
	for (size_t i = 0; i < d->option_count; i++) {
		const struct option *o = &d->options[i];

		if (n == 0 ? o->letter == *name : n < sizeof(o->name) &&
		    strncmp(o->name, name, n) == 0 && o->name[n] == '\0')
			return o;
	}
	return d == &native || n == 0 ? NULL : find_option(&native, name, n);
}

/* Find the option of a word, as find_option(), and record its scope. Dies if
 * there is none. */
static const struct option *
requested_option(struct options *o, const struct dialect *d, const char *word,
    const char *name, size_t n)
{
	const struct option *r = find_option(d, name, n);

	if (!r)
		diex("unknown option", word, NULL, SEE_HELP);
	if (r->scope == SCOPE_SANDBOX)
		o->sandbox.requested = true;
	if (r->scope != SCOPE_ANY)
		o->for_command = true;
	return r;
}

/* Source of words: argv, the text of PITH_OPTIONS, or a file of --args-fd. */
struct words {
	char **argv;            /* next word; NULL: use text */
	char *text;
	char *end;              /* of NUL-terminated words; or NULL */
};

/* Split off the next word, in place; NULL if there is none. Blanks and commas
 * separate words; \ takes the next character literally. */
static char *
split_word(char **text)
{
	static const char between[] = " \t\n,";
	char *from = *text;
	char *to, *word;

	while (*from && strchr(between, *from))
		from++;
	if (!*from)
		return NULL;
	to = word = from;
	for (; *from && !strchr(between, *from); *to++ = *from++)
		if (*from == '\\' && from[1])
			from++;
	*text = *from ? from + 1 : from;
	*to = '\0';
	return word;
}

static char *
next_word(struct words *w)
{
	char *word = w->text;

	if (w->argv)
		return *w->argv ? *w->argv++ : NULL;
	if (!w->end)
		return split_word(&w->text);
	w->text = word < w->end ? word + strlen(word) + 1 : word;
	return word < w->end ? word : NULL;
}

static void
parse_long(struct options *o, const struct dialect *d, char *word,
    struct words *w)
{
	size_t n = strchrnul(word + 2, '=') - (word + 2);
	const struct option *r = requested_option(o, d, word, word + 2, n);
	char *value = word[2 + n] ? word + 2 + n + 1 : NULL;

	if (r->type >= STRING && !value)
		value = next_word(w);
	if (r->type >= OPTIONAL_SIZE)
		apply_value(o, r, value, word + 2, n);
	else if (value)
		diex("unexpected value", word, "this option takes none",
		    SEE_HELP);
	else
		apply_flag(o, r, d);
}

static void
parse_letters(struct options *o, const struct dialect *d, char *word,
    struct words *w)
{
	for (char *letter = word + 1; *letter; letter++) {
		const struct option *r = requested_option(o, d, word, letter,
		    0);

		if (r->type >= STRING) {
			apply_value(o, r, letter[1] ? letter + 1 : next_word(w),
			    letter, 0);
			return;
		}
		if (r->type >= OPTIONAL_SIZE)
			apply_value(o, r, NULL, letter, 0);
		else
			apply_flag(o, r, d);
	}
}

/* Parse options. Returns the first word that is no option, or NULL. */
static char *
parse_words(struct options *o, const struct dialect *d, struct words *w)
{
	char *word;

	while ((word = next_word(w)) && word[0] == '-' && word[1]) {
		if (strcmp(word, "--") == 0)
			return next_word(w);
		if (word[1] == '-')
			parse_long(o, d, word, w);
		else
			parse_letters(o, d, word, w);
	}
	return word;
}

/* Parse options of pith that must not end in a command. */
static void
parse_only_options(struct options *o, struct words *w)
{
	const char *word = parse_words(o, &native, w);

	if (word)
		diex("not an option", word, NULL,
		    "the command goes on the command line");
}

/* Parse the NUL-terminated options in the file of --args-fd. Values point into
 * the text, which stays mapped. False if value is no number. */
static bool
read_args_fd(struct options *o, const char *value)
{
	struct memory text = { NULL, 0 };
	struct words w = { NULL, NULL, NULL };
	const int fd = value_number(value, INT32_MAX);
	size_t size;

	if (fd < 0)
		return false;
	for (int i = 0; i < o->args_file_count; i++)
		if (options_args(o, i)->fd == fd)
			diex("cannot read", "--args-fd", "this descriptor "
			    "was read before", "give it once");
	size = startup_read(&text, 0, fd, ARGS_MOST, "--args-fd");
	if (size > ARGS_MOST) {
		errno = E2BIG;
		die("cannot read", "--args-fd");
	}
	memory_append(&o->args_files, &o->args_file_count,
	    &(struct args_file){ fd, text.block, size },
	    sizeof(struct args_file));
	w.text = text.block;
	w.end = w.text + size;
	if (fd > STDERR_FILENO)
		close(fd);
	parse_only_options(o, &w);
	return true;
}

/* ---- parsing ------------------------------------------------------------ */

static void
set_defaults(struct options *o, const struct dialect *d)
{
	memset(o, 0, sizeof(*o));
	o->run.group = d->whole_group;
	o->run.orphan_text = d->reaped ? d->reaped : "reaped orphan process ";
	o->exec_code = d->exec_code;
	o->dies_of_signal = d == &native;
	o->is_dropin = d != &native;
	o->run.stop_signal = SIGTERM;
	o->run.stop_timeout = o->run.grace = o->run.timeout = UNSET;
	o->report_fd = UNSET;
	o->sandbox = (struct sandbox){ .umask = UNSET, .tty = UNSET,
	    .info_fd = UNSET, .block_fd = UNSET, .cpu_time = UNSET };
	for (int i = 0; i < 256; i++)
		o->exit_codes[i] = i;
	for (int i = 0; i < SIGNAL_COUNT; i++)
		o->run.signals.rewrite[i] = i;
}

static void
parse_variables(struct options *o, const struct dialect *d)
{
	for (size_t i = 0; i < d->variable_count; i++) {
		const struct variable *v = &d->variables[i];
		const char *value = getenv(v->name);
		const struct option r = { .type = v->type, .at = v->at };

		if (!value || (v->value[0] && strcmp(value, v->value) != 0))
			continue;
		if (r.type >= STRING)
			set_value(o, &r, value);
		else
			apply_flag(o, &r, d);
	}
}

/* Remove PITH_OPTIONS from the environment and parse it. It serves engines that
 * pass no options, such as docker run --init. */
static void
parse_environment(struct options *o, const struct dialect *d)
{
	static const char NAME[] = "PITH_OPTIONS=";
	struct memory copy = { NULL, 0 };
	struct words w = { NULL, NULL, NULL };
	char **to = environ;
	size_t n;

	variable = NULL;
	for (char **e = environ; *e; e++)
		if (strncmp(*e, NAME, sizeof(NAME) - 1) != 0)
			*to++ = *e;
		else if (!variable)
			variable = *e;
	*to = NULL;
	if (!variable)
		return;
	n = strlen(variable) + 1;
	memory_reserve(&copy, n);
	memcpy(copy.block, variable, n);
	w.text = (char *)copy.block + sizeof(NAME) - 1;
	/* Name the source of an invalid option. */
	log_set_name("pith: PITH_OPTIONS", d->failure_code);
	parse_only_options(o, &w);
	log_set_name(d->name, d->failure_code);
}

/* Treat the child's group as dumb-init does: send SIGTERM to it when the child
 * exits, and forward a suspension as SIGSTOP, which no program can ignore. */
static void
emulate_dumb_init_group(struct options *o)
{
	static const unsigned char suspend[] = { SIGTSTP, SIGTTIN, SIGTTOU };

	o->run.ends_group = true;
	for (size_t i = 0; i < sizeof(suspend); i++)
		if (o->run.signals.rewrite[suspend[i]] == suspend[i])
			o->run.signals.rewrite[suspend[i]] = SIGSTOP;
}

static _Noreturn void
refuse_options(const char *why)
{
	diex(why, NULL, NULL, SEE_HELP);
}

/* Reject options that contradict each other or would have no effect. */
static void
check_options(const struct options *o, bool boots)
{
	const struct boot *b = &o->boot;
	const bool is_query = o->doctor || b->reexec || b->status;

	if (is_query && boots)
		diex("the init of a device does not exit", NULL, NULL,
		    "use --status, --doctor or --reexec after the boot");
	if (is_query)
		return;
	if (o->command && !o->command[0][0])
		refuse_options("empty command");
	if (b->requested && o->for_command)
		diex("--boot takes no options for a command", NULL, NULL,
		    "start a second pith as its command, see pith(8)");
	if (!b->requested && (b->on_exit || b->watchdog.text))
		refuse_options(b->on_exit ? "--on-exit needs --boot" :
		    "--watchdog needs --boot");
	if (b->on_exit && (!o->command || b->switch_root))
		refuse_options("--on-exit needs a command, without "
		    "--switch-root");
	if (b->requested || b->switch_root)
		return;
	if (o->run.pause && o->sandbox.ports.listening > 0)
		refuse_options("--pause and --listen contradict each other");
	if (o->run.pause && o->command)
		diex("--pause takes no command", o->command[0], NULL, NULL);
	if (!o->run.pause && !o->command)
		refuse_options("no command given");
	if (o->sandbox.detach && o->parent_death_signal)
		refuse_options("--detach and --parent-death-signal contradict "
		    "each other");
	if (o->sandbox.upper && o->sandbox.root_requested &&
	    o->sandbox.root_mode != WRITABLE)
		diex("--upper contradicts",
		    o->sandbox.root_mode == READ_ONLY ? "--read-only" :
		    "--ephemeral", NULL, "give one of them");
	if (o->report && o->report_fd != UNSET)
		refuse_options("--report and --report-fd contradict each "
		    "other");
}

const struct args_file *
options_args(const struct options *o, int number)
{
	return number < o->args_file_count ?
	    &((const struct args_file *)o->args_files.block)[number] : NULL;
}

char *
options_variable(void)
{
	return variable;
}

/* Refuse to run as a set-ID program or with file capabilities, getauxval(3):
 * pith trusts its environment and arguments, and these are the caller's. The
 * init of a device must not exit; the kernel or another init of root starts it.
 */
static void
refuse_set_id(bool boots)
{
	if (!boots && getauxval(AT_SECURE))
		diex("cannot run setuid, setgid or with file capabilities",
		    NULL, NULL, "remove them from the program file");
}

void
options_parse(struct options *o, const struct dialect *dialect, char **argv,
    bool boots)
{
	const struct dialect *d = dialect ? dialect : &native;
	struct words w = { argv + (*argv != NULL), NULL, NULL };

	log_set_name(d->name, d->failure_code);
	set_defaults(o, d);
	refuse_set_id(boots);
	parse_variables(o, d);
	parse_environment(o, d);
	if (parse_words(o, d, &w) && (!boots || o->boot.requested))
		o->command = w.argv - 1;
	o->boot.requested = o->boot.requested || boots;
	if (d->whole_group && o->run.group)
		emulate_dumb_init_group(o);
	check_options(o, boots);
}
