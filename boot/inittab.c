#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../cli/system.h"
#include "inittab.h"

static const char names[ACTIONS][11] = {
	[SYSINIT] = "sysinit", [WAIT] = "wait", [ONCE] = "once",
	[RESPAWN] = "respawn", [ASKFIRST] = "askfirst",
	[CTRLALTDEL] = "ctrlaltdel", [SHUTDOWN] = "shutdown",
	[RESTART] = "restart",
};

/* Lines that busybox's init uses without an inittab. */
static const char usual[] =
	"::sysinit:/etc/init.d/rcS\n"
	"::askfirst:-/bin/sh\n"
	"tty2::askfirst:-/bin/sh\n"
	"tty3::askfirst:-/bin/sh\n"
	"tty4::askfirst:-/bin/sh\n"
	"::ctrlaltdel:reboot\n"
	"::shutdown:umount -a -r\n"
	"::shutdown:swapoff -a\n"
	"::restart:init\n";

/* A shell runs commands with one of these characters. */
static const char shell_characters[] = "~`!$^&*()=|\\{}[];\"'<>?";

const char *
inittab_action(int action)
{
	return names[action];
}

/* Further bad lines are only counted: messages are slow on a serial line. */
enum { COMPLAINTS = 16 };

/* Report a bad line. Columns are bytes, counted from 1. */
static void
report_bad_line(const char *path, int line, int64_t column, const char *why)
{
	char text[256];
	struct strbuf at = STRBUF(text);

	strbuf_add(&at, path);
	strbuf_add(&at, ":");
	strbuf_number(&at, line);
	strbuf_add(&at, ":");
	strbuf_number(&at, column);
	warnx("bad line", text, why, "it is ignored");
}

static void
report_more_bad_lines(const char *path, int more)
{
	char text[32];
	struct strbuf count = STRBUF(text);

	if (more <= 0)
		return;
	strbuf_number(&count, more);
	strbuf_add(&count, " more");
	warnx("bad lines", path, text, "they are ignored");
}

struct entry *
inittab_find(const struct inittab *t, const struct entry *e)
{
	for (int i = 0; i < t->count; i++)
		if (strcmp(t->entries[i].tty, e->tty) == 0 &&
		    strcmp(t->entries[i].command, e->command) == 0)
			return &t->entries[i];
	return NULL;
}

/* Return the number of entries that can still be added. */
static size_t
free_entries(const struct inittab *t)
{
	const char *end = t->buffer + INITTAB_BYTES;

	return (end - (const char *)(t->entries + t->count)) /
	    sizeof(struct entry);
}

void
inittab_add(struct inittab *t, const struct entry *e)
{
	struct entry *same = inittab_find(t, e);
	struct entry last = *e;

	if (same) {
		last = *same;
		last.action = e->action;
		last.critical = e->critical;
		memmove(same, same + 1, (char *)(t->entries + --t->count) -
		    (char *)same);
	} else if (free_entries(t) == 0) {
		t->count--;
	}
	t->entries[t->count++] = last;
}

void
inittab_add_console(struct inittab *t, int action, const char *command,
    char **words)
{
	const struct entry e = { .tty = "", .command = command,
	    .words = words, .action = action };

	inittab_add(t, &e);
}

/* Split a line into its four fields. Returns NULL, or the reason why the line
 * is bad, with its position in *wrong. */
static const char *
split_fields(char *line, char *field[4], char **wrong)
{
	char *at = line;

	for (int i = 0; i < 4; i++) {
		field[i] = *wrong = at;
		if (i == 3)
			break;
		at = strchr(at, ':');
		if (!at)
			return "it is not tty:flags:action:command";
		*at++ = '\0';
	}
	return NULL;
}

/* Parse a line into an entry. Returns as split_fields(). */
static const char *
parse_inittab_line(char *line, struct entry *e, char **wrong)
{
	char *field[4];
	const char *why = split_fields(line, field, wrong);

	if (why)
		return why;
	*e = (struct entry){ .tty = field[0], .command = field[3] };
	if (strncmp(e->tty, "/dev/", 5) == 0)
		e->tty += 5;
	e->critical = strcmp(field[1], "critical") == 0;
	while (e->action < ACTIONS && strcmp(names[e->action], field[2]) != 0)
		e->action++;
	*wrong = field[2];
	if (e->action == ACTIONS)
		return "the actions are sysinit, wait, once, respawn, "
		    "askfirst, ctrlaltdel, shutdown and restart";
	e->command += strspn(e->command, " \t");
	*wrong = (char *)e->command + (*e->command == '-');
	if (!**wrong || strchr(" \t", **wrong))
		return "there is no command";
	if (strlen(e->command) >= COMMAND_BYTES - sizeof("exec "))
		return "the command is too long";
	return NULL;
}

/* Remove a comment, trailing blanks, and the CR of a CR LF. */
static void
trim_line(char *line)
{
	size_t n = strcspn(line, "#");

	line[n] = '\0';
	while (n > 0 && strchr("\r \t", line[n - 1]))
		line[--n] = '\0';
}

/* Return the newline that ends a line, or NULL. Lines continued by a backslash
 * are joined; *lines is increased by their number. */
static char *
end_of_line(char *line, char **end, int *lines)
{
	char *at = line, *newline;

	while ((newline = memchr(at, '\n', *end - at)) && newline > line &&
	    newline[-1] == '\\') {
		at = newline - 1;
		memmove(at, at + 2, *end - at - 2);
		*end -= 2;
		++*lines;
	}
	return newline;
}

static void
parse_inittab(struct inittab *t, const char *path, char *text, size_t size)
{
	char *end = text + size;
	int number = 1, bad = 0;

	for (char *line = text, *next; line < end; line = next) {
		struct entry e;
		int lines = 1;
		char *newline = end_of_line(line, &end, &lines);
		char *wrong = line;
		const char *why = NULL;

		next = newline ? newline + 1 : end + 1;
		next[-1] = '\0';
		number += lines;
		if (strlen(line) < (size_t)(next - 1 - line)) {
			wrong += strlen(line);
			why = "it contains a NUL byte";
		} else {
			trim_line(line);
			if (!*line)
				continue;
			why = parse_inittab_line(line, &e, &wrong);
		}
		if (!why && free_entries(t) < 2)
			why = "there is no room for more lines";
		if (!why)
			inittab_add(t, &e);
		else if (bad++ < COMPLAINTS)
			report_bad_line(path, number - lines, wrong - line + 1,
			    why);
	}
	report_more_bad_lines(path, bad - COMPLAINTS);
}

/* Read a file. Returns the number of bytes, or -1 with errno. If it does not
 * fit, the last line read is dropped with the rest. */
static ssize_t
read_inittab_text(const char *path, char *text, ssize_t size)
{
	/* The buffer is larger: there is room for the NUL. */
	ssize_t n = file_read_whole(path, text, size + 1);

	if (n == size) {
		warnx("cannot read all of", path, "it exceeds 32 KiB",
		    "shorten it");
		while (n > 0 && text[n - 1] != '\n')
			n--;
	}
	return n;
}

bool
inittab_read(struct inittab *t, const char *path)
{
	ssize_t n = 0;
	int error = 0;

	if (path)
		n = read_inittab_text(path, t->buffer, INITTAB_BYTES / 2);
	if (n < 0) {
		error = errno;
		n = sizeof(usual) - 1;
		memcpy(t->buffer, usual, n);
	}
	t->count = 0;
	t->entries = (struct entry *)t->buffer + n / sizeof(struct entry) + 1;
	parse_inittab(t, path, t->buffer, n);
	errno = error;
	return error == 0;
}

static bool
has_remount(const char *command)
{
	while ((command = strchr(command, 'r')))
		if (strncmp(command++, "remount", 7) == 0)
			return true;
	return false;
}

bool
inittab_mounts(const char *command, const char *at)
{
	const size_t program = strcspn(command, " \t");
	const size_t all = strlen(command), last = strlen(at);
	const char *name = command + program;

	while (name > command && name[-1] != '/')
		name--;
	return program == (size_t)(name - command) + 5 &&
	    strncmp(name, "mount", 5) == 0 && all > program + last &&
	    strchr(" \t", command[all - last - 1]) &&
	    strcmp(command + all - last, at) == 0 && !has_remount(command);
}

bool
inittab_has_mount(const struct inittab *t, const char *at)
{
	for (int i = 0; i < t->count; i++)
		if (t->entries[i].action == SYSINIT &&
		    inittab_mounts(t->entries[i].command, at))
			return true;
	return false;
}

void
inittab_words(struct program *w, const char *command)
{
	const bool dash = command[0] == '-';
	struct strbuf whole = STRBUF(w->text);
	char **word = w->words + 1;     /* see child_start() */
	char *at = w->text;

	w->argv = word;
	if (command[strcspn(command, shell_characters)]) {
		strbuf_add(&whole, "exec ");
		strbuf_add(&whole, command + dash);
		*word++ = dash ? "-/bin/sh" : "/bin/sh";
		*word++ = "-c";
		*word++ = w->text;
		*word = NULL;
		w->file = "/bin/sh";
		return;
	}
	strbuf_add(&whole, command);
	while (*(at += strspn(at, " \t"))) {
		*word++ = at;
		at += strcspn(at, " \t");
		if (*at)
			*at++ = '\0';
	}
	*word = NULL;
	w->file = w->argv[0] ? w->argv[0] + dash : "";
}
