#include <string.h>

#include "../cli/log.h"
#include "cgroup.h"
#include "counters.h"
#include "proc.h"

/* Whose file: P's; or of it and that of P/pay the one that has counted more, as
 * each counts for itself, and both may count the same. */
enum { OF_P, OF_BOTH };

/* Where a counter is: the numbers after each key, in units of the last. */
static const struct source {
	unsigned char counter, controller;
	unsigned char whose[2];         /* v1, v2 */
	int unit[2];
	char v1[44], key1[16], v2[16], key2[16];
} sources[] = {
	{ MEMORY_PEAK, OF_MEMORY, { OF_P, OF_P }, { 1, 1 },
	    "memory.max_usage_in_bytes", "", "memory.peak", "" },
	{ PIDS_PEAK, OF_PIDS, { OF_P, OF_P }, { 1, 1 },
	    "pids.peak", "", "pids.peak", "" },
	{ OOM_KILLS, OF_MEMORY, { OF_BOTH, OF_P }, { 1, 1 },
	    "memory.oom_control", "oom_kill ", "memory.events", "oom_kill " },
	{ THROTTLED_MS, OF_CPU, { OF_BOTH, OF_BOTH }, { 1000000, 1000 },
	    "cpu.stat", "throttled_time ", "cpu.stat", "throttled_usec " },
	{ IO_READ, OF_BLKIO, { OF_P, OF_P }, { 1, 1 },
	    "blkio.throttle.io_service_bytes_recursive", " Read ",
	    "io.stat", " rbytes=" },
	{ IO_WRITTEN, OF_BLKIO, { OF_P, OF_P }, { 1, 1 },
	    "blkio.throttle.io_service_bytes_recursive", " Write ",
	    "io.stat", " wbytes=" },
	{ USER_MS, OF_CPUACCT, { OF_P, OF_P }, { 1000000, 1000 },
	    "cpuacct.usage_user", "", "cpu.stat", "user_usec " },
	{ SYSTEM_MS, OF_CPUACCT, { OF_P, OF_P }, { 1000000, 1000 },
	    "cpuacct.usage_sys", "", "cpu.stat", "system_usec " },
	{ PIDS_REFUSED, OF_PIDS, { OF_BOTH, OF_BOTH }, { 1, 1 },
	    "pids.events", "max ", "pids.events", "max " },
};

/* The sum of the numbers after each key, or the first one where it is ""; -1
 * where there is no such file. */
static int64_t
sum(int group, const char *file, const char *key)
{
	char text[4096];
	const size_t length = strlen(key);
	int64_t total = 0;
	uint64_t n;

	if (!file_read(group, file, text, sizeof(text)))
		return -1;
	for (const char *at = text; *at; at++) {
		const char *number = at + length;

		if (strncmp(at, key, length) == 0 &&
		    text_number(&number, INT64_MAX, &n))
			total += n;
		if (!*key)
			break;
	}
	return total;
}

static int64_t
count(const struct source *s)
{
	char file[64] = "pay/";
	struct line l = { file, sizeof(file), 4 };
	bool v2;
	const int group = cgroup_of(s->controller, &v2);
	const char *key = v2 ? s->key2 : s->key1;
	int64_t n, other = 0;

	if (group < 0)
		return -1;
	line_add(&l, v2 ? s->v2 : s->v1);
	n = sum(group, file + 4, key);
	if (s->whose[v2] == OF_BOTH && cgroup_has_pay())
		other = sum(group, file, key);
	/* v1 counts bytes of what is throttled alone, since Linux 5.14 or so.
	 */
	if (!v2 && n == 0 && s->controller == OF_BLKIO)
		n = -1;
	return n < 0 ? -1 : (n > other ? n : other) / s->unit[v2];
}

void
counters_read(int64_t n[COUNTERS])
{
	for (int i = 0; i < COUNTERS; i++)
		n[i] = -1;
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		n[sources[i].counter] = count(&sources[i]);
}
