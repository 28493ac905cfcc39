/* Standard files and terminal of the command. A pty is made inside. A process
 * outside, the relay, copies bytes between the pty and the outer terminal,
 * which is the terminal that pith was started on. In a sandbox with a root the
 * command never holds the outer terminal: it cannot read from it, insert input
 * into it or change its modes. */
#ifndef PITH_SANDBOX_TERMINAL_H
#define PITH_SANDBOX_TERMINAL_H

#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <termios.h>

/* Replacement of the files 0-2 that are terminals. */
enum terminal_use {
	TERMINAL_PASSED,        /* none: pass 0-2 on unchanged */
	TERMINAL_ALWAYS,        /* a pty for 0-2, even if not terminals */
	TERMINAL_REPLACED,      /* a pty for each file that is a terminal */
	TERMINAL_OUTPUT,        /* /dev/null as input, a pipe as output */
	TERMINAL_DISCARDED      /* /dev/null */
};

/* Replacement of one of the command's files 0-2. */
enum standard_file { AS_IT_IS, PTY_FILE, PIPE_FILE, NULL_FILE };

struct terminal {
	bool wanted;            /* there is a pty or a pipe to relay */
	bool has_pty;
	bool has_null;          /* some file is NULL_FILE */
	bool interactive;       /* keys are passed on one by one */
	bool has_modes;         /* modes holds the modes for the pty */
	unsigned char files[3]; /* enum standard_file */
	int outer;              /* 0-2: lowest file that is a terminal; -1 */
	int input, output;      /* 0-2: files to relay; input -1: none */
	struct winsize size;    /* of the outer terminal; zeros without one */
	struct termios modes;   /* of the outer terminal */
	int master, slave;      /* in init, after terminal_open(); of a pipe
	                         * its read end and its write end; -1 */
	int null;               /* in init, /dev/null; -1 */
};

/* In the launcher, before any process is started: choose the replacements of
 * the files 0-2. Set isolated for a sandbox with a root: then a directory, an
 * O_PATH descriptor or an anonymous inode is refused, because it would give
 * access to the host, and the host's /dev/null is replaced by the sandbox's.
 * Dies if a file is refused. */
void terminal_prepare(struct terminal *t, enum terminal_use use, bool isolated);

/* In init, after it has entered the sandbox's root: open what t requires, a pty
 * or a pipe, and /dev/null. The pty comes from the devpts(5) file system of the
 * given ptmx, and gets the size and modes of the outer terminal. All
 * descriptors are close-on-exec; the master is non-blocking, as
 * terminal_relay() requires. Returns false with errno on failure; pty(7),
 * TIOCGPTPEER(2const), Linux 4.13. */
bool terminal_open(struct terminal *t, const char *ptmx);

/* In the child, which may share memory after vfork(2) and must not lead a
 * process group: create a session, make the pty its controlling terminal if
 * there is one, and set up the files 0-2. Returns false with errno on failure;
 * setsid(2), TIOCSCTTY(2const). */
bool terminal_attach(const struct terminal *t);

/* In the process that called terminal_open(), after terminal_attach() in the
 * child: close the descriptors. */
void terminal_close(struct terminal *t);

/* In the launcher, with all signals blocked: start the relay. Returns its pid.
 * The relay runs until init (our child) has exited and all output has been
 * forwarded, or until the outer terminal or the launcher is gone. The caller
 * closes its own master, so that the exit of the relay hangs up the pty. It
 * reaps the relay before it exits: the relay has then restored the outer
 * terminal. Returns -1 with errno on failure; pidfd_open(2), Linux 5.3. */
pid_t terminal_relay(const struct terminal *t, int master, pid_t init);

/* In the launcher, after the relay was killed: restore the modes that the outer
 * terminal had at the start. Does nothing unless the terminal still has the
 * relay's modes and our process group is in its foreground. */
void terminal_restore(const struct terminal *t);

#endif
