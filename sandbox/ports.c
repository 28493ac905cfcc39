#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../cli/log.h"
#include "ports.h"

/* Ports of --listen, where it is relayed, then those of --publish. */
static struct port published[2 * PORTS];
static int published_count, listening;
static int opening[2] = { -1, -1 };

/* An address and a port of the host. */
union outside {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* ---- taking apart ------------------------------------------------------- */

static bool
port_number(const char *text, uint16_t *port)
{
	uint64_t n;

	if (!text_number(&text, UINT16_MAX, &n) || *text || n == 0)
		return false;
	*port = n;
	return true;
}

/* "", "1.2.3.4" or "[::1]"; the first is every address of both families. */
static bool
host_address(char *text, uint16_t port, union outside *a)
{
	const size_t n = strlen(text);
	const bool long_one = n == 0 || (text[0] == '[' && text[n - 1] == ']');
	unsigned char bytes[16] = { 0 };

	memset(a, 0, sizeof(*a));
	a->any.sa_family = long_one ? AF_INET6 : AF_INET;
	a->v4.sin_port = htons(port);   /* at the same place in both */
	if (n == 0)
		return true;
	if (!long_one) {
		const size_t size = text_address(text, bytes);

		memcpy(&a->v4.sin_addr, bytes, sizeof(a->v4.sin_addr));
		return size == 4;
	}
	text[n - 1] = '\0';
	return text_address(text + 1, a->v6.sin6_addr.s6_addr) == 16;
}

/* What stands behind the last colon is cut off; NULL where there is none. */
static char *
cut_last(char *text)
{
	char *colon = strrchr(text, ':');

	if (colon)
		*colon++ = '\0';
	return colon;
}

/* [ADDRESS:]PORT, and with inner :PORT behind it, and /udp or /tcp. */
static bool
take_apart(const char *word, union outside *a, struct port *p, bool inner)
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
	number = inner ? cut_last(text) : NULL;
	if (inner && (!number || !port_number(number, &p->inner)))
		return false;
	number = cut_last(text);
	if (!port_number(number ? number : text, &port))
		return false;
	if (!inner)
		p->inner = port;
	return (!number || *text) &&
	    host_address(number ? text : "", port, a);
}

/* ---- opening ------------------------------------------------------------ */

static const char *
remedy_of(int error)
{
	return error == EADDRINUSE ? "somebody else has it" :
	    error == EADDRNOTAVAIL ? "no interface has this address, "
	    "see ip(8)" :
	    error == EACCES ? "take one from 1024 on, or lower sysctl "
	    "net.ipv4.ip_unprivileged_port_start" : NULL;
}

static bool
open_socket(const union outside *a, bool every, struct port *p)
{
	const int on = 1, off = 0;

	p->fd = socket(a->any.sa_family, (p->datagrams ? SOCK_DGRAM :
	    SOCK_STREAM) | SOCK_CLOEXEC, 0);
	if (p->fd < 0)
		return false;
	/* Of connections that are over some ends linger, socket(7). */
	if (!p->datagrams)
		setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->any.sa_family == AF_INET6)
		setsockopt(p->fd, IPPROTO_IPV6, IPV6_V6ONLY, every ? &off :
		    &on, sizeof(on));
	/* As many may wait as net.core.somaxconn says, listen(2): who is one
	 * too many tries again a second later. */
	return bind(p->fd, &a->any, a->any.sa_family == AF_INET6 ?
	    sizeof(a->v6) : sizeof(a->v4)) == 0 &&
	    (p->datagrams || listen(p->fd, INT16_MAX) == 0);
}

static void
open_port(const char *word, bool inner, struct port *p)
{
	union outside a;
	bool every, opened;

	*p = (struct port){ .word = word };
	if (!take_apart(word, &a, p, inner))
		diex("bad value", word, inner ? "--publish takes "
		    "[ADDRESS:]PORT:PORT[/udp], from 1 to 65535" :
		    "--listen takes [ADDRESS:]PORT[/udp], from 1 to 65535",
		    NULL);
	every = a.any.sa_family == AF_INET6 &&
	    IN6_IS_ADDR_UNSPECIFIED(&a.v6.sin6_addr) && word[0] != '[';
	opened = open_socket(&a, every, p);
	/* A host without IPv6. */
	if (!opened && every && (errno == EAFNOSUPPORT ||
	    errno == EADDRNOTAVAIL)) {
		const in_port_t port = a.v6.sin6_port;

		close(p->fd);
		a.v4 = (struct sockaddr_in){ .sin_family = AF_INET,
		    .sin_port = port };
		opened = open_socket(&a, false, p);
	}
	if (!opened)
		diex("cannot listen on", word, strerror(errno),
		    remedy_of(errno));
}

/* What the command line calls by its number must not be overwritten. */
static bool
is_named(const struct sandbox *s, int fd)
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

/* The files of --listen end before that one. */
static int
end_of_places(const struct sandbox *s)
{
	int end = PORTS_FIRST;

	for (int i = 0; i < s->word_count; i++)
		end += s->words[i].kind == LISTEN;
	return end;
}

static void
make_opening(int end)
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

/* Put a port of --listen among the relayed ones. A pipe end reserves the
 * command's descriptor until init opens the socket. */
static int
relay_instead(struct port *p, int end)
{
	const int fd = fcntl(p->fd, F_DUPFD_CLOEXEC, end);

	if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		die("cannot listen on", p->word);
	/* The same port of two addresses outside takes two inside. */
	for (int i = 0; i < published_count; i++)
		p->nth += published[i].inner == p->inner &&
		    published[i].datagrams == p->datagrams;
	published[published_count] = *p;
	published[published_count++].fd = fd;
	return opening[1];
}

static void
open_for_command(const struct sandbox *s, const char *word, bool own)
{
	const int place = PORTS_FIRST + listening++;
	struct port p;
	int fd;

	if (listening > PORTS)
		diex("too many", "--listen", NULL, NULL);
	open_port(word, false, &p);
	if (is_named(s, place))
		diex("cannot listen on", word, "its file is to be one that "
		    "another option names", "take numbers from 67 on");
	/* What closes on exec is ours, such as that of --report. */
	if (p.fd != place && fcntl(place, F_GETFD) == FD_CLOEXEC)
		diex("cannot listen on", word, "its file is in use",
		    "a higher limit of open files");
	fd = own ? relay_instead(&p, end_of_places(s)) : p.fd;
	if (fd != place && dup2(fd, place) < 0)
		die("cannot listen on", word);
	if (p.fd != place)
		close(p.fd);
	fcntl(place, F_SETFD, FD_CLOEXEC);
}

void
ports_prepare(const struct sandbox *s, bool own)
{
	const int end = end_of_places(s);

	if (own && end > PORTS_FIRST)
		make_opening(end);
	for (int i = 0; i < s->word_count; i++)
		if (s->words[i].kind == LISTEN)
			open_for_command(s, s->words[i].value, own);
	for (int i = 0; i < s->word_count; i++) {
		struct port *p = &published[published_count];

		if (s->words[i].kind != PUBLISH)
			continue;
		if (!own)
			diex("cannot publish", s->words[i].value,
			    "the command is in the host's network",
			    "a --rootfs, --network none or --unshare net");
		if (published_count == PORTS + (own ? listening : 0))
			diex("too many", "--publish", NULL, NULL);
		open_port(s->words[i].value, true, p);
		fcntl(p->fd, F_SETFL, O_NONBLOCK);
		published_count++;
	}
}

/* ---- inside ------------------------------------------------------------- */

/* Listen on the address inside to which the relay connects. */
static void
open_inner_port(const struct port *p, int place)
{
	const union outside a = { .v4 = { .sin_family = AF_INET,
	    .sin_port = htons(p->inner),
	    .sin_addr = { htonl(INADDR_LOOPBACK + p->nth) } } };
	struct port inner = *p;

	if (!open_socket(&a, false, &inner))
		die("cannot listen inside for", p->word);
	if (syscall(SYS_dup3, inner.fd, place, O_CLOEXEC) < 0)
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
