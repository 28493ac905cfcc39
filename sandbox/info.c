#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../cli/outfile.h"
#include "info.h"
#include "namespaces.h"
#include "proc.h"

static struct outfile info = NO_OUTFILE, pidfile = NO_OUTFILE;
static int info_fd = -1;                /* --info-fd, or -1 */

/* Inode numbers of namespaces[], as shown by ls -Lli /proc/PID/ns; 0: unknown.
 */
static ino_t inodes[NAMESPACES];

static const struct sandbox *sandbox;

static bool
info_is_wanted(void)
{
	return info.dir >= 0 || info_fd >= 0;
}

void
info_prepare(const struct sandbox *s)
{
	sandbox = s;
	if (s->info)
		outfile_open(&info, s->info, "cannot write", NULL);
	if (s->info_fd >= 0)
		info_fd = fcntl(s->info_fd, F_DUPFD_CLOEXEC, 3);
	if (s->info_fd >= 0 && info_fd < 0)
		die("cannot write to", "--info-fd");
	if (s->pidfile)
		outfile_open(&pidfile, s->pidfile, "cannot write", NULL);
	if (info_is_wanted()) {
		proc_open();
		info_read_namespaces(0);
	}
}

void
info_read_namespaces(pid_t pid)
{
	for (int i = 0; i < NAMESPACES && info_is_wanted(); i++) {
		char path[PROC_PATH];
		struct strbuf l = STRBUF(path);
		struct stat st;

		if (pid > 0)
			strbuf_number(&l, pid);
		strbuf_add(&l, pid > 0 ? "/ns/" : "self/ns/");
		strbuf_add(&l, namespaces[i].name);
		if (fstatat(proc_fd(), path, &st, 0) == 0)
			inodes[i] = st.st_ino;
	}
}

ino_t
info_inode(int flag)
{
	int i = 0;

	while (namespaces[i].flag != flag)
		i++;
	return inodes[i];
}

void
info_set_inode(int flag, ino_t inode)
{
	for (int i = 0; i < NAMESPACES; i++)
		if (namespaces[i].flag == flag && inode)
			inodes[i] = inode;
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
	char text[4096];
	struct strbuf l = STRBUF(text);

	strbuf_number(&l, getpid());
	strbuf_add(&l, "\n");
	outfile_write(&pidfile, text, l.used);
	if (!info_is_wanted())
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
		add_json_number(&l, namespaces[i].name, inodes[i], i > 0);
	}
	strbuf_add(&l, "},\"addresses\":[");
	for (int i = 0, n = 0; i < sandbox->word_count; i++)
		if (sandbox->words[i].kind == IP) {
			strbuf_add(&l, n++ > 0 ? "," : "");
			strbuf_json(&l, sandbox->words[i].value);
		}
	strbuf_add(&l, "]}\n");
	outfile_write(&info, text, l.used);
	if (info_fd >= 0 && !write_all(info_fd, text, l.used))
		warn("cannot write to", "--info-fd");
	close(info_fd);
	info_fd = -1;
}

void
info_fds(int fds[INFO_FDS])
{
	fds[0] = info.dir;
	fds[1] = info.fd;
	fds[2] = pidfile.dir;
	fds[3] = pidfile.fd;
	fds[4] = info_fd;
	fds[5] = info.start;
	fds[6] = pidfile.start;
}
