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
	PREFERENCE = 100,               /* a tenth of the memory, proc(5) */
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
} all[CONTROLLERS + 1];
static int count;

static unsigned int limited;    /* the controllers of limits */
static unsigned int given;      /* to the groups beside ours, by us */
static bool asked;              /* for more than what can be done without */
static enum nodes keeps_nodes;
static bool ends_tree;          /* does init, when its launcher is gone */
static bool stays;              /* the command outlives a killed launcher */
static bool joins;              /* does some process */
static char name[GROUP_NAME];   /* of P */
static char path[1024];         /* of v2, or of the first hierarchy */
static int outer = -1;          /* our own group, which we moved out of */
static int cpu = -1, kill_all = -1, processes = -1, victim = -1;
static char victim_before[16];
static int refusal = ENOENT;    /* errno of a group that could not be made */

/* ---- what there is ------------------------------------------------------- */

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
	h->parent = hierarchies_open(names, parent ? parent : group, v2,
	    !parent);
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
	char text[HIERARCHY_LISTS], *next = text;
	char *names, *group, *unified = NULL;
	const int v2 = s->cgroups == CGROUPS_V1 ? -1 :
	    hierarchies_mount("", true);
	unsigned int missing = limited;

	if (!proc_read("self/cgroup", text, sizeof(text)))
		die("cannot read", "/proc/self/cgroup");
	if (v2 >= 0)
		extra &= ~(BIT(OF_FREEZER) | BIT(OF_CPUACCT));
	/* A Java machine wants to see all of these, or none. */
	if (s->cgroupfs)
		extra |= BIT(OF_CPU) | BIT(OF_CPUACCT) | BIT(OF_CPUSET);
	while (hierarchies_next(&next, &names, &group)) {
		unsigned int here = hierarchies_controllers(names, false);

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
cgroup_prepare(const struct sandbox *s, enum nodes nodes)
{
	unsigned int extra = BIT(OF_FREEZER);

	limited = limits_check(s);
	check_parent(s->cgroup_parent);
	keeps_nodes = nodes;
	asked = limited || s->cpu_time >= 0 || s->cgroup_parent ||
	    s->cgroupfs || s->host_pid || nodes == KEEP_NODES;
	for (int i = 0; i < s->word_count; i++)
		joins = joins || s->words[i].kind == CGROUP_JOIN;
	asked = asked || joins;
	if (s->cpu_time == 0)
		refuse("bad value", "0", "--cpu-time takes a time that is "
		    "longer", NULL);
	if (s->cgroups == CGROUPS_OFF && asked)
		refuse("cannot make a control group", NULL, "--cgroups off",
		    "--cgroups auto");
	if (s->cgroups == CGROUPS_OFF || (!asked && !sandbox_whole(s)))
		return;
	if (s->measured || s->cgroupfs)
		extra |= BIT(OF_MEMORY) | BIT(OF_PIDS) | BIT(OF_BLKIO);
	if (s->measured || s->cpu_time >= 0)
		extra |= BIT(OF_CPUACCT);
	if (nodes == KEEP_NODES)
		limited |= BIT(OF_DEVICES);
	else if (nodes == TRY_NODES)
		extra |= BIT(OF_DEVICES);
	proc_open();
	find(s, extra);
	if (count == 0 && asked)
		refuse("cannot make a control group", NULL, "there are none "
		    "below /sys/fs/cgroup", "mount -t cgroup2 cgroup2 "
		    "/sys/fs/cgroup");
	ends_tree = s->host_pid;
}

/* ---- a place for ours ---------------------------------------------------- */

/* A group that has processes cannot hand on controllers, but we are all that
 * there is: process 1 of a container, or in a scope of our own. */
static bool
move_out(int group, unsigned int which)
{
	char text[GROUP_NAME + 16], wanted[16];
	struct line l = LINE(wanted);

	line_number(&l, getpid());
	line_add(&l, "\n");
	if (outer >= 0 ||
	    !file_read(group, "cgroup.procs", text, sizeof(text)) ||
	    strcmp(text, wanted) != 0) {
		errno = EBUSY;
		return false;
	}
	if (mkdirat(group, groups_name(text, 0), 0755) < 0)
		return false;
	l = (struct line){ text, sizeof(text), strlen(text) };
	line_add(&l, "/cgroup.procs");
	outer = fcntl(group, F_DUPFD_CLOEXEC, 3);
	return file_write(group, text, "0") &&
	    hierarchies_hand_on(group, which, &given);
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
	    !hierarchies_hand_on(h->parent, which, &given))) {
		int above;

		if (!error)
			error = errno;
		if (errno == EBUSY && move_out(h->parent, which))
			return;
		if (s->cgroup_parent || hierarchies_top(h->parent) ||
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
fill(const struct hierarchy *h, int group)
{
	static const char files[][2][28] = {
		{ "../cpuset.effective_cpus", "cpuset.cpus" },
		{ "../cpuset.effective_mems", "cpuset.mems" },
	};
	char text[4096];

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

	if (h->v2 && which && !hierarchies_hand_on(h->group, which, &given))
		die("cannot hand on controllers to", GROUP_PAY);
	if (mkdirat(h->group, GROUP_PAY, 0755) < 0)
		die("cannot make the control group", GROUP_PAY);
	pay = openat(h->group, GROUP_PAY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	syscall(SYS_fchmod, pay, 0755);
	fill(h, pay);
	limits_write(s, pay, which, h->v2);
	/* Not for P, whose end could be that of who joined. */
	if (which & BIT(OF_MEMORY))
		limits_write_oom(s, pay, h->v2);
	close(pay);
}

static void
limit_nodes(const struct hierarchy *h)
{
	const bool here = h->controllers & BIT(OF_DEVICES);

	if (keeps_nodes == KEEP_NODES && here &&
	    !devices_limit(h->group, h->v2))
		die("cannot keep device nodes from", "the command");
	else if (keeps_nodes == TRY_NODES && (here || h->v2))
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
		refusal = error;
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
	syscall(SYS_fchmod, h->group, 0711 | (stays ? GROUP_STAYS : 0));
	fill(h, h->group);
	if (asked && h->v2)
		limits_write_groups(h->group);
	limits_write(s, h->group, limited & h->controllers, h->v2);
	limit_nodes(h);
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
		line_add(&l, GROUP_PAY);
		line_add(&l, "/");
	}
	line_add(&l, file);
	return text;
}

static bool
remove_all(int64_t until)
{
	bool gone = true;

	for (struct hierarchy *h = all; h < all + count; h++)
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
		struct hierarchy *h = all;

		while (h < all + count && make_group(s, h))
			h++;
		if (h == all + count)
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

	for (struct hierarchy *h = all; h < all + count; h++)
		if (!left || groups_clock() <= until)
			left |= groups_collect(h->parent, until);
	if (!left || !proc_read("self/cgroup", text, sizeof(text)))
		return;
	while (groups_clock() <= until &&
	    hierarchies_next(&next, &names, &group)) {
		const char *parent = s->cgroup_parent;
		const int fd = hierarchies_open(names, parent ? parent : group,
		    !*names, !parent);

		if (fd >= 0)
			groups_collect(fd, until);
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
	if (!groups_hold(fd, pid))
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
	char text[HIERARCHY_LISTS], *next = text, *names, *group;
	char file[PROC_PATH];
	const char *digits = pid;
	uint64_t n;

	if (!text_number(&digits, INT_MAX, &n) || *digits || n == 0)
		refuse("bad value", pid, "--cgroup-join takes a process",
		    NULL);
	if (!proc_read(proc_of(file, n, "cgroup"), text, sizeof(text)))
		die("cannot bring in process", pid);
	while (hierarchies_next(&next, &names, &group))
		for (struct hierarchy *h = all; h < all + count; h++)
			if (strcmp(h->names, names) == 0)
				note_origin(h, group, n, pid);
	for (struct hierarchy *h = all; h < all + count; h++) {
		if (mkdirat(h->group, GROUP_JOINED, 0755) == 0) {
			int joined = openat(h->group, GROUP_JOINED, O_RDONLY |
			    O_DIRECTORY | O_CLOEXEC);

			fill(h, joined);
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

	for (struct hierarchy *h = all; h < all + count; h++)
		if (h->v2 && kill_all < 0)
			kill_all = openat(h->group, of_pay(file,
			    "cgroup.kill"), O_WRONLY | O_CLOEXEC);
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
cgroup_make(const struct sandbox *s, bool outlives)
{
	struct line p = { path, sizeof(path), strlen(path) };
	int made = 0;

	if (count == 0)
		return;
	stays = outlives;
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
		line_add(&p, GROUP_PAY);
	}
	open_files(s);
	for (int i = 0; i < s->word_count; i++)
		if (s->words[i].kind == CGROUP_JOIN)
			join(s->words[i].value);
}

static int
open_pay(const struct hierarchy *h)
{
	return openat(h->group, asked ? GROUP_PAY : ".", O_PATH | O_DIRECTORY |
	    O_CLOEXEC);
}

int
cgroup_birthplace(void)
{
	for (struct hierarchy *h = all; h < all + count; h++)
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

	for (struct hierarchy *h = all; h < all + count; h++)
		if (!(h->v2 && born) && !file_write(h->group, of_pay(file,
		    h->v2 ? "cgroup.procs" : "tasks"), "0"))
			return false;
	return true;
}

int
cgroup_relay_birthplace(void)
{
	for (struct hierarchy *h = all; asked && h < all + count; h++)
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
	for (struct hierarchy *h = all; asked && h < all + count; h++)
		if (!(h->v2 && born) && !file_write(h->group, h->v2 ?
		    GROUP_RELAY "/cgroup.procs" : "tasks", "0"))
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
		if (h->v2 || (h->controllers & BIT(OF_FREEZER))) {
			const int pay = open_pay(h);

			groups_freeze(pay, frozen);
			close(pay);
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
	for (struct hierarchy *h = all; h < all + count; h++) {
		const int pay = open_pay(h);

		groups_kill(pay);
		close(pay);
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
	count = 0;
}

static void
move_back(void)
{
	char text[GROUP_NAME];

	for (int c = 0; c < CONTROLLERS; c++)
		if (given & BIT(c)) {
			struct line l = LINE(text);

			line_add(&l, "-");
			line_add(&l, limits_controller(c, true));
			file_write(outer, "cgroup.subtree_control", text);
		}
	file_write(outer, "cgroup.procs", "0");
	unlinkat(outer, groups_name(text, 0), AT_REMOVEDIR);
	close(outer);
}

/* Where what joined came from there may be no group any more, as systemd
 * removes those that are empty: then the one above ours. */
static bool
send_back(int64_t until)
{
	bool sent = true;

	for (struct hierarchy *h = all; h < all + count; h++)
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
	if (count > 0)
		kill_inside();
}

void
cgroup_end(void)
{
	const int64_t until = groups_clock() + PATIENCE_MS;
	bool gone = remove_all(until), sent = true;

	while (!gone && sent) {
		kill_inside();
		sent = send_back(until);
		gone = remove_all(until);
		if (gone || groups_clock() >= until)
			break;
		groups_wait();
	}
	if (!gone)
		complain("cannot remove the control group", path, "processes "
		    "or groups in it are left", "the next start removes it");
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
