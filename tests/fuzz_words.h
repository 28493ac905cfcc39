/* Functions that the fuzz targets for sandbox options share. An input consists
 * of lines. The first character of a line selects the option, and the rest is
 * its value. Each target includes the module that it tests and must reset the
 * state of that module before each call. */
#ifndef PITH_FUZZ_WORDS_H
#define PITH_FUZZ_WORDS_H

#include "fuzz.h"
#include "sandbox/sandbox.h"

enum { MOST = 64 };

/* One option of an input. */
struct word {
	unsigned char kind;
	char *value;
};

struct word_list {
	struct word *words;
	int word_count;
};

extern char **environ;

/* Run call(s). Check that it returns without output, or dies with one line.
 * Then restore environ. */
static void
run_call(const struct word_list *s, void (*call)(const struct word_list *))
{
	static char **ours;

	ours = environ;
	writes = 0;
	caught = true;
	if (setjmp(end) == 0) {
		call(s);
		caught = false;
		CLAIM(writes == 0);
	} else {
		caught = false;
		CLAIM(ended_with == 125);
		check_error("pith");
	}
	environ = ours;
}

/* Split the input into words and run call() on them, which checks the state of
 * the module. kinds has the characters of the options that of lists. */
static void
run_words(const uint8_t *data, size_t size, const char *kinds,
    const unsigned char *of, void (*call)(const struct word_list *))
{
	struct word words[MOST];
	struct word_list s = { .words = words };

	while (size > 0 && s.word_count < MOST) {
		const uint8_t *end_of_line = memchr(data, '\n', size);
		size_t n = end_of_line ? (size_t)(end_of_line - data) : size;
		const char *kind = strchr(kinds, *data);
		char *text = n > 0 ? malloc(n) : NULL;

		/* On the heap: the sanitizer detects a read past its end. */
		if (text && kind && *kind) {
			memcpy(text, data + 1, n - 1);
			text[n - 1] = '\0';
			words[s.word_count].kind = of[kind - kinds];
			words[s.word_count++].value = text;
		} else {
			free(text);
		}
		n += end_of_line != NULL;
		data += n;
		size -= n;
	}
	run_call(&s, call);
	for (int i = 0; i < s.word_count; i++)
		free(s.words[i].value);
}

#endif
