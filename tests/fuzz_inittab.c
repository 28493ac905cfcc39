/* libFuzzer target: hostile inittabs. Any input causes at most one message per
 * line, and all results are inside the table. */
#include "boot/inittab.c"

#include "fuzz.h"

/* True if text is inside the table and NUL-terminated there. */
static bool
is_within(const struct inittab *t, const char *text)
{
	return text >= t->buffer && text < (const char *)t->entries &&
	    memchr(text, '\0', (const char *)t->entries - text);
}

static void
check_words(const struct entry *e)
{
	static struct program p;
	const char *const end = p.text + sizeof(p.text);

	inittab_words(&p, e->command);
	CLAIM(p.argv > p.words && p.argv[0] && *p.file);
	for (char **word = p.argv; *word; word++) {
		CLAIM(word < p.words + COMMAND_BYTES / 2 + 1);
		CLAIM(**word);
		if (*word >= p.text && *word < end)
			CLAIM(memchr(*word, '\0', end - *word));
	}
}

static void
check_state(const struct inittab *t)
{
	CLAIM(t->count >= 0 && free_entries(t) >= 1);
	for (int i = 0; i < t->count; i++) {
		const struct entry *e = &t->entries[i];

		CLAIM(is_within(t, e->tty) && is_within(t, e->command));
		CLAIM(e->action < ACTIONS && e->pid == 0 && !e->words);
		CLAIM(inittab_find(t, e) == e);
		check_words(e);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct inittab t;
	int lines = 1;

	if (size > INITTAB_BYTES / 2)
		return 0;
	memset(&t, 0, sizeof(t));
	memcpy(t.buffer, data, size);
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	t.entries = (struct entry *)t.buffer + size / sizeof(struct entry) + 1;
	writes = 0;
	caught = true;
	parse_inittab(&t, "/etc/inittab", t.buffer, size);
	caught = false;
	CLAIM(writes <= lines);
	if (writes > 0) {
		writes = 1;
		check_error("pith");
	}
	check_state(&t);
	return 0;
}
