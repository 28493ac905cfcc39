#include <string.h>

#include "../cli/log.h"
#include "../cli/values.h"
#include "cgroup.h"
#include "counters.h"
#include "proc.h"

/* Group whose file is read: the outer one, or the outer and the inner one. In
 * that case take the larger value, not the sum: some files count only the group
 * itself, and both may count the same event. */
enum { OUTER, LARGER };

/* Source of a counter. unit: file units per byte, number or millisecond. */
static const struct source {
	unsigned char counter, controller;
	unsigned char groups[2];        /* v1, v2 */
	int unit[2];                    /* v1, v2 */
} sources[] = {
	{ MEMORY_PEAK, CTRL_MEMORY, { OUTER, OUTER }, { 1, 1 } },
	{ PIDS_PEAK, CTRL_PIDS, { OUTER, OUTER }, { 1, 1 } },
	/* With the mount option memory_localevents, events of the inner group
	 * are not counted in the outer one. cgroup-v2.rst */
	{ OOM_KILLS, CTRL_MEMORY, { LARGER, LARGER }, { 1, 1 } },
	{ THROTTLED_MS, CTRL_CPU, { LARGER, LARGER }, { 1000000, 1000 } },
	{ IO_READ, CTRL_BLKIO, { OUTER, OUTER }, { 1, 1 } },
	{ IO_WRITTEN, CTRL_BLKIO, { OUTER, OUTER }, { 1, 1 } },
	{ USER_MS, CTRL_CPUACCT, { OUTER, OUTER }, { 1000000, 1000 } },
	{ SYSTEM_MS, CTRL_CPUACCT, { OUTER, OUTER }, { 1000000, 1000 } },
	{ PIDS_REFUSED, CTRL_PIDS, { LARGER, LARGER }, { 1, 1 } },
};

/* File and key of v1, then of v2, in the order of sources. */
enum { V1, V2 = 2, WORDS_PER_SOURCE = 4 };
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

/* Return the sum of the numbers after each key in a file. If key is "", return
 * the number that the file begins with. -1 if the file cannot be read. */
static int64_t
sum_key(int group, const char *file, const char *key)
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
read_counter(const struct source *s, const char *const own[WORDS_PER_SOURCE])
{
	char file[64] = "pay/";
	struct strbuf l = { file, sizeof(file), 4 };
	bool v2;
	const int group = cgroup_fd_of(s->controller, &v2);
	const char *const *w = own + (v2 ? V2 : V1);
	int64_t n, inner = 0;

	if (group < 0)
		return -1;
	strbuf_add(&l, w[0]);
	n = sum_key(group, file + 4, w[1]);
	if (s->groups[v2] == LARGER && cgroup_has_inner())
		inner = sum_key(group, file, w[1]);
	/* Since about Linux 5.14, v1 counts bytes only for throttled
	 * devices: 0 means unknown. */
	if (!v2 && n == 0 && s->controller == CTRL_BLKIO)
		n = -1;
	return n < 0 ? -1 : (n > inner ? n : inner) / s->unit[v2];
}

void
counters_read(int64_t n[COUNTERS])
{
	const char *next = words;

	for (int i = 0; i < COUNTERS; i++)
		n[i] = -1;
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		const char *own[WORDS_PER_SOURCE];

		for (int w = 0; w < WORDS_PER_SOURCE; w++) {
			own[w] = next;
			next += strlen(next) + 1;
		}
		n[sources[i].counter] = read_counter(&sources[i], own);
	}
}
