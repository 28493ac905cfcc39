#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "../cli/log.h"
#include "../cli/values.h"
#include "limits.h"
#include "proc.h"

#define BIT(controller) (1U << (controller))

enum {
	CPU_PERIOD_US = 100000,         /* the kernel's default */
	MIN_QUOTA_US = 1000,            /* the kernel's minimum: 0.01 CPU */
	MIN_MEMORY = 512 * 1024,        /* enough for pith and an exec */
	MAX_PIDS = 1 << 22              /* PID_MAX_LIMIT */
};

static const char controllers[CONTROLLERS][12] = {
	[CTRL_CPU] = "cpu", [CTRL_CPUACCT] = "cpuacct",
	[CTRL_CPUSET] = "cpuset", [CTRL_MEMORY] = "memory",
	[CTRL_PIDS] = "pids", [CTRL_BLKIO] = "blkio",
	[CTRL_DEVICES] = "devices", [CTRL_FREEZER] = "freezer",
	[CTRL_HUGETLB] = "hugetlb", [CTRL_NET_CLS] = "net_cls",
	[CTRL_NET_PRIO] = "net_prio", [CTRL_RDMA] = "rdma",
	[CTRL_MISC] = "misc", [CTRL_PERF_EVENT] = "perf_event",
	[CTRL_DMEM] = "dmem", [CTRL_CGROUP] = "cgroup",
};

/* Controllers that v2 does not have. Every v2 group has the files cpu.stat,
 * cgroup.freeze and cgroup.max.depth; a BPF program restricts devices, and
 * nftables matches groups. */
static const unsigned int V1_ONLY = BIT(CTRL_CPUACCT) | BIT(CTRL_DEVICES) |
    BIT(CTRL_FREEZER) | BIT(CTRL_NET_CLS) | BIT(CTRL_NET_PRIO) |
    BIT(CTRL_CGROUP);

/* Limits on nested groups, which --cgroup-conf can change. systemd and
 * container engines need far fewer groups than these. */
static const struct { char file[24], value[5]; } nesting_limits[] = {
	{ .file = "cgroup.max.depth", .value = "32" },
	{ .file = "cgroup.max.descendants", .value = "1000" },
};

/* Options and the files they write. "": the kernel has no such file. */
static const struct limit_option {
	char option[16];
	unsigned char controller;
	char v1[28], v2[16];
} limit_options[GROUP_LIMITS] = {
	[MEMORY] = { .option = "--memory", .controller = CTRL_MEMORY,
	    .v1 = "memory.limit_in_bytes", .v2 = "memory.max" },
	[MEMORY_SWAP] = { .option = "--memory-swap", .controller = CTRL_MEMORY,
	    .v1 = "memory.memsw.limit_in_bytes", .v2 = "memory.swap.max" },
	[MEMORY_HIGH] = { .option = "--memory-high", .controller = CTRL_MEMORY,
	    .v2 = "memory.high" },
	[CPUS] = { .option = "--cpus", .controller = CTRL_CPU,
	    .v1 = "cpu.cfs_quota_us", .v2 = "cpu.max" },
	[CPU_SHARES] = { .option = "--cpu-shares", .controller = CTRL_CPU,
	    .v1 = "cpu.shares", .v2 = "cpu.weight" },
	[CPUSET_CPUS] = { .option = "--cpuset-cpus", .controller = CTRL_CPUSET,
	    .v1 = "cpuset.cpus", .v2 = "cpuset.cpus" },
	[PIDS_LIMIT] = { .option = "--pids-limit", .controller = CTRL_PIDS,
	    .v1 = "pids.max", .v2 = "pids.max" },
	[BLKIO_WEIGHT] = { .option = "--blkio-weight", .controller = CTRL_BLKIO,
	    .v1 = "blkio.weight", .v2 = "io.weight" },
};

/* Rate limits of a block device. v2: the key in io.max. */
static const struct rate_option {
	unsigned char kind;             /* enum list_option */
	bool is_size;                   /* bytes, not operations */
	char option[20], v1[33], v2[9];
} rate_options[] = {
	{ .kind = READ_BPS, .is_size = true, .option = "--device-read-bps",
	    .v1 = "blkio.throttle.read_bps_device", .v2 = " rbps=" },
	{ .kind = WRITE_BPS, .is_size = true, .option = "--device-write-bps",
	    .v1 = "blkio.throttle.write_bps_device", .v2 = " wbps=" },
	{ .kind = READ_IOPS, .option = "--device-read-iops",
	    .v1 = "blkio.throttle.read_iops_device", .v2 = " riops=" },
	{ .kind = WRITE_IOPS, .option = "--device-write-iops",
	    .v1 = "blkio.throttle.write_iops_device", .v2 = " wiops=" },
};

/* Return the rate option of a word; NULL if the word is of another option. */
static const struct rate_option *
rate_option_of(const struct word *w)
{
	for (size_t i = 0; i < sizeof(rate_options) / sizeof(rate_options[0]);
	     i++)
		if (rate_options[i].kind == w->kind)
			return &rate_options[i];
	return NULL;
}

/* Return the valid form of a limit, for error messages. */
static const char *
valid_limit(enum group_limit limit)
{
	switch (limit) {
	case MEMORY:
		return "a size of at least 512k, such as 64m or 1g";
	case MEMORY_SWAP:
		return "a size of at least --memory, or -1";
	case MEMORY_HIGH:
		return "a size, such as 512m or 1g";
	case CPUS:
		return "a number of CPUs of at least 0.01, such as 0.5 or 2";
	case CPU_SHARES:
		return "a number from 2 to 262144";
	case CPUSET_CPUS:
		return "a list such as 0-1,3";
	case PIDS_LIMIT:
		return "a number from 1 to 4194304, or -1";
	default:
		return "a number from 10 to 1000";
	}
}

const char *
limits_controller(enum controller c, bool v2)
{
	return !v2 ? controllers[c] : V1_ONLY & BIT(c) ? "" :
	    c == CTRL_BLKIO ? "io" : controllers[c];
}

/* ---- values -------------------------------------------------------------- */

/* Parse a number from least to most; -1 on failure. */
static int64_t
parse_number(const char *text, int64_t least, int64_t most)
{
	uint64_t n;

	return text_number(&text, most, &n) && !*text && (int64_t)n >= least ?
	    (int64_t)n : -1;
}

/* Convert a number of CPUs, such as "0.5", to a quota in microseconds of each
 * period; -1 on failure. */
static int64_t
parse_cpu_quota(const char *text)
{
	uint64_t whole, part = 0;
	int64_t scale = CPU_PERIOD_US;

	if (!text_number(&text, 10000, &whole))
		return -1;
	if (*text == '.' && !*++text)
		return -1;
	for (; *text >= '0' && *text <= '9'; text++) {
		scale /= 10;
		part += (*text - '0') * scale;
	}
	whole = whole * CPU_PERIOD_US + part;
	return *text || whole < MIN_QUOTA_US ? -1 : (int64_t)whole;
}

/* Convert cpu.shares of v1 (2 to 262144, default 1024) to cpu.weight of v2 (1
 * to 10000, default 100). Minimum, default and maximum map to each other. */
static int64_t
weight_of_shares(int64_t shares)
{
	return shares <= 1024 ? 1 + (shares - 2) * 99 / 1022 :
	    100 + (shares - 1024) * 9900 / (262144 - 1024);
}

/* Return the number to write for a limit, -1 if its value is wrong. */
static int64_t
limit_number(const struct sandbox *s, enum group_limit limit, bool v2)
{
	const char *text = s->limits[limit];
	int64_t n;

	switch (limit) {
	case MEMORY:
		n = value_size(text);
		return n < MIN_MEMORY ? -1 : n;
	case MEMORY_SWAP:
		/* v1 limits memory and swap together, v2 swap alone. */
		n = value_size(text ? text : s->limits[MEMORY]);
		return n - limit_number(s, MEMORY, v2) < 0 ? -1 :
		    v2 ? n - limit_number(s, MEMORY, v2) : n;
	case MEMORY_HIGH:
		return value_size(text);
	case CPUS:
		return parse_cpu_quota(text);
	case CPU_SHARES:
		n = parse_number(text, 2, 262144);
		return n < 0 || !v2 ? n : weight_of_shares(n);
	case PIDS_LIMIT:
		return parse_number(text, 1, MAX_PIDS);
	case BLKIO_WEIGHT:
		n = parse_number(text, 10, 1000);
		return n < 0 || !v2 ? n : 1 + (n - 10) * 9999 / 990;
	default:
		return text[strspn(text, "0123456789,-")] || *text < '0' ||
		    *text > '9' ? -1 : 0;
	}
}

/* True for -1, which means no limit, as in docker. */
static bool
is_unlimited(const struct sandbox *s, enum group_limit limit)
{
	return (limit == MEMORY_SWAP || limit == PIDS_LIMIT) &&
	    s->limits[limit] && strcmp(s->limits[limit], "-1") == 0;
}

/* ---- checking ------------------------------------------------------------ */

static _Noreturn void
bad_limit(const char *value, const char *option, const char *wanted)
{
	char text[96];
	struct strbuf why = STRBUF(text);

	strbuf_add(&why, option);
	strbuf_add(&why, " takes ");
	strbuf_add(&why, wanted);
	diex("bad value", value, text, NULL);
}

/* Parse "PATH:RATE": append MAJOR:MINOR of the device and return the rate. Dies
 * if it is wrong. */
static int64_t
parse_rate(const struct word *w, struct strbuf *device)
{
	const struct rate_option *r = rate_option_of(w);
	const char *colon = strrchr(w->value, ':');
	char path[256];
	struct strbuf l = STRBUF(path);
	struct stat st;
	int64_t n;

	n = !colon || colon - w->value >= (int)sizeof(path) ? -1 :
	    r->is_size ? value_size(colon + 1) :
	    parse_number(colon + 1, 1, INT32_MAX);
	if (n < 0)
		bad_limit(w->value, r->option, r->is_size ?
		    "a device and bytes per second, such as /dev/sda:1m" :
		    "a device and operations per second, such as /dev/sda:100");
	strbuf_add(&l, w->value);
	path[colon - w->value] = '\0';
	if (stat(path, &st) < 0)
		die("cannot limit", path);
	if (!S_ISBLK(st.st_mode))
		diex("cannot limit", path, "it is not a block device", NULL);
	strbuf_number(device, major(st.st_rdev));
	strbuf_add(device, ":");
	strbuf_number(device, minor(st.st_rdev));
	return n;
}

/* Return the controller of "FILE=VALUE". Dies if it has none. */
static enum controller
controller_of(const char *value)
{
	const size_t n = strchrnul(value, '=') - value;
	const char *dot = memchr(value, '.', n);

	if (!value[n] || !value[n + 1] || !dot || dot == value ||
	    memchr(value, '/', n) || n > NAME_MAX)
		bad_limit(value, "--cgroup-conf", "FILE=VALUE, such as "
		    "pids.max=10");
	for (int i = 0; i < 2; i++)
		if (strlen(nesting_limits[i].file) == n &&
		    memcmp(nesting_limits[i].file, value, n) == 0)
			return CTRL_CGROUP;
	for (int c = 0; c < CONTROLLERS; c++)
		for (int v2 = 0; v2 < 2; v2++) {
			const char *name = limits_controller(c, v2);

			/* A group frozen at the start would never exit. */
			if (c != CTRL_FREEZER && c != CTRL_CGROUP &&
			    strlen(name) == (size_t)(dot - value) &&
			    memcmp(name, value, dot - value) == 0)
				return c;
		}
	diex("bad value", value, "it is not a file of a cgroup controller",
	    NULL);
}

/* Other files that would change what an option has set. */
static const struct { unsigned char limit; char file[24]; } alias_files[] = {
	{ .limit = MEMORY, .file = "memory.use_hierarchy" },
	{ .limit = CPUS, .file = "cpu.cfs_period_us" },
	{ .limit = CPU_SHARES, .file = "cpu.weight.nice" },
	{ .limit = CPU_SHARES, .file = "cpu.idle" },
	{ .limit = BLKIO_WEIGHT, .file = "io.bfq.weight" },
	{ .limit = BLKIO_WEIGHT, .file = "blkio.bfq.weight" },
};

enum { ALIAS_FILES = sizeof(alias_files) / sizeof(alias_files[0]) };

/* True if "FILE=VALUE" names a file. */
static bool
names_file(const char *conf, const char *file)
{
	const size_t n = strlen(file);

	return n > 0 && strncmp(conf, file, n) == 0 && conf[n] == '=';
}

/* Return the given option that sets the file of a "FILE=VALUE", or NULL. */
static const char *
writer_of(const struct sandbox *s, const char *conf)
{
	for (int i = 0; i < GROUP_LIMITS; i++) {
		/* --memory alone sets the swap limit to 0. */
		const int by = i == MEMORY_SWAP && !s->limits[i] ? MEMORY : i;

		if (s->limits[by] && (names_file(conf, limit_options[i].v1) ||
		    names_file(conf, limit_options[i].v2)))
			return limit_options[by].option;
	}
	for (int i = 0; i < ALIAS_FILES; i++)
		if (s->limits[alias_files[i].limit] &&
		    names_file(conf, alias_files[i].file))
			return limit_options[alias_files[i].limit].option;
	for (int i = 0; i < s->word_count; i++) {
		const struct rate_option *r = rate_option_of(&s->words[i]);

		if (r && (names_file(conf, "io.max") ||
		    names_file(conf, r->v1)))
			return r->option;
	}
	return s->oom == OOM_GROUP && names_file(conf, "memory.oom.group") ?
	    "--oom group" : NULL;
}

/* Reject two different rates for one device, even by different paths: the
 * kernel keeps only the last one. */
static void
check_rate(const struct sandbox *s, int i)
{
	const struct word *w = &s->words[i];
	char text[32], other[32];
	struct strbuf device = STRBUF(text);
	const int64_t rate = parse_rate(w, &device);

	for (int k = 0; k < i; k++) {
		struct strbuf l = STRBUF(other);

		if (s->words[k].kind == w->kind &&
		    parse_rate(&s->words[k], &l) != rate &&
		    strcmp(text, other) == 0)
			diex("cannot take", w->value, "the device has "
			    "another rate already", "give it once");
	}
}

/* Reject a file that an option sets too: --cgroup-conf is written last and
 * would silently override it. */
static void
check_conf(const struct sandbox *s, const char *conf)
{
	const char *option = writer_of(s, conf);
	char text[64];
	struct strbuf why = STRBUF(text);

	if (!option)
		return;
	strbuf_add(&why, option);
	strbuf_add(&why, " writes that file");
	diex("--cgroup-conf cannot write", conf, text, "give one of them");
}

static int
controller_of_word(const struct word *w)
{
	return w->kind == CGROUP_CONF ? (int)controller_of(w->value) :
	    rate_option_of(w) ? CTRL_BLKIO : -1;
}

static void
check_limit(const struct sandbox *s, enum group_limit i)
{
	if (i == MEMORY_SWAP && !s->limits[MEMORY])
		diex("cannot use", "--memory-swap", "it limits memory and "
		    "swap together", "give --memory too");
	if (!is_unlimited(s, i) && limit_number(s, i, false) < 0)
		bad_limit(s->limits[i], limit_options[i].option,
		    valid_limit(i));
}

unsigned int
limits_check(const struct sandbox *s)
{
	unsigned int needed = 0;

	for (int i = 0; i < GROUP_LIMITS; i++)
		if (s->limits[i]) {
			check_limit(s, i);
			needed |= BIT(limit_options[i].controller);
		}
	for (int i = 0; i < s->word_count; i++) {
		const struct word *w = &s->words[i];

		if (controller_of_word(w) >= 0)
			needed |= BIT(controller_of_word(w));
		if (rate_option_of(w))
			check_rate(s, i);
		if (w->kind == CGROUP_CONF)
			check_conf(s, w->value);
	}
	if (s->oom == OOM_GROUP)
		needed |= BIT(CTRL_MEMORY);
	return needed;
}

const char *
limits_reason(const struct sandbox *s, enum controller c)
{
	for (int i = 0; i < GROUP_LIMITS; i++)
		if (s->limits[i] && limit_options[i].controller == c)
			return limit_options[i].option;
	for (int i = 0; i < s->word_count; i++)
		if (controller_of_word(&s->words[i]) == (int)c)
			return s->words[i].value;
	return c == CTRL_MEMORY ? "--oom group" : controllers[c];
}

/* ---- writing ------------------------------------------------------------- */

/* Die with the errno of a write. */
static _Noreturn void
die_not_written(const char *file, const char *value)
{
	char text[160];
	struct strbuf l = STRBUF(text);
	const int error = errno;

	strbuf_add(&l, file);
	strbuf_add(&l, "=");
	strbuf_add(&l, value);
	diex("cannot set", text, strerror(error), error == ENOENT ?
	    "this kernel or the parent group has no such file" :
	    error == EACCES || error == EPERM ? "run pith as root, or in a "
	    "group of its own: systemd-run --user --scope -p Delegate=yes" :
	    error == ERANGE ? "this machine does not have so many" : NULL);
}

static void
write_or_die(int group, const char *file, const char *value)
{
	if (!file_write(group, file, value))
		die_not_written(file, value);
}

/* True if a swap area is in use. Without one, a kernel that does not account
 * for swap need not limit it. proc(5) */
static bool
has_swap(void)
{
	char text[256];
	const char *second;

	if (!proc_read("swaps", text, sizeof(text)))
		return false;
	second = strchr(text, '\n');
	return second && second[1];
}

/* Write an I/O weight. Without it, use the file of the BFQ scheduler, which has
 * the scale of v1 in both versions. */
static void
write_io_weight(const struct sandbox *s, int group, const char *file,
    const char *value, bool v2)
{
	char text[24];
	struct strbuf l = STRBUF(text);

	if (file_write(group, file, value))
		return;
	strbuf_number(&l, limit_number(s, BLKIO_WEIGHT, false));
	write_or_die(group, v2 ? "io.bfq.weight" : "blkio.bfq.weight", text);
}

/* Die if the group does not get all CPUs of --cpuset-cpus. The kernel accepts
 * CPUs that the parent lacks, and silently uses those of the parent. */
static void
check_cpuset(int group, const char *value)
{
	char wanted[4096], found[4096];

	if (file_read(group, "cpuset.cpus", wanted, sizeof(wanted)) &&
	    file_read(group, "cpuset.cpus.effective", found, sizeof(found)) &&
	    strcmp(wanted, found) != 0)
		diex("cannot set", "cpuset.cpus", value,
		    "choose CPUs that the parent group has");
}

static void
write_limit(const struct sandbox *s, enum group_limit limit, int group, bool v2)
{
	const struct limit_option *r = &limit_options[limit];
	const char *file = v2 ? r->v2 : r->v1;
	const char *value = s->limits[limit];
	char text[48];
	struct strbuf l = STRBUF(text);

	if (!*file)
		diex("cannot limit", r->option, "cgroup v1 has no such "
		    "limit", "use a host with cgroup v2");
	if (limit != CPUSET_CPUS) {
		if (is_unlimited(s, limit))
			strbuf_add(&l, v2 || limit == PIDS_LIMIT ? "max" :
			    "-1");
		else
			strbuf_number(&l, limit_number(s, limit, v2));
		if (limit == CPUS && v2)
			strbuf_add(&l, " 100000");
		value = text;
	}
	if (limit == BLKIO_WEIGHT)
		write_io_weight(s, group, file, value, v2);
	else if (!file_write(group, file, value) &&
	    (limit != MEMORY_SWAP || s->limits[limit] || has_swap()))
		write_or_die(group, file, value);
	if (limit == CPUSET_CPUS && v2)
		check_cpuset(group, value);
}

static void
write_word(const struct word *w, int group, bool v2)
{
	const struct rate_option *r = rate_option_of(w);
	char text[256];
	struct strbuf l = STRBUF(text);

	if (w->kind == CGROUP_CONF) {
		const size_t n = strchrnul(w->value, '=') - w->value;

		strbuf_add(&l, w->value);
		text[n] = '\0';
		write_or_die(group, text, w->value + n + 1);
	} else {
		int64_t n = parse_rate(w, &l);

		strbuf_add(&l, v2 ? r->v2 : " ");
		strbuf_number(&l, n);
		write_or_die(group, v2 ? "io.max" : r->v1, text);
	}
}

void
limits_write_oom(const struct sandbox *s, int group, bool v2)
{
	if (s->oom != OOM_GROUP)
		return;
	if (!v2)
		diex("cannot use", "--oom group", "cgroup v1 has no "
		    "such limit", "use a host with cgroup v2");
	write_or_die(group, "memory.oom.group", "1");
}

/* The files exist since Linux 4.14. */
void
limits_write_groups(int group)
{
	for (int i = 0; i < 2; i++)
		if (!file_write(group, nesting_limits[i].file,
		    nesting_limits[i].value) && errno != ENOENT)
			die_not_written(nesting_limits[i].file,
			    nesting_limits[i].value);
}

void
limits_write(const struct sandbox *s, int group, unsigned int which, bool v2)
{
	/* The default of v1 since Linux 5.11. */
	if (!v2 && (which & BIT(CTRL_MEMORY)))
		file_write(group, "memory.use_hierarchy", "1");
	for (int i = 0; i < GROUP_LIMITS; i++)
		if ((which & BIT(limit_options[i].controller)) &&
		    (s->limits[i] ||
		    (i == MEMORY_SWAP && s->limits[MEMORY])))
			write_limit(s, i, group, v2);
	for (int i = 0; i < s->word_count; i++) {
		int c = controller_of_word(&s->words[i]);

		if (c >= 0 && (which & BIT(c)))
			write_word(&s->words[i], group, v2);
	}
}
