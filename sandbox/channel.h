/* What ties init to its launcher: a socket. Whoever reads its end of file knows
 * that the other is gone. */
#ifndef PITH_SANDBOX_TETHER_H
#define PITH_SANDBOX_TETHER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum message_kind {
	MSG_MOUNT, /* launcher: a mount for init, with a descriptor */
	MSG_READY, /* launcher: the ids are mapped, all mounts are sent */
	MSG_PTY, /* init: the terminal's side, with a descriptor */
	MSG_ERROR, /* init: text; code is as log_set_hook() has it */
	MSG_BLOCKED, /* init: all is done, it waits for --block-fd */
	MSG_SETUP_DONE, /* init: all is done but to start the command */
	MSG_STARTED, /* init: process pid has been executed */
	MSG_ENDED /* init: it has ended */
};

struct message {
	int kind;
	int code;               /* of a complaint; ENDED: the wait status */
	int64_t orphans, killed;
	uint64_t inodes[8];     /* BLOCKED, BUILT: of namespaces[], or 0 */
	int fd;                 /* passed on, or -1 */
	pid_t pid;              /* as the reader has to call it, or 0: then fd
				 * may be a pidfd of it */
	pid_t common;           /* the same where both call it so; or 0 */
	char text[512];
};

/* Make the socket; dies. */
void channel_make(void);

/* Take one end, close the other. From now on its news, and its end, come as a
 * signal that channel_is_signal() knows, fcntl(2) F_SETSIG; dies. */
void channel_take_end(bool launcher);

/* The descriptor of our end, or -1. */
int channel_fd(void);

/* Whether it is the signal that something is to be read. */
bool channel_is_signal(const siginfo_t *info);

/* Send; n->pid is ours, of our PID namespace. False where nobody reads. */
bool channel_send(const struct message *n);

/* The next news. False where there are none yet, or with *over none ever: errno
 * is 0 where the other end is closed. */
bool channel_read(struct message *n, bool wait, bool *over);

/* Pass complaints on to the launcher, from now on; for log_set_hook(). */
void channel_send_error(const char *line, int code);

#endif
