#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../fds.h"
#include "channel.h"

/* A realtime signal is queued. Its si_code shows that no process has sent it.
 * If the queue is full, the kernel sends SIGIO instead, fcntl(2). */
enum { CHANNEL_SIGNAL = 64 };

/* Static, because log_set_hook() and signals give no pointer. */
static struct channel {
	int sockets[2];         /* of init and of the launcher */
	int own;                /* the one that we keep, or -1 */
} channel = { .sockets = { -1, -1 }, .own = -1 };

/* Buffer for the control messages, cmsg(3). */
union ancillary {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
};

void
channel_make(void)
{
	static const int on = 1;

	if (syscall(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
	    channel.sockets) < 0)
		die("cannot make", "a socket for init");
	for (int i = 0; i < 2; i++)
		if (setsockopt(channel.sockets[i], SOL_SOCKET, SO_PASSCRED, &on,
		    sizeof(on)) < 0)
			die("cannot make", "a socket for init");
}

void
channel_take_end(bool launcher)
{
	channel.own = channel.sockets[launcher];
	fds_keep(&channel.own, 1, FDS_OUTSIDE | FDS_INIT);
	close(channel.sockets[!launcher]);
	if (fcntl(channel.own, F_SETOWN, getpid()) < 0 ||
	    fcntl(channel.own, F_SETSIG, CHANNEL_SIGNAL) < 0 ||
	    fcntl(channel.own, F_SETFL, O_ASYNC) < 0)
		die("cannot watch", "the socket of init");
}

int
channel_fd(void)
{
	return channel.own;
}

bool
channel_is_signal(const siginfo_t *info)
{
	return channel.own >= 0 && info->si_code > 0 &&
	    (info->si_signo == CHANNEL_SIGNAL || info->si_signo == SIGIO);
}

static void
attach_control(struct msghdr *m, int type, const void *data, size_t n)
{
	struct cmsghdr *c = (void *)((char *)m->msg_control +
	    m->msg_controllen);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), data, n);
	m->msg_controllen += CMSG_SPACE(n);
}

bool
channel_send(const struct message *n)
{
	union ancillary a;
	struct iovec v = { (void *)n, offsetof(struct message, text) +
	    strlen(n->text) + 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &a };
	ssize_t sent;

	memset(&a, 0, sizeof(a));
	if (n->fd >= 0)
		attach_control(&m, SCM_RIGHTS, &n->fd, sizeof(n->fd));
	if (n->pid > 0)
		attach_control(&m, SCM_CREDENTIALS, &(struct ucred){
		    n->pid, getuid(), getgid() }, sizeof(struct ucred));
	do
		sent = syscall(SYS_sendmsg, channel.own, &m, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	/* Without CAP_SYS_ADMIN over the PID namespace, we may only send our
	 * own pid, unix(7). Send a pidfd instead. */
	if (sent < 0 && errno == EPERM && n->pid > 0 && n->fd < 0) {
		struct message with_pidfd = *n;

		with_pidfd.pid = 0;
		with_pidfd.fd = syscall(SYS_pidfd_open, n->pid, 0);
		sent = channel_send(&with_pidfd) ? 0 : -1;
		close(with_pidfd.fd);
	}
	return sent >= 0;
}

bool
channel_read(struct message *n, bool wait, bool *closed)
{
	union ancillary a;
	struct iovec v = { n, sizeof(*n) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &a,
	    .msg_controllen = sizeof(a) };
	ssize_t got;

	/* ECONNRESET: the peer has closed its socket without reading all of our
	 * messages. It is reported once, before the messages of the peer. */
	do
		got = syscall(SYS_recvmsg, channel.own, &m, MSG_CMSG_CLOEXEC |
		    (wait ? 0 : MSG_DONTWAIT));
	while (got < 0 && (errno == EINTR || errno == ECONNRESET));
	if (got == 0)
		errno = 0;
	/* Without wait the caller reads again on the next signal, so an error
	 * such as EAGAIN is not final. */
	*closed = got == 0 || (got < 0 && wait);
	if (got < (ssize_t)offsetof(struct message, text))
		return false;
	n->text[sizeof(n->text) - 1] = '\0';
	n->fd = -1;
	n->pid = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_type == SCM_RIGHTS)
			memcpy(&n->fd, CMSG_DATA(c), sizeof(int));
		else if (c->cmsg_type == SCM_CREDENTIALS)
			n->pid = ((struct ucred *)(void *)CMSG_DATA(c))->pid;
	return true;
}

void
channel_send_error(const char *line, int code)
{
	struct message n = { .kind = MSG_ERROR, .code = code, .fd = -1 };
	struct strbuf text = STRBUF(n.text);

	strbuf_add(&text, line);
	channel_send(&n);
}
