/* libFuzzer target: hostile values for the parser of the limits and for
 * limits_check(). */
#include "sandbox/limits.c"

#include "cli/options.h"
#include "fuzz_words.h"

/* Options, and the first character of their lines. */
static const char letters[] = "rwRWkmshcCSpbj";
static const char *const names[] = {
	"--device-read-bps", "--device-write-bps", "--device-read-iops",
	"--device-write-iops", "--cgroup-conf", "--memory", "--memory-swap",
	"--memory-high", "--cpus", "--cpu-shares", "--cpuset-cpus",
	"--pids-limit", "--blkio-weight", "--cgroup-join",
};

/* Check the values that the module relies on. */
static void
check_settings(const struct sandbox *s)
{
	for (int i = 0; i < s->setting_count; i++) {
		const struct group_setting *g = &s->settings[i];
		const char end = g->text[g->length];

		CLAIM((controller_of_setting(g) < 0) ==
		    (g->kind == CGROUP_JOIN));
		CLAIM(g->kind == CGROUP_JOIN || end == ':' || end == '=');
		CLAIM(g->kind == CGROUP_CONF || g->n > 0);
	}
}

static void
call(const struct word_list *words)
{
	/* Static: settings point to the values. */
	static struct options o;
	char *argv[2 * MOST + 3] = { (char *)"pith" };
	int n = 1;

	for (int i = 0; i < words->word_count; i++) {
		argv[n++] = (char *)names[words->words[i].kind];
		argv[n++] = words->words[i].value;
	}
	argv[n] = (char *)"run";
	options_parse(&o, NULL, argv, false);
	limits_check(&o.sandbox);
	for (int i = 0; i < GROUP_LIMITS; i++)
		if (o.sandbox.limits[i].text &&
		    o.sandbox.limits[i].n != UNLIMITED)
			for (int v2 = 0; v2 < 2; v2++)
				CLAIM(limit_number(&o.sandbox, i, v2) >= 0);
	check_settings(&o.sandbox);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char of[] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
	};

	run_words(data, size, letters, of, call);
	return 0;
}
