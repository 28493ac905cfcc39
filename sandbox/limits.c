#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "../cli/log.h"
#include "limits.h"
#include "proc.h"

#define BIT(controller) (1U << (controller))

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
	unsigned char kind;             /* enum group_setting_kind */
	char option[20], v1[33], v2[9];
} rate_options[] = {
	{ .kind = READ_BPS, .option = "--device-read-bps",
	    .v1 = "blkio.throttle.read_bps_device", .v2 = " rbps=" },
	{ .kind = WRITE_BPS, .option = "--device-write-bps",
	    .v1 = "blkio.throttle.write_bps_device", .v2 = " wbps=" },
	{ .kind = READ_IOPS, .option = "--device-read-iops",
	    .v1 = "blkio.throttle.read_iops_device", .v2 = " riops=" },
	{ .kind = WRITE_IOPS, .option = "--device-write-iops",
	    .v1 = "blkio.throttle.write_iops_device", .v2 = " wiops=" },
};

/* Return the rate option of a setting; NULL if it is of another option. */
static const struct rate_option *
rate_option_of(const struct group_setting *g)
{
	for (size_t i = 0; i < sizeof(rate_options) / sizeof(rate_options[0]);
	     i++)
		if (rate_options[i].kind == g->kind)
			return &rate_options[i];
	return NULL;
}

const char *
limits_controller(enum controller c, bool v2)
{
	return !v2 ? controllers[c] : V1_ONLY & BIT(c) ? "" :
	    c == CTRL_BLKIO ? "io" : controllers[c];
}

const char limits_delegate[] = "run pith as root, with --cgroup-parent, or in "
    "a group of its own: systemd-run --user --scope -p Delegate=yes";

/* ---- values -------------------------------------------------------------- */

/* Convert cpu.shares of v1 (2 to 262144, default 1024) to cpu.weight of v2 (1
 * to 10000, default 100). Minimum, default and maximum map to each other. */
static int64_t
weight_of_shares(int64_t shares)
{
	return shares <= 1024 ? 1 + (shares - 2) * 99 / 1022 :
	    100 + (shares - 1024) * 9900 / (262144 - 1024);
}

/* Return the number to write for a limit that is not UNLIMITED. */
static int64_t
limit_number(const struct sandbox *s, enum group_limit limit, bool v2)
{
	const int64_t memory = s->limits[MEMORY].n, n = s->limits[limit].n;

	switch (limit) {
	case MEMORY_SWAP:
		/* v1 limits memory and swap together, v2 swap alone. */
		return (s->limits[limit].text ? n : memory) - (v2 ? memory : 0);
	case CPU_SHARES:
		return v2 ? weight_of_shares(n) : n;
	case BLKIO_WEIGHT:
		return v2 ? 1 + (n - 10) * 9999 / 990 : n;
	default:
		return n;
	}
}

/* ---- checking ------------------------------------------------------------ */

/* Append MAJOR:MINOR of the device of a rate. Dies if it is no device. */
static void
add_device(const struct group_setting *g, struct strbuf *device)
{
	char path[DEVICE_PATH];
	struct strbuf l = STRBUF(path);
	struct stat st;

	strbuf_add(&l, g->text);
	path[g->length] = '\0';
	if (stat(path, &st) < 0)
		die("cannot limit", path);
	if (!S_ISBLK(st.st_mode))
		diex("cannot limit", path, "it is not a block device", NULL);
	strbuf_number(device, major(st.st_rdev));
	strbuf_add(device, ":");
	strbuf_number(device, minor(st.st_rdev));
}

/* True if a "FILE=VALUE" names a file. */
static bool
names_file(const char *conf, const char *file)
{
	const size_t n = strlen(file);

	return n > 0 && strncmp(conf, file, n) == 0 && conf[n] == '=';
}

/* Return the controller of a "FILE=VALUE". Dies if it has none. */
static enum controller
controller_of(const char *conf)
{
	const size_t n = strcspn(conf, ".");

	for (int i = 0; i < 2; i++)
		if (names_file(conf, nesting_limits[i].file))
			return CTRL_CGROUP;
	for (int c = 0; c < CONTROLLERS; c++)
		for (int v2 = 0; v2 < 2; v2++) {
			const char *name = limits_controller(c, v2);

			/* A group frozen at the start would never exit. */
			if (c != CTRL_FREEZER && c != CTRL_CGROUP &&
			    strlen(name) == n && memcmp(name, conf, n) == 0)
				return c;
		}
	diex("bad value", conf, "it is not a file of a cgroup controller",
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

/* Return the given option that sets the file of a "FILE=VALUE", or NULL. */
static const char *
writer_of(const struct sandbox *s, const char *conf)
{
	for (int i = 0; i < GROUP_LIMITS; i++) {
		/* --memory alone sets the swap limit to 0. */
		const int by = i == MEMORY_SWAP && !s->limits[i].text ?
		    MEMORY : i;

		if (s->limits[by].text &&
		    (names_file(conf, limit_options[i].v1) ||
		    names_file(conf, limit_options[i].v2)))
			return limit_options[by].option;
	}
	for (int i = 0; i < ALIAS_FILES; i++)
		if (s->limits[alias_files[i].limit].text &&
		    names_file(conf, alias_files[i].file))
			return limit_options[alias_files[i].limit].option;
	for (int i = 0; i < s->setting_count; i++) {
		const struct rate_option *r = rate_option_of(&s->settings[i]);

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
	const struct group_setting *rate = &s->settings[i];
	char text[32], other[32];
	struct strbuf device = STRBUF(text);

	add_device(rate, &device);
	for (const struct group_setting *g = s->settings; g < rate; g++) {
		struct strbuf l = STRBUF(other);

		if (g->kind != rate->kind || g->n == rate->n)
			continue;
		add_device(g, &l);
		if (strcmp(text, other) == 0)
			diex("cannot take", rate->text, "the device has "
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

/* Return the controller of a setting, or -1. */
static int
controller_of_setting(const struct group_setting *g)
{
	return g->kind == CGROUP_CONF ? (int)controller_of(g->text) :
	    rate_option_of(g) ? CTRL_BLKIO : -1;
}

static void
check_swap(const struct sandbox *s)
{
	const struct limit_value *swap = &s->limits[MEMORY_SWAP];

	if (!swap->text)
		return;
	if (!s->limits[MEMORY].text)
		diex("cannot use", "--memory-swap", "it limits memory and "
		    "swap together", "give --memory too");
	if (swap->n != UNLIMITED && swap->n < s->limits[MEMORY].n)
		diex("bad value", swap->text, "--memory-swap takes a size of "
		    "at least --memory, or -1", NULL);
}

unsigned int
limits_check(const struct sandbox *s)
{
	unsigned int needed = 0;

	check_swap(s);
	for (int i = 0; i < GROUP_LIMITS; i++)
		if (s->limits[i].text)
			needed |= BIT(limit_options[i].controller);
	for (int i = 0; i < s->setting_count; i++) {
		const struct group_setting *g = &s->settings[i];
		const int c = controller_of_setting(g);

		if (c >= 0)
			needed |= BIT(c);
		if (rate_option_of(g))
			check_rate(s, i);
		if (g->kind == CGROUP_CONF)
			check_conf(s, g->text);
	}
	if (s->oom == OOM_GROUP)
		needed |= BIT(CTRL_MEMORY);
	return needed;
}

const char *
limits_reason(const struct sandbox *s, enum controller c)
{
	for (int i = 0; i < GROUP_LIMITS; i++)
		if (s->limits[i].text && limit_options[i].controller == c)
			return limit_options[i].option;
	for (int i = 0; i < s->setting_count; i++)
		if (controller_of_setting(&s->settings[i]) == (int)c)
			return s->settings[i].text;
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
	    error == EACCES || error == EPERM ? limits_delegate :
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
	const char *value = s->limits[limit].text;
	char text[48];
	struct strbuf l = STRBUF(text);

	if (!*file)
		diex("cannot limit", r->option, "cgroup v1 has no such "
		    "limit", "use a host with cgroup v2");
	if (limit != CPUSET_CPUS) {
		if (s->limits[limit].n == UNLIMITED)
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
	    (limit != MEMORY_SWAP || s->limits[limit].text || has_swap()))
		write_or_die(group, file, value);
	if (limit == CPUSET_CPUS && v2)
		check_cpuset(group, value);
}

static void
write_setting(const struct group_setting *g, int group, bool v2)
{
	const struct rate_option *r = rate_option_of(g);
	char text[256];
	struct strbuf l = STRBUF(text);

	if (r) {
		add_device(g, &l);
		strbuf_add(&l, v2 ? r->v2 : " ");
		strbuf_number(&l, g->n);
		write_or_die(group, v2 ? "io.max" : r->v1, text);
	} else {
		strbuf_add(&l, g->text);
		text[g->length] = '\0';
		write_or_die(group, text, g->text + g->length + 1);
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
		    (s->limits[i].text ||
		    (i == MEMORY_SWAP && s->limits[MEMORY].text)))
			write_limit(s, i, group, v2);
	for (int i = 0; i < s->setting_count; i++) {
		const int c = controller_of_setting(&s->settings[i]);

		if (c >= 0 && (which & BIT(c)))
			write_setting(&s->settings[i], group, v2);
	}
}
