#include <limits.h>
#include <string.h>

#include "values.h"
#include "values_cgroup.h"

enum {
	MIN_QUOTA_US = 1000,            /* the kernel's minimum: 0.01 CPU */
	MIN_MEMORY = 512 * 1024,        /* enough for pith and an exec */
	MAX_PIDS = 1 << 22              /* PID_MAX_LIMIT */
};

/* A decimal number from least to most; -1 if text is none. */
static int64_t
number_from(const char *text, int64_t least, int64_t most)
{
	const int64_t n = value_number(text, most);

	return n < least ? -1 : n;
}

/* Convert a number of CPUs, such as "0.5", to a quota in microseconds of each
 * period; -1 if text is none. */
static int64_t
cpu_quota(const char *text)
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

/* True for a list such as "0-1,3". The kernel checks its numbers. */
static bool
is_cpu_list(const char *text)
{
	return *text >= '0' && *text <= '9' &&
	    !text[strspn(text, "0123456789,-")];
}

static int64_t
limit_of(enum group_limit which, const char *text)
{
	const int64_t size = value_size(text);

	switch (which) {
	case MEMORY:
		return size < MIN_MEMORY ? -1 : size;
	case MEMORY_SWAP:
	case MEMORY_HIGH:
		return size;
	case CPUS:
		return cpu_quota(text);
	case CPU_SHARES:
		return number_from(text, 2, 262144);
	case CPUSET_CPUS:
		return is_cpu_list(text) ? 0 : -1;
	case PIDS_LIMIT:
		return number_from(text, 1, MAX_PIDS);
	default:
		return number_from(text, 10, 1000);
	}
}

bool
value_limit(enum group_limit which, const char *text, struct limit_value *l)
{
	/* -1 means no limit, as in docker. */
	const bool unlimited = (which == MEMORY_SWAP || which == PIDS_LIMIT) &&
	    strcmp(text, "-1") == 0;
	const int64_t n = unlimited ? UNLIMITED : limit_of(which, text);

	if (n < 0 && !unlimited)
		return false;
	*l = (struct limit_value){ text, n };
	return true;
}

const char *
value_limit_form(enum group_limit which)
{
	switch (which) {
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

/* Parse "PATH:RATE". */
static bool
parse_rate(const char *text, bool is_size, struct group_setting *g)
{
	const char *colon = strrchr(text, ':');

	if (!colon || colon - text >= DEVICE_PATH)
		return false;
	g->length = colon - text;
	g->n = is_size ? value_size(colon + 1) :
	    number_from(colon + 1, 1, INT32_MAX);
	return g->n > 0;
}

/* Parse "FILE=VALUE", where FILE is "CONTROLLER.NAME". */
static bool
parse_file(const char *text, struct group_setting *g)
{
	const size_t n = strchrnul(text, '=') - text;
	const char *dot = memchr(text, '.', n);

	g->length = n;
	return text[n] && text[n + 1] && dot && dot > text &&
	    !memchr(text, '/', n) && n <= NAME_MAX;
}

bool
value_setting(
    enum group_setting_kind which, const char *text, struct group_setting *g)
{
	*g = (struct group_setting){ .kind = which, .text = text };
	switch (which) {
	case CGROUP_CONF:
		return parse_file(text, g);
	case CGROUP_JOIN:
		return (g->n = value_number(text, INT_MAX)) > 0;
	default:
		return parse_rate(text, which == READ_BPS ||
		    which == WRITE_BPS, g);
	}
}

const char *
value_setting_form(enum group_setting_kind which)
{
	switch (which) {
	case READ_BPS:
	case WRITE_BPS:
		return "a device and bytes per second, such as /dev/sda:1m";
	case READ_IOPS:
	case WRITE_IOPS:
		return "a device and operations per second, such as "
		    "/dev/sda:100";
	case CGROUP_CONF:
		return "FILE=VALUE, such as pids.max=10";
	default:
		return "a process id";
	}
}
