#include <string.h>

#include "../cli/log.h"
#include "../cli/values.h"
#include "cgroup.h"
#include "counters.h"
#include "groups.h"
#include "proc.h"

/* Source of a counter: the number after a key in a file of the outer group. */
static const struct source {
	unsigned char counter, controller;
	/* Read the inner group too and take the larger value, not the sum: some
	 * files count only the group itself, and both may count the same event.
	 */
	bool reads_inner;
	bool is_time;           /* v1: nanoseconds; v2: microseconds */
	char v1_file[42], v1_key[16], v2_file[14], v2_key[16];
} sources[] = {
	{ .counter = MEMORY_PEAK, .controller = CTRL_MEMORY,
	    .v1_file = "memory.max_usage_in_bytes", .v2_file = "memory.peak" },
	{ .counter = PIDS_PEAK, .controller = CTRL_PIDS,
	    .v1_file = "pids.peak", .v2_file = "pids.peak" },
	/* With the mount option memory_localevents, events of the inner group
	 * are not counted in the outer one. cgroup-v2.rst */
	{ .counter = OOM_KILLS, .controller = CTRL_MEMORY, .reads_inner = true,
	    .v1_file = "memory.oom_control", .v1_key = "oom_kill ",
	    .v2_file = "memory.events", .v2_key = "oom_kill " },
	{ .counter = THROTTLED_MS, .controller = CTRL_CPU, .reads_inner = true,
	    .is_time = true,
	    .v1_file = "cpu.stat", .v1_key = "throttled_time ",
	    .v2_file = "cpu.stat", .v2_key = "throttled_usec " },
	{ .counter = IO_READ, .controller = CTRL_BLKIO,
	    .v1_file = "blkio.throttle.io_service_bytes_recursive",
	    .v1_key = " Read ", .v2_file = "io.stat", .v2_key = " rbytes=" },
	{ .counter = IO_WRITTEN, .controller = CTRL_BLKIO,
	    .v1_file = "blkio.throttle.io_service_bytes_recursive",
	    .v1_key = " Write ", .v2_file = "io.stat", .v2_key = " wbytes=" },
	{ .counter = USER_MS, .controller = CTRL_CPUACCT, .is_time = true,
	    .v1_file = "cpuacct.usage_user",
	    .v2_file = "cpu.stat", .v2_key = "user_usec " },
	{ .counter = SYSTEM_MS, .controller = CTRL_CPUACCT, .is_time = true,
	    .v1_file = "cpuacct.usage_sys",
	    .v2_file = "cpu.stat", .v2_key = "system_usec " },
	{ .counter = PIDS_REFUSED, .controller = CTRL_PIDS,
	    .reads_inner = true,
	    .v1_file = "pids.events", .v1_key = "max ",
	    .v2_file = "pids.events", .v2_key = "max " },
};

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
read_counter(const struct source *s)
{
	char file[64] = GROUP_INNER "/";
	const size_t in_outer = sizeof(GROUP_INNER "/") - 1;
	struct strbuf l = { file, sizeof(file), in_outer };
	bool v2;
	const int group = cgroup_fd_of(s->controller, &v2);
	const char *key = v2 ? s->v2_key : s->v1_key;
	int64_t n, inner = 0;

	if (group < 0)
		return -1;
	strbuf_add(&l, v2 ? s->v2_file : s->v1_file);
	n = sum_key(group, file + in_outer, key);
	if (s->reads_inner && cgroup_has_inner())
		inner = sum_key(group, file, key);
	/* Since about Linux 5.14, v1 counts bytes only for throttled
	 * devices: 0 means unknown. */
	if (!v2 && n == 0 && s->controller == CTRL_BLKIO)
		n = -1;
	if (n < 0)
		return -1;
	n = n > inner ? n : inner;
	return !s->is_time ? n : v2 ? n / 1000 : n / 1000000;
}

void
counters_read(int64_t n[COUNTERS])
{
	for (int i = 0; i < COUNTERS; i++)
		n[i] = -1;
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		n[sources[i].counter] = read_counter(&sources[i]);
}
