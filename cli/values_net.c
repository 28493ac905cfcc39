#include <string.h>
#include <sys/socket.h>

#include "log.h"
#include "values.h"
#include "values_net.h"

bool
value_network(const char *text, struct network *n)
{
	static const struct choices types = {
		{ "none", "host", "ns", "veth", "macvlan" }
	};
	const char *colon = strchrnul(text, ':');
	const size_t length = colon - text;
	char name[10] = "";

	if (length >= sizeof(name))
		return false;
	memcpy(name, text, length);
	*n = (struct network){ .word = text,
		.type = value_choice(&types, name) + 1,
		.object = *colon ? colon + 1 : NULL };
	if (n->object)
		return n->type == NETWORK_NS || n->type == NETWORK_VETH ||
		    n->type == NETWORK_MACVLAN;
	return n->type == NETWORK_NONE || n->type == NETWORK_HOST ||
	    n->type == NETWORK_VETH;
}

bool
value_add_ip(struct ip_list *l, const char *text, bool has_bits)
{
	struct ip_address a = { .word = text };
	const char *slash = strchrnul(text, '/');
	const size_t length = slash - text;
	char address[64] = "";
	size_t size;
	int bits;

	if (l->count == ADDRESSES_MOST)
		diex("too many addresses", text, NULL, NULL);
	if (length >= sizeof(address) || (*slash != '\0') != has_bits)
		return false;
	memcpy(address, text, length);
	size = value_address(address, a.bytes);
	bits = size > 0 && has_bits ? value_number(slash + 1, size * 8) : 0;
	if (size == 0 || bits < 0 || (has_bits && bits == 0))
		return false;
	a.family = size == 4 ? AF_INET : AF_INET6;
	a.bits = bits;
	l->items = memory_append(&l->memory, &l->count, &a, sizeof(a));
	return true;
}

bool
value_add_server(struct ip_list *l, const char *text)
{
	return l->count < SERVERS_MOST && value_add_ip(l, text, false);
}

/* Return a port, or 0 if text is none. */
static uint16_t
parse_port_number(const char *text)
{
	const int n = value_number(text, UINT16_MAX);

	return n > 0 ? n : 0;
}

/* Parse "1.2.3.4" or "[::1]". */
static bool
parse_host_address(char *text, struct port_option *p)
{
	const size_t n = strlen(text);
	const bool ipv6 = text[0] == '[' && text[n - 1] == ']';

	p->family = ipv6 ? AF_INET6 : AF_INET;
	if (ipv6)
		text[n - 1] = '\0';
	return value_address(text + ipv6, p->address) == (ipv6 ? 16 : 4);
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

static bool
parse_port(const char *word, struct port_option *p)
{
	char text[96], *slash, *number;

	if (strlen(word) >= sizeof(text))
		return false;
	memcpy(text, word, strlen(word) + 1);
	slash = strchr(text, '/');
	if (slash)
		*slash++ = '\0';
	p->datagrams = slash && strcmp(slash, "udp") == 0;
	if (slash && !p->datagrams && strcmp(slash, "tcp") != 0)
		return false;
	number = split_last_colon(text);
	if (p->published) {
		if (!number)
			return false;
		p->inner = parse_port_number(number);
		number = split_last_colon(text);
	}
	p->outer = parse_port_number(number ? number : text);
	if (!p->published)
		p->inner = p->outer;
	return p->inner && p->outer &&
	    (!number || (*text && parse_host_address(text, p)));
}

bool
value_add_port(struct port_list *l, const char *text, bool published)
{
	struct port_option p = { .word = text, .published = published };

	if (!parse_port(text, &p))
		return false;
	l->listening += !published;
	memory_append(&l->memory, &l->count, &p, sizeof(p));
	return true;
}

bool
value_add_host(struct host_list *l, const char *text)
{
	const size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");
	struct host_option h = { .address = text + n + 1 };
	unsigned char bytes[16];

	if (n == 0 || n >= HOST_NAME_SIZE || text[n] != ':' ||
	    value_address(h.address, bytes) == 0)
		return false;
	memcpy(h.name, text, n);
	memory_append(&l->memory, &l->count, &h, sizeof(h));
	return true;
}
