/* Act as a router on eth0: send router advertisements with a default route, a
 * prefix for addresses, and a route to it. Print "sent" when the other end has
 * certainly received one, then wait. RFC 4861, RFC 4443 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TRIES = 1000, PAUSE = 20 /* milliseconds */, HOPS = 255 };

struct advertisement {
	struct nd_router_advert head;
	struct nd_opt_prefix_info prefix;
};

static _Noreturn void
broken(const char *what)
{
	perror(what);
	exit(99);
}

/* Find the link-local address of eth0. */
static bool
link_local(struct sockaddr_in6 *own)
{
	struct ifaddrs *all, *a;
	bool found = false;

	if (getifaddrs(&all) < 0)
		broken("getifaddrs");
	for (a = all; a && !found; a = a->ifa_next)
		if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET6 &&
		    strcmp(a->ifa_name, "eth0") == 0) {
			memcpy(own, a->ifa_addr, sizeof(*own));
			found = IN6_IS_ADDR_LINKLOCAL(&own->sin6_addr);
		}
	freeifaddrs(all);
	return found;
}

/* Retry: the address cannot be bound before duplicate address detection
 * ends. */
static void
bind_own(int fd, struct sockaddr_in6 *own)
{
	for (int i = 0; i < TRIES; i++) {
		if (link_local(own) &&
		    bind(fd, (struct sockaddr *)own, sizeof(*own)) == 0)
			return;
		poll(NULL, 0, PAUSE);
	}
	broken("bind");
}

static void
advertise(int fd, const struct sockaddr_in6 *to)
{
	struct advertisement a = { .head.nd_ra_hdr = {
	    .icmp6_type = ND_ROUTER_ADVERT } };

	a.head.nd_ra_curhoplimit = 64;
	a.head.nd_ra_router_lifetime = htons(1800);
	a.prefix.nd_opt_pi_type = ND_OPT_PREFIX_INFORMATION;
	a.prefix.nd_opt_pi_len = sizeof(a.prefix) / 8;
	a.prefix.nd_opt_pi_prefix_len = 64;
	a.prefix.nd_opt_pi_flags_reserved = ND_OPT_PI_FLAG_ONLINK |
	    ND_OPT_PI_FLAG_AUTO;
	a.prefix.nd_opt_pi_valid_time = htonl(1800);
	a.prefix.nd_opt_pi_preferred_time = htonl(1800);
	inet_pton(AF_INET6, "2001:db8:bad::", &a.prefix.nd_opt_pi_prefix);
	sendto(fd, &a, sizeof(a), 0, (const struct sockaddr *)to, sizeof(*to));
}

/* True if another host answers: it has received everything sent before. */
static bool
answers(int fd, const struct sockaddr_in6 *to, const struct sockaddr_in6 *own)
{
	const struct icmp6_hdr echo = { .icmp6_type = ICMP6_ECHO_REQUEST };
	struct pollfd p = { fd, POLLIN, 0 };

	sendto(fd, &echo, sizeof(echo), 0, (const struct sockaddr *)to,
	    sizeof(*to));
	while (poll(&p, 1, PAUSE) > 0) {
		struct icmp6_hdr got = { 0 };
		struct sockaddr_in6 from = { 0 };
		socklen_t size = sizeof(from);

		if (recvfrom(fd, &got, sizeof(got), 0,
		    (struct sockaddr *)&from, &size) > 0 &&
		    got.icmp6_type == ICMP6_ECHO_REPLY &&
		    memcmp(&from.sin6_addr, &own->sin6_addr,
		    sizeof(from.sin6_addr)) != 0)
			return true;
	}
	return false;
}

int
main(void)
{
	struct sockaddr_in6 own = { 0 }, to = { .sin6_family = AF_INET6,
	    .sin6_scope_id = if_nametoindex("eth0") };
	const int fd = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
	const int hops = HOPS;
	int heard = 0;

	if (fd < 0)
		broken("socket");
	bind_own(fd, &own);
	inet_pton(AF_INET6, "ff02::1", &to.sin6_addr);
	setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops));
	setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &to.sin6_scope_id,
	    sizeof(to.sin6_scope_id));
	/* Do it twice: after the first answer, the other end was certainly up
	 * when it received the second advertisement. */
	for (int i = 0; i < TRIES && heard < 2; i++) {
		advertise(fd, &to);
		heard += answers(fd, &to, &own);
	}
	if (heard < 2)
		broken("nobody answers");
	puts("sent");
	fflush(stdout);
	pause();
}
