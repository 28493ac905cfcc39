#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../cli/values.h"
#include "ports.h"

/* Static, because init and the relay get no pointer from ports_prepare(). */
static struct ports {
	/* Relayed ports of --listen, followed by those of --publish. */
	struct port relayed[2 * PORTS];
	int relayed_count, listening;
	bool opens_inner;       /* the pipe below exists */
	int opening[2];         /* pipe of ports_opening() */
} ports;

/* ---- opening ------------------------------------------------------------ */

static const char *
listen_remedy(int error)
{
	return error == EADDRINUSE ? "choose another port" :
	    error == EADDRNOTAVAIL ? "choose an address of this host, "
	    "see ip(8)" :
	    error == EACCES ? "use port 1024 or higher, or lower sysctl "
	    "net.ipv4.ip_unprivileged_port_start" : NULL;
}

/* Open, bind and listen on a socket of this family for the outer port. Without
 * an address in the option an IPv6 socket serves both families. *fd is -1, or
 * the socket even on failure. */
static bool
open_socket(const struct port_option *o, int family, int *fd)
{
	static const int on = 1, off = 0;
	const bool ipv6 = family == AF_INET6;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a;

	memset(&a, 0, sizeof(a));
	a.any.sa_family = family;
	a.v4.sin_port = htons(o->outer);        /* same offset in both */
	memcpy(ipv6 ? (void *)&a.v6.sin6_addr : &a.v4.sin_addr, o->address,
	    ipv6 ? sizeof(a.v6.sin6_addr) : sizeof(a.v4.sin_addr));
	*fd = socket(family, (o->datagrams ? SOCK_DGRAM : SOCK_STREAM) |
	    SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return false;
	/* Old connections in TIME_WAIT would make bind(2) fail, socket(7). */
	if (!o->datagrams)
		setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ipv6)
		setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY,
		    o->family == 0 ? &off : &on, sizeof(on));
	/* The kernel limits the backlog to net.core.somaxconn, listen(2). A
	 * client beyond it retries after a second. */
	return bind(*fd, &a.any, ipv6 ? sizeof(a.v6) : sizeof(a.v4)) == 0 &&
	    (o->datagrams || listen(*fd, INT16_MAX) == 0);
}

static void
open_port(const struct port_option *o, struct port *p)
{
	bool opened;

	*p = (struct port){ .word = o->word, .datagrams = o->datagrams,
	    .inner = o->inner };
	opened = open_socket(o, o->family ? o->family : AF_INET6, &p->fd);
	/* Without IPv6 on the host use IPv4 only. */
	if (!opened && o->family == 0 && (errno == EAFNOSUPPORT ||
	    errno == EADDRNOTAVAIL)) {
		close(p->fd);
		opened = open_socket(o, AF_INET, &p->fd);
	}
	if (!opened)
		diex("cannot listen on", o->word, strerror(errno),
		    listen_remedy(errno));
}

/* Return whether an option names this descriptor, which must then not be
 * overwritten. */
static bool
is_named_fd(const struct sandbox *s, int fd)
{
	bool named = fd == s->block_fd || fd == s->info_fd;

	for (int i = 0; i < s->passed_fd_count; i++)
		named = named || s->passed_fds[i] == fd;
	for (int i = 0; i < s->bind_count; i++)
		named = named || (s->binds[i].kind == FILE_AT &&
		    s->binds[i].fd == fd);
	return named;
}

/* Make the pipe, with descriptors from end on. */
static void
make_opening_pipe(struct ports *a, int end)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		die("cannot make", "a pipe");
	for (int i = 0; i < 2; i++) {
		a->opening[i] = fcntl(ends[i], F_DUPFD_CLOEXEC, end);
		if (a->opening[i] < 0)
			die("cannot make", "a pipe");
		close(ends[i]);
	}
	a->opens_inner = true;
}

/* Add a port of --listen to the relayed ones. Returns the pipe end that
 * reserves the command's descriptor until init opens the socket. */
static int
relay_listen_port(struct ports *a, struct port *p, int end)
{
	const int fd = fcntl(p->fd, F_DUPFD_CLOEXEC, end);

	if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		die("cannot listen on", p->word);
	/* Ports with the same inner number need different inner addresses. */
	for (int i = 0; i < a->relayed_count; i++)
		p->nth += a->relayed[i].inner == p->inner &&
		    a->relayed[i].datagrams == p->datagrams;
	a->relayed[a->relayed_count] = *p;
	a->relayed[a->relayed_count++].fd = fd;
	return a->opening[1];
}

static void
open_listen_port(struct ports *a, const struct sandbox *s,
    const struct port_option *o, bool own)
{
	const int reserved = PORTS_FIRST + a->listening++;
	struct port p;
	int fd;

	if (a->listening > PORTS)
		diex("too many", "--listen", NULL, NULL);
	open_port(o, &p);
	if (is_named_fd(s, reserved))
		diex("cannot listen on", o->word, "another option names its "
		    "descriptor", "use numbers from 67 up in that option");
	/* Descriptors with FD_CLOEXEC are our own, such as that of --report. */
	if (p.fd != reserved && fcntl(reserved, F_GETFD) == FD_CLOEXEC)
		diex("cannot listen on", o->word, "its descriptor is in use",
		    "raise the limit of open files");
	fd = own ? relay_listen_port(a, &p, PORTS_FIRST + s->ports.listening) :
	    p.fd;
	if (fd != reserved && dup2(fd, reserved) < 0)
		die("cannot listen on", o->word);
	if (p.fd != reserved)
		close(p.fd);
	fcntl(reserved, F_SETFD, FD_CLOEXEC);
}

static void
open_published_port(struct ports *a, const struct port_option *o, bool own)
{
	struct port *p = &a->relayed[a->relayed_count];

	if (!own)
		diex("cannot publish", o->word,
		    "the command is in the host's network",
		    "use --rootfs, --network none or --unshare net");
	if (a->relayed_count == PORTS + a->listening)
		diex("too many", "--publish", NULL, NULL);
	open_port(o, p);
	fcntl(p->fd, F_SETFL, O_NONBLOCK);
	a->relayed_count++;
}

void
ports_prepare(const struct sandbox *s, bool own)
{
	const struct port_option *options = s->ports.memory.block;

	if (own && s->ports.listening > 0)
		make_opening_pipe(&ports, PORTS_FIRST + s->ports.listening);
	for (int i = 0; i < s->ports.count; i++)
		if (!options[i].published)
			open_listen_port(&ports, s, &options[i], own);
	for (int i = 0; i < s->ports.count; i++)
		if (options[i].published)
			open_published_port(&ports, &options[i], own);
}

/* ---- sockets in the sandbox --------------------------------------------- */

/* Open the inner socket that the relay connects to, as descriptor fd. */
static void
open_inner_port(const struct port *p, int fd)
{
	const struct port_option o = { .datagrams = p->datagrams,
	    .outer = p->inner, .family = AF_INET,
	    .address = { 127, 0, 0, 1 + p->nth } };
	int inner;

	if (!open_socket(&o, AF_INET, &inner))
		die("cannot listen inside for", p->word);
	if (syscall(SYS_dup3, inner, fd, O_CLOEXEC) < 0)
		die("cannot pass on the socket of", p->word);
	close(inner);
}

static void
close_opening_pipe(struct ports *a)
{
	close(a->opening[0]);
	close(a->opening[1]);
	a->opens_inner = false;
}

void
ports_open_inner(void)
{
	if (!ports.opens_inner)
		return;
	for (int i = 0; i < ports.listening; i++)
		open_inner_port(&ports.relayed[i], PORTS_FIRST + i);
	close_opening_pipe(&ports);
}

int
ports_opening(void)
{
	return ports.opens_inner ? ports.opening[0] : -1;
}

void
ports_leave_inner(void)
{
	if (!ports.opens_inner)
		return;
	for (int i = 0; i < ports.listening; i++)
		close(PORTS_FIRST + i);
	close_opening_pipe(&ports);
}

const struct port *
ports_published(int *count)
{
	*count = ports.relayed_count;
	return ports.relayed;
}

int
ports_listening(void)
{
	return ports.listening;
}
