/* libFuzzer target: hostile values for limits_check(). */
#include "sandbox/limits.c"

#include "fuzz_words.h"

enum { GIVEN_ONCE = 100 };              /* kinds from here on are limits */

static void
call(const struct sandbox *words)
{
	struct sandbox s = { 0 };

	/* Static: limits_check() may keep pointers to the words. */
	static struct word kept[MOST];

	s.words = kept;
	for (int i = 0; i < words->word_count; i++)
		if (words->words[i].kind >= GIVEN_ONCE)
			s.limits[words->words[i].kind - GIVEN_ONCE] =
			    words->words[i].value;
		else
			s.words[s.word_count++] = words->words[i];
	limits_check(&s);
	for (int i = 0; i < GROUP_LIMITS; i++)
		if (s.limits[i] && !is_unlimited(&s, i))
			for (int v2 = 0; v2 < 2; v2++)
				CLAIM(limit_number(&s, i, v2) >= 0);
	for (int i = 0; i < s.word_count; i++)
		CLAIM(controller_of_word(&s.words[i]) >= 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char of[] = {
		READ_BPS, WRITE_BPS, READ_IOPS, WRITE_IOPS, CGROUP_CONF,
		GIVEN_ONCE + MEMORY, GIVEN_ONCE + MEMORY_SWAP,
		GIVEN_ONCE + MEMORY_HIGH, GIVEN_ONCE + CPUS,
		GIVEN_ONCE + CPU_SHARES, GIVEN_ONCE + CPUSET_CPUS,
		GIVEN_ONCE + PIDS_LIMIT, GIVEN_ONCE + BLKIO_WEIGHT,
	};

	run_words(data, size, "rwRWkmshcCSpb", of, call);
	return 0;
}
