#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../signals.h"
#include "cgroup.h"
#include "namespaces.h"
#include "ports.h"
#include "proc.h"
#include "publish.h"

enum {
	CHUNK_BYTES = 64 * 1024,        /* size of a pipe; largest datagram */
	CHUNKS_PER_TURN = 16,           /* of one connection at a time */
	BATCH = 64,                     /* events, or datagrams of one port */
	FDS_PER_CONNECTION = 6,         /* two sockets, two pipes on a stall */
	FDS_PER_UDP_CLIENT = 8,         /* one descriptor in 8 for a client */
	MAX_CONNECTIONS = 16384,
	MAX_UDP_CLIENTS = 4096,         /* a power of two: size of the hash */
	MIN_UDP_CLIENTS = 4,
	UDP_RCVBUF_BYTES = 4 << 20,     /* requested; rmem_max may allow less */
	UDP_IDLE_S = 90,                /* then the client's socket is closed */
	ACCEPT_PAUSE_MS = 100,          /* while slots or files are short */
	DRAIN_MS = 1000,                /* for pending data after init's exit */
	CONNECT_TIMEOUT_MS = 10 * 1000,
	CONNECT_SCAN_MS = 1000,         /* between two checks of that timeout */
	EDGE_EVENTS = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | (int)EPOLLET
};

/* One side of a connection, and the data read from it that the other side has
 * not taken yet. */
struct side {
	int fd;
	int pipe[2];            /* holds pending bytes; else -1 */
	size_t pending;
	bool eof;               /* this side sends no more */
	bool eof_sent;          /* shutdown(2) has told the other side */
	bool urgent;            /* urgent data has arrived at least once */
};

/* A client's connection to the host, and the connection to the server inside
 * that it is relayed to. */
struct connection {
	struct side outer, inner;
	const struct port *port;
	bool used;
	bool connecting;        /* the inner side is not connected yet */
	bool uses_ipv6;         /* the inner side has fallen back to ::1 */
	bool failed;            /* close both sides with a reset */
	int64_t connect_started;        /* milliseconds */
};

/* The sender of datagrams, and the inner socket that stands for it. */
struct udp_client {
	struct sockaddr_in6 from;
	socklen_t from_size;
	/* IP_PKTINFO with the local address that the client sent to. */
	_Alignas(struct cmsghdr) char control[64];
	size_t control_size;
	const struct port *port;
	int fd;
	bool uses_ipv6;
	int64_t last_used;      /* seconds; 0: this slot is free */
	struct udp_client *next;        /* in its bucket or in the free list */
	struct udp_client *older, *newer;       /* ordered by last_used */
};

/* Upper half of the data of an epoll event. The lower half is the index of the
 * port, client or connection. The index of a connection is doubled; its lowest
 * bit is set for the inner side. */
enum topic { CONNECTION, UDP_CLIENT, PORT, INIT_GONE, LAUNCHER_GONE };

/* State of the relay, mapped in its process only. Pages of the tables are
 * allocated at the first access. */
struct port_relay {
	int epoll, init_gone, launcher_gone;
	const struct port *ports;
	int port_count;
	int64_t accept_paused_until;    /* milliseconds; 0: not paused */
	int64_t drain_deadline;         /* milliseconds; 0: init runs */

	int connection_count, max_connections, connecting_count;
	int next_slot;                  /* first one to try for a client */
	int64_t next_connect_scan;      /* milliseconds */
	int spare_pipe[2];              /* empty, for the next side; or -1 */

	int max_udp_clients;
	int udp_clients_touched;        /* entries from here on are untouched */
	uint32_t hash_seed;     /* clients cannot choose colliding addresses */
	struct udp_client *unused_udp_client, *oldest_udp_client,
	    *newest_udp_client;
	int64_t next_idle_scan;         /* seconds */

	struct connection connections[MAX_CONNECTIONS];
	struct udp_client udp_clients[MAX_UDP_CLIENTS];
	struct udp_client *buckets[MAX_UDP_CLIENTS];    /* lists, by hash */
	char datagram[CHUNK_BYTES];
};

static bool
watch_fd(const struct port_relay *r, int fd, int how, uint32_t events,
    enum topic topic, uint32_t which)
{
	struct epoll_event e = { .events = events,
	    .data.u64 = (uint64_t)topic << 32 | which };

	return epoll_ctl(r->epoll, how, fd, &e) == 0;
}

/* ---- connections -------------------------------------------------------- */

/* True if the socket has connected to itself. Without a server the kernel may
 * choose the server's port as our local port. We would then receive our own
 * data, and the server could not bind its port. */
static bool
is_self_connected(int fd, uint16_t port)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_in6 own = { 0 };
	socklen_t size = sizeof(own);

	/* The port has the same offset in sockaddr_in and sockaddr_in6. */
	if (getsockname(fd, (struct sockaddr *)&own, &size) < 0 ||
	    own.sin6_port != htons(port))
		return false;
	/* Dissolve the association to avoid TIME_WAIT, connect(2). */
	(void)!connect(fd, &none, sizeof(none));
	return true;
}

static bool
connect_inner(int fd, bool ipv6, const struct port *p)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a;

	memset(&a, 0, sizeof(a));
	a.any.sa_family = ipv6 ? AF_INET6 : AF_INET;
	a.v4.sin_port = htons(p->inner);        /* same offset in both */
	if (ipv6)
		a.v6.sin6_addr.s6_addr[15] = 1;
	else
		a.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + p->nth);
	return (connect(fd, &a.any, ipv6 ? sizeof(a.v6) : sizeof(a.v4)) == 0 ||
	    errno == EINPROGRESS) && !is_self_connected(fd, p->inner);
}

static int
inner_socket(bool ipv6, int type)
{
	return socket(ipv6 ? AF_INET6 : AF_INET,
	    type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static void
close_pipe(struct side *s)
{
	if (s->pipe[0] < 0)
		return;
	close(s->pipe[0]);
	close(s->pipe[1]);
	s->pipe[0] = s->pipe[1] = -1;
}

static void
set_tcp_options(int fd)
{
	static const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

/* Close both sides. A zero SO_LINGER makes close(2) send a reset, so a failure
 * does not look like a normal end of data; socket(7). */
static void
close_connection(struct port_relay *r, struct connection *c)
{
	const struct linger reset = { 1, 0 };
	struct side *const sides[] = { &c->outer, &c->inner };

	for (int i = 0; i < 2; i++) {
		close_pipe(sides[i]);
		if (sides[i]->fd < 0)
			continue;
		if (c->failed)
			setsockopt(sides[i]->fd, SOL_SOCKET, SO_LINGER,
			    &reset, sizeof(reset));
		close(sides[i]->fd);
	}
	c->used = false;
	r->connection_count--;
	r->connecting_count -= c->connecting;
}

static bool
acquire_pipe(struct port_relay *r, struct side *s)
{
	if (s->pipe[0] >= 0)
		return true;
	if (r->spare_pipe[0] < 0 &&
	    pipe2(r->spare_pipe, O_NONBLOCK | O_CLOEXEC) < 0)
		return false;
	memcpy(s->pipe, r->spare_pipe, sizeof(r->spare_pipe));
	r->spare_pipe[0] = r->spare_pipe[1] = -1;
	return true;
}

static void
release_pipe(struct port_relay *r, struct side *s)
{
	if (r->spare_pipe[0] >= 0 || s->pipe[0] < 0) {
		close_pipe(s);
		return;
	}
	memcpy(r->spare_pipe, s->pipe, sizeof(r->spare_pipe));
	s->pipe[0] = s->pipe[1] = -1;
}

/* Forward one urgent byte as urgent data, tcp(7). splice(2) stops before it,
 * and returns 0 if no data follows. The return value is that of pass_chunk().
 */
static int
pass_urgent(const struct side *from, const struct side *to)
{
	char byte;

	if (recv(from->fd, &byte, 1, MSG_PEEK) != 1 ||
	    send(to->fd, &byte, 1, MSG_OOB) != 1)
		return errno == EAGAIN ? 0 : -1;
	return recv(from->fd, &byte, 1, 0);
}

static bool
is_urgent(const struct side *from)
{
	int next = 0;

	return from->urgent && ioctl(from->fd, SIOCATMARK, &next) == 0 && next;
}

/* Forward one chunk. Returns 1 if there may be more; 0 if a side would block or
 * the end of data has been forwarded; -1 if a side has failed. */
static int
pass_chunk(struct port_relay *r, struct side *from, struct side *to)
{
	ssize_t n;

	if (from->pending == 0 && !from->eof) {
		if (!acquire_pipe(r, from))
			return -1;
		n = splice(from->fd, NULL, from->pipe[1], NULL, CHUNK_BYTES,
		    SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
		if (n <= 0)
			release_pipe(r, from);
		if (n <= 0 && is_urgent(from))
			return pass_urgent(from, to);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		from->pending = n;
		from->eof = n == 0;
	}
	if (from->pending > 0) {
		n = splice(from->pipe[0], NULL, to->fd, NULL, from->pending,
		    SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		from->pending -= n;
		if (from->pending == 0)
			release_pipe(r, from);
		return 1;
	}
	if (!from->eof_sent && shutdown(to->fd, SHUT_WR) < 0)
		return -1;
	from->eof_sent = true;
	return 0;
}

/* Watch one side. Edge-triggered events are reported once: EPOLL_CTL_MOD makes
 * the kernel report again what is still possible, epoll_ctl(2). */
static void
watch_side(struct port_relay *r, struct connection *c, struct side *s,
    int how)
{
	if (!watch_fd(r, s->fd, how, EDGE_EVENTS, CONNECTION,
	    (c - r->connections) * 2 + (s == &c->inner)))
		c->failed = true;
}

/* Forward up to CHUNKS_PER_TURN chunks, so that no connection starves the
 * others. */
static void
pass_on(struct port_relay *r, struct connection *c, struct side *from,
    struct side *to)
{
	int more = 1;

	for (int i = 0; i < CHUNKS_PER_TURN && more > 0; i++)
		more = pass_chunk(r, from, to);
	if (more < 0)
		c->failed = true;
	else if (more > 0)
		watch_side(r, c, from, EPOLL_CTL_MOD);
}

/* Forward data after an event on one side or both, and close the connection
 * when it is done or has failed. */
static void
relay_connection(struct port_relay *r, struct connection *c, bool outer,
    bool inner)
{
	if (outer || c->outer.pending > 0)
		pass_on(r, c, &c->outer, &c->inner);
	/* After a failure too: a server may send an answer and close without
	 * reading the rest of the request. */
	if (inner || c->inner.pending > 0 || c->failed)
		pass_on(r, c, &c->inner, &c->outer);
	if (c->failed || (c->inner.eof_sent &&
	    (c->outer.eof_sent || r->drain_deadline)))
		close_connection(r, c);
}

static bool
start_inner(struct port_relay *r, struct connection *c)
{
	c->inner.fd = inner_socket(c->uses_ipv6, SOCK_STREAM);
	if (c->inner.fd < 0)
		return false;
	set_tcp_options(c->inner.fd);
	if (!connect_inner(c->inner.fd, c->uses_ipv6, c->port))
		return false;
	watch_side(r, c, &c->inner, EPOLL_CTL_ADD);
	return true;
}

static bool
retry_over_ipv6(struct port_relay *r, struct connection *c)
{
	if (c->inner.fd >= 0)
		close(c->inner.fd);
	c->uses_ipv6 = true;
	return start_inner(r, c);
}

static void
reset_connection(struct port_relay *r, struct connection *c)
{
	c->failed = true;
	close_connection(r, c);
}

static void
connect_finished(struct port_relay *r, struct connection *c, uint32_t events)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		return;
	getsockopt(c->inner.fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error == 0) {
		c->connecting = false;
		r->connecting_count--;
		relay_connection(r, c, true, true);
		return;
	}
	if (c->uses_ipv6 || !retry_over_ipv6(r, c) || c->failed)
		reset_connection(r, c);
}

static void
handle_connection(struct port_relay *r, uint32_t which, uint32_t events)
{
	struct connection *c = &r->connections[which / 2];
	struct side *s = which & 1 ? &c->inner : &c->outer;
	const int on = 1;

	/* The connection was closed earlier in this batch of events. */
	if (!c->used)
		return;
	/* The client has reset the connection, or has closed it before the
	 * server accepted. EPOLLRDHUP alone is no failure: the client may have
	 * shut down its writing side and still expect the answer. */
	if (!(which & 1) && (events & EPOLLERR ||
	    (c->connecting && events & EPOLLHUP))) {
		reset_connection(r, c);
		return;
	}
	if (events & EPOLLPRI) {
		s->urgent = true;
		setsockopt(s->fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	}
	if (!c->connecting)
		relay_connection(r, c, !(which & 1), which & 1);
	else if (which & 1)
		connect_finished(r, c, events);
}

/* Reset connections whose server has not accepted in time. The kernel itself
 * gives up only after about two minutes. */
static void
reset_slow_connects(struct port_relay *r)
{
	const int64_t ms = signals_clock();

	if (ms < r->next_connect_scan)
		return;
	r->next_connect_scan = ms + CONNECT_SCAN_MS;
	for (int i = 0; i < r->max_connections && r->connecting_count > 0;
	     i++) {
		struct connection *c = &r->connections[i];

		if (c->used && c->connecting &&
		    c->connect_started + CONNECT_TIMEOUT_MS <= ms)
			reset_connection(r, c);
	}
}

static struct connection *
free_connection(struct port_relay *r)
{
	const int most = r->max_connections;

	for (int i = 0; i < most && r->connection_count < most; i++) {
		struct connection *c = &r->connections[r->next_slot];

		r->next_slot = (r->next_slot + 1) % most;
		if (!c->used)
			return c;
	}
	return NULL;
}

static void
watch_listeners(const struct port_relay *r, uint32_t events)
{
	for (int i = 0; i < r->port_count; i++)
		if (!r->ports[i].datagrams)
			watch_fd(r, r->ports[i].fd, EPOLL_CTL_MOD, events,
			    PORT, i);
}

/* Stop accepting for a while. New clients wait in the kernel's queue. */
static void
pause_accept(struct port_relay *r)
{
	r->accept_paused_until = signals_clock() + ACCEPT_PAUSE_MS;
	watch_listeners(r, 0);
}

static void
resume_accept(struct port_relay *r)
{
	r->accept_paused_until = 0;
	if (!r->drain_deadline)
		watch_listeners(r, EPOLLIN);
}

static void
accept_connections(struct port_relay *r, const struct port *p)
{
	for (int i = 0; i < BATCH; i++) {
		struct connection *c = free_connection(r);
		int fd = c ? syscall(SYS_accept4, p->fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC) : -1;

		if (!c || (fd < 0 && (errno == EMFILE || errno == ENFILE ||
		    errno == ENOBUFS || errno == ENOMEM)))
			pause_accept(r);
		if (fd < 0)
			return;
		*c = (struct connection){ .port = p,
			.used = true,
			.connecting = true,
			.connect_started = signals_clock(),
			.outer = { .fd = fd, .pipe = { -1, -1 } },
			.inner = { .fd = -1, .pipe = { -1, -1 } } };
		r->connection_count++;
		r->connecting_count++;
		set_tcp_options(fd);
		watch_side(r, c, &c->outer, EPOLL_CTL_ADD);
		if ((!start_inner(r, c) && !retry_over_ipv6(r, c)) || c->failed)
			reset_connection(r, c);
	}
}

/* ---- datagrams ---------------------------------------------------------- */

/* Return the head of the list of clients whose address has the same hash. */
static struct udp_client **
bucket_of(struct port_relay *r, const struct port *port, const void *address,
    socklen_t size)
{
	const unsigned char *bytes = address;
	uint32_t hash = r->hash_seed ^ port->inner;

	for (socklen_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 16777619;
	return &r->buckets[(hash ^ hash >> 16) & (MAX_UDP_CLIENTS - 1)];
}

static void
unlink_udp_client(struct port_relay *r, const struct udp_client *u)
{
	*(u->older ? &u->older->newer : &r->oldest_udp_client) = u->newer;
	*(u->newer ? &u->newer->older : &r->newest_udp_client) = u->older;
}

static void
append_udp_client(struct port_relay *r, struct udp_client *u)
{
	u->newer = NULL;
	u->older = r->newest_udp_client;
	*(u->older ? &u->older->newer : &r->oldest_udp_client) = u;
	r->newest_udp_client = u;
}

static void
mark_used(struct port_relay *r, struct udp_client *u)
{
	u->last_used = signals_clock() / 1000 + 1;
	unlink_udp_client(r, u);
	append_udp_client(r, u);
}

/* Return the slot of a client whose socket is closed to the free list. */
static void
recycle_udp_client(struct port_relay *r, struct udp_client *u)
{
	struct udp_client **at = bucket_of(r, u->port, &u->from, u->from_size);

	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	unlink_udp_client(r, u);
	u->last_used = 0;
	u->next = r->unused_udp_client;
	r->unused_udp_client = u;
}

static void
close_udp_client(struct port_relay *r, struct udp_client *u)
{
	close(u->fd);
	recycle_udp_client(r, u);
}

static bool
open_udp_inner(struct port_relay *r, struct udp_client *u)
{
	u->fd = inner_socket(u->uses_ipv6, SOCK_DGRAM);
	if (u->fd >= 0 && connect_inner(u->fd, u->uses_ipv6, u->port) &&
	    watch_fd(r, u->fd, EPOLL_CTL_ADD, EPOLLIN, UDP_CLIENT,
	    u - r->udp_clients))
		return true;
	if (u->fd >= 0)
		close(u->fd);
	return false;
}

/* No server listens on this loopback address; try the other one. */
static void
try_other_family(struct port_relay *r, struct udp_client *u)
{
	u->uses_ipv6 = !u->uses_ipv6;
	close(u->fd);
	if (!open_udp_inner(r, u))
		recycle_udp_client(r, u);
}

/* Return the client with the sender's address, or a new one. If all slots are
 * used, the client that was idle longest loses its slot. NULL if no socket can
 * be opened. */
static struct udp_client *
udp_client_of(struct port_relay *r, const struct port *port,
    const struct msghdr *m)
{
	struct udp_client **bucket =
	    bucket_of(r, port, m->msg_name, m->msg_namelen);
	struct udp_client *u;

	for (u = *bucket; u; u = u->next)
		if (u->port == port && u->from_size == m->msg_namelen &&
		    memcmp(&u->from, m->msg_name, u->from_size) == 0)
			return u;
	if (!r->unused_udp_client &&
	    r->udp_clients_touched < r->max_udp_clients)
		r->unused_udp_client =
		    &r->udp_clients[r->udp_clients_touched++];
	if (!r->unused_udp_client)
		close_udp_client(r, r->oldest_udp_client);
	u = r->unused_udp_client;
	memcpy(&u->from, m->msg_name, m->msg_namelen);
	u->from_size = m->msg_namelen;
	u->port = port;
	u->uses_ipv6 = false;
	if (!open_udp_inner(r, u))
		return NULL;
	r->unused_udp_client = u->next;
	u->next = *bucket;
	*bucket = u;
	append_udp_client(r, u);
	return u;
}

/* Keep the packet info, so that answers leave from the address that the client
 * sent to. The interface index is cleared: routing chooses the interface. For
 * IPv4 the kernel reports IPV6_PKTINFO and IP_PKTINFO. The last one is kept:
 * IP_PKTINFO also has our address if the client sent to a broadcast address. */
static void
keep_control(struct udp_client *u, struct msghdr *m)
{
	struct cmsghdr *c;

	u->control_size = 0;
	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			((struct in_pktinfo *)CMSG_DATA(c))->ipi_ifindex = 0;
		else if (c->cmsg_level == IPPROTO_IPV6 &&
		    c->cmsg_type == IPV6_PKTINFO)
			((struct in6_pktinfo *)CMSG_DATA(c))->ipi6_ifindex = 0;
		u->control_size = c->cmsg_len;
		memcpy(u->control, c, u->control_size);
	}
}

static void
relay_datagrams(struct port_relay *r, const struct port *port)
{
	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_in6 from = { 0 };
		_Alignas(struct cmsghdr) char control[128];
		struct iovec v = { r->datagram, CHUNK_BYTES };
		struct msghdr m = { .msg_name = &from,
		    .msg_namelen = sizeof(from), .msg_iov = &v,
		    .msg_iovlen = 1, .msg_control = control,
		    .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(port->fd, &m, 0);
		struct udp_client *u = n >= 0 ? udp_client_of(r, port, &m) :
		    NULL;

		if (n < 0)
			return;
		if (!u)
			continue;
		mark_used(r, u);
		keep_control(u, &m);
		if (send(u->fd, r->datagram, n, 0) >= 0 ||
		    errno != ECONNREFUSED)
			continue;
		/* ECONNREFUSED belongs to the previous datagram, udp(7). This
		 * datagram was not sent. */
		try_other_family(r, u);
		if (u->last_used)
			(void)!send(u->fd, r->datagram, n, 0);
	}
}

static void
relay_answers(struct port_relay *r, struct udp_client *u)
{
	for (int i = 0; i < BATCH && u->last_used; i++) {
		ssize_t n = recv(u->fd, r->datagram, CHUNK_BYTES, 0);
		struct iovec v = { r->datagram, n };
		struct msghdr m = { .msg_name = &u->from,
		    .msg_namelen = u->from_size, .msg_iov = &v,
		    .msg_iovlen = 1,
		    .msg_control = u->control_size ? u->control : NULL,
		    .msg_controllen = u->control_size };

		if (n < 0 && errno == ECONNREFUSED)
			try_other_family(r, u);
		if (n < 0)
			return;
		mark_used(r, u);
		if (sendmsg(u->port->fd, &m, 0) >= 0 || errno != EINVAL)
			continue;
		/* The client sent to a broadcast or multicast address, which
		 * cannot be a source address: let the kernel choose one. */
		m.msg_control = NULL;
		m.msg_controllen = 0;
		(void)!sendmsg(u->port->fd, &m, 0);
	}
}

static void
close_idle_udp_clients(struct port_relay *r)
{
	const int64_t seconds = signals_clock() / 1000;

	if (seconds < r->next_idle_scan)
		return;
	r->next_idle_scan = seconds + UDP_IDLE_S / 9;
	while (r->oldest_udp_client &&
	    r->oldest_udp_client->last_used + UDP_IDLE_S < seconds)
		close_udp_client(r, r->oldest_udp_client);
}

/* ---- the process -------------------------------------------------------- */

/* After init's exit: accept no more clients, and forward only the data that is
 * still on its way out of the sandbox. */
static void
start_draining(struct port_relay *r)
{
	r->drain_deadline = signals_clock() + DRAIN_MS;
	close(r->init_gone);
	for (int i = 0; i < r->port_count; i++)
		if (!r->ports[i].datagrams)
			close(r->ports[i].fd);
	for (int i = 0; i < r->max_connections && r->connection_count > 0;
	     i++) {
		struct connection *c = &r->connections[i];

		if (c->used && c->connecting)
			reset_connection(r, c);
		else if (c->used)
			relay_connection(r, c, true, true);
	}
}

static void
handle_event(struct port_relay *r, const struct epoll_event *e)
{
	const uint32_t which = e->data.u64;

	switch ((enum topic)(e->data.u64 >> 32)) {
	case CONNECTION:
		handle_connection(r, which, e->events);
		break;
	case UDP_CLIENT:
		relay_answers(r, &r->udp_clients[which]);
		break;
	case PORT:
		if (r->ports[which].datagrams)
			relay_datagrams(r, &r->ports[which]);
		else if (!r->drain_deadline)
			accept_connections(r, &r->ports[which]);
		break;
	case INIT_GONE:
		start_draining(r);
		break;
	case LAUNCHER_GONE:
		_exit(0);
	}
}

static int
epoll_timeout(const struct port_relay *r)
{
	return r->accept_paused_until ? ACCEPT_PAUSE_MS :
	    r->drain_deadline ? DRAIN_MS :
	    r->connecting_count > 0 ? CONNECT_SCAN_MS :
	    r->oldest_udp_client ? UDP_IDLE_S * 1000 / 9 : -1;
}

static _Noreturn void
relay_ports(struct port_relay *r)
{
	struct epoll_event events[BATCH];

	for (;;) {
		int n = epoll_wait(r->epoll, events, BATCH, epoll_timeout(r));

		/* Handle new clients last: a new client in a slot freed in
		 * this batch would get the events of the old one. */
		for (int i = 0; i < n; i++)
			if (events[i].data.u64 >> 32 != PORT)
				handle_event(r, &events[i]);
		for (int i = 0; i < n; i++)
			if (events[i].data.u64 >> 32 == PORT)
				handle_event(r, &events[i]);
		if (r->accept_paused_until &&
		    signals_clock() >= r->accept_paused_until)
			resume_accept(r);
		if (r->connecting_count > 0)
			reset_slow_connects(r);
		if (r->oldest_udp_client)
			close_idle_udp_clients(r);
		if (r->drain_deadline && (r->connection_count == 0 ||
		    signals_clock() >= r->drain_deadline))
			_exit(0);
	}
}

static struct port_relay *
alloc_relay(void)
{
	struct rlimit files;
	uint64_t most;
	struct port_relay *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (r == MAP_FAILED)
		_exit(1);
	r->ports = ports_published(&r->port_count);
	r->spare_pipe[0] = r->spare_pipe[1] = -1;
	if (getrandom(&r->hash_seed, sizeof(r->hash_seed), GRND_NONBLOCK) < 0)
		r->hash_seed = signals_clock();
	syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &files);
	most = files.rlim_cur / FDS_PER_CONNECTION;
	r->max_connections = most > MAX_CONNECTIONS ? MAX_CONNECTIONS :
	    most > 16 ? most - 10 : 1;
	most = files.rlim_cur / FDS_PER_UDP_CLIENT;
	r->max_udp_clients = most > MAX_UDP_CLIENTS ? MAX_UDP_CLIENTS :
	    most > MIN_UDP_CLIENTS ? most : MIN_UDP_CLIENTS;
	return r;
}

/* We hold sockets in both network namespaces, so drop all privileges: processes
 * inside can reach us through those sockets. In a user namespace of its own the
 * relay also takes the sandbox's ids. */
static bool
drop_privileges(bool own_user)
{
	const struct __user_cap_header_struct head = {
	    _LINUX_CAPABILITY_VERSION_3, 0 };
	const struct __user_cap_data_struct none[2] = { { 0, 0, 0 } };

	if (own_user) {
		(void)!syscall(SYS_setgroups, 0, NULL);
		(void)!syscall(SYS_setresgid, 0, 0, 0);
		(void)!syscall(SYS_setresuid, 0, 0, 0);
	}
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    syscall(SYS_capset, &head, none) == 0 &&
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

static bool
enter_namespaces(int userns, int netns)
{
	return (userns < 0 || setns(userns, CLONE_NEWUSER) == 0) &&
	    (netns < 0 || setns(netns, CLONE_NEWNET) == 0) &&
	    drop_privileges(userns >= 0);
}

static bool
watch_descriptors(struct port_relay *r)
{
	const int on = 1, bytes = UDP_RCVBUF_BYTES;

	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!watch_fd(r, r->init_gone, EPOLL_CTL_ADD, EPOLLIN, INIT_GONE, 0) ||
	    !watch_fd(r, r->launcher_gone, EPOLL_CTL_ADD, EPOLLIN,
	    LAUNCHER_GONE, 0))
		return false;
	for (int i = 0; i < r->port_count; i++) {
		const int fd = r->ports[i].fd;

		/* An IPv4 socket rejects the first, ipv6(7). */
		if (r->ports[i].datagrams) {
			setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on,
			    sizeof(on));
			setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on,
			    sizeof(on));
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes,
			    sizeof(bytes));
		}
		if (!watch_fd(r, fd, EPOLL_CTL_ADD, EPOLLIN, PORT, i))
			return false;
	}
	return true;
}

/* Close all descriptors but the relay's own. The relay would otherwise keep
 * inherited files and pipes open for as long as it runs. */
static void
close_other_fds(const struct port_relay *r)
{
	const int own[] = { ports_opening(), r->epoll, r->init_gone,
	    r->launcher_gone };
	const int count = sizeof(own) / sizeof(own[0]);
	int from = 0, next;

	do {
		next = INT32_MAX;
		for (int i = 0; i < count + r->port_count; i++) {
			const int fd = i < count ? own[i] :
			    r->ports[i - count].fd;

			if (fd >= from && fd < next)
				next = fd;
		}
		if (next > from)
			syscall(SYS_close_range, from, next == INT32_MAX ? ~0U :
			    (unsigned int)next - 1, 0);
		from = next + 1;
	} while (next < INT32_MAX);
}

/* Wait until init has opened the sockets of --listen. Clients wait in the
 * kernel's queue: connecting them earlier would refuse them. */
static void
await_listen_sockets(const struct port_relay *r)
{
	struct pollfd p[] = { { ports_opening(), POLLIN, 0 },
	    { r->init_gone, POLLIN, 0 }, { r->launcher_gone, POLLIN, 0 } };

	if (p[0].fd < 0)
		return;
	while (poll(p, sizeof(p) / sizeof(p[0]), -1) < 0 && errno == EINTR)
		;
	close(p[0].fd);
}

/* Set up the relay in its process, write a byte to ready, and relay. */
static _Noreturn void
run_port_relay(struct port_relay *r, int userns, int netns, int ready,
    bool in_group)
{
	if (!cgroup_enter_relay(in_group) ||
	    !enter_namespaces(userns, netns) || !watch_descriptors(r) ||
	    chdir("/") < 0)
		_exit(1);
	(void)!write(ready, "", 1);
	close_other_fds(r);
	/* A change of ids or capabilities clears it, prctl(2). */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	await_listen_sockets(r);
	relay_ports(r);
}

static int
open_namespace(pid_t init, const char *name, bool own)
{
	char path[PROC_PATH];
	const int fd = own ? openat(proc_fd(), proc_of(path, init, name),
	    O_RDONLY | O_CLOEXEC) : -1;

	if (own && fd < 0)
		die("cannot open", path);
	return fd;
}

bool
publish_wanted(void)
{
	int count;

	ports_published(&count);
	return count > 0;
}

pid_t
publish_start(pid_t init, bool own_user, bool own_net)
{
	const int userns = open_namespace(init, "ns/user", own_user);
	const int netns = open_namespace(init, "ns/net", own_net);
	const pid_t launcher = getpid();
	const int init_gone = syscall(SYS_pidfd_open, init, 0);
	const int launcher_gone = syscall(SYS_pidfd_open, launcher, 0);
	int ready[2];           /* the relay writes a byte when it is set up */
	int cgroup = cgroup_relay_clone_fd(), born = cgroup;
	char byte;
	pid_t pid = -1;

	if (init_gone < 0 || launcher_gone < 0 ||
	    pipe2(ready, O_CLOEXEC) < 0 ||
	    (pid = namespaces_fork(0, &born)) < 0)
		die("cannot start", "the relay of ports");
	if (pid == 0) {
		struct port_relay *r = alloc_relay();

		r->init_gone = init_gone;
		r->launcher_gone = launcher_gone;
		run_port_relay(r, userns, netns, ready[1], born >= 0);
	}
	close(ready[1]);
	close(cgroup);
	close(userns);
	close(netns);
	close(init_gone);
	close(launcher_gone);
	ports_leave_inner();
	/* The relay must be ready before the command starts. */
	if (read(ready[0], &byte, 1) != 1)
		diex("cannot start the relay of ports in", "the network of "
		    "init and a control group", NULL, NULL);
	close(ready[0]);
	return pid;
}
