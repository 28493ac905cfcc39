#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../cli/log.h"
#include "groups.h"
#include "proc.h"

enum {
	NAMES = 100,                    /* tried, of one process */
	KILLED_AT_ONCE = 16,            /* descriptors of processes */
	LISTING = 2048                  /* bytes of getdents64(2) */
};

static const char PREFIX[] = "pith-";
static const char OUT[] = "-out";       /* of a launcher */

/* ---- names --------------------------------------------------------------- */

const char *
groups_name(char name[GROUP_NAME], int attempt)
{
	struct strbuf l = { name, GROUP_NAME, 0 };

	if (attempt > NAMES)
		return NULL;
	strbuf_add(&l, PREFIX);
	strbuf_number(&l, getpid());
	if (attempt == 0) {
		strbuf_add(&l, OUT);
	} else if (attempt > 1) {
		strbuf_add(&l, ".");
		strbuf_number(&l, attempt);
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

/* v1 keeps what it has once read from a file for as long as that is read again;
 * what is true now is in a file that is opened now, cgroup_pidlist_start() in
 * the kernel. */
static int
open_list(int group, const char *file)
{
	return openat(group, file, O_RDONLY | O_CLOEXEC);
}

bool
groups_contains(int group, pid_t wanted)
{
	struct list l = { .fd = open_list(group, "cgroup.procs") };
	pid_t pid;

	do
		pid = next_process(&l);
	while (pid > 0 && pid != wanted);
	close(l.fd);
	return pid > 0;
}

/* Kill those of count processes that are still in the list. A pid can be
 * reused. Open pidfds first, then read the list again: a pid still listed
 * belongs to its pidfd, or the pidfd's process has ended and gets no signal.
 * pidfd_open(2) is of Linux 5.3; before, there is only the pid. */
static bool
kill_listed(int list, const pid_t pids[], const int fds[], int count)
{
	struct list l = { .fd = list };
	bool found = false;
	pid_t pid;

	while ((pid = next_process(&l)) > 0)
		for (int i = 0; i < count; i++)
			if (pids[i] == pid)
				found = (fds[i] < 0 ? kill(pid, SIGKILL) :
				    syscall(SYS_pidfd_send_signal, fds[i],
				    SIGKILL, NULL, 0)) == 0 || found;
	return found;
}

/* group: where the list is, or -1. */
static bool
kill_all_in(int group, int list)
{
	struct list l = { .fd = list };
	pid_t pids[KILLED_AT_ONCE], pid;
	int fds[KILLED_AT_ONCE], count;
	bool found = false;

	do {
		int again;

		count = 0;
		while (count < KILLED_AT_ONCE && (pid = next_process(&l)) > 0)
			if (pid != getpid()) {
				pids[count] = pid;
				fds[count++] = syscall(SYS_pidfd_open, pid, 0);
			}
		again = count > 0 ? open_list(group, "cgroup.procs") : -1;
		found = kill_listed(again < 0 ? list : again, pids, fds,
		    count) || found;
		close(again);
		for (int i = 0; i < count; i++)
			close(fds[i]);
	} while (count == KILLED_AT_ONCE);
	return found;
}

bool
groups_kill(int group)
{
	const int list = open_list(group, "cgroup.procs");
	const bool found = kill_all_in(group, list);

	close(list);
	return found;
}

bool
groups_kill_list(int list)
{
	return kill_all_in(-1, list);
}

/* A frozen group of v1 does not even die. */
void
groups_freeze(int group, bool frozen)
{
	if (!file_write(group, "cgroup.freeze", frozen ? "1" : "0"))
		file_write(group, "freezer.state", frozen ? "FROZEN" :
		    "THAWED");
}

/* A process that forks while the list is read has children that are not in it,
 * and one that ends before it is moved gives ESRCH: read until there is none.
 */
bool
groups_move_joined(int group, int to, int64_t until)
{
	bool taken = true, found;

	do {
		struct list l = { .fd = open_list(group,
		    "joined/cgroup.procs") };
		pid_t pid;

		found = false;
		while ((pid = next_process(&l)) > 0) {
			char text[16];
			struct strbuf one = STRBUF(text);

			found = true;
			strbuf_number(&one, pid);
			taken = (file_write(to, "cgroup.procs", text) ||
			    errno == ESRCH) && taken;
		}
		close(l.fd);
	} while (found && taken && groups_clock() < until);
	return taken && !found;
}

/* ---- its end ------------------------------------------------------------- */

void
groups_wait(void)
{
	poll(NULL, 0, 1);
}

int64_t
groups_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A way through all groups below one. It holds one descriptor however deep they
 * are: ".." of a group is the one that it was made in, as none can be moved. */
struct walk {
	int dir;                        /* where it is; -1: it broke off */
	int depth;                      /* below the top, which is 0 */
	ino_t after;                    /* the group it came up from, or 0 */
	bool removes;                   /* those that are empty */
	bool kills;                     /* what is in those that are not */
	bool has_turned;                /* up, for the first time */
	int64_t begun, until;           /* of groups_clock() */
};

static struct walk
walk_from(int group, int64_t until)
{
	return (struct walk){ .dir = openat(group, ".", O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC), .begun = groups_clock(), .until = until };
}

/* Kill all that is in a group of the directory. A process that is frozen in v1
 * does not die before it is thawed; in v2 SIGKILL reaches it. The kernel looks
 * at all groups below when freezer.state is read or written: that is done where
 * it has to be. */
static void
end_all_in(int dir, const char *which)
{
	const int group = openat(dir, which, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char text[2];

	if (file_read(group, "freezer.self_freezing", text, sizeof(text)) &&
	    *text == '1')
		file_write(group, "freezer.state", "THAWED");
	groups_kill(group);
	close(group);
}

/* A group of the directory, after the one that the walk came up from; in name.
 * What joined is passed over. */
static bool
next_group(struct walk *w, char name[NAME_MAX + 1])
{
	_Alignas(struct dirent) char entries[LISTING];
	struct strbuf l = strbuf_over(name, NAME_MAX + 1);
	bool after = w->after == 0;
	long n;

	if (lseek(w->dir, 0, SEEK_SET) < 0)
		return false;
	while ((n = syscall(SYS_getdents64, w->dir, entries, LISTING)) > 0)
		for (long at = 0; at < n;) {
			const struct dirent *d = (void *)(entries + at);
			const bool left = after;

			at += d->d_reclen;
			if (d->d_type != DT_DIR || d->d_name[0] == '.' ||
			    (w->depth == 0 && strcmp(d->d_name, GROUP_JOINED)
			    == 0))
				continue;
			after = after || d->d_ino == w->after;
			/* It is busy as long as anything is in it. */
			if (after && w->removes && unlinkat(w->dir, d->d_name,
			    AT_REMOVEDIR) == 0)
				continue;
			if (left) {
				strbuf_add(&l, d->d_name);
				return true;
			}
			if (after && w->kills)
				end_all_in(w->dir, d->d_name);
		}
	return false;
}

/* True if the time of a walk is over, on its way up. Removal starts at the
 * bottom. Allow the first ascent as much time as the descent took, or no start
 * would ever remove a deep tree. */
static bool
is_late(struct walk *w)
{
	const int64_t now = groups_clock();

	if (!w->has_turned && w->until < now + now - w->begun)
		w->until = now + now - w->begun;
	w->has_turned = true;
	return now > w->until;
}

/* The next group, those in it after it; false after the last one. */
static bool
walk_on(struct walk *w)
{
	char name[NAME_MAX + 1];

	for (;;) {
		const bool down = next_group(w, name);
		struct stat st;
		int to = -1;

		if (!down && w->depth == 0)
			return false;
		if (fstat(w->dir, &st) == 0 && (down || !is_late(w)))
			to = openat(w->dir, down ? name : "..", O_RDONLY |
			    O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(w->dir);
		w->dir = to;
		w->depth += down ? 1 : -1;
		w->after = down ? 0 : st.st_ino;
		if (down || to < 0)
			return to >= 0;
	}
}

/* True if a process is in a group or below it, not counting those that joined.
 * In v1 every group has to be read; false where that takes too long. */
static bool
has_life(int group, int64_t until)
{
	struct walk w = walk_from(group, until);
	char text[32];
	bool found = false;

	if (file_read(group, "cgroup.events", text, sizeof(text))) {
		close(w.dir);
		return strncmp(text, "populated 0", 11) != 0;
	}
	while (!found && groups_clock() < until && walk_on(&w))
		found = file_read(w.dir, "cgroup.procs", text, sizeof(text)) &&
		    *text;
	close(w.dir);
	return found;
}

/* Remove all groups below one that are empty, but not that of what joined; kill
 * what is in the others if kill is set, so that they are empty the next time.
 */
static void
sweep(int group, bool kill, int64_t until)
{
	struct walk w = walk_from(group, until);

	w.removes = true;
	w.kills = kill;
	while (walk_on(&w))
		;
	close(w.dir);
}

static bool
remove_empty(int dir, const char *which)
{
	return unlinkat(dir, which, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

bool
groups_is_still(int parent, const char *which, int group)
{
	struct stat st, now;

	return fstat(group, &st) == 0 && fstatat(parent, which, &now,
	    AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == now.st_ino;
}

/* Mostly there is none in it, or pay alone. */
bool
groups_remove(int group, const char *which, bool kill, int64_t until)
{
	const int parent = openat(group, "..", O_PATH | O_CLOEXEC);
	bool gone = !groups_is_still(parent, which, group) ||
	    remove_empty(parent, which);

	if (!gone)
		remove_empty(group, GROUP_RELAY);
	if (!gone && remove_empty(group, GROUP_INNER))
		gone = remove_empty(parent, which);
	if (!gone) {
		sweep(group, kill, until);
		unlinkat(group, GROUP_JOINED, AT_REMOVEDIR);
		gone = remove_empty(parent, which);
	}
	close(parent);
	return gone;
}

/* End and remove a group of a sandbox, whose launcher was killed. */
static void
end_sandbox(int parent, const char *which, int group, int64_t until)
{
	/* Processes elsewhere are not ours: without limits all of them were in
	 * a PID namespace. */
	const int inner = openat(group, GROUP_INNER, O_PATH | O_NOFOLLOW |
	    O_CLOEXEC);

	groups_freeze(group, false);
	groups_freeze(inner, false);
	file_write(inner, "cgroup.kill", "1");
	while (!groups_remove(group, which, true, until)) {
		if (!groups_kill(inner) &&
		    !groups_move_joined(group, parent, until))
			break;
		if (groups_clock() >= until)
			break;
		groups_wait();
	}
	close(inner);
}

/* The same of a command that was in no sandbox. As long as it lives it goes on,
 * as it does without limits. */
static bool
end_bare(int parent, const char *which, int group, int64_t until)
{
	groups_move_joined(group, parent, until);
	if (has_life(group, until))
		return false;
	groups_remove(group, which, false, until);
	return true;
}

/* A group that nobody has locked is that of a launcher that was killed. Those
 * who joined it are not its own, and go on in the group above. False where it
 * is not ours to remove. */
static bool
clear(int parent, const char *which, int64_t until)
{
	const int group = openat(parent, which, O_RDONLY | O_DIRECTORY |
	    O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	bool left = group >= 0 && flock(group, LOCK_EX | LOCK_NB) == 0 &&
	    fstat(group, &st) == 0;

	if (left && (st.st_mode & GROUP_STAYS))
		left = end_bare(parent, which, group, until);
	else if (left)
		end_sandbox(parent, which, group, until);
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
		struct strbuf l = STRBUF(one);
		const size_t n = strcspn(next, " \n");

		strbuf_add(&l, "-");
		next[n] = '\0';
		strbuf_add(&l, next);
		file_write(group, "cgroup.subtree_control", one);
		next += n + 1;
	}
}

bool
groups_remove_stale(int dir, int64_t until)
{
	_Alignas(struct dirent) char entries[LISTING];
	char name[NAME_MAX + 1];
	/* Not the top of a group of ours: no name in it is passed over. */
	struct walk w = { .dir = dir, .depth = 1 };
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
			else if (!left || groups_clock() <= until)
				left |= clear(dir, d->d_name, until);
			at += d->d_reclen;
		}
	if (outs && !next_group(&w, name))
		take_back(dir);
	return left || outs;
}
