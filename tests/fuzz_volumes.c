/* libFuzzer target: hostile values for volumes_prepare(). */
#include "sandbox/volumes.c"

#include "fuzz_words.h"

static void
call(const struct word_list *words)
{
	struct bind_value values[MOST];
	struct sandbox s = { .binds = values };
	const char *bad_setting;

	for (int i = 0; i < words->word_count; i++)
		if (value_bind(&values[s.bind_count], words->words[i].kind,
		    words->words[i].value, &bad_setting))
			s.bind_count++;
	bindings.count = 0;
	volumes_prepare(&s);
	for (int i = 0; i < bindings.count; i++) {
		const struct bind_value *b = &bindings.table[i].value;

		CLAIM(b->to[0] == '/');
		CLAIM(b->kind == TMPFS || b->kind == DIR_AT || *b->from);
		CLAIM(b->mode >= -1 && b->mode <= 07777);
		CLAIM(!b->size || !strchr(b->size, ','));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char of[] = { VOLUME, TMPFS, DIR_AT, SYMLINK,
	    FILE_AT, DEVICE };

	run_words(data, size, "vtdsfD", of, call);
	for (int i = 0; i < bindings.count; i++) {
		const struct bind *b = &bindings.table[i];

		if (b->source > 2 && b->value.kind != FILE_AT)
			close(b->source);
	}
	return 0;
}
