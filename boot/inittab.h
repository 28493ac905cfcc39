/* Parser of /etc/inittab in the format of busybox's init. */
#ifndef PITH_BOOT_INITTAB_H
#define PITH_BOOT_INITTAB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum action {
	SYSINIT, WAIT, ONCE, RESPAWN, ASKFIRST, CTRLALTDEL, SHUTDOWN, RESTART,
	ACTIONS
};

/* A line of the inittab, and the state of its process. */
struct entry {
	const char *tty;        /* without /dev/; "": the console */
	const char *command;
	char **words;           /* argv of an appliance; NULL: use command */
	unsigned char action;   /* enum action */
	bool critical;
	unsigned char short_lives;      /* in a row */
	bool ended;             /* at least once; wait_status is set */
	pid_t pid;              /* 0: not running */
	int wait_status;        /* of the last process */
	int32_t restarts;
	int64_t started;
	int64_t next_start;     /* milliseconds; may be started from then on */
};

enum { INITTAB_BYTES = 64 * 1024, COMMAND_BYTES = 2048 };

/* The entries, stored behind the text of the file in one buffer, so that a
 * small file touches only one page of memory. */
struct inittab {
	struct entry *entries;  /* in buffer; room for one more is kept */
	int count;
	_Alignas(struct entry) char buffer[INITTAB_BYTES];
};

/* A command split into words, and the program file to execute. */
struct program {
	const char *file;
	char **argv;
	char text[COMMAND_BYTES];
	char *words[COMMAND_BYTES / 2 + 2];
};

/* Return the name of an enum action. */
const char *inittab_action(int action);

/* Read a file. Bad lines and lines that do not fit are reported and ignored. If
 * path is NULL the table is empty. If the file cannot be read, returns false
 * with errno, and the table holds the built-in lines of busybox's init. */
bool inittab_read(struct inittab *t, const char *path);

/* Append an entry. An entry with the same terminal and command is moved to the
 * end and gets the new action. If the table is full, its last entry is
 * replaced. */
void inittab_add(struct inittab *t, const struct entry *e);

/* Append an entry on the console. words is the argv of an appliance or NULL. */
void inittab_add_console(struct inittab *t, int action, const char *command,
    char **words);

/* Return the entry with the same terminal and command, or NULL. */
struct entry *inittab_find(const struct inittab *t, const struct entry *e);

/* Return whether a command is a mount(8) on that path, which is its last word,
 * and not a remount. */
bool inittab_mounts(const char *command, const char *at);

/* Return whether a sysinit line mounts a file system there. Its mount(8) would
 * fail with an error if we had mounted one before. */
bool inittab_has_mount(const struct inittab *t, const char *at);

/* Split a command as busybox's init does: at blanks, or by a shell if it has
 * special characters of the shell. A "-" before it makes a login shell and is
 * kept only in the first word. */
void inittab_words(struct program *w, const char *command);

#endif
