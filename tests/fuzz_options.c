/* libFuzzer target: hostile words for options_parse(). An input consists of
 * lines: argv[0], which selects the dialect, PITH_OPTIONS, a value for each
 * variable of the other inits, and the words after argv[0]. A line "-" leaves
 * its variable unset. */
#include "cli/dropin.h"
#include "cli/options.h"
#include "fuzz.h"

enum { MOST_WORDS = 64 };

ssize_t __real_read(int fd, void *bytes, size_t size);
ssize_t __wrap_read(int fd, void *bytes, size_t size);

/* An --args-fd of the input may be a descriptor of the fuzzer, whose read could
 * block: all are empty. */
ssize_t
__wrap_read(int fd, void *bytes, size_t size)
{
	return caught ? 0 : __real_read(fd, bytes, size);
}

extern char **environ;

static const char *const variables[] = {
	"PITH_OPTIONS", "TINI_SUBREAPER", "TINI_KILL_PROCESS_GROUP",
	"TINI_VERBOSITY", "DUMB_INIT_DEBUG", "DUMB_INIT_SETSID",
	"CATATONIT_DEBUG",
};

enum { VARIABLES = sizeof(variables) / sizeof(variables[0]) };

/* Return a prefix and the next line as a string on the heap: the sanitizer
 * detects a read past its end. */
static char *
take_line(const uint8_t **data, size_t *size, const char *prefix)
{
	const uint8_t *end_of_line = *size ? memchr(*data, '\n', *size) : NULL;
	size_t n = end_of_line ? (size_t)(end_of_line - *data) : *size;
	size_t skip = n + (end_of_line != NULL);
	char *text = malloc(strlen(prefix) + n + 1);

	CLAIM(text != NULL);
	strcpy(text, prefix);
	memcpy(text + strlen(prefix), *data, n);
	text[strlen(prefix) + n] = '\0';
	*data += skip;
	*size -= skip;
	return text;
}

static bool
is_signal(int sig)
{
	return sig >= 0 && sig < SIGNAL_COUNT;
}

static bool
is_time(int64_t ms)
{
	return ms >= UNSET && ms <= INT64_C(30) * 365 * 24 * 3600 * 1000;
}

/* Check what the rest of pith relies on. */
static void
check_result(const struct options *o, char **argv, int argc, bool boots)
{
	const bool asks = o->doctor || o->boot.status || o->boot.reexec;

	/* Process 1 of a device must not exit. */
	CLAIM(!boots || (o->boot.requested && !asks));
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		CLAIM(is_signal(o->run.signals.rewrite[i]));
		CLAIM(o->run.signals.delay[i] >= 0);
	}
	CLAIM(o->run.signals.rewrite[SIGKILL] == SIGKILL);
	CLAIM(o->run.signals.rewrite[SIGSTOP] == SIGSTOP);
	CLAIM(o->run.signals.rewrite[SIGCHLD] == SIGCHLD);
	CLAIM(is_signal(o->parent_death_signal));
	CLAIM(is_signal(o->run.stop_signal) && o->run.stop_signal > 0);
	CLAIM(is_time(o->run.stop_timeout));
	CLAIM(is_time(o->run.grace));
	CLAIM(is_time(o->run.timeout));
	CLAIM(o->report_fd >= UNSET);
	CLAIM(!o->report || o->report[0]);
	CLAIM(!o->report || o->report_fd == UNSET);
	CLAIM(asks || o->boot.requested || o->boot.switch_root ||
	    o->run.pause == !o->command);
	CLAIM(o->boot.on_exit >= 0 && o->boot.on_exit <= ON_EXIT_SHELL);
	CLAIM(!o->boot.requested || !(o->report || o->run.timeout != UNSET));
	CLAIM(o->run.orphan_text && o->run.orphan_text[0]);
	/* child_start() writes to the element before the command. */
	if (o->command) {
		CLAIM(o->command > argv && o->command < argv + argc);
		CLAIM(asks || o->command[0][0]);
	}
}

/* Check the exit code, and that the error names the program of the dialect or
 * PITH_OPTIONS. */
static void
check_exit(const struct dialect *d)
{
	static const char variable[] = "pith: PITH_OPTIONS";
	const bool of_variable =
	    strncmp(written, variable, sizeof(variable) - 1) == 0;

	CLAIM(ended_with == 0 || ended_with == (d ? d->failure_code : 125));
	if (ended_with != 0)
		check_error(of_variable ? variable : d ? d->name : "pith");
	else
		CLAIM(writes == 1 && written[written_size - 1] == '\n');
}

static void
parse(char **argv, int argc)
{
	const struct dialect *d = dropin_find(argv[0]);
	const bool boots = strcmp(argv[0], "init") == 0;
	/* Fill with garbage to detect members that are not set. */
	struct options *o = malloc(sizeof(*o));

	CLAIM(o != NULL);
	memset(o, 0xa5, sizeof(*o));
	writes = 0;
	caught = true;
	if (setjmp(end) == 0) {
		options_parse(o, d, argv, boots);
		caught = false;
		check_result(o, argv, argc, boots);
		CLAIM(writes == 0);
		for (char **e = environ; *e; e++)
			CLAIM(strncmp(*e, "PITH_OPTIONS=", 13) != 0);
	} else {
		caught = false;
		check_exit(d);
	}
	free(o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char **const real_environ = environ;
	char *lines[1 + VARIABLES + MOST_WORDS + 1];
	char *argv[1 + MOST_WORDS + 1];
	char *environment[VARIABLES + 1];
	int taken = 0, argc = 0, set = 0;

	argv[argc++] = lines[taken++] = take_line(&data, &size, "");
	for (int i = 0; i < VARIABLES; i++) {
		char prefix[32];
		char *line;

		snprintf(prefix, sizeof(prefix), "%s=", variables[i]);
		line = lines[taken++] = take_line(&data, &size, prefix);
		if (strcmp(line + strlen(prefix), "-") != 0)
			environment[set++] = line;
	}
	environment[set] = NULL;
	while (size > 0 && argc < MOST_WORDS)
		argv[argc++] = lines[taken++] = take_line(&data, &size, "");
	argv[argc] = NULL;

	environ = environment;
	parse(argv, argc);
	environ = real_environ;
	while (taken > 0)
		free(lines[--taken]);
	return 0;
}
