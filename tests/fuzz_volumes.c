/* libFuzzer: hostile words for volumes_prepare(). */
#include "sandbox/volumes.c"

#include "fuzz_words.h"

static void
call(const struct sandbox *s)
{
	step_count = 0;
	volumes_prepare(s);
	for (int i = 0; i < step_count; i++) {
		CLAIM(steps[i].to[0] == '/');
		CLAIM(steps[i].kind == TMPFS || steps[i].kind == DIR_AT ||
		    *steps[i].from);
		CLAIM(!steps[i].mode || strlen(steps[i].mode) <= 4);
		CLAIM(!steps[i].size || !strchr(steps[i].size, ','));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char of[] = { VOLUME, TMPFS, DIR_AT, SYMLINK,
	    FILE_AT, DEVICE };

	look_at_words(data, size, "vtdsfD", of, call);
	for (int i = 0; i < step_count; i++)
		if (steps[i].source > 2 && steps[i].kind != FILE_AT)
			close(steps[i].source);
	return 0;
}
