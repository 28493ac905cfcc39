/* libFuzzer target: hostile values for volumes_prepare(). */
#include "sandbox/volumes.c"

#include "fuzz_words.h"

static void
call(const struct sandbox *s)
{
	bindings.count = 0;
	volumes_prepare(s);
	for (int i = 0; i < bindings.count; i++) {
		const struct bind *b = &bindings.table[i];

		CLAIM(b->to[0] == '/');
		CLAIM(b->kind == TMPFS || b->kind == DIR_AT || *b->from);
		CLAIM(!b->mode || strlen(b->mode) <= 4);
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

		if (b->source > 2 && b->kind != FILE_AT)
			close(b->source);
	}
	return 0;
}
