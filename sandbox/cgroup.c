#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "../cli/log.h"
#include "cgroup.h"
#include "devices.h"
#include "mounts.h"
#include "proc.h"

#define BIT(controller) (1U << (controller))
#define READ (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

enum {
	PATIENCE_MS = 2000,             /* for what outlives SIGKILL */
	PREFERENCE = 100,               /* a tenth of the memory, proc(5) */
	ROUNDS = 10000,                 /* of kill(2), without any pause */
	NAMES = 100,                    /* tried, of one process */
	AT_ONCE = 1000,                 /* groups of the command's own */
	LISTING = 2048,                 /* bytes of getdents64(2) */
	LISTS = 16 * 1024               /* bytes of /proc/PID/cgroup */
};

static const char ROOT[] = "/sys/fs/cgroup/";
static const char PREFIX[] = "pith-";
static const char PAY[] = "pay";        /* of what runs */
static const char JOINED[] = "joined";  /* of --cgroup-join */
static const char OUT[] = "-out";       /* of a launcher */
static const char DELEGATE[] = "root may, or in a group of its own: "
    "systemd-run --user --scope -p Delegate=yes; or --cgroup-parent";

/* One that is used. */
static struct hierarchy {
	unsigned int controllers;       /* v1: its own; v2: those of limits */
	bool v2;
	char names[48];                 /* as /proc/PID/cgroup has them */
	int parent;                     /* that ours is made in, or -1 */
	int group;                      /* ours, which is locked, or -1 */
	int origin;                     /* of those that joined, or -1 */
} all[CONTROLLERS + 1];
static int count;

static unsigned int limited;    /* the controllers of limits */
static unsigned int given;      /* to the groups beside ours, by us */
static bool asked;              /* for more than what can be done without */
static bool keeps_nodes;
static bool ends_tree;          /* does init, when its launcher is gone */
static char name[32];           /* of P */
static char path[1024];         /* of v2, or of the first hierarchy */
static int outer = -1;          /* our own group, which we moved out of */
static int cpu = -1, kill_all = -1, processes = -1, victim = -1;
static char victim_before[16];
static int refusal = ENOENT;    /* errno of a group that could not be made */

/* ---- what there is ------------------------------------------------------- */

/* The next "N:NAMES:GROUP" of a text; false at its end. */
static bool
next_line(char **text, char **names, char **group)
{
	char *end = strchr(*text, '\n');
	char *colon = strchr(*text, ':');

	*names = colon ? colon + 1 : NULL;
	*group = colon ? strchr(*names, ':') : NULL;
	if (!end || !*group)
		return false;
	*end = *(*group)++ = '\0';
	*text = end + 1;
	return true;
}

/* Of a list with commas, or of a line of v2 with blanks. */
static unsigned int
controllers_of(const char *names, bool v2)
{
	unsigned int found = 0;

	while (*names && *names != '\n') {
		const size_t n = strcspn(names, ", \n");

		for (int c = 0; c < CONTROLLERS; c++) {
			const char *known = limits_controller(c, v2);

			if (n && strlen(known) == n &&
			    memcmp(known, names, n) == 0)
				found |= BIT(c);
		}
		names += n;
		names += *names == ',' || *names == ' ';
	}
	return found;
}

/* Below /sys/fs/cgroup, where else nobody has them; -1 with errno. */
static int
open_mount(const char *names, bool v2)
{
	const char *places[] = { v2 ? "" : names, v2 ? "unified" : names };
	char text[96];
	struct statfs fs;

	for (int i = 0; i < 2; i++) {
		struct line l = LINE(text);
		int fd;

		line_add(&l, ROOT);
		line_add(&l, places[i]);
		/* cpu,cpuacct may be mounted as cpu. */
		if (i == 1 && !v2)
			*strchrnul(text, ',') = '\0';
		fd = open(text, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && fstatfs(fd, &fs) < 0)
			die("cannot use", text);
		if (fd >= 0 && (int)fs.f_type == (v2 ? CGROUP2_SUPER_MAGIC :
		    CGROUP_SUPER_MAGIC))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	errno = ENOENT;
	return -1;
}

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

static bool
holds(int group, pid_t wanted)
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

/* Whether paths of groups are those of the machine, and not of a container. */
static bool
sees_all_groups(void)
{
	enum { FIRST = 0xEFFFFFFB };    /* PROC_CGROUP_INIT_INO */
	struct stat st;

	return fstatat(proc_fd(), "self/ns/cgroup", &st, 0) < 0 ||
	    st.st_ino == (ino_t)(unsigned int)FIRST;
}

/* A group by its path, or ours. In a container without a cgroup namespace the
 * path is the host's, and what is mounted begins at our group; in one with it
 * the host's may be mounted, where the path leads to another. EXDEV where it is
 * not to be found. */
static int
open_group(const char *names, const char *group, bool v2, bool ours)
{
	const int mount = open_mount(names, v2);
	int fd, error;

	if (mount < 0)
		return -1;
	while (*group == '/')
		group++;
	fd = openat(mount, *group ? group : ".", O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC);
	error = errno;
	if (ours && ((fd < 0 && errno == ENOENT) || !sees_all_groups())) {
		if (fd < 0)
			fd = openat(mount, ".", O_RDONLY | O_DIRECTORY |
			    O_CLOEXEC);
		if (!holds(fd, getpid())) {
			close(fd);
			fd = -1;
			error = EXDEV;
		}
	}
	close(mount);
	errno = error;
	return fd;
}

/* False where it cannot be used, and need not. */
static bool
use(const struct sandbox *s, const char *names, const char *group, bool v2,
    unsigned int controllers)
{
	struct hierarchy *h = &all[count];
	const char *parent = s->cgroup_parent;
	struct line l = LINE(h->names), p = { path, sizeof(path), 0 };

	*h = (struct hierarchy){ .v2 = v2, .group = -1, .origin = -1,
	    .controllers = controllers };
	h->parent = open_group(names, parent ? parent : group, v2, !parent);
	if (h->parent < 0 && parent)
		die("cannot use --cgroup-parent", parent);
	if (h->parent < 0 && (controllers & limited))
		refuse("cannot use the control group", group, errno == EXDEV ?
		    "it is not below /sys/fs/cgroup here" : strerror(errno),
		    "--cgroup-parent names another");
	if (h->parent < 0)
		return false;
	line_add(&l, names);
	if (count++ == 0 || v2) {
		line_add(&p, parent && *parent != '/' ? "/" : "");
		line_add(&p, parent ? parent : group);
	}
	return true;
}

static void
check_parent(const char *parent)
{
	const char *part = parent;

	while (part && *part) {
		size_t n = strcspn(part, "/");

		if (n == 2 && memcmp(part, "..", 2) == 0)
			refuse("bad value", parent, "--cgroup-parent takes a "
			    "path without ..", NULL);
		part += n + (part[n] == '/');
	}
}

/* Of v1 what is there of the controllers, the rest of v2: in which a group can
 * be killed or stopped in one step, so that it is used besides. */
static void
find(const struct sandbox *s, unsigned int extra)
{
	char text[LISTS], *next = text, *names, *group, *unified = NULL;
	const int v2 = s->cgroups == CGROUPS_V1 ? -1 : open_mount("", true);
	unsigned int missing = limited;

	if (!proc_read("self/cgroup", text, sizeof(text)))
		die("cannot read", "/proc/self/cgroup");
	if (v2 >= 0)
		extra &= ~(BIT(OF_FREEZER) | BIT(OF_CPUACCT));
	/* A Java machine wants to see all of these, or none. */
	if (s->cgroupfs)
		extra |= BIT(OF_CPU) | BIT(OF_CPUACCT) | BIT(OF_CPUSET);
	while (next_line(&next, &names, &group)) {
		unsigned int here = controllers_of(names, false);

		if (!*names)
			unified = group;
		else if (s->cgroups != CGROUPS_V2 &&
		    (here & (limited | extra)) &&
		    use(s, names, group, false, here))
			missing &= ~here;
	}
	if (v2 >= 0 && unified && use(s, "", unified, true, missing))
		missing = 0;
	close(v2);
	for (int c = 0; c < CONTROLLERS; c++)
		if (missing & BIT(c))
			refuse("cannot use", limits_reason(s, c), "there is no "
			    "controller for it below /sys/fs/cgroup",
			    s->cgroups > CGROUPS_AUTO ? "--cgroups auto" :
			    "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
}

void
cgroup_prepare(const struct sandbox *s, bool nodes)
{
	unsigned int extra = BIT(OF_FREEZER);

	limited = limits_check(s);
	check_parent(s->cgroup_parent);
	keeps_nodes = nodes;
	asked = limited || s->cpu_time >= 0 || s->cgroup_parent ||
	    s->cgroupfs || s->host_pid || nodes;
	for (int i = 0; i < s->word_count; i++)
		asked = asked || s->words[i].kind == CGROUP_JOIN;
	if (s->cgroups == CGROUPS_OFF && asked)
		refuse("cannot make a control group", NULL, "--cgroups off",
		    "--cgroups auto");
	if (s->cgroups == CGROUPS_OFF || (!asked && !sandbox_whole(s)))
		return;
	if (s->measured || s->cgroupfs)
		extra |= BIT(OF_MEMORY) | BIT(OF_PIDS) | BIT(OF_BLKIO);
	if (s->measured || s->cpu_time >= 0)
		extra |= BIT(OF_CPUACCT);
	if (nodes)
		limited |= BIT(OF_DEVICES);
	proc_open();
	find(s, extra);
	if (count == 0 && asked)
		refuse("cannot make a control group", NULL, "there are none "
		    "below /sys/fs/cgroup", "mount -t cgroup2 cgroup2 "
		    "/sys/fs/cgroup");
	ends_tree = s->host_pid;
}

/* ---- a place for ours ---------------------------------------------------- */

static bool
at_top(int group)
{
	int above = openat(group, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	const bool top = above < 0 || fstatfs(above, &fs) < 0 ||
	    (int)fs.f_type != CGROUP2_SUPER_MAGIC;

	close(above);
	return top;
}

/* Give the groups in a group of v2 these controllers. False with errno: ENOENT
 * where it has not got one itself. */
static bool
hand_on(int group, unsigned int which)
{
	char text[256];
	unsigned int there;

	for (int c = 0; c < CONTROLLERS; c++)
		if (!*limits_controller(c, true))
			which &= ~BIT(c);
	if (!file_read(group, "cgroup.controllers", text, sizeof(text)))
		return false;
	there = controllers_of(text, true);
	errno = ENOENT;
	if ((which & there) != which)
		return false;
	file_read(group, "cgroup.subtree_control", text, sizeof(text));
	which &= ~controllers_of(text, true);
	for (int c = 0; c < CONTROLLERS; c++)
		if (which & BIT(c)) {
			struct line l = LINE(text);

			line_add(&l, "+");
			line_add(&l, limits_controller(c, true));
			if (!file_write(group, "cgroup.subtree_control", text))
				return false;
			given |= BIT(c);
		}
	return true;
}

/* Where we go then. */
static const char *
out_name(char text[48])
{
	struct line l = { text, 48, 0 };

	line_add(&l, PREFIX);
	line_number(&l, getpid());
	line_add(&l, OUT);
	return text;
}

/* A group that has processes cannot hand on controllers, but we are all that
 * there is: process 1 of a container, or in a scope of our own. */
static bool
move_out(int group, unsigned int which)
{
	char text[64], wanted[16];
	struct line l = LINE(wanted);

	line_number(&l, getpid());
	line_add(&l, "\n");
	if (outer >= 0 ||
	    !file_read(group, "cgroup.procs", text, sizeof(text)) ||
	    strcmp(text, wanted) != 0) {
		errno = EBUSY;
		return false;
	}
	if (mkdirat(group, out_name(text), 0755) < 0)
		return false;
	l = (struct line){ text, sizeof(text), strlen(text) };
	line_add(&l, "/cgroup.procs");
	outer = fcntl(group, F_DUPFD_CLOEXEC, 3);
	return file_write(group, text, "0") && hand_on(group, which);
}

static _Noreturn void
no_place(const struct sandbox *s, unsigned int which, int error)
{
	const char *reason = s->host_pid ? "--pid host" : s->cpu_time >= 0 ?
	    "--cpu-time" : "a control group";

	for (int c = 0; c < CONTROLLERS; c++)
		if (which & BIT(c))
			reason = limits_reason(s, c);
	refuse("cannot use", reason, error == EBUSY ?
	    "other processes are in our control group" : error == ENOENT ?
	    "our control group has not got that controller" : strerror(error),
	    error == EROFS ? "a container with a writable /sys/fs/cgroup" :
	    DELEGATE);
}

static bool
may_make(int group)
{
	return syscall(SYS_faccessat, group, ".", W_OK) == 0;
}

/* In v2, where which are to be had: ours, or the nearest above it. */
static void
find_place(const struct sandbox *s, struct hierarchy *h)
{
	const unsigned int which = h->controllers;
	int error = 0;

	while (which && (!may_make(h->parent) || !hand_on(h->parent, which))) {
		int above;

		if (!error)
			error = errno;
		if (errno == EBUSY && move_out(h->parent, which))
			return;
		if (s->cgroup_parent || at_top(h->parent))
			no_place(s, which, error);
		above = openat(h->parent, "..", O_RDONLY | O_DIRECTORY |
		    O_CLOEXEC);
		close(h->parent);
		h->parent = above;
		*strrchr(path, '/') = '\0';
	}
}

/* ---- making -------------------------------------------------------------- */

/* A group of v1 begins without any processors. */
static void
fill(const struct hierarchy *h, int group)
{
	static const char files[][2][28] = {
		{ "../cpuset.effective_cpus", "cpuset.cpus" },
		{ "../cpuset.effective_mems", "cpuset.mems" },
	};
	char text[256];

	if (!h->v2 && (h->controllers & BIT(OF_CPUSET)))
		for (int i = 0; i < 2; i++)
			if (file_read(group, files[i][0], text, sizeof(text)))
				file_write(group, files[i][1], text);
}

static void
make_pay(const struct sandbox *s, const struct hierarchy *h)
{
	const unsigned int which = limited & h->controllers;
	int pay;

	if (h->v2 && which && !hand_on(h->group, which))
		die("cannot hand on controllers to", PAY);
	if (mkdirat(h->group, PAY, 0755) < 0)
		die("cannot make the control group", PAY);
	pay = openat(h->group, PAY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	syscall(SYS_fchmod, pay, 0755);
	fill(h, pay);
	limits_write(s, pay, which, h->v2);
	close(pay);
}

/* Not removed by somebody who took it for a leftover, before it was locked. */
static bool
is_still(int parent, const char *which, int group)
{
	struct stat st, now;

	return fstat(group, &st) == 0 && fstatat(parent, which, &now,
	    AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == now.st_ino;
}

/* False where the name is taken, or somebody takes it for a leftover. What only
 * measures can be done without. */
static bool
make_group(const struct sandbox *s, struct hierarchy *h)
{
	/* Not to be opened, and so locked, by others. */
	if (mkdirat(h->parent, name, 0711) < 0) {
		const int error = errno;

		if (error != EEXIST && (h->controllers & limited))
			no_place(s, h->controllers & limited, error);
		refusal = error;
		return error != EEXIST;
	}
	h->group = openat(h->parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (h->group < 0 || flock(h->group, LOCK_EX | LOCK_NB) < 0 ||
	    !is_still(h->parent, name, h->group)) {
		const int error = errno;

		unlinkat(h->parent, name, AT_REMOVEDIR);
		errno = error;
		if (h->group >= 0 || error == ENOENT)
			return false;
		die("cannot open the control group", name);
	}
	/* Whatever the umask is. */
	syscall(SYS_fchmod, h->group, 0711);
	fill(h, h->group);
	limits_write(s, h->group, limited & h->controllers, h->v2);
	if (keeps_nodes && (h->controllers & BIT(OF_DEVICES)))
		devices_limit(h->group, h->v2);
	if (asked)
		make_pay(s, h);
	return true;
}

/* "NAME" of P or below it, where what runs is. */
static const char *
of_pay(char text[64], const char *file)
{
	struct line l = { text, 64, 0 };

	if (asked) {
		line_add(&l, PAY);
		line_add(&l, "/");
	}
	line_add(&l, file);
	return text;
}

static void
nap(void)
{
	const struct timespec millisecond = { 0, 1000000 };

	nanosleep(&millisecond, NULL);
}

/* All but ourselves. False where there was nobody. */
static bool
kill_each(int fd)
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
static void
set_frozen(int group, bool frozen)
{
	if (!file_write(group, "cgroup.freeze", frozen ? "1" : "0"))
		file_write(group, "freezer.state", frozen ? "FROZEN" :
		    "THAWED");
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
		which = first_in(dir, entries);
		list = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
		set_frozen(dir, false);
		kill_each(list);
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

/* Mostly there is none in it. */
static bool
remove_group(int group, const char *which)
{
	const int parent = openat(group, "..", O_PATH | O_CLOEXEC);
	bool gone = unlinkat(parent, which, AT_REMOVEDIR) == 0;

	if (!gone && errno != ENOENT) {
		for (int i = 0; i < AT_ONCE && remove_one(group, PAY); i++)
			;
		unlinkat(group, JOINED, AT_REMOVEDIR);
		gone = unlinkat(parent, which, AT_REMOVEDIR) == 0;
	}
	gone = gone || errno == ENOENT;
	close(parent);
	return gone;
}

static bool
remove_all(void)
{
	bool gone = true;

	for (struct hierarchy *h = all; h < all + count; h++)
		if (h->group >= 0 && remove_group(h->group, name)) {
			close(h->group);
			h->group = -1;
		} else if (h->group >= 0) {
			gone = false;
		}
	return gone;
}

static void
name_it(int attempt)
{
	struct line l = LINE(name);

	line_add(&l, PREFIX);
	line_number(&l, getpid());
	if (attempt > 1) {
		line_add(&l, ".");
		line_number(&l, attempt);
	}
}

static void
make_all(const struct sandbox *s)
{
	for (int attempt = 1; attempt <= NAMES; attempt++) {
		struct hierarchy *h = all;

		name_it(attempt);
		while (h < all + count && make_group(s, h))
			h++;
		if (h == all + count)
			return;
		remove_all();
	}
	errno = EEXIST;
	die("cannot make the control group", name);
}

/* ---- what others have left ----------------------------------------------- */

/* What joined goes to another group, with what it has started. False where one
 * is not taken there. */
static bool
move_joined(int group, int to)
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

static bool
has(int group, const char *which)
{
	return syscall(SYS_faccessat, group, which, F_OK) == 0;
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
		const int from = has(group, PAY) || has(group, JOINED) ? 0 :
		    sizeof("pay/") - 1;
		const int list = openat(group, "pay/cgroup.procs" + from,
		    O_RDONLY | O_CLOEXEC);

		set_frozen(group, false);
		file_write(group, "pay/cgroup.kill" + from, "1");
		for (int i = 0; i < 100 && !remove_group(group, which); i++) {
			if (!kill_each(list) && !move_joined(group, parent))
				break;
			nap();
		}
		close(list);
	}
	close(group);
	return left;
}

/* A name that name_it() gives; or out_name() with out. */
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

/* True where something was left. Reads what has been opened for that. */
static bool
collect(int dir)
{
	_Alignas(struct dirent) char entries[LISTING];
	bool left = false;
	long n;

	while ((n = syscall(SYS_getdents64, dir, entries, sizeof(entries))) > 0)
		for (long at = 0; at < n;) {
			const struct dirent *d = (void *)(entries + at);
			bool out;

			/* It has processes in it as long as it is wanted. */
			if (is_group_of_ours(d->d_name, &out))
				left |= out ? unlinkat(dir, d->d_name,
				    AT_REMOVEDIR) == 0 : clear(dir, d->d_name);
			at += d->d_reclen;
		}
	return left;
}

/* Whoever has left something may have left it in other hierarchies too. */
static void
collect_all(const struct sandbox *s)
{
	char text[LISTS], *next = text, *names, *group;
	bool left = false;

	for (struct hierarchy *h = all; h < all + count; h++)
		left |= collect(h->parent);
	if (!left || !proc_read("self/cgroup", text, sizeof(text)))
		return;
	while (next_line(&next, &names, &group)) {
		const char *parent = s->cgroup_parent;
		const int fd = open_group(names, parent ? parent : group,
		    !*names, !parent);

		if (fd >= 0)
			collect(fd);
		close(fd);
	}
}

/* ---- those who join ------------------------------------------------------ */

/* Where a process comes from: all who join have to come from there. */
static void
note_origin(struct hierarchy *h, const char *group, pid_t pid, const char *text)
{
	const int fd = open_group(h->names, group, h->v2, false);
	struct stat first, st;

	if (fd < 0 || fstat(fd, &st) < 0)
		die("cannot use the control group of process", text);
	if (!holds(fd, pid))
		refuse("cannot bring in process", text, "its control group is "
		    "not below /sys/fs/cgroup here", NULL);
	if (h->origin < 0) {
		h->origin = fd;
		return;
	}
	if (fstat(h->origin, &first) < 0 || first.st_ino != st.st_ino)
		refuse("cannot bring in process", text, "it comes from another "
		    "group than the first one", "another pith");
	close(fd);
}

static void
join(const char *pid)
{
	char text[LISTS], file[PROC_PATH], *next = text, *names, *group;
	const char *digits = pid;
	uint64_t n;

	if (!text_number(&digits, INT_MAX, &n) || *digits || n == 0)
		refuse("bad value", pid, "--cgroup-join takes a process",
		    NULL);
	if (!proc_read(proc_of(file, n, "cgroup"), text, sizeof(text)))
		die("cannot bring in process", pid);
	while (next_line(&next, &names, &group))
		for (struct hierarchy *h = all; h < all + count; h++)
			if (strcmp(h->names, names) == 0)
				note_origin(h, group, n, pid);
	for (struct hierarchy *h = all; h < all + count; h++) {
		if (mkdirat(h->group, JOINED, 0755) == 0) {
			int joined = openat(h->group, JOINED, O_RDONLY |
			    O_DIRECTORY | O_CLOEXEC);

			fill(h, joined);
			close(joined);
		}
		if (!file_write(h->group, "joined/cgroup.procs", pid))
			die("cannot bring in process", pid);
	}
}

/* ---- the whole ----------------------------------------------------------- */

/* Where they can be killed in one step, else who is to be. */
static void
open_for_kill(void)
{
	char file[64];

	for (struct hierarchy *h = all; h < all + count; h++)
		if (h->v2 && kill_all < 0)
			kill_all = openat(h->group, of_pay(file, "cgroup.kill"),
			    O_WRONLY | O_CLOEXEC);
	for (struct hierarchy *h = all; h < all + count; h++)
		if (kill_all < 0 && processes < 0)
			processes = openat(h->group, of_pay(file,
			    "cgroup.procs"), O_RDONLY | O_CLOEXEC);
}

/* What is needed while it runs: files of groups are made when they are opened,
 * and without limits a start would be a hundredth longer. */
static void
open_files(const struct sandbox *s)
{
	bool v2;
	const int clock = cgroup_of(OF_CPUACCT, &v2);

	if (s->cpu_time >= 0)
		cpu = openat(clock, v2 ? "cpu.stat" : "cpuacct.usage",
		    O_RDONLY | O_CLOEXEC);
	if (asked)
		open_for_kill();
	/* It may be that what is there does not do. */
	if (asked && ((kill_all < 0 && processes < 0) || (s->cpu_time >= 0 &&
	    cpu < 0)))
		no_place(s, 0, refusal);
}

void
cgroup_make(const struct sandbox *s)
{
	struct line p = { path, sizeof(path), strlen(path) };
	int made = 0;

	if (count == 0)
		return;
	name_it(1);
	for (struct hierarchy *h = all; h < all + count; h++)
		if (h->v2)
			find_place(s, h);
	collect_all(s);
	make_all(s);
	for (struct hierarchy *h = all; h < all + count; h++) {
		close(h->parent);
		h->parent = -1;
		if (h->group >= 0)
			all[made++] = *h;
	}
	count = made;
	p.used = strlen(path);
	line_add(&p, strcmp(path, "/") == 0 ? "" : "/");
	line_add(&p, name);
	if (asked) {
		line_add(&p, "/");
		line_add(&p, PAY);
	}
	open_files(s);
	for (int i = 0; i < s->word_count; i++)
		if (s->words[i].kind == CGROUP_JOIN)
			join(s->words[i].value);
}

int
cgroup_birthplace(void)
{
	for (struct hierarchy *h = all; h < all + count; h++)
		if (h->v2)
			return openat(h->group, asked ? PAY : ".", O_PATH |
			    O_DIRECTORY | O_CLOEXEC);
	return -1;
}

/* v1 has the "tasks" of old: one thread that names none but itself goes at once
 * (Linux 5.5). All else waits for the processors to pass through the kernel,
 * cgroup_procs_write_start() there, for milliseconds. */
bool
cgroup_enter(bool born)
{
	char file[64];

	for (struct hierarchy *h = all; h < all + count; h++)
		if (!(h->v2 && born) && !file_write(h->group, of_pay(file,
		    h->v2 ? "cgroup.procs" : "tasks"), "0"))
			return false;
	return true;
}

int
cgroup_of(enum controller c, bool *v2)
{
	for (struct hierarchy *h = all; h < all + count; h++)
		if (h->controllers & BIT(c) && (!h->v2 ||
		    *limits_controller(c, true))) {
			*v2 = h->v2;
			return h->group;
		}
	*v2 = true;
	for (struct hierarchy *h = all; h < all + count; h++)
		if (h->v2)
			return h->group;
	return -1;
}

bool
cgroup_has_pay(void)
{
	return asked;
}

const char *
cgroup_path(void)
{
	return count > 0 ? path : NULL;
}

/* The first number of a file of v2 is microseconds, of v1 nanoseconds. */
int64_t
cgroup_cpu_ms(void)
{
	char text[64];
	const ssize_t n = cpu < 0 ? -1 : pread(cpu, text, sizeof(text) - 1, 0);
	const char *number = text;
	uint64_t used;
	bool v2;

	if (n <= 0)
		return -1;
	text[n] = '\0';
	v2 = strncmp(text, "usage_usec ", 11) == 0;
	number += v2 ? 11 : 0;
	return text_number(&number, INT64_MAX, &used) ?
	    (int64_t)(used / (v2 ? 1000 : 1000000)) : -1;
}

void
cgroup_prefer(const struct sandbox *s, pid_t pid)
{
	char file[PROC_PATH], text[16];
	struct line l = LINE(text);
	const char *digits = victim_before;
	uint64_t before = 0;
	int64_t now;
	ssize_t n;

	if (!s->limits[MEMORY])
		return;
	victim = openat(proc_fd(), proc_of(file, pid, "oom_score_adj"),
	    O_RDWR | O_CLOEXEC);
	n = victim < 0 ? -1 : read(victim, victim_before,
	    sizeof(victim_before) - 1);
	if (n <= 0)
		return;
	digits += *digits == '-';
	text_number(&digits, 1000, &before);
	now = (*victim_before == '-' ? -(int64_t)before : (int64_t)before) +
	    PREFERENCE;
	line_number(&l, now > 1000 ? 1000 : now);
	(void)!write(victim, text, l.used);
}

void
cgroup_prefer_no_more(void)
{
	if (victim < 0)
		return;
	(void)!write(victim, victim_before, strlen(victim_before));
	close(victim);
	victim = -1;
}

void
cgroup_freeze(bool frozen)
{
	for (struct hierarchy *h = all; h < all + count; h++)
		if (h->v2 || (h->controllers & BIT(OF_FREEZER)))
			set_frozen(h->group, frozen);
}

bool
cgroup_kill(void)
{
	if (kill_all < 0 && processes < 0)
		open_for_kill();
	if (kill_all >= 0 && write(kill_all, "1", 1) == 1)
		return true;
	if (processes < 0)
		return false;
	/* So that none is born meanwhile. */
	cgroup_freeze(true);
	kill_each(processes);
	cgroup_freeze(false);
	return true;
}

void
cgroup_kill_others(void)
{
	/* It can be neither stopped nor frozen, where it is with us in there;
	 * but who is born later is seen in a later round. */
	for (int i = 0; i < ROUNDS; i++)
		if (kill_all >= 0 ? write(kill_all, "1", 1) < 0 :
		    !kill_each(processes))
			break;
}

void
cgroup_forget(void)
{
	count = 0;
}

static void
move_back(void)
{
	char text[48];

	for (int c = 0; c < CONTROLLERS; c++)
		if (given & BIT(c)) {
			struct line l = LINE(text);

			line_add(&l, "-");
			line_add(&l, limits_controller(c, true));
			file_write(outer, "cgroup.subtree_control", text);
		}
	file_write(outer, "cgroup.procs", "0");
	unlinkat(outer, out_name(text), AT_REMOVEDIR);
	close(outer);
}

/* Where what joined came from there may be no group any more, as systemd
 * removes those that are empty: then the one above ours. */
static bool
send_back(void)
{
	bool sent = true;

	for (struct hierarchy *h = all; h < all + count; h++)
		if (h->origin >= 0 && h->group >= 0 &&
		    !move_joined(h->group, h->origin)) {
			const int above = openat(h->group, "..", O_PATH |
			    O_CLOEXEC);

			sent = move_joined(h->group, above) && sent;
			close(above);
		}
	return sent;
}

void
cgroup_end(void)
{
	bool sent = true, gone = remove_all();

	for (int ms = 0; ms < PATIENCE_MS && !gone && sent; ms++) {
		if (ms > 0)
			nap();
		cgroup_kill();
		sent = send_back();
		gone = remove_all();
	}
	if (!gone)
		warn("cannot remove the control group", path);
	if (outer >= 0)
		move_back();
}

void
cgroup_fds(int fds[CGROUP_FDS], bool init)
{
	int *fd = fds;

	for (int i = 0; i < CGROUP_FDS; i++)
		fds[i] = -1;
	if (init)
		count = 0;
	if (init && !ends_tree)
		kill_all = processes = -1;
	*fd++ = kill_all;
	*fd++ = processes;
	if (init)
		return;
	*fd++ = cpu;
	*fd++ = victim;
	*fd++ = outer;
	for (struct hierarchy *h = all; h < all + count; h++) {
		*fd++ = h->group;
		*fd++ = h->origin;
	}
}

/* As their users look for them: v2 alone, or each under its own name. */
void
cgroup_show(int root)
{
	static const char PLACE[] = "sys/fs/cgroup";
	int dir = mounts_place(root, PLACE, true);
	int tmpfs = -1, mount;

	if (count != 1 || !all[0].v2) {
		tmpfs = mounts_new("tmpfs", "mode=755", READ);
		if (dir < 0 || tmpfs < 0 || !mounts_attach(tmpfs, dir))
			die("cannot mount", PLACE);
	}
	for (struct hierarchy *h = all; h < all + count; h++) {
		const char *which = h->v2 ? "unified" : h->names;
		int place = dir;

		if (tmpfs >= 0)
			place = mkdirat(tmpfs, which, 0755) < 0 ? -1 :
			    openat(tmpfs, which, O_PATH | O_CLOEXEC);
		mount = mounts_new(h->v2 ? "cgroup2" : "cgroup", h->names,
		    READ | MOUNT_ATTR_RDONLY);
		if (mount < 0 || place < 0 || !mounts_attach(mount, place))
			die("cannot mount", h->v2 ? "cgroup2" : h->names);
	}
	if (tmpfs >= 0 && !mounts_freeze(tmpfs))
		die("cannot make read-only", PLACE);
}
