/* The standard files of the command, and its terminal: a pty that is made
 * inside, and a process outside, the relay, that copies bytes between the pty
 * and the terminal that pith was started on, the outer terminal. In a sandbox
 * with a root the command never holds the outer terminal, so it can neither
 * read from it, type into it nor set it. */
#ifndef PITH_SANDBOX_TERMINAL_H
#define PITH_SANDBOX_TERMINAL_H

#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <termios.h>

/* When the command gets a pty, and what takes the place of a terminal where it
 * gets none. */
enum terminal_use {
	TERMINAL_PASSED,        /* no pty; 0-2 are passed on as they are */
	TERMINAL_ALWAYS,        /* 0-2 are a pty, whatever they were */
	TERMINAL_REPLACED,      /* a pty in place of those that are terminals */
	TERMINAL_OUTPUT,        /* no pty: input ends, output is copied */
	TERMINAL_DISCARDED      /* no pty: /dev/null in place of terminals */
};

/* One of the command's files 0-2. */
enum standard_file { AS_IT_IS, PTY_FILE, PIPE_FILE, NULL_FILE };

struct terminal {
	bool wanted;            /* there is a pty or a pipe to relay */
	bool has_pty;
	bool has_null;          /* some file is NULL_FILE */
	bool interactive;       /* keys are passed on one by one */
	bool has_modes;         /* modes are to be those of the pty */
	unsigned char files[3]; /* enum standard_file */
	int outer;              /* which of the files 0-2 is a terminal; -1 */
	int input, output;      /* of 0-2 what is relayed; input -1: none */
	struct winsize size;    /* of it; zeros where there is none */
	struct termios modes;
	int master, slave;      /* in init, from terminal_open() on; of a pipe
	                         * its reading and its writing end */
	int null;               /* likewise, or -1 */
};

/* In the launcher, before anything is started: decide what the files 0-2 of the
 * command are to be. With isolated, for a sandbox with a root, a directory and
 * a descriptor of open(2)'s O_PATH are refused, which would show the host's
 * files, and the host's /dev/null becomes the sandbox's. Dies. */
void terminal_prepare(struct terminal *t, enum terminal_use use, bool isolated);

/* In init, whose root is the sandbox's: make a pty of the devpts(5) whose ptmx
 * that is, with the size and the modes of the outer terminal, or a pipe, and
 * open /dev/null, as t wants them. All are close-on-exec, and the master's
 * reads and writes do not wait, as terminal_relay() wants them. False with
 * errno; pty(7), Linux 4.13. */
bool terminal_open(struct terminal *t, const char *ptmx);

/* In the child, which may be a vfork(2) and may not lead a group: lead a new
 * session, with the pty as its terminal if there is one, and put its files 0-2
 * in place. False with errno; setsid(2), TIOCSCTTY(2const). */
bool terminal_attach(const struct terminal *t);

/* In the process that called terminal_open(), when the child has its files. */
void terminal_close(struct terminal *t);

/* In the launcher, which holds all signals: start the process that relays until
 * init (our child) has ended and all that was written inside has been brought,
 * or until the outer side is gone, or the launcher. The caller closes its own
 * master, so that the end of the relay hangs the pty up, and reaps the relay
 * before it ends itself: by then the outer terminal is as it was found. -1 with
 * errno where it cannot be started; pidfd_open(2), Linux 5.3. */
pid_t terminal_relay(const struct terminal *t, int master, pid_t init);

/* In the launcher, when the relay was killed: give the outer terminal the modes
 * that it had at the start, if it still has those of the relay and our process
 * group is its foreground. */
void terminal_restore(const struct terminal *t);

#endif
