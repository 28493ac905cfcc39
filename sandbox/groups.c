#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../cli/values.h"
#include "../signals.h"
#include "groups.h"
#include "proc.h"

enum {
	NAME_ATTEMPTS = 100,
	KILL_BATCH = 16                 /* pidfds open at a time */
};

static const char PREFIX[] = "pith-";
static const char OUT[] = "-out";       /* a launcher that moved out */

/* ---- names --------------------------------------------------------------- */

const char *
groups_name(char name[GROUP_NAME], int attempt)
{
	struct strbuf l = { name, GROUP_NAME, 0 };

	if (attempt > NAME_ATTEMPTS)
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

/* True for a name that groups_name() can return. *out: it is the group of a
 * launcher that moved out of its own. */
static bool
is_pith_name(const char *which, bool *out)
{
	uint64_t n;

	if (strncmp(which, PREFIX, strlen(PREFIX)) != 0)
		return false;
	which += strlen(PREFIX);
	if (!text_number(&which, INT_MAX, &n))
		return false;
	if (*which == '.' && (++which, !text_number(&which, NAME_ATTEMPTS, &n)))
		return false;
	*out = strcmp(which, OUT) == 0;
	return *out || !*which;
}

int
groups_open(int group, const char *which)
{
	return openat(group, which, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* ---- processes ----------------------------------------------------------- */

/* A reader of cgroup.procs. */
struct proc_list {
	int fd;
	off_t at;                       /* of the next read */
	char text[1024];
	ssize_t n, i;
};

/* Return the next process, or 0 after the last. Skips processes that are not in
 * our PID namespace, which the kernel lists as 0. */
static pid_t
next_process(struct proc_list *l)
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

/* Open the list again for each pass. v1 caches the list of an open file while
 * it is read, so only a new descriptor shows the present state;
 * cgroup_pidlist_start() in the kernel. */
static int
open_proc_list(int group, const char *file)
{
	return openat(group, file, O_RDONLY | O_CLOEXEC);
}

bool
groups_contains(int group, pid_t wanted)
{
	struct proc_list l = { .fd = open_proc_list(group, "cgroup.procs") };
	pid_t pid;

	do
		pid = next_process(&l);
	while (pid > 0 && pid != wanted);
	close(l.fd);
	return pid > 0;
}

/* Kill those of count processes that are still in the list. A pid can be
 * reused, so the caller opens pidfds first, and the list is read again here. A
 * pid that is still listed belongs to its pidfd, or the process of the pidfd
 * has ended and gets no signal. Before pidfd_open(2), Linux 5.3, signal the
 * pid. */
static bool
kill_listed(int list, const pid_t pids[], const int fds[], int count)
{
	struct proc_list l = { .fd = list };
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

/* Kill all processes of a list except ourselves. group: its directory, or -1 if
 * there is none to open the list again. */
static bool
kill_all_listed(int group, int list)
{
	struct proc_list l = { .fd = list };
	pid_t pids[KILL_BATCH], pid;
	int fds[KILL_BATCH], count;
	bool found = false;

	do {
		int again;

		count = 0;
		while (count < KILL_BATCH && (pid = next_process(&l)) > 0)
			if (pid != getpid()) {
				pids[count] = pid;
				fds[count++] = syscall(SYS_pidfd_open, pid, 0);
			}
		again = count > 0 ? open_proc_list(group, "cgroup.procs") : -1;
		found = kill_listed(again < 0 ? list : again, pids, fds,
		    count) || found;
		close(again);
		for (int i = 0; i < count; i++)
			close(fds[i]);
	} while (count == KILL_BATCH);
	return found;
}

bool
groups_kill(int group)
{
	const int list = open_proc_list(group, "cgroup.procs");
	const bool found = kill_all_listed(group, list);

	close(list);
	return found;
}

bool
groups_kill_list(int list)
{
	return kill_all_listed(-1, list);
}

/* v2 has cgroup.freeze, v1 the freezer controller. In v1 a frozen process does
 * not die at SIGKILL. */
void
groups_freeze(int group, bool frozen)
{
	if (!file_write(group, "cgroup.freeze", frozen ? "1" : "0"))
		file_write(group, "freezer.state", frozen ? "FROZEN" :
		    "THAWED");
}

/* Read the list until it is empty: a process may fork while the list is read,
 * and its child is not in it. ESRCH: the process has exited before it was
 * moved. */
bool
groups_move_joined(int group, int to, int64_t until)
{
	bool moved = true, found;

	do {
		struct proc_list l = { .fd = open_proc_list(group,
		    "joined/cgroup.procs") };
		pid_t pid;

		found = false;
		while ((pid = next_process(&l)) > 0) {
			char text[16];
			struct strbuf one = STRBUF(text);

			found = true;
			strbuf_number(&one, pid);
			moved = (file_write(to, "cgroup.procs", text) ||
			    errno == ESRCH) && moved;
		}
		close(l.fd);
	} while (found && moved && signals_clock() < until);
	return moved && !found;
}

/* ---- removal ------------------------------------------------------------- */

void
groups_wait(void)
{
	poll(NULL, 0, 1);
}

/* A walk through all groups below a top group. It needs one descriptor at any
 * depth: ".." leads back, as groups cannot be moved to another parent. */
struct walk {
	int dir;                        /* the present group; -1: aborted */
	int depth;                      /* below the top, which is 0 */
	ino_t after;                    /* last visited child of dir, or 0 */
	bool removes;                   /* remove empty groups */
	bool kills;                     /* kill processes in the others */
	bool has_ascended;              /* at least once */
	int64_t begun, until;           /* of signals_clock() */
};

static struct walk
walk_from(int group, int64_t until)
{
	return (struct walk){ .dir = groups_open(group, "."),
	    .begun = signals_clock(), .until = until };
}

/* Kill all processes in a child group. v1: a frozen process does not die before
 * it is thawed; in v2 SIGKILL reaches it. Write freezer.state only if
 * necessary: the kernel visits all groups below at each read and write of it.
 */
static void
kill_child_group(int dir, const char *which)
{
	const int group = openat(dir, which, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char text[2];

	if (file_read(group, "freezer.self_freezing", text, sizeof(text)) &&
	    *text == '1')
		file_write(group, "freezer.state", "THAWED");
	groups_kill(group);
	close(group);
}

/* Store in name the next child of the present group after w->after, and remove
 * or kill as the walk asks. Skips the group of joined processes. False after
 * the last child. */
static bool
next_child_group(struct walk *w, char name[NAME_MAX + 1])
{
	struct dir_list list = { .fd = w->dir };
	struct strbuf l = strbuf_over(name, NAME_MAX + 1);
	bool after = w->after == 0;
	const struct dirent *d;

	if (lseek(w->dir, 0, SEEK_SET) < 0)
		return false;
	while ((d = dir_next(&list))) {
		const bool past = after;

		if (d->d_type != DT_DIR || d->d_name[0] == '.' ||
		    (w->depth == 0 && strcmp(d->d_name, GROUP_JOINED) == 0))
			continue;
		after = after || d->d_ino == w->after;
		/* Fails with EBUSY if the group is not empty. */
		if (after && w->removes &&
		    unlinkat(w->dir, d->d_name, AT_REMOVEDIR) == 0)
			continue;
		if (past) {
			strbuf_add(&l, d->d_name);
			return true;
		}
		if (after && w->kills)
			kill_child_group(w->dir, d->d_name);
	}
	return false;
}

/* True if the time of a walk is over; called when it ascends. Removal starts at
 * the bottom. Allow the first ascent as much time as the descent took, or no
 * start would ever remove a deep tree. */
static bool
walk_timed_out(struct walk *w)
{
	const int64_t now = signals_clock();

	if (!w->has_ascended && w->until < now + now - w->begun)
		w->until = now + now - w->begun;
	w->has_ascended = true;
	return now > w->until;
}

/* Descend to the next group, parents before their children. False after the
 * last one. */
static bool
walk_next(struct walk *w)
{
	char name[NAME_MAX + 1];

	for (;;) {
		const bool down = next_child_group(w, name);
		struct stat st;
		int to = -1;

		if (!down && w->depth == 0)
			return false;
		if (fstat(w->dir, &st) == 0 && (down || !walk_timed_out(w)))
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

/* True if a process is in a group or below it, apart from joined ones. v1 has
 * no cgroup.events: every group is read, and false is returned after the time.
 */
static bool
is_populated(int group, int64_t until)
{
	struct walk w = walk_from(group, until);
	char text[32];
	bool found = false;

	if (file_read(group, "cgroup.events", text, sizeof(text))) {
		close(w.dir);
		return strncmp(text, "populated 0", 11) != 0;
	}
	while (!found && signals_clock() < until && walk_next(&w))
		found = file_read(w.dir, "cgroup.procs", text, sizeof(text)) &&
		    *text;
	close(w.dir);
	return found;
}

/* Remove all empty groups below one, except that of joined processes. kill:
 * kill the processes in the others, so that the next call can remove them. */
static void
remove_groups_below(int group, bool kill, int64_t until)
{
	struct walk w = walk_from(group, until);

	w.removes = true;
	w.kills = kill;
	while (walk_next(&w))
		;
	close(w.dir);
}

static bool
remove_empty(int dir, const char *which)
{
	return unlinkat(dir, which, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

bool
groups_is_same_dir(int parent, const char *which, int group)
{
	struct stat st, now;

	return fstat(group, &st) == 0 && fstatat(parent, which, &now,
	    AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == now.st_ino;
}

/* Try the common cases first: no group below it, or the inner group alone. */
bool
groups_remove(int group, const char *which, bool kill, int64_t until)
{
	const int parent = openat(group, "..", O_PATH | O_CLOEXEC);
	bool gone = !groups_is_same_dir(parent, which, group) ||
	    remove_empty(parent, which);

	if (!gone)
		remove_empty(group, GROUP_RELAY);
	if (!gone && remove_empty(group, GROUP_INNER))
		gone = remove_empty(parent, which);
	if (!gone) {
		remove_groups_below(group, kill, until);
		unlinkat(group, GROUP_JOINED, AT_REMOVEDIR);
		gone = remove_empty(parent, which);
	}
	close(parent);
	return gone;
}

/* Kill a sandbox whose launcher was killed, and remove its group. */
static void
remove_stale_sandbox(int parent, const char *which, int group, int64_t until)
{
	/* Kill only what is in the inner group. Without limits there is none,
	 * but then the processes were in a PID namespace and are gone. */
	const int inner = openat(group, GROUP_INNER, O_PATH | O_NOFOLLOW |
	    O_CLOEXEC);

	groups_freeze(group, false);
	groups_freeze(inner, false);
	file_write(inner, "cgroup.kill", "1");
	while (!groups_remove(group, which, true, until)) {
		if (!groups_kill(inner) &&
		    !groups_move_joined(group, parent, until))
			break;
		if (signals_clock() >= until)
			break;
		groups_wait();
	}
	close(inner);
}

/* Remove the group of a command without namespaces once all its processes have
 * exited. Until then the command continues without its launcher, as it does
 * without limits. False if it still runs. */
static bool
remove_stale_command(int parent, const char *which, int group, int64_t until)
{
	groups_move_joined(group, parent, until);
	if (is_populated(group, until))
		return false;
	groups_remove(group, which, false, until);
	return true;
}

/* Remove a group if it is stale: without a lock, its launcher was killed.
 * Joined processes are not its own; move them to the parent. False if it is in
 * use. */
static bool
remove_if_stale(int parent, const char *which, int64_t until)
{
	const int group = openat(parent, which, O_RDONLY | O_DIRECTORY |
	    O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	bool stale = group >= 0 && flock(group, LOCK_EX | LOCK_NB) == 0 &&
	    fstat(group, &st) == 0;

	if (stale && (st.st_mode & GROUP_OUTLIVES))
		stale = remove_stale_command(parent, which, group, until);
	else if (stale)
		remove_stale_sandbox(parent, which, group, until);
	close(group);
	return stale;
}

/* Disable the controllers that a launcher which moved out had enabled. Until
 * then no process can enter the group, cgroups(7). */
static void
disable_controllers(int group)
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
	struct dir_list list = { .fd = dir };
	char name[NAME_MAX + 1];
	/* Depth 1: "joined" is an ordinary name here and must not be skipped.
	 */
	struct walk w = { .dir = dir, .depth = 1 };
	bool found = false, outs = false;
	const struct dirent *d;

	while ((d = dir_next(&list))) {
		bool out;

		if (!is_pith_name(d->d_name, &out))
			continue;
		/* A launcher's own group cannot be removed while the launcher
		 * is in it. */
		if (out)
			outs |= unlinkat(dir, d->d_name, AT_REMOVEDIR) == 0;
		else if (!found || signals_clock() <= until)
			found |= remove_if_stale(dir, d->d_name, until);
	}
	if (outs && !next_child_group(&w, name))
		disable_controllers(dir);
	return found || outs;
}
