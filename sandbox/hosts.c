#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../cli/memory.h"
#include "hosts.h"
#include "volumes.h"

enum { LOCAL_BYTES = 256 };      /* size of the lines for localhost */

/* Bind a memfd with this text over path; remedy is for an error. */
static void
add_generated_file(const char *path, const struct strbuf *l, const char *remedy)
{
	const int fd = memfd_create(path, MFD_CLOEXEC);

	if (fd < 0 || pwrite(fd, l->text, l->used, 0) != (ssize_t)l->used)
		die("cannot write", path);
	volumes_add_file(fd, path, remedy);
}

/* Append a line that consists of three texts. */
static void
add_line(struct strbuf *l, const char *first, const char *second,
    const char *third)
{
	strbuf_add(l, first);
	strbuf_add(l, second);
	strbuf_add(l, third);
	strbuf_add(l, "\n");
}

static void
add_hosts_file(const struct sandbox *s)
{
	const struct host_option *hosts = s->hosts.memory.block;
	struct memory memory = { NULL, 0 };
	size_t size = LOCAL_BYTES;
	struct strbuf l;

	for (int i = 0; i < s->hosts.count; i++)
		size += strlen(hosts[i].name) + strlen(hosts[i].address) + 2;
	memory_reserve(&memory, size);
	l = strbuf_over(memory.block, memory.size);
	add_line(&l, "127.0.0.1\tlocalhost ", s->hostname ? s->hostname :
	    "pith", "\n::1\tlocalhost ip6-localhost ip6-loopback");
	for (int i = 0; i < s->hosts.count; i++)
		add_line(&l, hosts[i].address, "\t", hosts[i].name);
	add_generated_file("/etc/hosts", &l, "omit --add-host");
	memory_release(&memory);
}

static void
add_servers_file(const struct ip_list *servers)
{
	char text[512];
	struct strbuf l = STRBUF(text);

	for (int i = 0; i < servers->count; i++)
		add_line(&l, "nameserver ", servers->items[i].word, "");
	add_generated_file("/etc/resolv.conf", &l, "omit --dns");
}

void
hosts_prepare(const struct sandbox *s)
{
	if ((s->hosts.count || s->servers.count) && !sandbox_has_rootfs(s))
		diex("cannot use", s->hosts.count ? "--add-host" : "--dns",
		    "it needs a --rootfs", NULL);
	if (s->hosts.count)
		add_hosts_file(s);
	if (s->servers.count)
		add_servers_file(&s->servers);
}
