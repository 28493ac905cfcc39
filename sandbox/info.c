#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../cli/outfile.h"
#include "../fds.h"
#include "info.h"
#include "namespaces.h"
#include "proc.h"

/* Static, because the public functions take no pointer. */
static struct info {
	struct outfile file, pidfile;
	int fd;                         /* --info-fd, or -1 */
	/* Inode numbers of namespaces[], as shown by ls -Lli /proc/PID/ns; 0:
	 * unknown. */
	ino_t inodes[NAMESPACES];
	const struct ip_list *ips;
} info = { .file = NO_OUTFILE, .pidfile = NO_OUTFILE, .fd = -1 };

static bool
info_is_wanted(const struct info *i)
{
	return i->file.dir >= 0 || i->fd >= 0;
}

void
info_prepare(const struct sandbox *s)
{
	info.ips = &s->ips;
	if (s->info)
		outfile_open(&info.file, s->info, "cannot write", NULL);
	fds_keep(&info.fd, 1, FDS_OUTSIDE);
	if (s->info_fd >= 0)
		info.fd = fcntl(s->info_fd, F_DUPFD_CLOEXEC, 3);
	if (s->info_fd >= 0 && info.fd < 0)
		die("cannot write to", "--info-fd");
	if (s->pidfile)
		outfile_open(&info.pidfile, s->pidfile, "cannot write", NULL);
	if (info_is_wanted(&info)) {
		proc_open();
		info_read_namespaces(0);
	}
}

void
info_read_namespaces(pid_t pid)
{
	for (int i = 0; i < NAMESPACES && info_is_wanted(&info); i++) {
		char path[PROC_PATH];
		struct strbuf l = STRBUF(path);
		struct stat st;

		if (pid > 0)
			strbuf_number(&l, pid);
		strbuf_add(&l, pid > 0 ? "/ns/" : "self/ns/");
		strbuf_add(&l, namespaces[i].name);
		if (fstatat(proc_fd(), path, &st, 0) == 0)
			info.inodes[i] = st.st_ino;
	}
}

ino_t
info_inode(int flag)
{
	int i = 0;

	while (namespaces[i].flag != flag)
		i++;
	return info.inodes[i];
}

void
info_set_inode(int flag, ino_t inode)
{
	for (int i = 0; i < NAMESPACES; i++)
		if (namespaces[i].flag == flag && inode)
			info.inodes[i] = inode;
}

static void
add_json_number(struct strbuf *l, const char *key, int64_t number, bool next)
{
	strbuf_add(l, next ? ",\"" : "\"");
	strbuf_add(l, key);
	strbuf_add(l, "\":");
	if (number > 0)
		strbuf_number(l, number);
	else
		strbuf_add(l, "null");
}

void
info_write(pid_t init, pid_t child, const char *group)
{
	struct info *const to = &info;
	char text[4096];
	struct strbuf l = STRBUF(text);

	strbuf_number(&l, getpid());
	strbuf_add(&l, "\n");
	outfile_write(&to->pidfile, text, l.used);
	if (!info_is_wanted(to))
		return;
	l.used = 0;
	strbuf_add(&l, "{");
	add_json_number(&l, "launcher", getpid(), false);
	add_json_number(&l, "init", init, true);
	add_json_number(&l, "child", child, true);
	strbuf_add(&l, ",\"cgroup\":");
	strbuf_json(&l, group);
	strbuf_add(&l, ",\"namespaces\":");
	for (int i = 0; i < NAMESPACES; i++) {
		strbuf_add(&l, i > 0 ? "" : "{");
		add_json_number(&l, namespaces[i].name, to->inodes[i], i > 0);
	}
	strbuf_add(&l, "},\"addresses\":[");
	for (int i = 0; i < to->ips->count; i++) {
		strbuf_add(&l, i > 0 ? "," : "");
		strbuf_json(&l, to->ips->items[i].word);
	}
	strbuf_add(&l, "]}\n");
	outfile_write(&to->file, text, l.used);
	if (to->fd >= 0 && !write_all(to->fd, text, l.used))
		warn("cannot write to", "--info-fd");
	close(to->fd);
	to->fd = -1;
}
