#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../cli/memory.h"
#include "../cli/values.h"
#include "hosts.h"
#include "volumes.h"

enum {
	MAX_SERVERS = 3,        /* MAXNS of libc, resolv.conf(5) */
	LOCAL_BYTES = 256       /* size of the lines for localhost */
};

static bool
is_address(const char *text)
{
	unsigned char bytes[16];

	return value_address(text, bytes) > 0;
}

/* Bind a memfd with this text over path; remedy is for an error. */
static void
add_generated_file(const char *path, const struct strbuf *l, const char *remedy)
{
	const int fd = memfd_create(path, MFD_CLOEXEC);

	if (fd < 0 || pwrite(fd, l->text, l->used, 0) != (ssize_t)l->used)
		die("cannot write", path);
	volumes_add_file(fd, path, remedy);
}

/* Append NAME:ADDRESS as "ADDRESS<tab>NAME". */
static void
add_host_line(struct strbuf *l, const char *word)
{
	char name[256];
	const size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");

	if (n == 0 || n >= sizeof(name) || word[n] != ':' ||
	    !is_address(word + n + 1))
		diex("bad value", word, "--add-host takes NAME:ADDRESS",
		    NULL);
	memcpy(name, word, n);
	name[n] = '\0';
	strbuf_add(l, word + n + 1);
	strbuf_add(l, "\t");
	strbuf_add(l, name);
	strbuf_add(l, "\n");
}

/* Allocate a buffer for /etc/hosts. A line is as long as its word plus a
 * newline. */
static struct strbuf
alloc_hosts_buffer(const struct sandbox *s, struct memory *m)
{
	size_t size = LOCAL_BYTES;

	for (int i = 0; i < s->word_count; i++)
		if (s->words[i].kind == ADD_HOST)
			size += strlen(s->words[i].value) + 1;
	memory_reserve(m, size);
	return strbuf_over(m->block, m->size);
}

void
hosts_prepare(const struct sandbox *s)
{
	struct memory memory = { NULL, 0 };
	char servers_text[512];
	struct strbuf hosts = alloc_hosts_buffer(s, &memory);
	struct strbuf servers = STRBUF(servers_text);
	int name_count = 0, server_count = 0;

	strbuf_add(&hosts, "127.0.0.1\tlocalhost ");
	strbuf_add(&hosts, s->hostname ? s->hostname : "pith");
	strbuf_add(&hosts, "\n::1\tlocalhost ip6-localhost ip6-loopback\n");
	for (int i = 0; i < s->word_count; i++) {
		const struct word *w = &s->words[i];

		if (w->kind == ADD_HOST) {
			add_host_line(&hosts, w->value);
			name_count++;
		} else if (w->kind == DNS) {
			if (!is_address(w->value) ||
			    ++server_count > MAX_SERVERS)
				diex("bad value", w->value, "--dns takes an "
				    "address, three times at most", NULL);
			strbuf_add(&servers, "nameserver ");
			strbuf_add(&servers, w->value);
			strbuf_add(&servers, "\n");
		}
	}
	if ((name_count || server_count) && !sandbox_has_rootfs(s))
		diex("cannot use", name_count ? "--add-host" : "--dns",
		    "it needs a --rootfs", NULL);
	if (name_count)
		add_generated_file("/etc/hosts", &hosts, "omit --add-host");
	if (server_count)
		add_generated_file("/etc/resolv.conf", &servers, "omit --dns");
	memory_release(&memory);
}
