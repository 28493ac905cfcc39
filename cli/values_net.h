/* Values of the options for the network of a sandbox. The parsers return false
 * if the text is wrong. Strings point into the text. */
#ifndef PITH_VALUES_NET_H
#define PITH_VALUES_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "memory.h"

enum network_type {
	NETWORK_UNSET,          /* --network was not given */
	NETWORK_NONE,
	NETWORK_HOST,
	NETWORK_NS,             /* an existing network namespace */
	NETWORK_VETH,
	NETWORK_MACVLAN
};

struct network {
	const char *word;       /* value of the option, for errors; or NULL */
	enum network_type type;
	const char *object;     /* path, bridge, or parent of the macvlan; NULL:
				 * none */
};

/* Parse --network: none, host, ns:PATH, veth, veth:BRIDGE or macvlan:IF. */
bool value_network(const char *text, struct network *n);

struct ip_address {
	const char *word;       /* value of the option, for errors */
	unsigned char family;   /* AF_INET or AF_INET6 */
	unsigned char bits;     /* length of the prefix; 0: none given */
	unsigned char bytes[16];        /* in network byte order */
};

enum {
	ADDRESSES_MOST = 16,
	SERVERS_MOST = 3        /* MAXNS of libc, resolv.conf(5) */
};

struct ip_list {
	struct ip_address *items;
	int count;
	struct memory memory;   /* of the items */
};

/* Append ADDRESS/BITS, or ADDRESS without has_bits. Dies if there are too
 * many. */
bool value_add_ip(struct ip_list *l, const char *text, bool has_bits);

/* Append the address of a name server. False if there are SERVERS_MOST. */
bool value_add_server(struct ip_list *l, const char *text);

/* A port of the host that leads to a sandbox. */
struct port_option {
	const char *word;       /* value of the option, for errors */
	bool published;         /* by --publish, else by --listen */
	bool datagrams;         /* UDP, else TCP */
	uint16_t outer, inner;  /* ports, in host byte order */
	unsigned char family;   /* AF_INET or AF_INET6; 0: all addresses of
				 * both families */
	unsigned char address[16];      /* of the host, in network byte order */
};

/* Ports in the order of the command line. */
struct port_list {
	struct memory memory;   /* array of struct port_option */
	int count;
	int listening;          /* number of those of --listen */
};

/* Append [ADDRESS:]PORT:PORT[/udp|/tcp] if published, else
 * [ADDRESS:]PORT[/udp|/tcp]. An IPv6 address is in brackets. */
bool value_add_port(struct port_list *l, const char *text, bool published);

enum { HOST_NAME_SIZE = 256 };  /* bytes of a name and its NUL */

struct host_option {
	const char *address;    /* valid */
	char name[HOST_NAME_SIZE];
};

struct host_list {
	struct memory memory;   /* array of struct host_option */
	int count;
};

/* Append NAME:ADDRESS. */
bool value_add_host(struct host_list *l, const char *text);

#endif
