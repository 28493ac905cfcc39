#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../cli/log.h"
#include "cgroup.h"
#include "devices.h"
#include "groups.h"
#include "hierarchies.h"
#include "mounts.h"
#include "proc.h"

#define BIT(controller) (1U << (controller))
#define READ (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

enum {
	PATIENCE_MS = 1000,             /* for what outlives SIGKILL, at most */
	LEFTOVERS_MS = 200,             /* of a start, for those of others */
	OOM_SCORE_STEP = 100,               /* a tenth of the memory, proc(5) */
	ROUNDS = 10000                  /* of kill(2), without any pause */
};

static const char DELEGATE[] = "root may, or in a group of its own: "
    "systemd-run --user --scope -p Delegate=yes; or --cgroup-parent";

/* One that is used. */
static struct hierarchy {
	unsigned int controllers;       /* v1: its own; v2: those of limits */
	bool v2;
	char names[128];                /* as /proc/PID/cgroup has them */
	int parent;                     /* that ours is made in, or -1 */
	int group;                      /* ours, which is locked, or -1 */
	int origin;                     /* of those that joined, or -1 */
} hierarchies[CONTROLLERS + 1];
static int hierarchy_count;

static unsigned int limited;    /* the controllers of limits */
static unsigned int given;      /* to the groups beside ours, by us */
static bool needs_group; /* for more than what can be done without */
static enum nodes node_policy;
static bool ends_tree;          /* does init, when its launcher is gone */
static bool outlives_launcher; /* the command outlives a killed launcher */
static bool has_joining;              /* does some process */
static char name[GROUP_NAME];   /* of P */
static char path[1024];         /* of v2, or of the first hierarchy */
static int left_group = -1;          /* our own group, which we moved out of */
static int cpu = -1, kill_all = -1, processes = -1, oom_score_fd = -1;
static char oom_score_before[16];
static int make_error = ENOENT;    /* errno of a group that could not be made */

/* ---- what there is ------------------------------------------------------- */

/* False where it cannot be used, and need not. */
static bool
add_hierarchy(const struct sandbox *s, const char *names, const char *group,
    bool v2, unsigned int controllers)
{
	struct hierarchy *h = &hierarchies[hierarchy_count];
	const char *parent = s->cgroup_parent;
	struct strbuf l = STRBUF(h->names), p = { path, sizeof(path), 0 };

	*h = (struct hierarchy){ .v2 = v2, .group = -1, .origin = -1,
	    .controllers = controllers };
	h->parent = hierarchies_open(names, parent ? parent : group, v2,
	    !parent);
	if (h->parent < 0 && parent)
		die("cannot use --cgroup-parent", parent);
	if (h->parent < 0 && (controllers & limited))
		diex("cannot use the control group", group, errno == EXDEV ?
		    "it is not below /sys/fs/cgroup here" : strerror(errno),
		    "--cgroup-parent names another");
	if (h->parent < 0)
		return false;
	strbuf_add(&l, names);
	if (hierarchy_count++ == 0 || v2) {
		strbuf_add(&p, parent && *parent != '/' ? "/" : "");
		strbuf_add(&p, parent ? parent : group);
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
			diex("bad value", parent, "--cgroup-parent takes a "
			    "path without ..", NULL);
		part += n + (part[n] == '/');
	}
}

/* Of v1 what is there of the controllers, the rest of v2: in which a group can
 * be killed or stopped in one step, so that it is used besides. */
static void
select_hierarchies(const struct sandbox *s, unsigned int extra)
{
	char text[HIERARCHY_LISTS], *next = text;
	char *names, *group, *unified = NULL;
	const int v2 = s->cgroups == CGROUPS_V1 ? -1 :
	    hierarchies_mount("", true);
	unsigned int missing = limited;

	if (!proc_read("self/cgroup", text, sizeof(text)))
		die("cannot read", "/proc/self/cgroup");
	if (v2 >= 0)
		extra &= ~(BIT(CTRL_FREEZER) | BIT(CTRL_CPUACCT));
	/* A Java machine wants to see all of these, or none. */
	if (s->cgroupfs)
		extra |= BIT(CTRL_CPU) | BIT(CTRL_CPUACCT) | BIT(CTRL_CPUSET);
	while (hierarchies_next(&next, &names, &group)) {
		unsigned int here = hierarchies_controllers(names, false);

		if (!*names)
			unified = group;
		else if (s->cgroups != CGROUPS_V2 &&
		    (here & (limited | extra)) &&
		    add_hierarchy(s, names, group, false, here))
			missing &= ~here;
	}
	if (v2 >= 0 && unified && add_hierarchy(s, "", unified, true, missing))
		missing = 0;
	close(v2);
	for (int c = 0; c < CONTROLLERS; c++)
		if (missing & BIT(c))
			diex("cannot use", limits_reason(s, c), "there is no "
			    "controller for it below /sys/fs/cgroup",
			    s->cgroups > CGROUPS_AUTO ? "--cgroups auto" :
			    "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
}

void
cgroup_prepare(const struct sandbox *s, enum nodes nodes)
{
	unsigned int extra = BIT(CTRL_FREEZER);

	limited = limits_check(s);
	check_parent(s->cgroup_parent);
	node_policy = nodes;
	needs_group = limited || s->cpu_time >= 0 || s->cgroup_parent ||
	    s->cgroupfs || s->host_pid || nodes == KEEP_NODES;
	for (int i = 0; i < s->word_count; i++)
		has_joining = has_joining || s->words[i].kind == CGROUP_JOIN;
	needs_group = needs_group || has_joining;
	if (s->cpu_time == 0)
		diex("bad value", "0", "--cpu-time takes a time that is "
		    "longer", NULL);
	if (s->cgroups == CGROUPS_OFF && needs_group)
		diex("cannot make a control group", NULL, "--cgroups off",
		    "--cgroups auto");
	if (s->cgroups == CGROUPS_OFF ||
	    (!needs_group && !sandbox_has_rootfs(s)))
		return;
	if (s->measured || s->cgroupfs)
		extra |= BIT(CTRL_MEMORY) | BIT(CTRL_PIDS) | BIT(CTRL_BLKIO);
	if (s->measured || s->cpu_time >= 0)
		extra |= BIT(CTRL_CPUACCT);
	if (nodes == KEEP_NODES)
		limited |= BIT(CTRL_DEVICES);
	else if (nodes == TRY_NODES)
		extra |= BIT(CTRL_DEVICES);
	proc_open();
	select_hierarchies(s, extra);
	if (hierarchy_count == 0 && needs_group)
		diex("cannot make a control group", NULL, "there are none "
		    "below /sys/fs/cgroup", "mount -t cgroup2 cgroup2 "
		    "/sys/fs/cgroup");
	ends_tree = s->host_pid;
}

/* ---- a place for ours ---------------------------------------------------- */

/* A group that has processes cannot hand on controllers, but we are all that
 * there is: process 1 of a container, or in a scope of our own. */
static bool
leave_group(int group, unsigned int which)
{
	char text[GROUP_NAME + 16], wanted[16];
	struct strbuf l = STRBUF(wanted);

	strbuf_number(&l, getpid());
	strbuf_add(&l, "\n");
	if (left_group >= 0 ||
	    !file_read(group, "cgroup.procs", text, sizeof(text)) ||
	    strcmp(text, wanted) != 0) {
		errno = EBUSY;
		return false;
	}
	if (mkdirat(group, groups_name(text, 0), 0755) < 0)
		return false;
	l = (struct strbuf){ text, sizeof(text), strlen(text) };
	strbuf_add(&l, "/cgroup.procs");
	left_group = fcntl(group, F_DUPFD_CLOEXEC, 3);
	return file_write(group, text, "0") &&
	    hierarchies_enable_controllers(group, which, &given);
}

static _Noreturn void
no_place(const struct sandbox *s, unsigned int which, int error)
{
	const char *reason = s->host_pid ? "--pid host" : s->cpu_time >= 0 ?
	    "--cpu-time" : "a control group";

	for (int c = 0; c < CONTROLLERS; c++)
		if (which & BIT(c))
			reason = limits_reason(s, c);
	diex("cannot use", reason, error == EBUSY ?
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

/* Whose limits would not hold for a group that is made above it. */
static bool
is_limited(int group)
{
	static const char files[][16] = {
		"memory.max", "memory.high", "memory.swap.max", "cpu.max",
		"pids.max",
	};
	char text[8];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (file_read(group, files[i], text, sizeof(text)) &&
		    strncmp(text, "max", 3) != 0)
			return true;
	return false;
}

/* In v2, where which are to be had: ours, or the nearest above it. */
static void
find_place(const struct sandbox *s, struct hierarchy *h)
{
	const unsigned int which = h->controllers;
	int error = 0;

	while (which && (!may_make(h->parent) ||
	    !hierarchies_enable_controllers(h->parent, which, &given))) {
		int above;

		if (!error)
			error = errno;
		if (errno == EBUSY && leave_group(h->parent, which))
			return;
		if (s->cgroup_parent || hierarchies_is_root(h->parent) ||
		    is_limited(h->parent))
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
init_cpuset(const struct hierarchy *h, int group)
{
	static const char files[][2][28] = {
		{ "../cpuset.effective_cpus", "cpuset.cpus" },
		{ "../cpuset.effective_mems", "cpuset.mems" },
	};
	char text[4096];

	if (!h->v2 && (h->controllers & BIT(CTRL_CPUSET)))
		for (int i = 0; i < 2; i++)
			if (file_read(group, files[i][0], text, sizeof(text)))
				file_write(group, files[i][1], text);
}

static void
make_inner(const struct sandbox *s, const struct hierarchy *h)
{
	const unsigned int which = limited & h->controllers;
	int inner;

	if (h->v2 && which &&
	    !hierarchies_enable_controllers(h->group, which, &given))
		die("cannot hand on controllers to", GROUP_INNER);
	if (mkdirat(h->group, GROUP_INNER, 0755) < 0)
		die("cannot make the control group", GROUP_INNER);
	inner =
	    openat(h->group, GROUP_INNER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	syscall(SYS_fchmod, inner, 0755);
	init_cpuset(h, inner);
	limits_write(s, inner, which, h->v2);
	/* Not for P, whose end could be that of who joined. */
	if (which & BIT(CTRL_MEMORY))
		limits_write_oom(s, inner, h->v2);
	close(inner);
}

static void
limit_nodes(const struct hierarchy *h)
{
	const bool here = h->controllers & BIT(CTRL_DEVICES);

	if (node_policy == KEEP_NODES && here &&
	    !devices_limit(h->group, h->v2))
		die("cannot keep device nodes from", "the command");
	else if (node_policy == TRY_NODES && (here || h->v2))
		devices_limit(h->group, h->v2);
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
		make_error = error;
		return error != EEXIST;
	}
	h->group = openat(h->parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Somebody may have removed it as a leftover before it was locked. */
	if (h->group < 0 || flock(h->group, LOCK_EX | LOCK_NB) < 0 ||
	    !groups_is_still(h->parent, name, h->group)) {
		const int error = errno;

		unlinkat(h->parent, name, AT_REMOVEDIR);
		errno = error;
		if (h->group >= 0 || error == ENOENT)
			return false;
		die("cannot open the control group", name);
	}
	/* Whatever the umask is. */
	syscall(
	    SYS_fchmod, h->group, 0711 | (outlives_launcher ? GROUP_STAYS : 0));
	init_cpuset(h, h->group);
	if (needs_group && h->v2)
		limits_write_groups(h->group);
	limits_write(s, h->group, limited & h->controllers, h->v2);
	limit_nodes(h);
	if (needs_group)
		make_inner(s, h);
	return true;
}

/* "NAME" of P or below it, where what runs is. */
static const char *
in_inner(char text[64], const char *file)
{
	struct strbuf l = { text, 64, 0 };

	if (needs_group) {
		strbuf_add(&l, GROUP_INNER);
		strbuf_add(&l, "/");
	}
	strbuf_add(&l, file);
	return text;
}

static bool
remove_all(int64_t until)
{
	bool gone = true;

	for (struct hierarchy *h = hierarchies;
	     h < hierarchies + hierarchy_count; h++)
		if (h->group >= 0 && groups_remove(h->group, name, true,
		    until)) {
			close(h->group);
			h->group = -1;
		} else if (h->group >= 0) {
			gone = false;
		}
	return gone;
}

static void
make_all(const struct sandbox *s)
{
	for (int attempt = 1; groups_name(name, attempt); attempt++) {
		struct hierarchy *h = hierarchies;

		while (h < hierarchies + hierarchy_count && make_group(s, h))
			h++;
		if (h == hierarchies + hierarchy_count)
			return;
		remove_all(groups_clock() + PATIENCE_MS);
	}
	errno = EEXIST;
	die("cannot make the control group", name);
}

/* Whoever has left something may have left it in other hierarchies too. */
static void
collect_all(const struct sandbox *s)
{
	char text[HIERARCHY_LISTS], *next = text, *names, *group;
	const int64_t until = groups_clock() + LEFTOVERS_MS;
	bool left = false;

	for (struct hierarchy *h = hierarchies;
	     h < hierarchies + hierarchy_count; h++)
		if (!left || groups_clock() <= until)
			left |= groups_remove_stale(h->parent, until);
	if (!left || !proc_read("self/cgroup", text, sizeof(text)))
		return;
	while (groups_clock() <= until &&
	    hierarchies_next(&next, &names, &group)) {
		const char *parent = s->cgroup_parent;
		const int fd = hierarchies_open(names, parent ? parent : group,
		    !*names, !parent);

		if (fd >= 0)
			groups_remove_stale(fd, until);
		close(fd);
	}
}

/* ---- those who join ------------------------------------------------------ */

/* Where a process comes from: all who join have to come from there. */
static void
note_origin(struct hierarchy *h, const char *group, pid_t pid, const char *text)
{
	const int fd = hierarchies_open(h->names, group, h->v2, false);
	struct stat first, st;

	if (fd < 0 || fstat(fd, &st) < 0)
		die("cannot use the control group of process", text);
	if (!groups_contains(fd, pid))
		diex("cannot bring in process", text, "its control group is "
		    "not below /sys/fs/cgroup here", NULL);
	if (h->origin < 0) {
		h->origin = fd;
		return;
	}
	if (fstat(h->origin, &first) < 0 || first.st_ino != st.st_ino)
		diex("cannot bring in process", text, "it comes from another "
		    "group than the first one", "another pith");
	close(fd);
}

static void
join(const char *pid)
{
	char text[HIERARCHY_LISTS], *next = text, *names, *group;
	char file[PROC_PATH];
	const char *digits = pid;
	uint64_t n;

	if (!text_number(&digits, INT_MAX, &n) || *digits || n == 0)
		diex("bad value", pid, "--cgroup-join takes a process",
		    NULL);
	if (!proc_read(proc_of(file, n, "cgroup"), text, sizeof(text)))
		die("cannot bring in process", pid);
	while (hierarchies_next(&next, &names, &group))
		for (struct hierarchy *h = hierarchies;
		     h < hierarchies + hierarchy_count; h++)
			if (strcmp(h->names, names) == 0)
				note_origin(h, group, n, pid);
	for (struct hierarchy *h = hierarchies;
	     h < hierarchies + hierarchy_count; h++) {
		if (mkdirat(h->group, GROUP_JOINED, 0755) == 0) {
			int joined = openat(h->group, GROUP_JOINED, O_RDONLY |
			    O_DIRECTORY | O_CLOEXEC);

			init_cpuset(h, joined);
			close(joined);
		}
		if (!file_write(h->group, "joined/cgroup.procs", pid))
			die("cannot bring in process", pid);
	}
}

/* ---- the whole ----------------------------------------------------------- */

/* Open what kills the command's processes: cgroup.kill of pay, Linux 5.14, else
 * the list of its processes. Those of P's other groups have joined, or relay
 * ports. */
static void
open_for_kill(void)
{
	char file[64];

	for (struct hierarchy *h = hierarchies;
	     h < hierarchies + hierarchy_count; h++)
		if (h->v2 && kill_all < 0)
			kill_all = openat(h->group, in_inner(file,
			    "cgroup.kill"), O_WRONLY | O_CLOEXEC);
	for (struct hierarchy *h = hierarchies;
	     h < hierarchies + hierarchy_count; h++)
		if (kill_all < 0 && processes < 0)
			processes = openat(h->group, in_inner(file,
			    "cgroup.procs"), O_RDONLY | O_CLOEXEC);
}

/* What is needed while it runs: files of groups are made when they are opened,
 * and without limits a start would be a hundredth longer. */
static void
open_files(const struct sandbox *s)
{
	bool v2;
	const int clock = cgroup_fd_of(CTRL_CPUACCT, &v2);

	if (s->cpu_time >= 0)
		cpu = openat(clock, v2 ? "cpu.stat" : "cpuacct.usage",
		    O_RDONLY | O_CLOEXEC);
	if (needs_group)
		open_for_kill();
	/* It may be that what is there does not do. */
	if (needs_group &&
	    ((kill_all < 0 && processes < 0) || (s->cpu_time >= 0 && cpu < 0)))
		no_place(s, 0, make_error);
}

void
cgroup_make(const struct sandbox *s, bool outlives)
{
	struct strbuf p = { path, sizeof(path), strlen(path) };
	int made = 0;

	if (hierarchy_count == 0)
		return;
	outlives_launcher = outlives;
	for (struct hierarchy *h = hierarchies;
	     h < hierarchies + hierarchy_count; h++)
		if (h->v2)
			find_place(s, h);
	collect_all(s);
	make_all(s);
	for (struct hierarchy *h = hierarchies;
	     h < hierarchies + hierarchy_count; h++) {
		close(h->parent);
		h->parent = -1;
		if (h->group >= 0)
			hierarchies[made++] = *h;
	}
	hierarchy_count = made;
	p.used = strlen(path);
	strbuf_add(&p, strcmp(path, "/") == 0 ? "" : "/");
	strbuf_add(&p, name);
	if (needs_group) {
		strbuf_add(&p, "/");
		strbuf_add(&p, GROUP_INNER);
	}
	open_files(s);
	for (int i = 0; i < s->word_count; i++)
		if (s->words[i].kind == CGROUP_JOIN)
			join(s->words[i].value);
}

static int
open_pay(const struct hierarchy *h)
{
	return openat(h->group, needs_group ? GROUP_INNER : ".",
	    O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int
cgroup_clone_fd(void)
{
	for (struct hierarchy *h = hierarchies;
	     h < hierarchies + hierarchy_count; h++)
		if (h->v2)
			return open_pay(h);
	return -1;
}

/* v1 has the "tasks" of old: one thread that names none but itself goes at once
 * (Linux 5.5). All else waits for the processors to pass through the kernel,
 * cgroup_procs_write_start() there, for milliseconds. */
bool
cgroup_enter(bool born)
{
	char file[64];

	for (struct hierarchy *h = hierarchies;
	     h < hierarchies + hierarchy_count; h++)
		if (!(h->v2 && born) && !file_write(h->group, in_inner(file,
		    h->v2 ? "cgroup.procs" : "tasks"), "0"))
			return false;
	return true;
}

int
cgroup_relay_birthplace(void)
{
	for (struct hierarchy *h = hierarchies;
	     needs_group && h < hierarchies + hierarchy_count; h++)
		if (h->v2) {
			if (mkdirat(h->group, GROUP_RELAY, 0700) < 0)
				die("cannot make the control group",
				    GROUP_RELAY);
			return openat(h->group, GROUP_RELAY, O_PATH |
			    O_DIRECTORY | O_CLOEXEC);
		}
	return -1;
}

bool
cgroup_enter_relay(bool born)
{
	for (struct hierarchy *h = hierarchies;
	     needs_group && h < hierarchies + hierarchy_count; h++)
		if (!(h->v2 && born) && !file_write(h->group, h->v2 ?
		    GROUP_RELAY "/cgroup.procs" : "tasks", "0"))
			return false;
	return true;
}

int
cgroup_fd_of(enum controller c, bool *v2)
{
	for (struct hierarchy *h = hierarchies;
	     h < hierarchies + hierarchy_count; h++)
		if (h->controllers & BIT(c) && (!h->v2 ||
		    *limits_controller(c, true))) {
			*v2 = h->v2;
			return h->group;
		}
	*v2 = true;
	for (struct hierarchy *h = hierarchies;
	     h < hierarchies + hierarchy_count; h++)
		if (h->v2)
			return h->group;
	return -1;
}

bool
cgroup_has_inner(void)
{
	return needs_group;
}

const char *
cgroup_path(void)
{
	return hierarchy_count > 0 ? path : NULL;
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

int
cgroup_processors(void)
{
	unsigned char ours[1024], most[1024];
	long n = syscall(SYS_sched_getaffinity, 0, sizeof(ours), ours);
	const size_t size = n > 0 ? n : 0;
	int found = 0;

	memset(most, 0xff, sizeof(most));
	syscall(SYS_sched_setaffinity, 0, sizeof(most), most);
	n = syscall(SYS_sched_getaffinity, 0, sizeof(most), most);
	syscall(SYS_sched_setaffinity, 0, size, ours);
	while (n-- > 0)
		for (; most[n]; most[n] &= most[n] - 1)
			found++;
	return found > 0 ? found : 1;
}

void
oom_score_raise(const struct sandbox *s, pid_t pid)
{
	char file[PROC_PATH], text[16];
	struct strbuf l = STRBUF(text);
	const char *digits = oom_score_before;
	uint64_t before = 0;
	int64_t now;
	ssize_t n;

	if (!s->limits[MEMORY])
		return;
	oom_score_fd = openat(proc_fd(), proc_of(file, pid, "oom_score_adj"),
	    O_RDWR | O_CLOEXEC);
	n = oom_score_fd < 0 ? -1 : read(oom_score_fd, oom_score_before,
	    sizeof(oom_score_before) - 1);
	if (n <= 0)
		return;
	digits += *digits == '-';
	text_number(&digits, 1000, &before);
	now = (*oom_score_before == '-' ? -(int64_t)before : (int64_t)before) +
	    OOM_SCORE_STEP;
	strbuf_number(&l, now > 1000 ? 1000 : now);
	(void)!write(oom_score_fd, text, l.used);
}

void
oom_score_restore(void)
{
	if (oom_score_fd < 0)
		return;
	(void)!write(oom_score_fd, oom_score_before, strlen(oom_score_before));
	close(oom_score_fd);
	oom_score_fd = -1;
}

void
cgroup_freeze(bool frozen)
{
	for (struct hierarchy *h = hierarchies;
	     h < hierarchies + hierarchy_count; h++)
		if (h->v2 || (h->controllers & BIT(CTRL_FREEZER))) {
			const int inner = open_pay(h);

			groups_freeze(inner, frozen);
			close(inner);
		}
}

/* All that is in it but those who joined; may be too early for some to be gone.
 */
static void
kill_inside(void)
{
	if (kill_all < 0)
		open_for_kill();
	if (kill_all >= 0 && write(kill_all, "1", 1) == 1)
		return;
	/* So that none is born meanwhile. */
	cgroup_freeze(true);
	for (struct hierarchy *h = hierarchies;
	     h < hierarchies + hierarchy_count; h++) {
		const int inner = open_pay(h);

		groups_kill(inner);
		close(inner);
	}
	cgroup_freeze(false);
}

void
cgroup_kill_others(void)
{
	/* It can be neither stopped nor frozen, where it is with us in there;
	 * but who is born later is seen in a later round. */
	for (int i = 0; i < ROUNDS; i++)
		if (kill_all >= 0 ? write(kill_all, "1", 1) < 0 :
		    !groups_kill_list(processes))
			break;
}

void
cgroup_forget(void)
{
	hierarchy_count = 0;
}

static void
move_back(void)
{
	char text[GROUP_NAME];

	for (int c = 0; c < CONTROLLERS; c++)
		if (given & BIT(c)) {
			struct strbuf l = STRBUF(text);

			strbuf_add(&l, "-");
			strbuf_add(&l, limits_controller(c, true));
			file_write(left_group, "cgroup.subtree_control", text);
		}
	file_write(left_group, "cgroup.procs", "0");
	unlinkat(left_group, groups_name(text, 0), AT_REMOVEDIR);
	close(left_group);
}

/* Where what joined came from there may be no group any more, as systemd
 * removes those that are empty: then the one above ours. */
static bool
return_joined(int64_t until)
{
	bool sent = true;

	for (struct hierarchy *h = hierarchies;
	     h < hierarchies + hierarchy_count; h++)
		if (h->origin >= 0 && h->group >= 0 &&
		    !groups_move_joined(h->group, h->origin, until)) {
			const int above = openat(h->group, "..", O_PATH |
			    O_CLOEXEC);

			sent = groups_move_joined(h->group, above, until) &&
			    sent;
			close(above);
		}
	return sent;
}

void
cgroup_kill(void)
{
	if (hierarchy_count > 0)
		kill_inside();
}

void
cgroup_end(void)
{
	const int64_t until = groups_clock() + PATIENCE_MS;
	bool gone = remove_all(until), sent = true;

	while (!gone && sent) {
		kill_inside();
		sent = return_joined(until);
		gone = remove_all(until);
		if (gone || groups_clock() >= until)
			break;
		groups_wait();
	}
	if (!gone)
		warnx("cannot remove the control group", path, "processes "
		    "or groups in it are left", "the next start removes it");
	if (left_group >= 0)
		move_back();
}

void
cgroup_fds(int fds[CGROUP_FDS], bool init)
{
	int *fd = fds;

	for (int i = 0; i < CGROUP_FDS; i++)
		fds[i] = -1;
	if (init)
		hierarchy_count = 0;
	if (init && !ends_tree)
		kill_all = processes = -1;
	*fd++ = kill_all;
	*fd++ = processes;
	if (init)
		return;
	*fd++ = cpu;
	*fd++ = oom_score_fd;
	*fd++ = left_group;
	for (struct hierarchy *h = hierarchies;
	     h < hierarchies + hierarchy_count; h++) {
		*fd++ = h->group;
		*fd++ = h->origin;
	}
}

/* As their users look for them: v2 alone, or each under its own name. */
void
cgroup_mount(int root)
{
	static const char PLACE[] = "sys/fs/cgroup";
	int dir = mounts_open_in_root(root, PLACE, true);
	int tmpfs = -1, mount;

	if (hierarchy_count != 1 || !hierarchies[0].v2) {
		tmpfs = mounts_new("tmpfs", "mode=755", READ);
		if (dir < 0 || tmpfs < 0 || !mounts_attach(tmpfs, dir))
			die("cannot mount", PLACE);
	}
	for (struct hierarchy *h = hierarchies;
	     h < hierarchies + hierarchy_count; h++) {
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
	if (tmpfs >= 0 && !mounts_set_readonly(tmpfs))
		die("cannot make read-only", PLACE);
}
