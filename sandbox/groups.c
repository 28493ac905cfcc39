#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../cli/log.h"
#include "groups.h"
#include "proc.h"

enum {
	NAMES = 100,                    /* tried, of one process */
	AT_ONCE = 1000,                 /* groups of the command's own */
	LISTING = 2048                  /* bytes of getdents64(2) */
};

static const char PREFIX[] = "pith-";
static const char OUT[] = "-out";       /* of a launcher */

/* ---- names --------------------------------------------------------------- */

const char *
groups_name(char name[GROUP_NAME], int attempt)
{
	struct line l = { name, GROUP_NAME, 0 };

	if (attempt > NAMES)
		return NULL;
	line_add(&l, PREFIX);
	line_number(&l, getpid());
	if (attempt == 0) {
		line_add(&l, OUT);
	} else if (attempt > 1) {
		line_add(&l, ".");
		line_number(&l, attempt);
	}
	return name;
}

/* A name that groups_name() gives; out: where a launcher goes. */
static bool
is_group_of_ours(const char *which, bool *out)
{
	uint64_t n;

	if (strncmp(which, PREFIX, strlen(PREFIX)) != 0)
		return false;
	which += strlen(PREFIX);
	if (!text_number(&which, INT_MAX, &n))
		return false;
	if (*which == '.' && (++which, !text_number(&which, NAMES, &n)))
		return false;
	*out = strcmp(which, OUT) == 0;
	return *out || !*which;
}

/* ---- who is in it -------------------------------------------------------- */

/* The processes of a group, read as it stands. */
struct list {
	int fd;                         /* of cgroup.procs */
	off_t at;
	char text[1024];
	ssize_t n, i;
};

/* The next one of them; 0 after the last. Those of other PID namespaces are 0
 * to us, and passed over. */
static pid_t
next_process(struct list *l)
{
	pid_t pid = 0;

	for (;; l->i++) {
		if (l->i >= l->n) {
			l->n = pread(l->fd, l->text, sizeof(l->text), l->at);
			l->i = 0;
			if (l->n <= 0)
				return 0;
			l->at += l->n;
		}
		if (l->text[l->i] != '\n') {
			pid = pid * 10 + l->text[l->i] - '0';
		} else if (pid > 0) {
			l->i++;
			return pid;
		}
	}
}

bool
groups_hold(int group, pid_t wanted)
{
	struct list l = { .fd = openat(group, "cgroup.procs", O_RDONLY |
	    O_CLOEXEC) };
	pid_t pid;

	do
		pid = next_process(&l);
	while (pid > 0 && pid != wanted);
	close(l.fd);
	return pid > 0;
}

bool
groups_kill(int fd)
{
	struct list l = { .fd = fd };
	bool found = false;
	pid_t pid;

	while ((pid = next_process(&l)) > 0)
		if (pid != getpid())
			found = kill(pid, SIGKILL) == 0 || found;
	return found;
}

/* A frozen group of v1 does not even die. */
void
groups_freeze(int group, bool frozen)
{
	if (!file_write(group, "cgroup.freeze", frozen ? "1" : "0"))
		file_write(group, "freezer.state", frozen ? "FROZEN" :
		    "THAWED");
}

bool
groups_move_joined(int group, int to)
{
	struct list l = { .fd = openat(group, "joined/cgroup.procs", O_RDONLY |
	    O_CLOEXEC) };
	bool taken = true;
	pid_t pid;

	while ((pid = next_process(&l)) > 0) {
		char text[16];
		struct line one = LINE(text);

		line_number(&one, pid);
		taken = file_write(to, "cgroup.procs", text) && taken;
	}
	close(l.fd);
	return taken;
}

/* ---- its end ------------------------------------------------------------- */

void
groups_wait(void)
{
	poll(NULL, 0, 1);
}

/* The name of a group in a group, NULL where there is none. */
static const char *
first_in(int group, char entries[LISTING])
{
	long n;

	if (lseek(group, 0, SEEK_SET) < 0)
		return NULL;
	while ((n = syscall(SYS_getdents64, group, entries, LISTING)) > 0)
		for (long at = 0; at < n;) {
			const struct dirent *d = (void *)(entries + at);

			if (d->d_type == DT_DIR && d->d_name[0] != '.')
				return d->d_name;
			at += d->d_reclen;
		}
	return NULL;
}

/* Remove a group that has no other in it, of those that the command may have
 * made below which, itself included; with an end for what is there. False where
 * that could not be. However deep it is, it takes two descriptors. */
static bool
remove_one(int group, const char *which)
{
	_Alignas(struct dirent) char entries[LISTING];
	char name_of[NAME_MAX + 1];
	int above = fcntl(group, F_DUPFD_CLOEXEC, 3);
	bool gone;

	for (;;) {
		struct line l = LINE(name_of);
		int dir, list;

		line_add(&l, which);
		dir = openat(above, name_of, O_RDONLY | O_DIRECTORY |
		    O_CLOEXEC);
		if (dir < 0)
			break;
		which = first_in(dir, entries);
		list = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
		groups_freeze(dir, false);
		groups_kill(list);
		close(list);
		if (!which) {
			close(dir);
			break;
		}
		close(above);
		above = dir;
	}
	gone = unlinkat(above, name_of, AT_REMOVEDIR) == 0;
	close(above);
	return gone;
}

static bool
remove_empty(int dir, const char *which)
{
	return unlinkat(dir, which, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

/* Mostly there is none in it, or pay alone. */
bool
groups_remove(int group, const char *which)
{
	const int parent = openat(group, "..", O_PATH | O_CLOEXEC);
	bool gone = remove_empty(parent, which);

	if (!gone && remove_empty(group, GROUP_PAY))
		gone = remove_empty(parent, which);
	if (!gone) {
		int n = 0;

		while (n < AT_ONCE && remove_one(group, GROUP_PAY))
			n++;
		unlinkat(group, GROUP_JOINED, AT_REMOVEDIR);
		gone = remove_empty(parent, which);
	}
	close(parent);
	return gone;
}

/* A group that nobody has locked is that of a launcher that was killed. Those
 * who joined it are not its own, and go on in the group above. False where it
 * is not ours to remove. */
static bool
clear(int parent, const char *which)
{
	const int group = openat(parent, which, O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC);
	const bool left = group >= 0 && flock(group, LOCK_EX | LOCK_NB) == 0;

	if (left) {
		/* What is in none of these is not ours: without limits all of
		 * it was in a PID namespace. */
		const int pay = openat(group, GROUP_PAY, O_PATH | O_CLOEXEC);
		const int list = openat(pay, "cgroup.procs", O_RDONLY |
		    O_CLOEXEC);

		groups_freeze(group, false);
		groups_freeze(pay, false);
		file_write(pay, "cgroup.kill", "1");
		for (int i = 0; i < 100 && !groups_remove(group, which); i++) {
			if (!groups_kill(list) &&
			    !groups_move_joined(group, parent))
				break;
			groups_wait();
		}
		close(list);
		close(pay);
	}
	close(group);
	return left;
}

/* What a launcher that moved out has had it hand on: nobody can get into it
 * until that is taken back. */
static void
take_back(int group)
{
	char text[256] = "", one[32], *next = text;

	if (!file_read(group, "cgroup.subtree_control", text, sizeof(text)))
		return;
	while (*next) {
		struct line l = LINE(one);
		const size_t n = strcspn(next, " \n");

		line_add(&l, "-");
		next[n] = '\0';
		line_add(&l, next);
		file_write(group, "cgroup.subtree_control", one);
		next += n + 1;
	}
}

bool
groups_collect(int dir)
{
	_Alignas(struct dirent) char entries[LISTING];
	bool left = false, outs = false;
	long n;

	while ((n = syscall(SYS_getdents64, dir, entries, sizeof(entries))) > 0)
		for (long at = 0; at < n;) {
			const struct dirent *d = (void *)(entries + at);
			bool out;

			/* It has processes in it as long as it is wanted. */
			if (!is_group_of_ours(d->d_name, &out))
				;
			else if (out)
				outs |= unlinkat(dir, d->d_name,
				    AT_REMOVEDIR) == 0;
			else
				left |= clear(dir, d->d_name);
			at += d->d_reclen;
		}
	if (outs && !first_in(dir, entries))
		take_back(dir);
	return left || outs;
}
