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
} sources[] = {
	{ MEMORY_PEAK, CTRL_MEMORY, { OF_P, OF_P }, { 1, 1 } },
	{ PIDS_PEAK, CTRL_PIDS, { OF_P, OF_P }, { 1, 1 } },
	/* v2 may be mounted with memory_localevents. */
	{ OOM_KILLS, CTRL_MEMORY, { OF_BOTH, OF_BOTH }, { 1, 1 } },
	{ THROTTLED_MS, CTRL_CPU, { OF_BOTH, OF_BOTH }, { 1000000, 1000 } },
	{ IO_READ, CTRL_BLKIO, { OF_P, OF_P }, { 1, 1 } },
	{ IO_WRITTEN, CTRL_BLKIO, { OF_P, OF_P }, { 1, 1 } },
	{ USER_MS, CTRL_CPUACCT, { OF_P, OF_P }, { 1000000, 1000 } },
	{ SYSTEM_MS, CTRL_CPUACCT, { OF_P, OF_P }, { 1000000, 1000 } },
	{ PIDS_REFUSED, CTRL_PIDS, { OF_BOTH, OF_BOTH }, { 1, 1 } },
};

/* The file and the key of v1, and those of v2, in the order of the sources. */
enum { V1, V2 = 2, WORDS_OF_ONE = 4 };
static const char words[] =
	"memory.max_usage_in_bytes\0" "\0" "memory.peak\0" "\0"
	"pids.peak\0" "\0" "pids.peak\0" "\0"
	"memory.oom_control\0" "oom_kill \0" "memory.events\0" "oom_kill \0"
	"cpu.stat\0" "throttled_time \0" "cpu.stat\0" "throttled_usec \0"
	"blkio.throttle.io_service_bytes_recursive\0" " Read \0"
	    "io.stat\0" " rbytes=\0"
	"blkio.throttle.io_service_bytes_recursive\0" " Write \0"
	    "io.stat\0" " wbytes=\0"
	"cpuacct.usage_user\0" "\0" "cpu.stat\0" "user_usec \0"
	"cpuacct.usage_sys\0" "\0" "cpu.stat\0" "system_usec \0"
	"pids.events\0" "max \0" "pids.events\0" "max ";

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
count(const struct source *s, const char *const own[WORDS_OF_ONE])
{
	char file[64] = "pay/";
	struct strbuf l = { file, sizeof(file), 4 };
	bool v2;
	const int group = cgroup_fd_of(s->controller, &v2);
	const char *const *w = own + (v2 ? V2 : V1);
	int64_t n, other = 0;

	if (group < 0)
		return -1;
	strbuf_add(&l, w[0]);
	n = sum(group, file + 4, w[1]);
	if (s->whose[v2] == OF_BOTH && cgroup_has_inner())
		other = sum(group, file, w[1]);
	/* v1 counts bytes of what is throttled alone, since Linux 5.14 or so.
	 */
	if (!v2 && n == 0 && s->controller == CTRL_BLKIO)
		n = -1;
	return n < 0 ? -1 : (n > other ? n : other) / s->unit[v2];
}

void
counters_read(int64_t n[COUNTERS])
{
	const char *next = words;

	for (int i = 0; i < COUNTERS; i++)
		n[i] = -1;
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		const char *own[WORDS_OF_ONE];

		for (int w = 0; w < WORDS_OF_ONE; w++) {
			own[w] = next;
			next += strlen(next) + 1;
		}
		n[sources[i].counter] = count(&sources[i], own);
	}
}
