/* libFuzzer target: hostile values and a hostile --env-file for the environment
 * of a command. */
#include "sandbox/environment.c"

#include "cli/values_command.h"
#include "fuzz_words.h"

static char file[] = "/tmp/pith-fuzz.XXXXXX";

static void
call(const struct word_list *words)
{
	static struct sandbox s;
	static const struct identity id = { .home = "/" };

	memory_release(&environment.files);
	memory_release(&environment.known.memory);
	memory_release(&environment.table.memory);
	environment = (struct environment){ .files_used = 0 };
	memory_release(&s.memory.changes);
	s = (struct sandbox){ .change_count = 0 };
	for (int i = 0; i < words->word_count; i++)
		command_set(&s, words->words[i].kind, words->words[i].value);
	environment_prepare(&s, true);
	environment_build(&s, &id, true, 2);
	for (char **e = environ; *e; e++) {
		CLAIM(strchr(*e, '=') > *e);
		for (char **other = environ; other < e; other++)
			CLAIM(strncmp(*e, *other, strchr(*e, '=') - *e + 1) !=
			    0);
	}
}

static void
remove_file(void)
{
	unlink(file);
}

/* Use the input twice: as options, and as the contents of an --env-file. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char of[] = { ENV, UNSETENV, KEEP_ENV };
	static int fd = -1;
	char name[sizeof(file) + 1] = "f";
	struct word w = { ENV_FILE, name + 1 };
	const struct word_list s = { .words = &w, .word_count = 1 };

	run_words(data, size, "enk", of, call);
	if (fd < 0) {
		fd = mkstemp(file);
		atexit(remove_file);
	}
	memcpy(name + 1, file, sizeof(file));
	CLAIM(ftruncate(fd, 0) == 0);
	CLAIM(pwrite(fd, data, size, 0) == (ssize_t)size);
	run_call(&s, call);
	return 0;
}
