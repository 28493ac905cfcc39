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
#include <time.h>
#include <unistd.h>

#include "../architecture.h"
#include "../cli/log.h"
#include "cgroup.h"
#include "namespaces.h"
#include "ports.h"
#include "proc.h"
#include "publish.h"

enum {
	CHUNK = 64 * 1024, /* what a pipe holds, and a datagram at most */
	TURNS = 16, /* chunks of one connection before the others */
	BATCH = 64, /* events, and datagrams of a port, at once */
	FILES_OF_CONNECTION = 6, /* two sockets, and two pipes when it stalls */
	FILES_OF_UDP_CLIENTS = 8, /* of so many files one may be a peer's */
	CONNECTIONS = 16384,
	UDP_CLIENTS = 4096, /* a power of two */
	FEWEST_UDP_CLIENTS = 4,
	DATAGRAM_BYTES = 4 << 20, /* to wait, if the kernel lets us */
	UDP_CLIENT_IDLE = 90, /* seconds until a peer is forgotten */
	ACCEPT_PAUSE = 100, /* milliseconds without room for more */
	LAST = 1000, /* milliseconds for what init left behind */
	CONNECT = 10 * 1000, /* milliseconds for a server to accept */
	SCAN = 1000, /* between two looks at who still connects */
	/* Of a connection. */
	EDGES = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | (int)EPOLLET
};

/* One end of a connection, and what has come from it and not gone on yet. */
struct side {
	int fd;
	int pipe[2];            /* -1 while nothing is held */
	size_t pending;
	bool eof;              /* it sends no more */
	bool eof_sent;              /* and the other end knows */
	bool urgent;            /* some of it is, or was */
};

/* A connection: from outside, and the one inside that it is passed on to. */
struct connection {
	struct side outer, inner;
	const struct port *port;
	bool used, connects, second;    /* second: it is ::1 by now */
	bool failed;            /* to be ended as that: a reset */
	int64_t since;          /* milliseconds, when it began to connect */
};

/* Who sends datagrams, and the socket inside that stands for him. */
struct udp_client {
	struct sockaddr_in6 from;
	socklen_t from_size;
	/* Which address of ours he knows. */
	_Alignas(struct cmsghdr) char control[64];
	size_t control_size;
	const struct port *port;
	int fd;
	bool second;
	int64_t used;           /* seconds; 0: it is free */
	/* The next one with the same hash, or that is free; those that were
	 * used before and after it. */
	struct udp_client *next, *older, *newer;
};

/* What an event is about, in the upper half of its data; a number or, of a
 * connection, its number twice and 1 for the end inside in the lower. */
enum topic { CONNECTION, UDP_CLIENT, PORT, INIT_GONE, LAUNCHER_GONE };

/* Mapped in the process alone, and touched as needed. */
static struct connection *connections;
static struct udp_client *udp_clients;
static int connection_count, most_connections, most_udp_clients;
static int connecting;          /* of the links */
static struct bucket { struct udp_client *first; } *buckets;  /* by hash */
static uint32_t hash_seed;      /* nobody can choose addresses that collide */
static struct udp_client *free_udp_client, *oldest_udp_client,
    *newest_udp_client;
static int udp_clients_touched;       /* those behind were never used */
static int epoll, init_gone, launcher_gone;
static int64_t accept_paused_until, ends_at;    /* milliseconds; 0: not */

static int64_t
now(void)
{
	struct kernel_time t;

	syscall(CLOCK_GETTIME, CLOCK_MONOTONIC, &t);
	return (int64_t)t.seconds * 1000 + t.nanoseconds / 1000000;
}

static bool
watch(int fd, int how, uint32_t events, enum topic topic, uint32_t which)
{
	struct epoll_event e = { .events = events,
	    .data.u64 = (uint64_t)topic << 32 | which };

	return epoll_ctl(epoll, how, fd, &e) == 0;
}

/* ---- connections -------------------------------------------------------- */

/* In a server's absence its port may be given to us as our own, and what we
 * send comes back to us; nor could the server have it any more. */
static bool
is_itself(int fd, uint16_t port)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_in6 own = { 0 };
	socklen_t size = sizeof(own);

	/* It is at the same place in an address of either family. */
	if (getsockname(fd, (struct sockaddr *)&own, &size) < 0 ||
	    own.sin6_port != htons(port))
		return false;
	/* Not to linger as one that is over, connect(2). */
	(void)!connect(fd, &none, sizeof(none));
	return true;
}

static bool
connect_inner(int fd, bool second, const struct port *p)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
	    .sin6_port = htons(p->inner), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in v4 = { .sin_family = AF_INET,
	    .sin_port = htons(p->inner),
	    .sin_addr = { htonl(INADDR_LOOPBACK + p->nth) } };

	return ((second ? connect(fd, (struct sockaddr *)&v6, sizeof(v6)) :
	    connect(fd, (struct sockaddr *)&v4, sizeof(v4))) == 0 ||
	    errno == EINPROGRESS) && !is_itself(fd, p->inner);
}

static int
inner_socket(bool second, int type)
{
	return socket(second ? AF_INET6 : AF_INET,
	    type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static void
drop_pipe(struct side *e)
{
	if (e->pipe[0] < 0)
		return;
	close(e->pipe[0]);
	close(e->pipe[1]);
	e->pipe[0] = e->pipe[1] = -1;
}

static void
set_tcp_options(int fd)
{
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

/* To be told of a failure as a failure, socket(7). */
static void
end_connection(struct connection *l)
{
	const struct linger at_once = { 1, 0 };
	struct side *const ends[] = { &l->outer, &l->inner };

	for (int i = 0; i < 2; i++) {
		drop_pipe(ends[i]);
		if (ends[i]->fd < 0)
			continue;
		if (l->failed)
			setsockopt(ends[i]->fd, SOL_SOCKET, SO_LINGER,
			    &at_once, sizeof(at_once));
		close(ends[i]->fd);
	}
	l->used = false;
	connection_count--;
	connecting -= l->connects;
}

/* A pipe that is empty serves whoever comes next. */
static int spare[2] = { -1, -1 };

static bool
take_pipe(struct side *e)
{
	if (e->pipe[0] >= 0)
		return true;
	if (spare[0] < 0 && pipe2(spare, O_NONBLOCK | O_CLOEXEC) < 0)
		return false;
	memcpy(e->pipe, spare, sizeof(spare));
	spare[0] = spare[1] = -1;
	return true;
}

static void
give_pipe(struct side *e)
{
	if (spare[0] >= 0 || e->pipe[0] < 0) {
		drop_pipe(e);
		return;
	}
	memcpy(spare, e->pipe, sizeof(spare));
	e->pipe[0] = e->pipe[1] = -1;
}

/* splice(2) stops before a byte that is urgent, and says that it is the end
 * where no more is to come. It goes on as what it is, tcp(7). As pass_chunk. */
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

/* One chunk on its way. 1: go on; 0: it has to wait, or all is told; -1: one of
 * the ends has failed. */
static int
pass_chunk(struct side *from, struct side *to)
{
	ssize_t n;

	if (from->pending == 0 && !from->eof) {
		if (!take_pipe(from))
			return -1;
		n = splice(from->fd, NULL, from->pipe[1], NULL, CHUNK,
		    SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
		if (n <= 0)
			give_pipe(from);
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
			give_pipe(from);
		return 1;
	}
	if (!from->eof_sent && shutdown(to->fd, SHUT_WR) < 0)
		return -1;
	from->eof_sent = true;
	return 0;
}

/* Edges are told once: where more can be done, the kernel is asked to tell
 * again, epoll_ctl(2). */
static void
watch_end(struct connection *l, struct side *e, int how)
{
	if (!watch(e->fd, how, EDGES, CONNECTION, (l - connections) * 2 +
	    (e == &l->inner)))
		l->failed = true;
}

/* As much as can be, but others have their turn. */
static void
pass_on(struct connection *l, struct side *from, struct side *to)
{
	int more = 1;

	for (int i = 0; i < TURNS && more > 0; i++)
		more = pass_chunk(from, to);
	if (more < 0)
		l->failed = true;
	else if (more > 0)
		watch_end(l, from, EPOLL_CTL_MOD);
}

/* Something was told of one end, or of both. */
static void
serve(struct connection *l, bool outer, bool inner)
{
	if (outer || l->outer.pending > 0)
		pass_on(l, &l->outer, &l->inner);
	/* Also last of all: a server that has answered may not take any more.
	 */
	if (inner || l->inner.pending > 0 || l->failed)
		pass_on(l, &l->inner, &l->outer);
	if (l->failed || (l->inner.eof_sent && (l->outer.eof_sent || ends_at)))
		end_connection(l);
}

static bool
begin_inner(struct connection *l)
{
	l->inner.fd = inner_socket(l->second, SOCK_STREAM);
	if (l->inner.fd < 0)
		return false;
	set_tcp_options(l->inner.fd);
	if (!connect_inner(l->inner.fd, l->second, l->port))
		return false;
	watch_end(l, &l->inner, EPOLL_CTL_ADD);
	return true;
}

static bool
begin_second(struct connection *l)
{
	if (l->inner.fd >= 0)
		close(l->inner.fd);
	l->second = true;
	return begin_inner(l);
}

static void
fail(struct connection *l)
{
	l->failed = true;
	end_connection(l);
}

static void
connected(struct connection *l, uint32_t events)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		return;
	getsockopt(l->inner.fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error == 0) {
		l->connects = false;
		connecting--;
		serve(l, true, true);
		return;
	}
	if (l->second || !begin_second(l) || l->failed)
		fail(l);
}

static void
connection_event(uint32_t which, uint32_t events)
{
	struct connection *l = &connections[which / 2];
	struct side *e = which & 1 ? &l->inner : &l->outer;
	const int on = 1;

	/* Of one that ended in this same batch. */
	if (!l->used)
		return;
	/* The client has reset the connection, or has gone while it waited for
	 * the server. A mere end of what it sends is none: it may wait for the
	 * answer. */
	if (!(which & 1) && (events & EPOLLERR ||
	    (l->connects && events & EPOLLHUP))) {
		fail(l);
		return;
	}
	if (events & EPOLLPRI) {
		e->urgent = true;
		setsockopt(e->fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	}
	if (!l->connects)
		serve(l, !(which & 1), which & 1);
	else if (which & 1)
		connected(l, events);
}

/* A server that accepts nothing keeps its clients for two minutes otherwise. */
static void
end_slow_connects(void)
{
	static int64_t next;
	const int64_t ms = now();

	if (ms < next)
		return;
	next = ms + SCAN;
	for (int i = 0; i < most_connections && connecting > 0; i++)
		if (connections[i].used && connections[i].connects &&
		    connections[i].since + CONNECT <= ms)
			fail(&connections[i]);
}

static struct connection *
free_connection(void)
{
	static int next;

	for (int i = 0;
	     i < most_connections && connection_count < most_connections; i++) {
		struct connection *l = &connections[next];

		next = (next + 1) % most_connections;
		if (!l->used)
			return l;
	}
	return NULL;
}

/* No more for a while: whoever knocks waits in the kernel's queue. */
static void
pause_accept(void)
{
	int count;
	const struct port *ports = ports_published(&count);

	accept_paused_until = now() + ACCEPT_PAUSE;
	for (int i = 0; i < count; i++)
		if (!ports[i].datagrams)
			watch(ports[i].fd, EPOLL_CTL_MOD, 0, PORT, i);
}

static void
resume_accept(void)
{
	int count;
	const struct port *ports = ports_published(&count);

	accept_paused_until = 0;
	for (int i = 0; i < count && !ends_at; i++)
		if (!ports[i].datagrams)
			watch(ports[i].fd, EPOLL_CTL_MOD, EPOLLIN, PORT, i);
}

static void
take_connections(const struct port *p)
{
	for (int i = 0; i < BATCH; i++) {
		struct connection *l = free_connection();
		int fd = l ? syscall(SYS_accept4, p->fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC) : -1;

		if (!l || (fd < 0 && (errno == EMFILE || errno == ENFILE ||
		    errno == ENOBUFS || errno == ENOMEM)))
			pause_accept();
		if (fd < 0)
			return;
		*l = (struct connection){ .port = p,
			.used = true,
			.connects = true,
			.since = now(),
			.outer = { .fd = fd, .pipe = { -1, -1 } },
			.inner = { .fd = -1, .pipe = { -1, -1 } } };
		connection_count++;
		connecting++;
		set_tcp_options(fd);
		watch_end(l, &l->outer, EPOLL_CTL_ADD);
		if ((!begin_inner(l) && !begin_second(l)) || l->failed)
			fail(l);
	}
}

/* ---- datagrams ---------------------------------------------------------- */

static char datagram[CHUNK];

/* Where the list of peers with the same address hash begins. */
static struct udp_client **
bucket_of(const struct port *port, const void *address, socklen_t size)
{
	const unsigned char *bytes = address;
	uint32_t hash = hash_seed ^ port->inner;

	for (socklen_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 16777619;
	return &buckets[(hash ^ hash >> 16) & (UDP_CLIENTS - 1)].first;
}

static void
take_out(const struct udp_client *p)
{
	*(p->older ? &p->older->newer : &oldest_udp_client) = p->newer;
	*(p->newer ? &p->newer->older : &newest_udp_client) = p->older;
}

static void
put_newest(struct udp_client *p)
{
	p->newer = NULL;
	p->older = newest_udp_client;
	*(newest_udp_client ? &newest_udp_client->newer : &oldest_udp_client) =
	    p;
	newest_udp_client = p;
}

/* Something was sent or answered. */
static void
mark_used(struct udp_client *p)
{
	p->used = now() / 1000 + 1;
	take_out(p);
	put_newest(p);
}

/* Its socket is closed: give its place back. */
static void
release(struct udp_client *p)
{
	struct udp_client **at = bucket_of(p->port, &p->from, p->from_size);

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	take_out(p);
	p->used = 0;
	p->next = free_udp_client;
	free_udp_client = p;
}

static void
forget(struct udp_client *p)
{
	close(p->fd);
	release(p);
}

static bool
open_inner(struct udp_client *p)
{
	p->fd = inner_socket(p->second, SOCK_DGRAM);
	if (p->fd >= 0 && connect_inner(p->fd, p->second, p->port) &&
	    watch(p->fd, EPOLL_CTL_ADD, EPOLLIN, UDP_CLIENT, p - udp_clients))
		return true;
	if (p->fd >= 0)
		close(p->fd);
	return false;
}

/* Nobody was there; at the other address there may be. */
static void
try_other_family(struct udp_client *p)
{
	p->second = !p->second;
	close(p->fd);
	if (!open_inner(p))
		release(p);
}

/* The peer of that address, or else a new one, in the place of the one that has
 * been silent for the longest time if there is no other. NULL if no socket can
 * be had. */
static struct udp_client *
udp_client_of(const struct port *port, const struct msghdr *m)
{
	struct udp_client **bucket =
	    bucket_of(port, m->msg_name, m->msg_namelen);
	struct udp_client *p;

	for (p = *bucket; p; p = p->next)
		if (p->port == port && p->from_size == m->msg_namelen &&
		    memcmp(&p->from, m->msg_name, p->from_size) == 0)
			return p;
	if (!free_udp_client && udp_clients_touched < most_udp_clients)
		free_udp_client = &udp_clients[udp_clients_touched++];
	if (!free_udp_client)
		forget(oldest_udp_client);
	p = free_udp_client;
	memcpy(&p->from, m->msg_name, m->msg_namelen);
	p->from_size = m->msg_namelen;
	p->port = port;
	p->second = false;
	if (!open_inner(p))
		return NULL;
	free_udp_client = p->next;
	p->next = *bucket;
	*bucket = p;
	put_newest(p);
	return p;
}

/* He is answered from the address that he knows, by whatever interface leads
 * there. Of IPv4 that is told in both forms; the second one, its own, has ours
 * where all were asked. */
static void
keep_control(struct udp_client *p, struct msghdr *m)
{
	struct cmsghdr *c;

	p->control_size = 0;
	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			((struct in_pktinfo *)CMSG_DATA(c))->ipi_ifindex = 0;
		else if (c->cmsg_level == IPPROTO_IPV6 &&
		    c->cmsg_type == IPV6_PKTINFO)
			((struct in6_pktinfo *)CMSG_DATA(c))->ipi6_ifindex = 0;
		p->control_size = c->cmsg_len;
		memcpy(p->control, c, p->control_size);
	}
}

static void
take_datagrams(const struct port *port)
{
	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_in6 from = { 0 };
		_Alignas(struct cmsghdr) char control[128];
		struct iovec v = { datagram, sizeof(datagram) };
		struct msghdr m = { .msg_name = &from,
		    .msg_namelen = sizeof(from), .msg_iov = &v,
		    .msg_iovlen = 1, .msg_control = control,
		    .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(port->fd, &m, 0);
		struct udp_client *p = n >= 0 ? udp_client_of(port, &m) : NULL;

		if (n < 0)
			return;
		if (!p)
			continue;
		mark_used(p);
		keep_control(p, &m);
		if (send(p->fd, datagram, n, 0) >= 0 || errno != ECONNREFUSED)
			continue;
		/* The one before was, of which nobody else is told. */
		try_other_family(p);
		if (p->used)
			(void)!send(p->fd, datagram, n, 0);
	}
}

static void
peer_event(struct udp_client *p)
{
	for (int i = 0; i < BATCH && p->used; i++) {
		ssize_t n = recv(p->fd, datagram, sizeof(datagram), 0);
		struct iovec v = { datagram, n };
		struct msghdr m = { .msg_name = &p->from,
		    .msg_namelen = p->from_size, .msg_iov = &v,
		    .msg_iovlen = 1,
		    .msg_control = p->control_size ? p->control : NULL,
		    .msg_controllen = p->control_size };

		if (n < 0 && errno == ECONNREFUSED)
			try_other_family(p);
		if (n < 0)
			return;
		mark_used(p);
		if (sendmsg(p->port->fd, &m, 0) >= 0 || errno != EINVAL)
			continue;
		/* He has asked all of us at once: any address will do. */
		m.msg_control = NULL;
		m.msg_controllen = 0;
		(void)!sendmsg(p->port->fd, &m, 0);
	}
}

static void
forget_idle(void)
{
	static int64_t next;
	const int64_t seconds = now() / 1000;

	if (seconds < next)
		return;
	next = seconds + UDP_CLIENT_IDLE / 9;
	while (oldest_udp_client &&
	    oldest_udp_client->used + UDP_CLIENT_IDLE < seconds)
		forget(oldest_udp_client);
}

/* ---- the process -------------------------------------------------------- */

/* Nobody new; and of whom there is, what is on its way out. */
static void
begin_end(void)
{
	int count;
	const struct port *ports = ports_published(&count);

	ends_at = now() + LAST;
	close(init_gone);
	for (int i = 0; i < count; i++)
		if (!ports[i].datagrams)
			close(ports[i].fd);
	for (int i = 0; i < most_connections && connection_count > 0; i++)
		if (connections[i].used && connections[i].connects)
			fail(&connections[i]);
		else if (connections[i].used)
			serve(&connections[i], true, true);
}

static void
handle_event(const struct epoll_event *e)
{
	const uint32_t which = e->data.u64;
	int count;
	const struct port *ports = ports_published(&count);

	switch ((enum topic)(e->data.u64 >> 32)) {
	case CONNECTION:
		connection_event(which, e->events);
		break;
	case UDP_CLIENT:
		peer_event(&udp_clients[which]);
		break;
	case PORT:
		if (ports[which].datagrams)
			take_datagrams(&ports[which]);
		else if (!ends_at)
			take_connections(&ports[which]);
		break;
	case INIT_GONE:
		begin_end();
		break;
	case LAUNCHER_GONE:
		_exit(0);
	}
}

static int
wait_time(void)
{
	return accept_paused_until ? ACCEPT_PAUSE :
	    ends_at		   ? LAST :
	    connecting > 0	   ? SCAN :
	    oldest_udp_client	   ? UDP_CLIENT_IDLE * 1000 / 9 :
				     -1;
}

static _Noreturn void
relay(void)
{
	struct epoll_event events[BATCH];

	for (;;) {
		int n = epoll_wait(epoll, events, BATCH, wait_time());

		/* Who is new last: in the place of one that has ended he would
		 * get what is meant for that one. */
		for (int i = 0; i < n; i++)
			if (events[i].data.u64 >> 32 != PORT)
				handle_event(&events[i]);
		for (int i = 0; i < n; i++)
			if (events[i].data.u64 >> 32 == PORT)
				handle_event(&events[i]);
		if (accept_paused_until && now() >= accept_paused_until)
			resume_accept();
		if (connecting > 0)
			end_slow_connects();
		if (oldest_udp_client)
			forget_idle();
		if (ends_at && (connection_count == 0 || now() >= ends_at))
			_exit(0);
	}
}

static void
alloc_tables(void)
{
	const size_t size = CONNECTIONS * sizeof(*connections) +
	    UDP_CLIENTS * sizeof(*udp_clients) + UDP_CLIENTS * sizeof(*buckets);
	struct rlimit files;
	char *room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (room == MAP_FAILED)
		_exit(1);
	connections = (struct connection *)room;
	udp_clients =
	    (struct udp_client *)(room + CONNECTIONS * sizeof(*connections));
	buckets = (struct bucket *)(udp_clients + UDP_CLIENTS);
	if (getrandom(&hash_seed, sizeof(hash_seed), GRND_NONBLOCK) < 0)
		hash_seed = now();
	syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &files);
	most_connections = files.rlim_cur / FILES_OF_CONNECTION > CONNECTIONS ?
	    CONNECTIONS :
	    files.rlim_cur / FILES_OF_CONNECTION > 16 ?
	    files.rlim_cur / FILES_OF_CONNECTION - 10 :
	    1;
	most_udp_clients = files.rlim_cur / FILES_OF_UDP_CLIENTS > UDP_CLIENTS ?
	    UDP_CLIENTS :
	    files.rlim_cur / FILES_OF_UDP_CLIENTS > FEWEST_UDP_CLIENTS ?
	    files.rlim_cur / FILES_OF_UDP_CLIENTS :
	    FEWEST_UDP_CLIENTS;
}

/* Who is in both namespaces at once needs to be nobody there: what can be
 * reached of it from inside is a socket. Its ids become those of the sandbox
 * where it may have others. */
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
enter(int userns, int netns)
{
	return (userns < 0 || setns(userns, CLONE_NEWUSER) == 0) &&
	    (netns < 0 || setns(netns, CLONE_NEWNET) == 0) &&
	    drop_privileges(userns >= 0);
}

static bool
watch_all(void)
{
	int count;
	const struct port *ports = ports_published(&count);
	const int on = 1, bytes = DATAGRAM_BYTES;

	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!watch(init_gone, EPOLL_CTL_ADD, EPOLLIN, INIT_GONE, 0) ||
	    !watch(launcher_gone, EPOLL_CTL_ADD, EPOLLIN, LAUNCHER_GONE, 0))
		return false;
	for (int i = 0; i < count; i++) {
		const int fd = ports[i].fd;

		/* The one or the other, or both, ipv6(7). */
		if (ports[i].datagrams) {
			setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on,
			    sizeof(on));
			setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on,
			    sizeof(on));
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes,
			    sizeof(bytes));
		}
		if (!watch(fd, EPOLL_CTL_ADD, EPOLLIN, PORT, i))
			return false;
	}
	return true;
}

/* All but what it works with: a file that it kept would be open for as long. */
static void
close_others(void)
{
	int count, from = 0, next;
	const struct port *ports = ports_published(&count);

	do {
		next = INT32_MAX;
		for (int i = -4; i < count; i++) {
			const int fd = i == -4 ? ports_opening() :
			    i == -3 ? epoll : i == -2 ? init_gone :
			    i == -1 ? launcher_gone : ports[i].fd;

			if (fd >= from && fd < next)
				next = fd;
		}
		if (next > from)
			syscall(SYS_close_range, from, next == INT32_MAX ? ~0U :
			    (unsigned int)next - 1, 0);
		from = next + 1;
	} while (next < INT32_MAX);
}

/* Until the sockets of --listen are there inside, let clients wait in the
 * kernel's queue: to connect now would be to turn them away. */
static void
await_inner(void)
{
	struct pollfd p[] = { { ports_opening(), POLLIN, 0 },
	    { init_gone, POLLIN, 0 }, { launcher_gone, POLLIN, 0 } };

	if (p[0].fd < 0)
		return;
	while (poll(p, sizeof(p) / sizeof(p[0]), -1) < 0 && errno == EINTR)
		;
	close(p[0].fd);
}

static int
namespace_of(pid_t init, const char *name, bool own)
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
	const int userns = namespace_of(init, "ns/user", own_user);
	const int netns = namespace_of(init, "ns/net", own_net);
	const pid_t launcher = getpid();
	int eof_sent[2];
	int place = cgroup_relay_clone_fd(), born = place;
	char byte;
	pid_t pid = -1;

	init_gone = syscall(SYS_pidfd_open, init, 0);
	launcher_gone = syscall(SYS_pidfd_open, launcher, 0);
	if (init_gone < 0 || launcher_gone < 0 ||
	    pipe2(eof_sent, O_CLOEXEC) < 0 ||
	    (pid = namespaces_fork(0, &born)) < 0)
		die("cannot start", "the relay of ports");
	if (pid == 0) {
		alloc_tables();
		if (!cgroup_enter_relay(born >= 0))
			_exit(1);
		if (!enter(userns, netns) || !watch_all() || chdir("/") < 0)
			_exit(1);
		(void)!write(eof_sent[1], "", 1);
		close_others();
		/* After all that changes who we are, prctl(2). */
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		await_inner();
		relay();
	}
	close(eof_sent[1]);
	close(place);
	close(userns);
	close(netns);
	close(init_gone);
	close(launcher_gone);
	ports_leave_inner();
	/* It is there before the command is. */
	if (read(eof_sent[0], &byte, 1) != 1)
		diex("cannot start the relay of ports in", "the network of "
		    "init and a control group", NULL, NULL);
	close(eof_sent[0]);
	return pid;
}
