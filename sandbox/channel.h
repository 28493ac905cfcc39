/* Channel between launcher and init: a pair of connected sockets. End of file
 * means that the peer has exited. */
#ifndef PITH_SANDBOX_CHANNEL_H
#define PITH_SANDBOX_CHANNEL_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum message_kind {
	/* From the launcher. */
	MSG_MOUNT,              /* fd: a mount; code: which, see launch.c */
	MSG_READY,              /* ids are mapped, or all mounts are sent */
	/* From init. */
	MSG_PTY,                /* fd: master of the terminal, or a pipe */
	MSG_ERROR,              /* text, and code of log_set_hook() */
	MSG_BLOCKED,            /* setup is done; waiting for --block-fd */
	MSG_SETUP_DONE,         /* fd: for network_count(), or -1 */
	MSG_STARTED,            /* the command pid has been executed */
	MSG_ENDED               /* code: wait status of the command */
};

struct message {
	int kind;               /* enum message_kind */
	int code;
	int64_t orphans, killed;        /* MSG_ENDED */
	uint64_t inodes[8];     /* MSG_BLOCKED, MSG_SETUP_DONE: inode numbers
				 * of namespaces[]; 0: unknown */
	int fd;                 /* sent with the message, or -1 */
	pid_t pid;              /* translated to the reader's PID namespace; 0:
				 * none, or fd is a pidfd of the process */
	pid_t common;           /* pid in a PID namespace of both, or 0 */
	char text[512];
};

/* Make both sockets. Dies on failure. */
void channel_make(void);

/* Keep the socket of the launcher or of init, and close the other. From now on
 * each message, and end of file, raises a signal that channel_is_signal()
 * recognises, fcntl(2) F_SETSIG. Dies on failure. */
void channel_take_end(bool launcher);

/* Descriptor of our socket, or -1. */
int channel_fd(void);

/* True if the signal reports that the channel can be read. */
bool channel_is_signal(const siginfo_t *info);

/* Send a message. n->pid is a pid of our own PID namespace. Returns false with
 * errno, which is EPIPE if the peer has exited. */
bool channel_send(const struct message *n);

/* Read the next message; if wait, block until there is one. Returns false if
 * there is none, with *closed set if there will never be another. Then errno is
 * 0 on end of file, else the error. */
bool channel_read(struct message *n, bool wait, bool *closed);

/* Send an error line to the launcher; a hook for log_set_hook(). */
void channel_send_error(const char *line, int code);

#endif
