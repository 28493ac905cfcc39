#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "../cli/log.h"
#include "limits.h"
#include "proc.h"

#define BIT(controller) (1U << (controller))

enum {
	PERIOD_US = 100000,             /* of --cpus, the kernel's own */
	LEAST_QUOTA_US = 1000,          /* that it takes: 0.01 */
	LEAST_MEMORY = 512 * 1024,      /* pith itself, and an exec */
	MOST_PIDS = 1 << 22             /* PID_MAX_LIMIT */
};

static const char controllers[CONTROLLERS][12] = {
	"cpu", "cpuacct", "cpuset", "memory", "pids", "blkio", "devices",
	"freezer", "hugetlb", "net_cls", "net_prio", "rdma", "misc",
	"perf_event", "dmem", "cgroup",
};

/* Those that v2 has not, as it does without: cpu.stat is in every group, and
 * so are cgroup.freeze and cgroup.max.depth; devices are a program's, and
 * networks nftables'. */
static const unsigned int NONE_OF_V2 = BIT(CTRL_CPUACCT) | BIT(CTRL_DEVICES) |
    BIT(CTRL_FREEZER) | BIT(OF_NET_CLS) | BIT(OF_NET_PRIO) | BIT(OF_GROUPS);

/* Bounds on groups inside, which --cgroup-conf may set too: systemd and
 * container engines need far fewer. */
static const char groups_most[][2][24] = {
	{ "cgroup.max.depth", "32" },
	{ "cgroup.max.descendants", "1000" },
};

/* The options by enum group_limit; a file is "" where the kernel has none. */
static const struct rule {
	char option[16];
	unsigned char controller;
	char v1[28], v2[16];
} rules[GROUP_LIMITS] = {
	{ "--memory", CTRL_MEMORY, "memory.limit_in_bytes", "memory.max" },
	{ "--memory-swap", CTRL_MEMORY, "memory.memsw.limit_in_bytes",
	    "memory.swap.max" },
	{ "--memory-high", CTRL_MEMORY, "", "memory.high" },
	{ "--cpus", CTRL_CPU, "cpu.cfs_quota_us", "cpu.max" },
	{ "--cpu-shares", CTRL_CPU, "cpu.shares", "cpu.weight" },
	{ "--cpuset-cpus", CTRL_CPUSET, "cpuset.cpus", "cpuset.cpus" },
	{ "--pids-limit", CTRL_PIDS, "pids.max", "pids.max" },
	{ "--blkio-weight", CTRL_BLKIO, "blkio.weight", "io.weight" },
};

static const char takes[] =
    "a size from 512k on, such as 64m or 1g\0"
    "a size, not less than --memory, or -1\0"
    "a size, such as 512m or 1g\0"
    "processors from 0.01 on, such as 0.5 or 2\0"
    "a number from 2 to 262144\0"
    "a list such as 0-1,3\0"
    "a number from 1 on, or -1\0"
    "a number from 10 to 1000\0";

/* Limits of one block device, from READ_BPS on: MAJOR:MINOR and these. */
static const struct { char option[20], v1[33], v2[9]; } rates[] = {
	{ "--device-read-bps", "blkio.throttle.read_bps_device", " rbps=" },
	{ "--device-write-bps", "blkio.throttle.write_bps_device", " wbps=" },
	{ "--device-read-iops", "blkio.throttle.read_iops_device", " riops=" },
	{ "--device-write-iops", "blkio.throttle.write_iops_device",
	    " wiops=" },
};

const char *
limits_controller(enum controller c, bool v2)
{
	return !v2 ? controllers[c] : NONE_OF_V2 & BIT(c) ? "" :
	    c == CTRL_BLKIO ? "io" : controllers[c];
}

/* ---- what the values mean ------------------------------------------------ */

/* A number from least to most; -1 where it is none. */
static int64_t
number(const char *text, int64_t least, int64_t most)
{
	uint64_t n;

	return text_number(&text, most, &n) && !*text && (int64_t)n >= least ?
	    (int64_t)n : -1;
}

/* Microseconds of a period that "0.5" processors are; -1 where it is none. */
static int64_t
quota(const char *text)
{
	uint64_t whole, part = 0;
	int64_t scale = PERIOD_US;

	if (!text_number(&text, 10000, &whole))
		return -1;
	if (*text == '.' && !*++text)
		return -1;
	for (; *text >= '0' && *text <= '9'; text++) {
		scale /= 10;
		part += (*text - '0') * scale;
	}
	whole = whole * PERIOD_US + part;
	return *text || whole < LEAST_QUOTA_US ? -1 : (int64_t)whole;
}

/* Docker's shares as a weight: the least, the usual and the most of both are
 * the same. */
static int64_t
weight_of_shares(int64_t shares)
{
	return shares <= 1024 ? 1 + (shares - 2) * 99 / 1022 :
	    100 + (shares - 1024) * 9900 / (262144 - 1024);
}

/* What is to be written, -1 for what is no such value. */
static int64_t
value_of(const struct sandbox *s, enum group_limit limit, bool v2)
{
	const char *text = s->limits[limit];
	int64_t n;

	switch (limit) {
	case MEMORY:
		n = text_size(text);
		return n < LEAST_MEMORY ? -1 : n;
	case MEMORY_SWAP:
		/* Of both together, in v1; in v2 of swap alone. */
		n = text_size(text ? text : s->limits[MEMORY]);
		return n - value_of(s, MEMORY, v2) < 0 ? -1 :
		    v2 ? n - value_of(s, MEMORY, v2) : n;
	case MEMORY_HIGH:
		return text_size(text);
	case CPUS:
		return quota(text);
	case CPU_SHARES:
		n = number(text, 2, 262144);
		return n < 0 || !v2 ? n : weight_of_shares(n);
	case PIDS_LIMIT:
		return number(text, 1, MOST_PIDS);
	case BLKIO_WEIGHT:
		n = number(text, 10, 1000);
		return n < 0 || !v2 ? n : 1 + (n - 10) * 9999 / 990;
	default:
		return text[strspn(text, "0123456789,-")] || *text < '0' ||
		    *text > '9' ? -1 : 0;
	}
}

/* What docker takes -1 for. */
static bool
is_unlimited(const struct sandbox *s, enum group_limit limit)
{
	return (limit == MEMORY_SWAP || limit == PIDS_LIMIT) &&
	    s->limits[limit] && strcmp(s->limits[limit], "-1") == 0;
}

/* ---- checking ------------------------------------------------------------ */

static _Noreturn void
bad(const char *value, const char *option, const char *wanted)
{
	char text[96];
	struct strbuf why = STRBUF(text);

	strbuf_add(&why, option);
	strbuf_add(&why, " takes ");
	strbuf_add(&why, wanted);
	diex("bad value", value, text, NULL);
}

/* MAJOR:MINOR of "PATH:RATE", and the rate; dies. */
static int64_t
rate_of(const struct word *w, struct strbuf *device)
{
	const int i = w->kind - READ_BPS;
	const char *colon = strrchr(w->value, ':');
	char path[256];
	struct strbuf l = STRBUF(path);
	struct stat st;
	int64_t n;

	n = !colon || colon - w->value >= (int)sizeof(path) ? -1 :
	    w->kind <= WRITE_BPS ? text_size(colon + 1) :
	    number(colon + 1, 1, INT32_MAX);
	if (n < 0)
		bad(w->value, rates[i].option, w->kind <= WRITE_BPS ?
		    "a device and a size each second, such as /dev/sda:1m" :
		    "a device and a number each second, as /dev/sda:100");
	strbuf_add(&l, w->value);
	path[colon - w->value] = '\0';
	if (stat(path, &st) < 0)
		die("cannot limit", path);
	if (!S_ISBLK(st.st_mode))
		diex("cannot limit", path, "it is no block device", NULL);
	strbuf_number(device, major(st.st_rdev));
	strbuf_add(device, ":");
	strbuf_number(device, minor(st.st_rdev));
	return n;
}

/* The controller of "FILE=VALUE"; what is wrong is refused. */
static enum controller
controller_of(const char *value)
{
	const size_t n = strchrnul(value, '=') - value;
	const char *dot = memchr(value, '.', n);

	if (!value[n] || !value[n + 1] || !dot || dot == value ||
	    memchr(value, '/', n) || n > NAME_MAX)
		bad(value, "--cgroup-conf", "FILE=VALUE, such as pids.max=10");
	for (int i = 0; i < 2; i++)
		if (strlen(groups_most[i][0]) == n &&
		    memcmp(groups_most[i][0], value, n) == 0)
			return OF_GROUPS;
	for (int c = 0; c < CONTROLLERS; c++)
		for (int v2 = 0; v2 < 2; v2++) {
			const char *name = limits_controller(c, v2);

			/* Frozen at the start it would never end. */
			if (c != CTRL_FREEZER && c != OF_GROUPS &&
			    strlen(name) == (size_t)(dot - value) &&
			    memcmp(name, value, dot - value) == 0)
				return c;
		}
	diex("bad value", value, "it is no file of a controller of cgroups",
	    NULL);
}

/* Files that undo, by another name, what an option writes. */
static const struct { unsigned char limit; char file[24]; } besides[] = {
	{ MEMORY, "memory.use_hierarchy" }, { CPUS, "cpu.cfs_period_us" },
	{ CPU_SHARES, "cpu.weight.nice" }, { CPU_SHARES, "cpu.idle" },
	{ BLKIO_WEIGHT, "io.bfq.weight" }, { BLKIO_WEIGHT, "blkio.bfq.weight" },
};

static bool
is_file(const char *conf, const char *file)
{
	const size_t n = strlen(file);

	return n > 0 && strncmp(conf, file, n) == 0 && conf[n] == '=';
}

/* The option that writes the file of a "FILE=VALUE", or NULL. */
static const char *
writer_of(const struct sandbox *s, const char *conf)
{
	for (int i = 0; i < GROUP_LIMITS; i++) {
		/* Then nothing is swapped. */
		const int by = i == MEMORY_SWAP && !s->limits[i] ? MEMORY : i;

		if (s->limits[by] && (is_file(conf, rules[i].v1) ||
		    is_file(conf, rules[i].v2)))
			return rules[by].option;
	}
	for (size_t i = 0; i < sizeof(besides) / sizeof(besides[0]); i++)
		if (s->limits[besides[i].limit] &&
		    is_file(conf, besides[i].file))
			return rules[besides[i].limit].option;
	for (int i = 0; i < s->word_count; i++) {
		const int k = s->words[i].kind - READ_BPS;

		if (s->words[i].kind >= READ_BPS &&
		    s->words[i].kind <= WRITE_IOPS &&
		    (is_file(conf, "io.max") || is_file(conf, rates[k].v1)))
			return rates[k].option;
	}
	return s->oom == OOM_GROUP && is_file(conf, "memory.oom.group") ?
	    "--oom group" : NULL;
}

/* The kernel keeps the last rate of a device, by whatever path it is named. */
static void
check_rate(const struct sandbox *s, int i)
{
	const struct word *w = &s->words[i];
	char text[32], other[32];
	struct strbuf device = STRBUF(text);
	const int64_t rate = rate_of(w, &device);

	for (int k = 0; k < i; k++) {
		struct strbuf l = STRBUF(other);

		if (s->words[k].kind == w->kind &&
		    rate_of(&s->words[k], &l) != rate &&
		    strcmp(text, other) == 0)
			diex("cannot take", w->value, "the device has "
			    "another rate already", "give it once");
	}
}

/* Written last it would lift a limit without a word. */
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
	    w->kind >= READ_BPS && w->kind <= WRITE_IOPS ? CTRL_BLKIO : -1;
}

static void
check_limit(const struct sandbox *s, enum group_limit i)
{
	const char *wanted = takes;

	for (int k = 0; k < (int)i; k++)
		wanted += strlen(wanted) + 1;
	if (i == MEMORY_SWAP && !s->limits[MEMORY])
		diex("cannot use", "--memory-swap", "it is of --memory and "
		    "swap together", "--memory as well");
	if (!is_unlimited(s, i) && value_of(s, i, false) < 0)
		bad(s->limits[i], rules[i].option, wanted);
}

unsigned int
limits_check(const struct sandbox *s)
{
	unsigned int needed = 0;

	for (int i = 0; i < GROUP_LIMITS; i++)
		if (s->limits[i]) {
			check_limit(s, i);
			needed |= BIT(rules[i].controller);
		}
	for (int i = 0; i < s->word_count; i++) {
		const struct word *w = &s->words[i];

		if (controller_of_word(w) >= 0)
			needed |= BIT(controller_of_word(w));
		if (w->kind >= READ_BPS && w->kind <= WRITE_IOPS)
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
		if (s->limits[i] && rules[i].controller == c)
			return rules[i].option;
	for (int i = 0; i < s->word_count; i++)
		if (controller_of_word(&s->words[i]) == (int)c)
			return s->words[i].value;
	return c == CTRL_MEMORY ? "--oom group" : controllers[c];
}

/* ---- writing ------------------------------------------------------------- */

static _Noreturn void
not_taken(const char *file, const char *value)
{
	char text[160];
	struct strbuf l = STRBUF(text);
	const int error = errno;

	strbuf_add(&l, file);
	strbuf_add(&l, "=");
	strbuf_add(&l, value);
	diex("cannot set", text, strerror(error), error == ENOENT ?
	    "this kernel, or the group above, has no such file" :
	    error == EACCES || error == EPERM ? "root may, or in a group of "
	    "its own: systemd-run --user --scope -p Delegate=yes" :
	    error == ERANGE ? "this machine has not got so many" : NULL);
}

static void
put(int group, const char *file, const char *value)
{
	if (!file_write(group, file, value))
		not_taken(file, value);
}

/* Where the kernel does not count swap it is enough that there is none. */
static bool
there_is_swap(void)
{
	char text[256];
	const char *second;

	if (!proc_read("swaps", text, sizeof(text)))
		return false;
	second = strchr(text, '\n');
	return second && second[1];
}

/* Some kernels weigh by BFQ alone, on the scale of v1. */
static void
put_weight(const struct sandbox *s, int group, const char *file,
    const char *value, bool v2)
{
	char text[24];
	struct strbuf l = STRBUF(text);

	if (file_write(group, file, value))
		return;
	strbuf_number(&l, value_of(s, BLKIO_WEIGHT, false));
	put(group, v2 ? "io.bfq.weight" : "blkio.bfq.weight", text);
}

/* The kernel takes processors that the group cannot have, and goes on with
 * those of the group above. */
static void
check_processors(int group, const char *value)
{
	char wanted[4096], found[4096];

	if (file_read(group, "cpuset.cpus", wanted, sizeof(wanted)) &&
	    file_read(group, "cpuset.cpus.effective", found, sizeof(found)) &&
	    strcmp(wanted, found) != 0)
		diex("cannot set", "cpuset.cpus", value,
		    "not all of these processors are there for it");
}

static void
write_limit(const struct sandbox *s, enum group_limit limit, int group, bool v2)
{
	const struct rule *r = &rules[limit];
	const char *file = v2 ? r->v2 : r->v1;
	const char *value = s->limits[limit];
	char text[48];
	struct strbuf l = STRBUF(text);

	if (!*file)
		diex("cannot limit", r->option, "cgroup v1 has nothing like "
		    "it", "a host with cgroup v2");
	if (limit != CPUSET_CPUS) {
		if (is_unlimited(s, limit))
			strbuf_add(
			    &l, v2 || limit == PIDS_LIMIT ? "max" : "-1");
		else
			strbuf_number(&l, value_of(s, limit, v2));
		if (limit == CPUS && v2)
			strbuf_add(&l, " 100000");
		value = text;
	}
	if (limit == BLKIO_WEIGHT)
		put_weight(s, group, file, value, v2);
	else if (!file_write(group, file, value) &&
	    (limit != MEMORY_SWAP || s->limits[limit] || there_is_swap()))
		put(group, file, value);
	if (limit == CPUSET_CPUS && v2)
		check_processors(group, value);
}

static void
write_word(const struct word *w, int group, bool v2)
{
	const int i = w->kind - READ_BPS;
	char text[256];
	struct strbuf l = STRBUF(text);

	if (w->kind == CGROUP_CONF) {
		const size_t n = strchrnul(w->value, '=') - w->value;

		strbuf_add(&l, w->value);
		text[n] = '\0';
		put(group, text, w->value + n + 1);
	} else {
		int64_t n = rate_of(w, &l);

		strbuf_add(&l, v2 ? rates[i].v2 : " ");
		strbuf_number(&l, n);
		put(group, v2 ? "io.max" : rates[i].v1, text);
	}
}

void
limits_write_oom(const struct sandbox *s, int group, bool v2)
{
	if (s->oom != OOM_GROUP)
		return;
	if (!v2)
		diex("cannot use", "--oom group", "cgroup v1 has nothing "
		    "like it", "a host with cgroup v2");
	put(group, "memory.oom.group", "1");
}

/* Linux 4.14. */
void
limits_write_groups(int group)
{
	for (int i = 0; i < 2; i++)
		if (!file_write(group, groups_most[i][0], groups_most[i][1]) &&
		    errno != ENOENT)
			not_taken(groups_most[i][0], groups_most[i][1]);
}

void
limits_write(const struct sandbox *s, int group, unsigned int which, bool v2)
{
	/* Before Linux 5.11 it was not what a group of v1 began with. */
	if (!v2 && (which & BIT(CTRL_MEMORY)))
		file_write(group, "memory.use_hierarchy", "1");
	for (int i = 0; i < GROUP_LIMITS; i++)
		if ((which & BIT(rules[i].controller)) && (s->limits[i] ||
		    (i == MEMORY_SWAP && s->limits[MEMORY])))
			write_limit(s, i, group, v2);
	for (int i = 0; i < s->word_count; i++) {
		int c = controller_of_word(&s->words[i]);

		if (c >= 0 && (which & BIT(c)))
			write_word(&s->words[i], group, v2);
	}
}
