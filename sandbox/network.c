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

enum { ADDRESSES = 16, TRIES = 200, TRY_MS = 10 };

/* Before Linux 6.14 no interface of ours may have the name that a new one is
 * born with, though it be elsewhere: so one beside eth0 gets its name there. */
static const char inside[] = "eth0", newborn[] = "pith-eth0";

/* An address with the bits of its net, or that of a gateway. */
static struct address {
	const char *word;
	unsigned char family, bits, bytes[16];
} ips[ADDRESSES], gateways[ADDRESSES];

static int ip_count, gateway_count;
static enum { NOTHING, VETH, MACVLAN } kind;
static const char *host;        /* the bridge, or whom it is beside; or NULL */
static unsigned int host_index;

/* ---- messages ----------------------------------------------------------- */

/* One to the kernel, netlink(7): a header, a struct, attributes. */
struct message {
	union {
		struct nlmsghdr head;
		char bytes[512];
	};
};

/* Append, and keep the alignment. Where it had no room it would be a fault of
 * ours: lengths are known or were checked. */
static void *
put(struct message *m, const void *data, size_t n)
{
	char *to = m->bytes + NLMSG_ALIGN(m->head.nlmsg_len);

	if (n > (size_t)(m->bytes + sizeof(m->bytes) - to))
		diex("cannot set up", inside, "too long a name", NULL);
	memcpy(to, data, n);
	m->head.nlmsg_len = to + n - m->bytes;
	return to;
}

static void
begin(struct message *m, int type, int flags, const void *what, size_t n)
{
	*m = (struct message){ .head = { .nlmsg_len = NLMSG_HDRLEN,
	    .nlmsg_type = type,
	    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags } };
	put(m, what, n);
}

static struct rtattr *
add(struct message *m, int type, const void *data, size_t n)
{
	const struct rtattr head = { RTA_LENGTH(n), type };
	struct rtattr *a = put(m, &head, sizeof(head));

	put(m, data, n);
	return a;
}

static void
add_number(struct message *m, int type, uint32_t number)
{
	add(m, type, &number, sizeof(number));
}

static void
add_text(struct message *m, int type, const char *text)
{
	add(m, type, text, strlen(text) + 1);
}

/* Attributes in an attribute. */
static struct rtattr *
open_nest(struct message *m, int type)
{
	return add(m, type, "", 0);
}

static void
close_nest(struct message *m, struct rtattr *a)
{
	a->rta_len = m->bytes + m->head.nlmsg_len - (char *)a;
}

static int
netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
}

/* Send it and hear the kernel's answer, no other's. False with errno. */
static bool
ask(int fd, const struct message *m, void *answer, size_t size)
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
	/* Whoever is root of the network may write to us, too. */
	if (n < (ssize_t)sizeof(*head) || from.nl_pid != 0 ||
	    head->nlmsg_len > (size_t)n)
		return false;
	if (head->nlmsg_type != NLMSG_ERROR)
		return true;
	errno = -((const struct nlmsgerr *)NLMSG_DATA(head))->error;
	return errno == 0;
}

static bool
tell(int fd, const struct message *m)
{
	union {
		struct nlmsghdr head;
		char bytes[1024];
	} answer;

	return ask(fd, m, &answer, sizeof(answer));
}

/* ---- before anything is done -------------------------------------------- */

static bool
take_address(const char *word, struct address *a, bool net)
{
	char text[64];
	const char *slash = strchrnul(word, '/');
	const size_t n = slash - word;
	size_t size;
	uint64_t bits;

	if (n >= sizeof(text) || (*slash != '\0') != net)
		return false;
	memcpy(text, word, n);
	text[n] = '\0';
	a->word = word;
	size = text_address(text, a->bytes);
	if (size == 0)
		return false;
	a->family = size == 4 ? AF_INET : AF_INET6;
	slash++;
	if (net && (!text_number(&slash, a->family == AF_INET ? 32 : 128,
	    &bits) || *slash || bits == 0))
		return false;
	a->bits = net ? bits : 0;
	return true;
}

static void
take_word(const struct word *w)
{
	const bool net = w->kind == IP;
	int *count = net ? &ip_count : &gateway_count;

	if (kind == NOTHING)
		diex("cannot set up", w->value, "there is no interface for "
		    "it", "--network veth or macvlan:IF");
	if (*count == ADDRESSES)
		diex("too many addresses", w->value, NULL, NULL);
	if (!take_address(w->value, (net ? ips : gateways) + (*count)++, net))
		diex("bad value", w->value, net ?
		    "--ip takes ADDRESS/BITS, such as 10.0.0.2/24" :
		    "--gateway takes an address", NULL);
}

/* The interface's number, or 0 where there is none. */
static unsigned int
index_of(const char *name)
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

/* True if the net of an address of --ip holds a gateway. */
static bool
holds(const struct address *a, const struct address *gateway)
{
	const int whole = a->bits / 8, rest = a->bits % 8;

	return a->family == gateway->family &&
	    memcmp(a->bytes, gateway->bytes, whole) == 0 &&
	    (rest == 0 || ((a->bytes[whole] ^ gateway->bytes[whole]) >>
	    (8 - rest)) == 0);
}

/* The kernel refuses others, too, but only when all is made. */
static bool
is_reached(const struct address *gateway)
{
	for (int i = 0; i < ip_count; i++)
		if (holds(&ips[i], gateway))
			return true;
	return false;
}

static void
find_host(void)
{
	if (!host)
		return;
	if (!*host || strlen(host) >= IFNAMSIZ || strchr(host, '/'))
		diex("no name of an interface", host,
		    "it has up to 15 bytes and no /", NULL);
	host_index = index_of(host);
	if (host_index == 0)
		diex("cannot find the interface", host, strerror(ENODEV),
		    kind == VETH ? "ip link add NAME type bridge" : NULL);
}

void
network_prepare(const struct sandbox *s)
{
	const char *n = s->network ? s->network : "";

	kind = strncmp(n, "veth", 4) == 0 && (!n[4] || n[4] == ':') ? VETH :
	    strncmp(n, "macvlan:", 8) == 0 ? MACVLAN : NOTHING;
	if (kind == MACVLAN || (kind == VETH && n[4]))
		host = strchr(n, ':') + 1;
	if (kind == NOTHING && *n && strcmp(n, "none") != 0 &&
	    strcmp(n, "host") != 0 && strncmp(n, "ns:", 3) != 0)
		diex("bad value", n, "--network takes none, host, ns:PATH, "
		    "veth, veth:BRIDGE or macvlan:IF", NULL);
	find_host();
	for (int i = 0; i < s->word_count; i++)
		if (s->words[i].kind == IP || s->words[i].kind == GATEWAY)
			take_word(&s->words[i]);
	for (int i = 0; i < gateway_count; i++)
		if (!is_reached(&gateways[i]))
			diex("cannot reach the gateway", gateways[i].word,
			    "it is in the net of no --ip", NULL);
}

bool
network_wanted(void)
{
	return kind != NOTHING;
}

/* ---- making ------------------------------------------------------------- */

static size_t
address_size(const struct address *a)
{
	return a->family == AF_INET ? 4 : 16;
}

/* Give an interface an address whose net has so many bits of the peer's, which
 * is the address itself or the other end of a line: RTM_NEWADDR, rtnetlink(7).
 * No duplicate is looked for, which takes a second of IPv6. */
static bool
add_address(int fd, unsigned int index, const struct address *a,
    const struct address *peer, int bits)
{
	const struct ifaddrmsg what = { .ifa_family = a->family,
	    .ifa_prefixlen = bits, .ifa_index = index,
	    .ifa_flags = a->family == AF_INET6 ? IFA_F_NODAD : 0 };
	struct message m;

	begin(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &what, sizeof(what));
	add(&m, IFA_LOCAL, a->bytes, address_size(a));
	add(&m, IFA_ADDRESS, peer->bytes, address_size(peer));
	return tell(fd, &m);
}

/* A pair, whose one end is born in the namespace of init, so that there is no
 * moment in which both are the host's. The other one is down. */
static bool
make_pair(int fd, pid_t init, const char *name)
{
	const struct ifinfomsg down = { 0 }, peer = { 0 };
	struct rtattr *info, *data, *other;
	struct message m;

	begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &down,
	    sizeof(down));
	add_text(&m, IFLA_IFNAME, name);
	if (host)
		add_number(&m, IFLA_MASTER, host_index);
	info = open_nest(&m, IFLA_LINKINFO);
	add_text(&m, IFLA_INFO_KIND, "veth");
	data = open_nest(&m, IFLA_INFO_DATA);
	other = open_nest(&m, VETH_INFO_PEER);
	put(&m, &peer, sizeof(peer));
	add_text(&m, IFLA_IFNAME, inside);
	add_number(&m, IFLA_NET_NS_PID, init);
	close_nest(&m, other);
	close_nest(&m, data);
	close_nest(&m, info);
	return tell(fd, &m);
}

static bool
make_macvlan(int fd, pid_t init)
{
	const struct ifinfomsg what = { 0 };
	struct rtattr *info, *data;
	struct message m;

	begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &what, sizeof(what));
	add_text(&m, IFLA_IFNAME, newborn);
	add_number(&m, IFLA_LINK, host_index);
	add_number(&m, IFLA_NET_NS_PID, init);
	info = open_nest(&m, IFLA_LINKINFO);
	add_text(&m, IFLA_INFO_KIND, "macvlan");
	data = open_nest(&m, IFLA_INFO_DATA);
	add_number(&m, IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
	close_nest(&m, data);
	close_nest(&m, info);
	return tell(fd, &m);
}

static const char *
remedy_of(int error)
{
	return error == EPERM ? "root of the network may; --publish and "
	    "--listen work for everyone" : error == EOPNOTSUPP ?
	    "is that a bridge, and has the kernel such interfaces?" : NULL;
}

/* Things that root of a sandbox could have the host's kernel do by packets. By
 * IPv6: take routes and addresses from router advertisements, and other routes
 * from redirects. By IPv4: the latter; go where a source route leads; believe
 * a source address that is not the sandbox's; let packets in to 127.0.0.0/8.
 * The defaults of new interfaces are the host's, and may allow each of them.
 * ip-sysctl(7), Documentation/networking/ip-sysctl.rst of Linux */
static const struct { bool ipv6; char name[20], value[2]; } distrust[] = {
	{ true, "accept_ra", "0" }, { true, "autoconf", "0" },
	{ true, "accept_redirects", "0" }, { false, "accept_redirects", "0" },
	{ false, "accept_source_route", "0" }, { false, "route_localnet", "0" },
	{ false, "rp_filter", "1" },
};

/* The kernel lets packets in to 127.0.0.0/8 where the interface says so or all
 * do: IN_DEV_ROUTE_LOCALNET of Linux, CVE-2020-8558. */
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

/* Set the host's end of a pair so, before anything can come through it. */
static void
distrust_end(const char *name)
{
	const size_t count = sizeof(distrust) / sizeof(distrust[0]);
	/* The kernel may have been built or booted without it. */
	const bool ipv6 = faccessat(proc_fd(), "sys/net/ipv6/conf", F_OK,
	    0) == 0;

	for (size_t i = 0; i < count; i++) {
		char text[96];
		struct strbuf path = STRBUF(text);

		if (distrust[i].ipv6 && !ipv6)
			continue;
		strbuf_add(&path, distrust[i].ipv6 ? "sys/net/ipv6/conf/" :
		    "sys/net/ipv4/conf/");
		strbuf_add(&path, name);
		strbuf_add(&path, "/");
		strbuf_add(&path, distrust[i].name);
		if (!proc_write(text, distrust[i].value))
			die_with("cannot protect the host from the sandbox by",
			    text, "make /proc/sys writable");
	}
	check_localnet();
}

static void
raise_end(int fd, const char *name)
{
	const struct ifinfomsg up = { .ifi_index = index_of(name),
	    .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct message m;

	begin(&m, RTM_NEWLINK, 0, &up, sizeof(up));
	if (!tell(fd, &m))
		die("cannot raise the interface", name);
}

/* True if an address is one of the host's, or has a route of its own by another
 * interface: RTM_F_FIB_MATCH, Linux 4.13, shows the route and not its use. That
 * of IPv6 by ours is there only when the other end is up. */
static bool
is_taken(int fd, unsigned int index, const struct address *a)
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
	unsigned int by = 0;
	int left;

	begin(&m, RTM_GETROUTE, 0, &what, sizeof(what));
	m.head.nlmsg_flags = NLM_F_REQUEST;
	add(&m, RTA_DST, a->bytes, address_size(a));
	if (!ask(fd, &m, &answer, sizeof(answer)) ||
	    route->rtm_dst_len != what.rtm_dst_len)
		return false;
	left = RTM_PAYLOAD(&answer.head);
	for (part = RTM_RTA(route); RTA_OK(part, left);
	    part = RTA_NEXT(part, left))
		if (part->rta_type == RTA_OIF)
			memcpy(&by, RTA_DATA(part), sizeof(by));
	return by != index;
}

/* The host's end of a pair is the sandbox's way out. It has the gateway's
 * address towards that of the sandbox alone, so that any number of sandboxes
 * share a gateway, and the host may have its address elsewhere. */
static void
join_ends(int fd, unsigned int index, const struct address *gateway,
    const struct address *ip)
{
	if (!add_address(fd, index, gateway, ip, address_size(ip) * 8))
		die("cannot give the host's end the address", gateway->word);
	/* The kernel removes the pair of a sandbox that has ended a moment
	 * later. */
	for (int i = 0; i < TRIES && is_taken(fd, index, ip); i++)
		poll(NULL, 0, TRY_MS);
	if (is_taken(fd, index, ip))
		diex("cannot take the address", ip->word, "the host or "
		    "another sandbox has it", "give --ip another");
}

static void
address_host(int fd, const char *name)
{
	const unsigned int index = index_of(name);

	for (int i = 0; i < gateway_count; i++)
		for (int j = 0; j < ip_count; j++)
			if (holds(&ips[j], &gateways[i]))
				join_ends(fd, index, &gateways[i], &ips[j]);
}

void
network_provide(pid_t init)
{
	const int fd = netlink();
	char name[IFNAMSIZ];
	pid_t number = init;
	bool made;

	/* In another PID namespace on the same network somebody may have the
	 * same number. */
	do {
		struct strbuf l = STRBUF(name);

		strbuf_add(&l, "pith");
		strbuf_number(&l, number++);
		made = kind == VETH ? make_pair(fd, init, name) :
		    make_macvlan(fd, init);
	} while (!made && errno == EEXIST && number < init + 16);
	if (!made)
		diex("cannot make an interface for", kind == VETH ?
		    host ? host : "the sandbox" : host, strerror(errno),
		    remedy_of(errno));
	if (kind == VETH) {
		distrust_end(name);
		raise_end(fd, name);
	}
	if (kind == VETH && !host)
		address_host(fd, name);
	close(fd);
}

/* Towards everywhere else. */
static bool
add_route(int fd, unsigned int index, const struct address *gateway)
{
	const struct rtmsg what = { .rtm_family = gateway->family,
	    .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC,
	    .rtm_type = RTN_UNICAST };
	struct message m;

	begin(&m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &what,
	    sizeof(what));
	add(&m, RTA_GATEWAY, gateway->bytes, address_size(gateway));
	add_number(&m, RTA_OIF, index);
	return tell(fd, &m);
}

void
network_set(void)
{
	const unsigned int index = index_of(kind == VETH ? inside : newborn);
	const struct ifinfomsg up = { .ifi_index = index, .ifi_flags = IFF_UP,
	    .ifi_change = IFF_UP };
	const int fd = netlink();
	struct message m;

	for (int i = 0; i < ip_count; i++)
		if (!add_address(fd, index, &ips[i], &ips[i], ips[i].bits))
			die("cannot set the address", ips[i].word);
	begin(&m, RTM_NEWLINK, 0, &up, sizeof(up));
	add_text(&m, IFLA_IFNAME, inside);
	if (!tell(fd, &m))
		die("cannot raise the interface", inside);
	for (int i = 0; i < gateway_count; i++)
		if (!add_route(fd, index, &gateways[i]))
			die("cannot route through", gateways[i].word);
	close(fd);
	/* Everyone may ping, as in docker; icmp(7). There may be one group. */
	if (!proc_write("sys/net/ipv4/ping_group_range", "0 65535"))
		proc_write("sys/net/ipv4/ping_group_range", "0 0");
}

/* ---- counting ----------------------------------------------------------- */

int
network_open(void)
{
	return network_wanted() ? netlink() : -1;
}

void
network_count(int fd, int64_t *in, int64_t *out)
{
	const struct ifinfomsg which = { 0 };
	union {
		struct nlmsghdr head;
		char bytes[16 * 1024];
	} answer;
	struct rtnl_link_stats64 stats;
	struct rtattr *a;
	struct message m;
	int left;

	begin(&m, RTM_GETLINK, 0, &which, sizeof(which));
	/* Otherwise it is the kernel's to answer twice. */
	m.head.nlmsg_flags = NLM_F_REQUEST;
	add_text(&m, IFLA_IFNAME, inside);
	*in = *out = -1;
	if (!ask(fd, &m, &answer, sizeof(answer)))
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
