/* The terminal of a sandbox: a pty that is made inside, and a process outside
 * that carries bytes between it and what pith was started on, the outer side.
 * What is inside never holds the outer terminal, so it can neither type into it
 * nor change it. */
#ifndef PITH_SANDBOX_TERMINAL_H
#define PITH_SANDBOX_TERMINAL_H

#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <termios.h>

struct terminal {
	bool wanted;            /* --tty, or the three files are one terminal */
	bool has_modes;         /* modes are to be those of the pty */
	int outer;              /* which of the files 0-2 is a terminal; -1 */
	struct winsize size;    /* of it; zeros where there is none */
	struct termios modes;
	int master, slave;      /* in init, from terminal_open() on */
};

/* In the launcher, before anything is started: whether there is to be a pty,
 * and how it is to look. asked is sandbox.tty: 1, 0 or -1 for "where files 0, 1
 * and 2 are one and the same terminal". Cannot fail. */
void terminal_prepare(struct terminal *t, int asked);

/* In init: make a pty of the devpts(5) whose ptmx that is, with the size and
 * the modes of the outer terminal. Both ends are close-on-exec, and the
 * master's reads and writes do not wait, as terminal_relay() wants them. False
 * with errno; pty(7), Linux 4.13. */
bool terminal_open(struct terminal *t, const char *ptmx);

/* In the child, which may be a vfork(2) and may not lead a group: lead a new
 * session, with the pty as its terminal and its files 0-2. False with errno;
 * setsid(2), TIOCSCTTY(2const). */
bool terminal_attach(const struct terminal *t);

/* In the launcher, which holds all signals: start the process that relays until
 * init (our child) has ended and all that was written inside has been brought,
 * or until the outer side is gone, or the launcher. The caller closes its own
 * master, so that the end of the relay hangs the pty up, and reaps the relay
 * before it ends itself: by then the outer terminal is as it was found. -1 with
 * errno where it cannot be started; pidfd_open(2), Linux 5.3. */
pid_t terminal_relay(const struct terminal *t, int master, pid_t init);

#endif
