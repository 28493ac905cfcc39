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

/* Relayed ports of --listen, followed by those of --publish. */
static struct port published[2 * PORTS];
static int published_count, listening;
static int opening[2] = { -1, -1 };     /* pipe of ports_opening() */

/* Address and port of the host. */
union outside {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* ---- parsing ------------------------------------------------------------ */

static bool
parse_port_number(const char *text, uint16_t *port)
{
	uint64_t n;

	if (!text_number(&text, UINT16_MAX, &n) || *text || n == 0)
		return false;
	*port = n;
	return true;
}

/* Parse "", "1.2.3.4" or "[::1]". "" selects all addresses of both families. */
static bool
parse_host_address(char *text, uint16_t port, union outside *a)
{
	const size_t n = strlen(text);
	const bool ipv6 = n == 0 || (text[0] == '[' && text[n - 1] == ']');
	unsigned char bytes[16] = { 0 };

	memset(a, 0, sizeof(*a));
	a->any.sa_family = ipv6 ? AF_INET6 : AF_INET;
	a->v4.sin_port = htons(port);   /* same offset in both families */
	if (n == 0)
		return true;
	if (!ipv6) {
		const size_t size = value_address(text, bytes);

		memcpy(&a->v4.sin_addr, bytes, sizeof(a->v4.sin_addr));
		return size == 4;
	}
	text[n - 1] = '\0';
	return value_address(text + 1, a->v6.sin6_addr.s6_addr) == 16;
}

/* Split a text at its last colon. Returns the text after it, or NULL. */
static char *
split_last_colon(char *text)
{
	char *colon = strrchr(text, ':');

	if (colon)
		*colon++ = '\0';
	return colon;
}

/* Parse [ADDRESS:]PORT[/udp|/tcp]; with inner, :PORT follows the first port. */
static bool
parse_port(const char *word, union outside *a, struct port *p, bool inner)
{
	char text[96], *slash, *number;
	uint16_t port;

	if (strlen(word) >= sizeof(text))
		return false;
	memcpy(text, word, strlen(word) + 1);
	slash = strchr(text, '/');
	if (slash)
		*slash++ = '\0';
	p->datagrams = slash && strcmp(slash, "udp") == 0;
	if (slash && !p->datagrams && strcmp(slash, "tcp") != 0)
		return false;
	number = inner ? split_last_colon(text) : NULL;
	if (inner && (!number || !parse_port_number(number, &p->inner)))
		return false;
	number = split_last_colon(text);
	if (!parse_port_number(number ? number : text, &port))
		return false;
	if (!inner)
		p->inner = port;
	return (!number || *text) &&
	    parse_host_address(number ? text : "", port, a);
}

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

static bool
open_socket(const union outside *a, bool both_families, struct port *p)
{
	const int on = 1, off = 0;

	p->fd = socket(a->any.sa_family, (p->datagrams ? SOCK_DGRAM :
	    SOCK_STREAM) | SOCK_CLOEXEC, 0);
	if (p->fd < 0)
		return false;
	/* Old connections in TIME_WAIT would make bind(2) fail, socket(7). */
	if (!p->datagrams)
		setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->any.sa_family == AF_INET6)
		setsockopt(p->fd, IPPROTO_IPV6, IPV6_V6ONLY,
		    both_families ? &off : &on, sizeof(on));
	/* The kernel limits the backlog to net.core.somaxconn, listen(2). A
	 * client beyond it retries after a second. */
	return bind(p->fd, &a->any, a->any.sa_family == AF_INET6 ?
	    sizeof(a->v6) : sizeof(a->v4)) == 0 &&
	    (p->datagrams || listen(p->fd, INT16_MAX) == 0);
}

static void
open_port(const char *word, bool inner, struct port *p)
{
	union outside a;
	bool both_families, opened;

	*p = (struct port){ .word = word };
	if (!parse_port(word, &a, p, inner))
		diex("bad value", word, inner ? "--publish takes "
		    "[ADDRESS:]PORT:PORT[/udp], from 1 to 65535" :
		    "--listen takes [ADDRESS:]PORT[/udp], from 1 to 65535",
		    NULL);
	both_families = a.any.sa_family == AF_INET6 &&
	    IN6_IS_ADDR_UNSPECIFIED(&a.v6.sin6_addr) && word[0] != '[';
	opened = open_socket(&a, both_families, p);
	/* Without IPv6 on the host use IPv4 only. */
	if (!opened && both_families && (errno == EAFNOSUPPORT ||
	    errno == EADDRNOTAVAIL)) {
		const in_port_t port = a.v6.sin6_port;

		close(p->fd);
		a.v4 = (struct sockaddr_in){ .sin_family = AF_INET,
		    .sin_port = port };
		opened = open_socket(&a, false, p);
	}
	if (!opened)
		diex("cannot listen on", word, strerror(errno),
		    listen_remedy(errno));
}

/* Return whether an option names this descriptor, which must then not be
 * overwritten. */
static bool
is_named_fd(const struct sandbox *s, int fd)
{
	bool named = fd == s->block_fd || fd == s->info_fd;

	for (int i = 0; i < s->word_count && !named; i++) {
		const int kind = s->words[i].kind;
		const char *digits = s->words[i].value;
		uint64_t n;

		named = (kind == PRESERVE_FD || kind == FILE_AT) &&
		    text_number(&digits, UINT16_MAX, &n) && n == (uint64_t)fd;
	}
	return named;
}

/* Return the number after the last descriptor of --listen. */
static int
listen_fds_end(const struct sandbox *s)
{
	int end = PORTS_FIRST;

	for (int i = 0; i < s->word_count; i++)
		end += s->words[i].kind == LISTEN;
	return end;
}

static void
make_opening_pipe(int end)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		die("cannot make", "a pipe");
	for (int i = 0; i < 2; i++) {
		opening[i] = fcntl(ends[i], F_DUPFD_CLOEXEC, end);
		if (opening[i] < 0)
			die("cannot make", "a pipe");
		close(ends[i]);
	}
}

/* Add a port of --listen to the relayed ones. Returns the pipe end that
 * reserves the command's descriptor until init opens the socket. */
static int
relay_listen_port(struct port *p, int end)
{
	const int fd = fcntl(p->fd, F_DUPFD_CLOEXEC, end);

	if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		die("cannot listen on", p->word);
	/* Ports with the same inner number need different inner addresses. */
	for (int i = 0; i < published_count; i++)
		p->nth += published[i].inner == p->inner &&
		    published[i].datagrams == p->datagrams;
	published[published_count] = *p;
	published[published_count++].fd = fd;
	return opening[1];
}

static void
open_listen_port(const struct sandbox *s, const char *word, bool own)
{
	const int reserved = PORTS_FIRST + listening++;
	struct port p;
	int fd;

	if (listening > PORTS)
		diex("too many", "--listen", NULL, NULL);
	open_port(word, false, &p);
	if (is_named_fd(s, reserved))
		diex("cannot listen on", word, "another option names its "
		    "descriptor", "use numbers from 67 up in that option");
	/* Descriptors with FD_CLOEXEC are our own, such as that of --report. */
	if (p.fd != reserved && fcntl(reserved, F_GETFD) == FD_CLOEXEC)
		diex("cannot listen on", word, "its descriptor is in use",
		    "raise the limit of open files");
	fd = own ? relay_listen_port(&p, listen_fds_end(s)) : p.fd;
	if (fd != reserved && dup2(fd, reserved) < 0)
		die("cannot listen on", word);
	if (p.fd != reserved)
		close(p.fd);
	fcntl(reserved, F_SETFD, FD_CLOEXEC);
}

void
ports_prepare(const struct sandbox *s, bool own)
{
	const int end = listen_fds_end(s);

	if (own && end > PORTS_FIRST)
		make_opening_pipe(end);
	for (int i = 0; i < s->word_count; i++)
		if (s->words[i].kind == LISTEN)
			open_listen_port(s, s->words[i].value, own);
	for (int i = 0; i < s->word_count; i++) {
		struct port *p = &published[published_count];

		if (s->words[i].kind != PUBLISH)
			continue;
		if (!own)
			diex("cannot publish", s->words[i].value,
			    "the command is in the host's network",
			    "use --rootfs, --network none or --unshare net");
		if (published_count == PORTS + (own ? listening : 0))
			diex("too many", "--publish", NULL, NULL);
		open_port(s->words[i].value, true, p);
		fcntl(p->fd, F_SETFL, O_NONBLOCK);
		published_count++;
	}
}

/* ---- sockets in the sandbox --------------------------------------------- */

/* Open the inner socket that the relay connects to, as descriptor fd. */
static void
open_inner_port(const struct port *p, int fd)
{
	const union outside a = { .v4 = { .sin_family = AF_INET,
	    .sin_port = htons(p->inner),
	    .sin_addr = { htonl(INADDR_LOOPBACK + p->nth) } } };
	struct port inner = *p;

	if (!open_socket(&a, false, &inner))
		die("cannot listen inside for", p->word);
	if (syscall(SYS_dup3, inner.fd, fd, O_CLOEXEC) < 0)
		die("cannot pass on the socket of", p->word);
	close(inner.fd);
}

void
ports_open_inner(void)
{
	if (opening[1] < 0)
		return;
	for (int i = 0; i < listening; i++)
		open_inner_port(&published[i], PORTS_FIRST + i);
	close(opening[0]);
	close(opening[1]);
	opening[0] = opening[1] = -1;
}

int
ports_opening(void)
{
	return opening[0];
}

void
ports_leave_inner(void)
{
	if (opening[1] < 0)
		return;
	for (int i = 0; i < listening; i++)
		close(PORTS_FIRST + i);
	close(opening[0]);
	close(opening[1]);
	opening[0] = opening[1] = -1;
}

const struct port *
ports_published(int *count)
{
	*count = published_count;
	return published;
}

int
ports_listening(void)
{
	return listening;
}
