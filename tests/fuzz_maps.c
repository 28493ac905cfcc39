/* libFuzzer target: hostile values for ids_prepare(). */
#include "sandbox/ids.c"

#include "fuzz_words.h"

static void
call(const struct word_list *words)
{
	struct id_map maps[MOST];
	struct sandbox s = { .id_maps = maps };

	for (int i = 0; i < words->word_count; i++)
		if (value_id_map(&maps[s.id_map_count], words->words[i].value,
		    words->words[i].kind == GROUPS))
			s.id_map_count++;
	memset(&chosen, 0, sizeof(chosen));
	proc_open();
	map_option_ids(&chosen, &s);
	for (int which = USERS; which <= GROUPS; which++)
		for (int i = 0; i < chosen.maps[which].count; i++) {
			const struct extent *e = &chosen.maps[which].extents[i];

			CLAIM(e->count > 0);
			CLAIM((uint64_t)e->inside + e->count <= UINT32_MAX);
			CLAIM((uint64_t)e->outside + e->count <= UINT32_MAX);
		}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char of[] = { USERS, GROUPS };

	run_words(data, size, "ug", of, call);
	return 0;
}
