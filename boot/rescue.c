#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../cli/log.h"
#include "early.h"
#include "rescue.h"
#include "variables.h"

#define RESCUE "PITH_BOOT_RESCUE="

/* Needed by boot_rescue(), to which log_set_cleanup() passes no argument. */
static struct {
	char **argv;            /* ours */
	char **last_word;       /* of the kernel's in argv; argv: none */
	/* Number of reexecutions by boot_rescue(). The first one drops all
	 * options, the second one starts only a shell. After that,
	 * boot_rescue() just waits. */
	int count;
} rescue;

static bool
is_named_init(const char *name)
{
	const char *slash = strrchr(name, '/');

	name = slash ? slash + 1 : name;
	return strcmp(name, "init") == 0 || strcmp(name, "linuxrc") == 0;
}

bool
boot_is_init(char **argv)
{
	const char *container = getenv("container");
	bool requested = false;

	rescue.argv = rescue.last_word = argv;
	for (char **word = argv + 1; *word && !requested; word++)
		requested = strcmp(*word, "--boot") == 0;
	return (requested || is_named_init(argv[0])) &&
	    (!argv[1] || (container && strcmp(container, "lxc") == 0) ||
	    early_first_namespace());
}

/* True for the words of the kernel command line that request single-user mode.
 */
static bool
is_single(const char *word)
{
	static const char words[][8] = { "S", "s", "single", "1", "-s", "-b" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

char **
boot_words(char **argv)
{
	while (argv[1] && strncmp(argv[1], "--", 2) != 0)
		argv++;
	rescue.last_word = argv;
	return argv;
}

/* Return the last word of the kernel that requests single-user mode, or NULL.
 */
static char *
single_word(void)
{
	for (char **word = rescue.last_word; word > rescue.argv; word--)
		if (is_single(*word))
			return *word;
	return NULL;
}

static void
read_rescue_count(void)
{
	const char *count = getenv("PITH_BOOT_RESCUE");

	if (count)
		rescue.count = strcmp(count, "1") == 0 ? 1 : 2;
}

void
boot_rescue(void)
{
	char *single = single_word();
	char *argv[] = { rescue.argv[0], single ? single : "--boot", "--boot",
	    NULL };

	if (getpid() != 1 || !early_first_namespace())
		return;
	variables_begin();
	if (rescue.count == 0)
		read_rescue_count();
	if (rescue.count < 2) {
		variables_set(rescue.count == 0 ? RESCUE "1" : RESCUE "2");
		early_mount(NULL);      /* /proc may not be mounted yet */
		execve("/proc/self/exe", argv, environ);
		execve(argv[0], argv, environ); /* if mounting /proc failed */
	}
	for (;;)
		pause();
}

void
rescue_begin(struct device *d)
{
	struct strbuf variable = STRBUF(d->runlevel);

	if (!rescue.argv)               /* boot_is_init() was not called */
		diex("cannot use", "--boot", "not process 1", NULL);
	d->argv = rescue.argv;
	d->single = single_word() != NULL;
	variables_begin();
	if (rescue.last_word != rescue.argv) {
		strbuf_add(&variable, "RUNLEVEL=");
		strbuf_add(&variable, rescue.argv[1]);
		variables_set(d->runlevel);
	}
	read_rescue_count();
	d->has_failed = rescue.count > 1;
	variables_unset(RESCUE);
}
