#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../cli/log.h"
#include "network.h"
#include "proc.h"

enum {
	ADDRESS_TRIES = 200,            /* for an address to become free */
	ADDRESS_TRY_MS = 10
};

/* Before Linux 6.14 a new macvlan may not have the name of an interface in our
 * own namespace, even if it is made in another one. As the host may have an
 * eth0, the macvlan is renamed inside. */
static const char inside_name[] = "eth0", temporary_name[] = "pith-eth0";

/* Static, because init and the launcher get no pointer from network_prepare().
 */
static struct interface {
	enum network_type type; /* NETWORK_UNSET unless one is to be made */
	const char *host;       /* bridge, or parent of the macvlan; or NULL */
	unsigned int host_index;
	const struct ip_list *ips, *gateways;
} interface;

/* ---- messages ----------------------------------------------------------- */

/* Request to the kernel: a header, a struct and attributes, netlink(7). */
struct message {
	union {
		struct nlmsghdr head;
		char bytes[512];
	};
};

/* Append data with the alignment of netlink(3). Overflow cannot happen: all
 * lengths are known or were checked. */
static void *
put_data(struct message *m, const void *data, size_t n)
{
	char *to = m->bytes + NLMSG_ALIGN(m->head.nlmsg_len);

	if (n > (size_t)(m->bytes + sizeof(m->bytes) - to))
		diex("cannot set up", inside_name, "the request is too long",
		    NULL);
	memcpy(to, data, n);
	m->head.nlmsg_len = to + n - m->bytes;
	return to;
}

static void
begin_message(struct message *m, int type, int flags, const void *data,
    size_t n)
{
	*m = (struct message){ .head = { .nlmsg_len = NLMSG_HDRLEN,
	    .nlmsg_type = type,
	    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags } };
	put_data(m, data, n);
}

static struct rtattr *
add_attribute(struct message *m, int type, const void *data, size_t n)
{
	const struct rtattr head = { RTA_LENGTH(n), type };
	struct rtattr *a = put_data(m, &head, sizeof(head));

	put_data(m, data, n);
	return a;
}

static void
add_number_attribute(struct message *m, int type, uint32_t number)
{
	add_attribute(m, type, &number, sizeof(number));
}

static void
add_text_attribute(struct message *m, int type, const char *text)
{
	add_attribute(m, type, text, strlen(text) + 1);
}

/* Begin an attribute that contains attributes. */
static struct rtattr *
open_nest(struct message *m, int type)
{
	return add_attribute(m, type, "", 0);
}

static void
close_nest(struct message *m, struct rtattr *a)
{
	a->rta_len = m->bytes + m->head.nlmsg_len - (char *)a;
}

static int
open_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
}

/* Send a request and receive the kernel's answer. Returns false with errno. */
static bool
netlink_request(int fd, const struct message *m, void *answer, size_t size)
{
	const struct nlmsghdr *head = answer;
	struct sockaddr_nl from = { 0 };
	socklen_t from_size = sizeof(from);
	ssize_t n;

	if (fd < 0 || send(fd, m, m->head.nlmsg_len, 0) < 0)
		return false;
	do
		n = recvfrom(fd, answer, size, 0, (struct sockaddr *)&from,
		    &from_size);
	while (n < 0 && errno == EINTR);
	/* Accept only the kernel's answer: root of the network namespace can
	 * send to our socket too. */
	if (n < (ssize_t)sizeof(*head) || from.nl_pid != 0 ||
	    head->nlmsg_len > (size_t)n)
		return false;
	if (head->nlmsg_type != NLMSG_ERROR)
		return true;
	errno = -((const struct nlmsgerr *)NLMSG_DATA(head))->error;
	return errno == 0;
}

static bool
netlink_command(int fd, const struct message *m)
{
	union {
		struct nlmsghdr head;
		char bytes[1024];
	} answer;

	return netlink_request(fd, m, &answer, sizeof(answer));
}

/* ---- options ------------------------------------------------------------ */

/* Return the index of an interface, or 0 if there is none. */
static unsigned int
interface_index(const char *name)
{
	struct ifreq r = { .ifr_name = "" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool found;

	memcpy(r.ifr_name, name, strlen(name));
	found = fd >= 0 && ioctl(fd, SIOCGIFINDEX, &r) == 0;
	if (fd >= 0)
		close(fd);
	return found ? r.ifr_ifindex : 0;
}

/* True if a gateway is in the network of an --ip address. */
static bool
is_in_network(const struct ip_address *a, const struct ip_address *gateway)
{
	const int whole = a->bits / 8, rest = a->bits % 8;

	return a->family == gateway->family &&
	    memcmp(a->bytes, gateway->bytes, whole) == 0 &&
	    (rest == 0 || ((a->bytes[whole] ^ gateway->bytes[whole]) >>
	    (8 - rest)) == 0);
}

/* Return whether a gateway is in the network of an --ip. The kernel would
 * refuse others too, but only after the sandbox is made. */
static bool
is_reachable_gateway(const struct ip_list *ips,
    const struct ip_address *gateway)
{
	for (int i = 0; i < ips->count; i++)
		if (is_in_network(&ips->items[i], gateway))
			return true;
	return false;
}

static void
find_host_interface(struct interface *n)
{
	const char *host = n->host;

	if (!host)
		return;
	if (!*host || strlen(host) >= IFNAMSIZ || strchr(host, '/'))
		diex("bad interface name", host,
		    "use 1 to 15 bytes without a '/'", NULL);
	n->host_index = interface_index(host);
	if (n->host_index == 0)
		diex("cannot find the interface", host, strerror(ENODEV),
		    n->type == NETWORK_VETH ? "create it with 'ip link add "
		    "NAME type bridge'" : "list interfaces with 'ip link'");
}

void
network_prepare(const struct sandbox *s)
{
	const struct network *n = &s->network;

	interface = (struct interface){ .ips = &s->ips,
		.gateways = &s->gateways };
	if (n->type == NETWORK_VETH || n->type == NETWORK_MACVLAN) {
		interface.type = n->type;
		interface.host = n->object;
	}
	find_host_interface(&interface);
	if (!network_wanted() && (s->ips.count || s->gateways.count))
		diex("cannot set up", (s->ips.count ? &s->ips :
		    &s->gateways)->items[0].word,
		    "there is no interface for it",
		    "use --network veth or macvlan:IF");
	for (int i = 0; i < s->gateways.count; i++)
		if (!is_reachable_gateway(&s->ips, &s->gateways.items[i]))
			diex("cannot reach the gateway",
			    s->gateways.items[i].word,
			    "it is in the network of no --ip",
			    "give an --ip in its network");
}

bool
network_wanted(void)
{
	return interface.type != NETWORK_UNSET;
}

/* ---- set-up ------------------------------------------------------------- */

static size_t
address_size(const struct ip_address *a)
{
	return a->family == AF_INET ? 4 : 16;
}

/* Add an address to an interface by RTM_NEWADDR, rtnetlink(7). The peer is the
 * address itself, or the other end of a point-to-point link; bits is its prefix
 * length. IFA_F_NODAD skips duplicate address detection, which takes a second.
 */
static bool
add_address(int fd, unsigned int index, const struct ip_address *a,
    const struct ip_address *peer, int bits)
{
	const struct ifaddrmsg what = { .ifa_family = a->family,
	    .ifa_prefixlen = bits, .ifa_index = index,
	    .ifa_flags = a->family == AF_INET6 ? IFA_F_NODAD : 0 };
	struct message m;

	begin_message(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &what,
	    sizeof(what));
	add_attribute(&m, IFA_LOCAL, a->bytes, address_size(a));
	add_attribute(&m, IFA_ADDRESS, peer->bytes, address_size(peer));
	return netlink_command(fd, &m);
}

/* A link without an index: an attribute names it. */
static const struct ifinfomsg any_link;

/* Make a veth pair. The inner end is made directly in init's namespace, so the
 * host never has both ends. The host's end is down. */
static bool
make_veth(int fd, const struct interface *n, pid_t init, const char *name)
{
	struct rtattr *info, *data, *other;
	struct message m;

	begin_message(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
	    &any_link, sizeof(any_link));
	add_text_attribute(&m, IFLA_IFNAME, name);
	if (n->host)
		add_number_attribute(&m, IFLA_MASTER, n->host_index);
	info = open_nest(&m, IFLA_LINKINFO);
	add_text_attribute(&m, IFLA_INFO_KIND, "veth");
	data = open_nest(&m, IFLA_INFO_DATA);
	other = open_nest(&m, VETH_INFO_PEER);
	put_data(&m, &any_link, sizeof(any_link));
	add_text_attribute(&m, IFLA_IFNAME, inside_name);
	add_number_attribute(&m, IFLA_NET_NS_PID, init);
	close_nest(&m, other);
	close_nest(&m, data);
	close_nest(&m, info);
	return netlink_command(fd, &m);
}

static bool
make_macvlan(int fd, const struct interface *n, pid_t init)
{
	struct rtattr *info, *data;
	struct message m;

	begin_message(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &any_link,
	    sizeof(any_link));
	add_text_attribute(&m, IFLA_IFNAME, temporary_name);
	add_number_attribute(&m, IFLA_LINK, n->host_index);
	add_number_attribute(&m, IFLA_NET_NS_PID, init);
	info = open_nest(&m, IFLA_LINKINFO);
	add_text_attribute(&m, IFLA_INFO_KIND, "macvlan");
	data = open_nest(&m, IFLA_INFO_DATA);
	add_number_attribute(&m, IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
	close_nest(&m, data);
	close_nest(&m, info);
	return netlink_command(fd, &m);
}

static const char *
network_remedy(int error)
{
	return error == EPERM ? "run pith as root of the network "
	    "namespace, or use --publish and --listen" : error == EOPNOTSUPP ?
	    "check that it is a bridge and that the kernel supports this type "
	    "of interface" : NULL;
}

/* Settings of the host's end that keep root of a sandbox from changing the host
 * by packets. IPv6: do not accept routes and addresses from router
 * advertisements, nor redirects. IPv4: do not accept redirects, source routes,
 * source addresses other than the sandbox's, or packets to 127.0.0.0/8. New
 * interfaces get the host's defaults, which may allow each of these.
 * Documentation/networking/ip-sysctl.rst of Linux */
static const struct { bool ipv6; char name[20], value[2]; } protections[] = {
	{ true, "accept_ra", "0" }, { true, "autoconf", "0" },
	{ true, "accept_redirects", "0" }, { false, "accept_redirects", "0" },
	{ false, "accept_source_route", "0" }, { false, "route_localnet", "0" },
	{ false, "rp_filter", "1" },
};

/* Die if conf.all allows packets to 127.0.0.0/8: the kernel lets them in if
 * route_localnet is set for the interface or for all, IN_DEV_ROUTE_LOCALNET;
 * CVE-2020-8558. */
static void
check_localnet(void)
{
	char text[4];

	if (!proc_read("sys/net/ipv4/conf/all/route_localnet", text,
	    sizeof(text)))
		die("cannot read", "net.ipv4.conf.all.route_localnet");
	if (text[0] != '0')
		diex("cannot keep the sandbox from", "127.0.0.0/8 of the "
		    "host", "net.ipv4.conf.all.route_localnet is set",
		    "set it to 0, or use --network macvlan:IF");
}

/* Apply these settings to the host's end of a pair while it is still down. */
static void
protect_host(const char *name)
{
	const size_t count = sizeof(protections) / sizeof(protections[0]);
	/* The kernel may be built or booted without IPv6. */
	const bool ipv6 = file_permits(proc_fd(), "sys/net/ipv6/conf",
	    F_OK);

	for (size_t i = 0; i < count; i++) {
		char text[96];
		struct strbuf path = STRBUF(text);

		if (protections[i].ipv6 && !ipv6)
			continue;
		strbuf_add(&path, protections[i].ipv6 ? "sys/net/ipv6/conf/" :
		    "sys/net/ipv4/conf/");
		strbuf_add(&path, name);
		strbuf_add(&path, "/");
		strbuf_add(&path, protections[i].name);
		if (!proc_write(text, protections[i].value))
			die_with("cannot protect the host from the sandbox by",
			    text, "make /proc/sys writable");
	}
	check_localnet();
}

/* Bring up an interface, and give it the name if rename. */
static void
bring_up_interface(int fd, unsigned int index, const char *name, bool rename)
{
	const struct ifinfomsg up = { .ifi_index = index,
	    .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct message m;

	begin_message(&m, RTM_NEWLINK, 0, &up, sizeof(up));
	if (rename)
		add_text_attribute(&m, IFLA_IFNAME, name);
	if (!netlink_command(fd, &m))
		die("cannot bring up the interface", name);
}

/* True if the host has an address itself or has a host route to it through
 * another interface. RTM_F_FIB_MATCH, Linux 4.13, returns the matching route
 * instead of the resolved one. The IPv6 route through our interface exists only
 * once the inner end is up. */
static bool
is_address_taken(int fd, unsigned int index, const struct ip_address *a)
{
	const struct rtmsg what = { .rtm_family = a->family,
	    .rtm_dst_len = address_size(a) * 8,
	    .rtm_flags = RTM_F_FIB_MATCH };
	union {
		struct nlmsghdr head;
		char bytes[1024];
	} answer;
	const struct rtmsg *route = NLMSG_DATA(&answer.head);
	struct rtattr *part;
	struct message m;
	unsigned int output = 0;
	int left;

	begin_message(&m, RTM_GETROUTE, 0, &what, sizeof(what));
	m.head.nlmsg_flags = NLM_F_REQUEST;
	add_attribute(&m, RTA_DST, a->bytes, address_size(a));
	if (!netlink_request(fd, &m, &answer, sizeof(answer)) ||
	    route->rtm_dst_len != what.rtm_dst_len)
		return false;
	left = RTM_PAYLOAD(&answer.head);
	for (part = RTM_RTA(route); RTA_OK(part, left);
	    part = RTA_NEXT(part, left))
		if (part->rta_type == RTA_OIF)
			memcpy(&output, RTA_DATA(part), sizeof(output));
	return output != index;
}

/* Give the host's end of a pair a gateway's address, with the sandbox's address
 * as its only peer. Any number of sandboxes can then share a gateway address,
 * and another interface of the host may have it too. */
static void
add_gateway_address(int fd, unsigned int index,
    const struct ip_address *gateway, const struct ip_address *ip)
{
	if (!add_address(fd, index, gateway, ip, address_size(ip) * 8))
		die("cannot give the host's end the address", gateway->word);
	/* After the end of a sandbox the kernel removes its pair with a short
	 * delay: wait for that. */
	for (int i = 0;
	     i < ADDRESS_TRIES && is_address_taken(fd, index, ip); i++)
		poll(NULL, 0, ADDRESS_TRY_MS);
	if (is_address_taken(fd, index, ip))
		diex("cannot take the address", ip->word, "the host or "
		    "another sandbox has it", "give --ip another");
}

static void
add_gateway_addresses(int fd, const struct interface *n, const char *name)
{
	const unsigned int index = interface_index(name);

	for (int i = 0; i < n->gateways->count; i++)
		for (int j = 0; j < n->ips->count; j++) {
			const struct ip_address *a = &n->gateways->items[i];
			const struct ip_address *ip = &n->ips->items[j];

			if (is_in_network(ip, a))
				add_gateway_address(fd, index, a, ip);
		}
}

void
network_provide(pid_t init)
{
	const struct interface *n = &interface;
	const int fd = open_netlink();
	char name[IFNAMSIZ];
	pid_t number = init;
	bool made;

	/* A launcher in another PID namespace on the same network may use the
	 * same number: try the next one. */
	do {
		struct strbuf l = STRBUF(name);

		strbuf_add(&l, "pith");
		strbuf_number(&l, number++);
		made = n->type == NETWORK_VETH ?
		    make_veth(fd, n, init, name) : make_macvlan(fd, n, init);
	} while (!made && errno == EEXIST && number < init + 16);
	if (!made)
		diex("cannot make an interface for", n->host ? n->host :
		    "the sandbox", strerror(errno), network_remedy(errno));
	if (n->type == NETWORK_VETH) {
		protect_host(name);
		bring_up_interface(fd, interface_index(name), name, false);
	}
	if (n->type == NETWORK_VETH && !n->host)
		add_gateway_addresses(fd, n, name);
	close(fd);
}

/* Add a default route. */
static bool
add_route(int fd, unsigned int index, const struct ip_address *gateway)
{
	const struct rtmsg what = { .rtm_family = gateway->family,
	    .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC,
	    .rtm_type = RTN_UNICAST };
	struct message m;

	begin_message(&m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &what,
	    sizeof(what));
	add_attribute(&m, RTA_GATEWAY, gateway->bytes, address_size(gateway));
	add_number_attribute(&m, RTA_OIF, index);
	return netlink_command(fd, &m);
}

void
network_set(void)
{
	const struct ip_list *ips = interface.ips;
	const struct ip_list *gateways = interface.gateways;
	const unsigned int index = interface_index(
	    interface.type == NETWORK_VETH ? inside_name : temporary_name);
	const int fd = open_netlink();

	for (int i = 0; i < ips->count; i++) {
		const struct ip_address *ip = &ips->items[i];

		if (!add_address(fd, index, ip, ip, ip->bits))
			die("cannot set the address", ip->word);
	}
	bring_up_interface(fd, index, inside_name, true);
	for (int i = 0; i < gateways->count; i++)
		if (!add_route(fd, index, &gateways->items[i]))
			die("cannot route through", gateways->items[i].word);
	close(fd);
	/* Allow ICMP echo sockets to all groups, as docker does; icmp(7). The
	 * write fails if the user namespace maps only one group. */
	if (!proc_write("sys/net/ipv4/ping_group_range", "0 65535"))
		proc_write("sys/net/ipv4/ping_group_range", "0 0");
}

/* ---- counters ----------------------------------------------------------- */

int
network_open(void)
{
	return network_wanted() ? open_netlink() : -1;
}

void
network_count(int fd, int64_t *in, int64_t *out)
{
	union {
		struct nlmsghdr head;
		char bytes[16 * 1024];
	} answer;
	struct rtnl_link_stats64 stats;
	struct rtattr *a;
	struct message m;
	int left;

	begin_message(&m, RTM_GETLINK, 0, &any_link, sizeof(any_link));
	/* NLM_F_ACK would make the kernel answer twice. */
	m.head.nlmsg_flags = NLM_F_REQUEST;
	add_text_attribute(&m, IFLA_IFNAME, inside_name);
	*in = *out = -1;
	if (!netlink_request(fd, &m, &answer, sizeof(answer)))
		return;
	left = IFLA_PAYLOAD(&answer.head);
	for (a = IFLA_RTA(NLMSG_DATA(&answer.head)); RTA_OK(a, left);
	    a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_STATS64 &&
		    RTA_PAYLOAD(a) >= offsetof(struct rtnl_link_stats64,
		    multicast)) {
			memcpy(&stats, RTA_DATA(a),
			    offsetof(struct rtnl_link_stats64, multicast));
			*in = stats.rx_bytes;
			*out = stats.tx_bytes;
		}
}
