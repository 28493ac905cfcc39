/* libFuzzer target: hostile values for volumes_prepare(). */
#include "sandbox/volumes.c"

#include "fuzz_words.h"

static void
call(const struct sandbox *s)
{
	bind_count = 0;
	volumes_prepare(s);
	for (int i = 0; i < bind_count; i++) {
		CLAIM(binds[i].to[0] == '/');
		CLAIM(binds[i].kind == TMPFS || binds[i].kind == DIR_AT ||
		    *binds[i].from);
		CLAIM(!binds[i].mode || strlen(binds[i].mode) <= 4);
		CLAIM(!binds[i].size || !strchr(binds[i].size, ','));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char of[] = { VOLUME, TMPFS, DIR_AT, SYMLINK,
	    FILE_AT, DEVICE };

	run_words(data, size, "vtdsfD", of, call);
	for (int i = 0; i < bind_count; i++)
		if (binds[i].source > 2 && binds[i].kind != FILE_AT)
			close(binds[i].source);
	return 0;
}
