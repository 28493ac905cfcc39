/* libFuzzer target: hostile values for the parsers of cli/values_net.c. Their
 * results go to network_prepare() and hosts_prepare(). n is --network. */
#include "sandbox/network.c"

#include "cli/options.h"
#include "fuzz_words.h"
#include "sandbox/hosts.h"
#include "sandbox/volumes.h"

/* Check the generated files: complete lines, without NUL. */
void
volumes_add_file(int fd, const char *path, const char *remedy)
{
	static char text[32 * 1024];
	const ssize_t n = read(fd, text, sizeof(text));

	CLAIM(n > 0 && text[n - 1] == '\n');
	CLAIM(strcmp(path, "/etc/hosts") == 0 ||
	    strcmp(path, "/etc/resolv.conf") == 0);
	CLAIM(!memchr(text, '\0', n));
	CLAIM(*remedy);
	close(fd);
}

/* Fail: the target must not depend on the network of the host. */
int __wrap_socket(int domain, int type, int protocol);
int
__wrap_socket(int domain, int type, int protocol)
{
	(void)domain, (void)type, (void)protocol;
	errno = EAFNOSUPPORT;
	return -1;
}

static void
check_port(const struct port_option *o)
{
	CLAIM(o->outer > 0 && o->inner > 0);
	CLAIM(o->family == 0 || o->family == AF_INET || o->family == AF_INET6);
}

/* Set an option as set_network_value() does. */
static bool
set_word(struct sandbox *s, const struct word *w)
{
	switch (w->kind) {
	case NETWORK:
		return value_network(w->value, &s->network);
	case IP:
		return value_add_ip(&s->ips, w->value, true);
	case GATEWAY:
		return value_add_ip(&s->gateways, w->value, false);
	case PUBLISH:
	case LISTEN:
		return value_add_port(&s->ports, w->value, w->kind == PUBLISH);
	case DNS:
		return value_add_server(&s->servers, w->value);
	default:
		return value_add_host(&s->hosts, w->value);
	}
}

static void
call(const struct word_list *words)
{
	static struct sandbox s;
	const struct port_option *ports_of;

	/* The previous call may have died. */
	memory_release(&s.ports.memory);
	memory_release(&s.hosts.memory);
	s = (struct sandbox){ .rootfs = "/" };
	for (int i = 0; i < words->word_count; i++)
		if (!set_word(&s, &words->words[i]))
			return;
	ports_of = s.ports.memory.block;
	for (int i = 0; i < s.ports.count; i++)
		check_port(&ports_of[i]);
	for (int i = 0; i < s.ips.count; i++)
		CLAIM(s.ips.items[i].bits > 0 && s.ips.items[i].bits <= 8 *
		    address_size(&s.ips.items[i]));
	network_prepare(&s);
	CLAIM(s.ips.count == 0 || network_wanted());
	for (int i = 0; i < s.gateways.count; i++)
		CLAIM(is_reachable_gateway(&s.ips, &s.gateways.items[i]));
	hosts_prepare(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char of[] = { NETWORK, IP, GATEWAY, PUBLISH,
	    LISTEN, DNS, ADD_HOST };

	run_words(data, size, "nigpldh", of, call);
	return 0;
}
