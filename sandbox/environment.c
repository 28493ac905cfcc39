#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../cli/startup.h"
#include "environment.h"

extern char **environ;

enum { VARIABLES = 4096, FILES_BYTES = 64 * 1024 };

static char **ours;                     /* the environment of the caller */
static char *table[VARIABLES + 1];      /* that of the command */
static size_t used;
static char listen_pid[12 + 12] = "LISTEN_PID=";

/* What all --env-file hold, each line a string; an empty one ends a file. */
static char files[FILES_BYTES + 2];
static size_t files_used;

/* ---- checking ----------------------------------------------------------- */

/* Less than size bytes, as a string. */
static void
read_file(const char *path, char *text, size_t size)
{
	size_t n = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	/* A pipe is a shell's <(...), and a fifo may have no writer yet. */
	while (fd >= 0) {
		startup_wait_or_end(fd, path);
		got = read(fd, text + n, size - n);
		if (got == 0)
			break;
		if (got > 0)
			n += got;
		else if (errno != EINTR && errno != EAGAIN)
			die("cannot read", path);
	}
	if (fd >= 0 && n == size)
		errno = EFBIG;
	if (fd < 0 || n == size)
		die("cannot read", path);
	close(fd);
	if (memchr(text, '\0', n))
		refuse("cannot read", path, "it is no text", NULL);
	text[n] = '\0';
}

/* As docker reads it: blanks before a name and the \r of DOS are dropped. What
 * is kept moves to the front, over what is not. */
static void
parse_file(const char *path)
{
	char *line = files + files_used, *to = line, *next;

	read_file(path, line, files_used < FILES_BYTES ?
	    FILES_BYTES - files_used : 0);
	for (; *line; line = next) {
		size_t n;

		line += strspn(line, " \t");
		n = strcspn(line, "\n");
		next = line + n + (line[n] != '\0');
		n -= n > 0 && line[n - 1] == '\r';
		if (n == 0 || *line == '#')
			continue;
		line[n] = '\0';
		if (strcspn(line, "= \t") == 0 ||
		    strcspn(line, " \t") < strcspn(line, "="))
			refuse("bad variable", line, "in --env-file", path);
		memmove(to, line, n + 1);
		to += n + 1;
	}
	*to++ = '\0';
	files_used = to - files;
}

void
environment_prepare(const struct sandbox *s, bool preset)
{
	(void)preset;
	ours = environ;
	for (int i = 0; i < s->word_count; i++) {
		const int kind = s->words[i].kind;
		const char *value = s->words[i].value;
		const size_t n = strcspn(value, "=");

		if (kind == ENV_FILE)
			parse_file(value);
		else if (kind == ENV ? n == 0 :
		    kind > ENV && kind <= KEEP_ENV && value[n])
			refuse("bad value", value, "not a variable's name",
			    NULL);
	}
}

/* ---- building ----------------------------------------------------------- */

/* Whether an entry is a variable, and of that name if there is one. */
static bool
is_named(const char *entry, const char *name, size_t size)
{
	const size_t n = strcspn(entry, "=");

	return n > 0 && entry[n] && (size == 0 ||
	    (n == size && memcmp(entry, name, n) == 0));
}

static void
unset(const char *name, size_t size)
{
	size_t kept = 0;

	for (size_t i = 0; i < used; i++)
		if (!is_named(table[i], name, size))
			table[kept++] = table[i];
	used = kept;
}

/* NAME=VALUE takes the place of all that have its name. */
static void
set(char *entry)
{
	unset(entry, strcspn(entry, "="));
	if (used == VARIABLES)
		refuse("more than 4096 variables", NULL, NULL, NULL);
	table[used++] = entry;
}

/* Ours of that name; all without a name. */
static void
keep(const char *name, size_t size)
{
	for (char **e = ours; *e; e++)
		if (is_named(*e, name, size))
			set(*e);
}

/* NAME=VALUE, or NAME for our own value. */
static void
apply(char *entry)
{
	const size_t n = strcspn(entry, "=");

	if (entry[n])
		set(entry);
	else
		keep(entry, n);
}

static void
keep_list(const char *list)
{
	if (!*list)
		keep(list, 0);
	while (*list) {
		const size_t n = strcspn(list, ",");

		if (n > 0)
			keep(list, n);
		list += n + (list[n] != '\0');
	}
}

static void
apply_preset(const struct sandbox *s, char *home)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
	    "/usr/bin:/sbin:/bin";
	static char lang[] = "LANG=C.UTF-8";
	static char host[9 + 65];
	struct line n = LINE(host);

	line_add(&n, "HOSTNAME=");
	line_add(&n, s->hostname ? s->hostname : "pith");
	set(path);
	set(home);
	keep("TERM", 4);
	set(lang);
	keep("LANG", 4);
	set(host);
}

static void
apply_words(const struct sandbox *s)
{
	char *file = files;

	for (int i = 0; i < s->word_count; i++) {
		char *value = s->words[i].value;

		switch (s->words[i].kind) {
		case ENV:
			apply(value);
			break;
		case ENV_FILE:
			for (; *file; file += strlen(file) + 1)
				apply(file);
			file++;
			break;
		case UNSETENV:
			unset(value, strlen(value));
			break;
		case KEEP_ENV:
			keep_list(value);
		}
	}
}

/* As systemd passes sockets on, sd_listen_fds(3); of another process they may
 * be ours. */
static void
set_listening(int count)
{
	static char number[11 + 12];
	struct line l = LINE(number);

	line_add(&l, "LISTEN_FDS=");
	line_number(&l, count);
	unset("LISTEN_FDNAMES", 14);
	set(number);
	set(listen_pid);
}

void
environment_build(const struct sandbox *s, const struct identity *id,
    bool preset, int listening)
{
	static char home[5 + HOME_MAX];
	struct line h = LINE(home);
	bool asked = preset || id->uid_given || listening > 0;

	for (int i = 0; i < s->word_count; i++)
		asked |= s->words[i].kind >= ENV &&
		    s->words[i].kind <= KEEP_ENV;
	if (!asked)
		return;
	line_add(&h, "HOME=");
	line_add(&h, id->home);
	if (preset)
		apply_preset(s, home);
	else
		keep_list("");
	if (!preset && id->uid_given)
		set(home);
	apply_words(s);
	if (listening > 0)
		set_listening(listening);
	table[used] = NULL;
	environ = table;
}

void
environment_pid(pid_t pid)
{
	struct line l = { listen_pid, sizeof(listen_pid), 11 };

	line_number(&l, pid);
}

/* ---- forgetting --------------------------------------------------------- */

static void
wipe(char *text)
{
	memset(text, 0, strlen(text));
}

void
environment_wipe(const struct sandbox *s)
{
	for (char **e = ours; *e; e++)
		wipe(*e);
	for (int i = 0; i < s->word_count; i++)
		if (s->words[i].kind == ENV)
			wipe(s->words[i].value +
			    strcspn(s->words[i].value, "="));
	memset(files, 0, files_used);
}
