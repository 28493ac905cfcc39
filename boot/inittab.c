#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../cli/log.h"
#include "inittab.h"

/* In the order of enum action. */
static const char names[ACTIONS][11] = {
	"sysinit", "wait", "once", "respawn", "askfirst", "ctrlaltdel",
	"shutdown", "restart",
};

/* What busybox's init does without an inittab. */
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

/* Where a command has one of these, a shell is to run it. */
static const char of_shell[] = "~`!$^&*()=|\\{}[];\"'<>?";

const char *
inittab_action(int action)
{
	return names[action];
}

/* A serial line takes a while for each: what is more is only counted. */
enum { COMPLAINTS = 16 };

/* A mistake at a byte of a line, for people: columns count from 1. */
static void
complain_at(const char *path, int line, int64_t column, const char *why)
{
	char text[256];
	struct strbuf at = STRBUF(text);

	strbuf_add(&at, path);
	strbuf_add(&at, ":");
	strbuf_number(&at, line);
	strbuf_add(&at, ":");
	strbuf_number(&at, column);
	warnx("bad line", text, why, "it is passed over");
}

static void
complain_of_more(const char *path, int more)
{
	char text[32];
	struct strbuf count = STRBUF(text);

	if (more <= 0)
		return;
	strbuf_number(&count, more);
	strbuf_add(&count, " more");
	warnx("bad lines", path, text, "they are passed over");
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

/* How many more there is room for. */
static size_t
room(const struct inittab *t)
{
	const char *end = t->room + INITTAB_BYTES;

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
	} else if (room(t) == 0) {
		t->count--;
	}
	t->entries[t->count++] = last;
}

/* Cut a line in its four fields; what is wrong, and from where, or NULL. */
static const char *
cut(char *line, char *field[4], char **wrong)
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

/* Make an entry of a line. What is wrong, and from where, or NULL. */
static const char *
understand(char *line, struct entry *e, char **wrong)
{
	char *field[4];
	const char *why = cut(line, field, wrong);

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
		return "there is no such action";
	e->command += strspn(e->command, " \t");
	*wrong = (char *)e->command + (*e->command == '-');
	if (!**wrong || strchr(" \t", **wrong))
		return "there is no command";
	if (strlen(e->command) >= COMMAND_BYTES - sizeof("exec "))
		return "the command is too long";
	return NULL;
}

/* What of a line is for nobody: a comment, and its end as other systems have
 * it. */
static void
trim(char *line)
{
	size_t n = strcspn(line, "#");

	line[n] = '\0';
	while (n > 0 && strchr("\r \t", line[n - 1]))
		line[--n] = '\0';
}

/* The end of a line; those that go on after a backslash are made one, and there
 * are *lines of them. NULL where there is none. */
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
parse(struct inittab *t, const char *path, char *text, size_t size)
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
			why = "it holds a NUL";
		} else {
			trim(line);
			if (!*line)
				continue;
			why = understand(line, &e, &wrong);
		}
		if (!why && room(t) < 2)
			why = "there are too many";
		if (!why)
			inittab_add(t, &e);
		else if (bad++ < COMPLAINTS)
			complain_at(path, number - lines, wrong - line + 1,
			    why);
	}
	complain_of_more(path, bad - COMPLAINTS);
}

/* Bytes read, or -1. What does not fit is left away by whole lines. */
static ssize_t
read_whole(const char *path, char *text, ssize_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = 0, used = 0;
	int error;

	if (fd < 0)
		return -1;
	while (used < size && (n = read(fd, text + used, size - used)) > 0)
		used += n;
	error = errno;
	close(fd);
	errno = error;
	if (n < 0)
		return -1;
	if (used == size) {
		warnx("too long", path, NULL, "its end is passed over");
		while (used > 0 && text[used - 1] != '\n')
			used--;
	}
	return used;
}

bool
inittab_read(struct inittab *t, const char *path)
{
	ssize_t n = 0;
	int error = 0;

	if (path)
		n = read_whole(path, t->room, INITTAB_BYTES / 2);
	if (n < 0) {
		error = errno;
		n = sizeof(usual) - 1;
		memcpy(t->room, usual, n);
	}
	t->count = 0;
	t->entries = (struct entry *)t->room + n / sizeof(struct entry) + 1;
	parse(t, path, t->room, n);
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

/* A remount is not one. */
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

void
inittab_words(struct program *w, const char *command)
{
	static char shell[] = "-/bin/sh", with[] = "-c";
	const bool dash = command[0] == '-';
	struct strbuf whole = STRBUF(w->text);
	char **word = w->words + 1;     /* see child_start() */
	char *at = w->text;

	w->argv = word;
	if (command[strcspn(command, of_shell)]) {
		strbuf_add(&whole, "exec ");
		strbuf_add(&whole, command + dash);
		*word++ = shell + !dash;
		*word++ = with;
		*word++ = w->text;
		*word = NULL;
		w->file = shell + 1;
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
