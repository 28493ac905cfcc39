/* /etc/inittab in the dialect of busybox's init. */
#ifndef PITH_BOOT_INITTAB_H
#define PITH_BOOT_INITTAB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum action {
	SYSINIT, WAIT, ONCE, RESPAWN, ASKFIRST, CTRLALTDEL, SHUTDOWN, RESTART,
	ACTIONS
};

/* A line of it, and what became of what it starts. */
struct entry {
	const char *tty;        /* without /dev/; "": the console */
	const char *command;
	char **words;           /* of an appliance; NULL: the command's */
	unsigned char action;   /* enum action */
	bool critical;
	unsigned char short_lives;    /* lives in a row that were short */
	bool ended;             /* once at least; wait_status holds */
	pid_t pid;              /* 0: does not run */
	int wait_status;        /* of the last one */
	int32_t restarts;
	int64_t started;
	int64_t due;            /* to be started then */
};

enum { INITTAB_BYTES = 64 * 1024, COMMAND_BYTES = 2048 };

/* The lines, and in the same room the words of the file: of a small one no more
 * than a page of memory is touched. */
struct inittab {
	struct entry *entries;  /* in room, and one may be added */
	int count;
	_Alignas(struct entry) char room[INITTAB_BYTES];
};

/* The words of a command, and the program to be executed. */
struct program {
	const char *file;
	char **argv;
	char text[COMMAND_BYTES];
	char *words[COMMAND_BYTES / 2 + 2];
};

/* The name of an action. */
const char *inittab_action(int action);

/* Read a file. Bad lines are complained of and passed over, and what there is
 * no room for. Without a path the table is empty. False with errno, and with
 * the lines that busybox has built in, where the file cannot be read; ENOENT:
 * there is none. */
bool inittab_read(struct inittab *t, const char *path);

/* Put in an entry: where there is one of the same terminal and command that
 * comes to be this, and the last. Where the table is full the last one is
 * lost. */
void inittab_add(struct inittab *t, const struct entry *e);

/* That of the same terminal and command, or NULL. */
struct entry *inittab_find(const struct inittab *t, const struct entry *e);

/* Whether a command is a mount(8) with this as its last word, not of something
 * that is mounted there. */
bool inittab_mounts(const char *command, const char *at);

/* The words of a command as busybox splits it: at blanks, or a shell's where it
 * has characters of the shell. A "-" before it makes a login shell and is kept
 * in the first word alone. */
void inittab_words(struct program *w, const char *command);

#endif
