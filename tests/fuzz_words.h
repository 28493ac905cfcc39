/* What the targets for options of a sandbox share: an input is lines, each a
 * word of the kind that its first character says. Each of the targets includes
 * the room that it is about, whose state has to begin anew. */
#ifndef PITH_FUZZ_WORDS_H
#define PITH_FUZZ_WORDS_H

#include "fuzz.h"
#include "sandbox/sandbox.h"

enum { MOST = 64 };

extern char **environ;

/* Call, and see that it comes back in silence or refuses in one line. environ
 * is as before then. */
static void
comes_back(const struct sandbox *s, void (*call)(const struct sandbox *))
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
		judge_complaint("pith");
	}
	environ = ours;
}

/* Have them looked at by call(), which says what is right of what it has kept.
 */
static void
look_at_words(const uint8_t *data, size_t size, const char *kinds,
    const unsigned char *of, void (*call)(const struct sandbox *))
{
	struct word words[MOST];
	struct sandbox s = { .words = words };

	while (size > 0 && s.word_count < MOST) {
		const uint8_t *end_of_line = memchr(data, '\n', size);
		size_t n = end_of_line ? (size_t)(end_of_line - data) : size;
		const char *kind = strchr(kinds, *data);
		char *text = n > 0 ? malloc(n) : NULL;

		/* On the heap, so that nobody can read over its end unseen. */
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
	comes_back(&s, call);
	for (int i = 0; i < s.word_count; i++)
		free(s.words[i].value);
}

#endif
