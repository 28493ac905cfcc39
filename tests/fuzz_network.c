/* libFuzzer target: hostile values for network_prepare(), hosts_prepare() and
 * the parser of ports. n is --network. */
#include "sandbox/network.c"
#include "sandbox/ports.c"

#include "fuzz_words.h"
#include "sandbox/hosts.h"
#include "sandbox/volumes.h"

enum { NETWORK = 100 };

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
check_port(const char *word, bool inner)
{
	union outside a;
	struct port p = { .inner = 1 };

	if (!parse_port(word, &a, &p, inner))
		return;
	CLAIM(p.inner > 0);
	CLAIM(a.any.sa_family == AF_INET ? a.v4.sin_port :
	    a.any.sa_family == AF_INET6 && a.v6.sin6_port);
}

static void
call(const struct sandbox *words)
{
	struct sandbox s = *words;

	ip_count = gateway_count = 0;
	host = NULL;
	s.rootfs = "/";
	for (int i = 0; i < s.word_count; i++)
		if (s.words[i].kind == NETWORK)
			s.network = s.words[i].value;
		else if (s.words[i].kind == PUBLISH)
			check_port(s.words[i].value, true);
		else if (s.words[i].kind == LISTEN)
			check_port(s.words[i].value, false);
	network_prepare(&s);
	CLAIM(ip_count == 0 || link_type != NOTHING);
	for (int i = 0; i < ip_count; i++)
		CLAIM(ips[i].bits > 0 && ips[i].bits <= 8 *
		    address_size(&ips[i]));
	for (int i = 0; i < gateway_count; i++)
		CLAIM(is_reachable_gateway(&gateways[i]));
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
