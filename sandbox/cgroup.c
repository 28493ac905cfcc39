#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../cli/values.h"
#include "../fds.h"
#include "../signals.h"
#include "cgroup.h"
#include "devices.h"
#include "groups.h"
#include "hierarchies.h"
#include "mounts.h"
#include "proc.h"

#define BIT(controller) (1U << (controller))
#define MOUNT_FLAGS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

enum {
	REMOVE_MS = 1000,               /* longest wait for killed processes */
	STALE_MS = 200,                 /* time for stale groups at a start */
	OOM_SCORE_STEP = 100,           /* a tenth of the memory, proc(5) */
	KILL_ROUNDS = 10000             /* of kill(2), without any pause */
};

/* The group of a command in one hierarchy. */
struct hierarchy {
	unsigned int controllers;       /* v1: all; v2: those of limits */
	bool v2;
	char names[128];                /* as in /proc/PID/cgroup */
	int parent;                     /* parent of the outer group, or -1 */
	int group;                      /* outer group, locked, or -1 */
	int origin;                     /* group before --cgroup-join, or -1 */
};

/* The group of a command. Descriptors are -1 if there are none. */
struct cgroup {
	unsigned int limited;   /* controllers that limits need */
	unsigned int enabled;   /* by us, for the groups beside ours */
	bool needs_group;       /* an option cannot work without a group */
	enum nodes nodes;
	bool init_kills_tree;   /* when its launcher is gone */
	bool outlives;          /* the command outlives a killed launcher */
	int left;               /* our own group, which we moved out of */
	int cpu;                /* cpu.stat or cpuacct.usage */
	int kill;               /* cgroup.kill */
	int procs;              /* cgroup.procs, without cgroup.kill */
	int oom_score;          /* oom_score_adj of init */
	char oom_score_before[16];
	char name[GROUP_NAME];  /* of the outer group */
	char path[1024];        /* in v2, or in the first hierarchy */
	int make_error;         /* why a group could not be created */
	struct hierarchy list[CONTROLLERS + 1];         /* in use */
	struct hierarchy *end;  /* of the list */
};

/* File static: most callers have no argument to carry it. */
static struct cgroup own;

/* Return the v2 hierarchy, or NULL. */
static struct hierarchy *
find_v2(struct cgroup *g)
{
	for (struct hierarchy *h = g->list; h < g->end; h++)
		if (h->v2)
			return h;
	return NULL;
}

/* ---- selecting hierarchies ----------------------------------------------- */

/* Open the parent group in one hierarchy. False if the hierarchy cannot be used
 * and no limit needs it. */
static bool
add_hierarchy(struct cgroup *g, const struct sandbox *s, const char *names,
    const char *group, bool v2, unsigned int controllers)
{
	struct hierarchy *h = g->end;
	const char *parent = s->cgroup_parent;
	struct strbuf l = STRBUF(h->names), p = { g->path, sizeof(g->path), 0 };

	*h = (struct hierarchy){ .v2 = v2, .group = -1, .origin = -1,
	    .controllers = controllers };
	h->parent = hierarchies_open(names, parent ? parent : group, v2,
	    !parent);
	if (h->parent < 0 && parent)
		die("cannot use --cgroup-parent", parent);
	if (h->parent < 0 && (controllers & g->limited))
		diex("cannot use the control group", group, errno == EXDEV ?
		    "it is not below /sys/fs/cgroup here" : strerror(errno),
		    "name another with --cgroup-parent");
	if (h->parent < 0)
		return false;
	strbuf_add(&l, names);
	if (g->end++ == g->list || v2) {
		strbuf_add(&p, parent && *parent != '/' ? "/" : "");
		strbuf_add(&p, parent ? parent : group);
	}
	return true;
}

/* Reject "..", which could lead out of the hierarchy. */
static void
check_cgroup_parent(const char *parent)
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

/* Use the v1 hierarchies that have a needed controller, and v2 for the others.
 * v2 is used even without controllers: it can kill or freeze a group in one
 * step. */
static void
select_hierarchies(struct cgroup *g, const struct sandbox *s,
    unsigned int extra)
{
	char text[HIERARCHY_LISTS], *next = text;
	char *names, *group, *unified = NULL;
	const int v2 = s->cgroups == CGROUPS_V1 ? -1 :
	    hierarchies_mount("", true);
	unsigned int missing = g->limited;

	if (!proc_read("self/cgroup", text, sizeof(text)))
		die("cannot read", "/proc/self/cgroup");
	if (v2 >= 0)
		extra &= ~(BIT(CTRL_FREEZER) | BIT(CTRL_CPUACCT));
	/* A Java VM expects all of these, or none. */
	if (s->cgroupfs)
		extra |= BIT(CTRL_CPU) | BIT(CTRL_CPUACCT) | BIT(CTRL_CPUSET);
	while (hierarchies_next(&next, &names, &group)) {
		unsigned int here = hierarchies_controllers(names, false);

		if (!*names)
			unified = group;
		else if (s->cgroups != CGROUPS_V2 &&
		    (here & (g->limited | extra)) &&
		    add_hierarchy(g, s, names, group, false, here))
			missing &= ~here;
	}
	if (v2 >= 0 && unified &&
	    add_hierarchy(g, s, "", unified, true, missing))
		missing = 0;
	close(v2);
	for (int c = 0; c < CONTROLLERS; c++)
		if (missing & BIT(c))
			diex("cannot use", limits_reason(s, c), "there is no "
			    "controller for it below /sys/fs/cgroup",
			    s->cgroups > CGROUPS_AUTO ? "use --cgroups auto" :
			    "run: mount -t cgroup2 cgroup2 /sys/fs/cgroup");
}

void
cgroup_prepare(const struct sandbox *s, enum nodes nodes)
{
	unsigned int extra = BIT(CTRL_FREEZER);

	own.left = own.cpu = own.kill = own.procs = own.oom_score = -1;
	own.make_error = ENOENT;
	own.end = own.list;
	own.limited = limits_check(s);
	check_cgroup_parent(s->cgroup_parent);
	own.nodes = nodes;
	own.needs_group = own.limited || s->cpu_time >= 0 || s->cgroup_parent ||
	    s->cgroupfs || s->host_pid || nodes == RESTRICT_NODES;
	for (int i = 0; i < s->setting_count; i++)
		own.needs_group = own.needs_group ||
		    s->settings[i].kind == CGROUP_JOIN;
	if (s->cpu_time == 0)
		diex("bad value", "0", "--cpu-time takes a time above 0",
		    NULL);
	if (s->cgroups == CGROUPS_OFF && own.needs_group)
		diex("cannot make a control group", NULL, "--cgroups off is "
		    "given", "use --cgroups auto");
	if (s->cgroups == CGROUPS_OFF ||
	    (!own.needs_group && !sandbox_has_rootfs(s)))
		return;
	if (s->measured || s->cgroupfs)
		extra |= BIT(CTRL_MEMORY) | BIT(CTRL_PIDS) | BIT(CTRL_BLKIO);
	if (s->measured || s->cpu_time >= 0)
		extra |= BIT(CTRL_CPUACCT);
	if (nodes == RESTRICT_NODES)
		own.limited |= BIT(CTRL_DEVICES);
	else if (nodes == TRY_RESTRICT_NODES)
		extra |= BIT(CTRL_DEVICES);
	proc_open();
	select_hierarchies(&own, s, extra);
	if (own.end == own.list && own.needs_group)
		diex("cannot make a control group", NULL, "no hierarchy is "
		    "mounted below /sys/fs/cgroup", "run: mount -t cgroup2 "
		    "cgroup2 /sys/fs/cgroup");
	own.init_kills_tree = s->host_pid;
}

/* ---- finding the parent -------------------------------------------------- */

/* Move ourselves to a child group and enable the controllers. A group with
 * processes cannot enable controllers, cgroups(7). Works only if no other
 * process is in it: for process 1 of a container, or alone in a systemd scope.
 */
static bool
leave_group(struct cgroup *g, int group, unsigned int which)
{
	char text[GROUP_NAME + 16], wanted[16];
	struct strbuf l = STRBUF(wanted);

	strbuf_number(&l, getpid());
	strbuf_add(&l, "\n");
	if (g->left >= 0 ||
	    !file_read(group, "cgroup.procs", text, sizeof(text)) ||
	    strcmp(text, wanted) != 0) {
		errno = EBUSY;
		return false;
	}
	if (mkdirat(group, groups_name(text, 0), 0755) < 0)
		return false;
	l = (struct strbuf){ text, sizeof(text), strlen(text) };
	strbuf_add(&l, "/cgroup.procs");
	g->left = fcntl(group, F_DUPFD_CLOEXEC, 3);
	return file_write(group, text, "0") &&
	    hierarchies_enable_controllers(group, which, &g->enabled);
}

/* Die because there is no group that has what an option needs. */
static _Noreturn void
no_group(const struct sandbox *s, unsigned int which, int error)
{
	const char *reason = s->host_pid ? "--pid host" : s->cpu_time >= 0 ?
	    "--cpu-time" : "a control group";

	for (int c = 0; c < CONTROLLERS; c++)
		if (which & BIT(c))
			reason = limits_reason(s, c);
	diex("cannot use", reason, error == EBUSY ?
	    "other processes are in our control group" : error == ENOENT ?
	    "our control group does not have that controller" : strerror(error),
	    error == EROFS ? "mount /sys/fs/cgroup writable in the container" :
	    limits_delegate);
}

static bool
may_make_group(int group)
{
	return file_permits(group, ".", W_OK);
}

/* True if a v2 group has limits. A group created above it would escape them. */
static bool
group_has_limits(int group)
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

/* Select the v2 parent: our group, or the nearest ancestor that can enable the
 * needed controllers. */
static void
select_parent(struct cgroup *g, const struct sandbox *s, struct hierarchy *h)
{
	const unsigned int which = h->controllers;
	int error = 0;

	while (which && (!may_make_group(h->parent) ||
	    !hierarchies_enable_controllers(h->parent, which, &g->enabled))) {
		int above;

		if (!error)
			error = errno;
		if (errno == EBUSY && leave_group(g, h->parent, which))
			return;
		if (s->cgroup_parent || hierarchies_is_root(h->parent) ||
		    group_has_limits(h->parent))
			no_group(s, which, error);
		above = groups_open(h->parent, "..");
		close(h->parent);
		h->parent = above;
		*strrchr(g->path, '/') = '\0';
	}
}

/* ---- creating the groups ------------------------------------------------- */

/* Copy CPUs and memory nodes from the parent. A new v1 cpuset has none, and
 * accepts no process until it has some. cpuset(7) */
static void
init_cpuset(const struct hierarchy *h, int group)
{
	static const struct { char from[28], to[12]; } files[] = {
		{ .from = "../cpuset.effective_cpus", .to = "cpuset.cpus" },
		{ .from = "../cpuset.effective_mems", .to = "cpuset.mems" },
	};
	char text[4096];

	if (!h->v2 && (h->controllers & BIT(CTRL_CPUSET)))
		for (int i = 0; i < 2; i++)
			if (file_read(group, files[i].from, text, sizeof(text)))
				file_write(group, files[i].to, text);
}

static void
make_inner_group(struct cgroup *g, const struct sandbox *s,
    const struct hierarchy *h)
{
	const unsigned int which = g->limited & h->controllers;
	int inner;

	if (h->v2 && which &&
	    !hierarchies_enable_controllers(h->group, which, &g->enabled))
		die("cannot enable controllers for", GROUP_INNER);
	if (mkdirat(h->group, GROUP_INNER, 0755) < 0)
		die("cannot make the control group", GROUP_INNER);
	inner = groups_open(h->group, GROUP_INNER);
	syscall(SYS_fchmod, inner, 0755);
	init_cpuset(h, inner);
	limits_write(s, inner, which, h->v2);
	/* Not on the outer group: its OOM kill would also hit joined processes.
	 */
	if (which & BIT(CTRL_MEMORY))
		limits_write_oom(s, inner, h->v2);
	close(inner);
}

static void
restrict_nodes(const struct cgroup *g, const struct hierarchy *h)
{
	const bool here = h->controllers & BIT(CTRL_DEVICES);

	if (g->nodes == RESTRICT_NODES && here &&
	    !devices_limit(h->group, h->v2))
		die("cannot restrict device nodes of", "the command");
	else if (g->nodes == TRY_RESTRICT_NODES && (here || h->v2))
		devices_limit(h->group, h->v2);
}

/* Create and lock the outer group in one hierarchy. False if the name is taken,
 * or if another start is removing the group as stale. A failure is ignored when
 * the hierarchy has no limits and serves statistics only. */
static bool
make_outer_group(struct cgroup *g, const struct sandbox *s, struct hierarchy *h)
{
	/* No read permission for others: they could open and lock it. */
	if (mkdirat(h->parent, g->name, 0711) < 0) {
		const int error = errno;

		if (error != EEXIST && (h->controllers & g->limited))
			no_group(s, h->controllers & g->limited, error);
		g->make_error = error;
		return error != EEXIST;
	}
	h->group = groups_open(h->parent, g->name);
	/* Another start may have removed the group before we locked it. */
	if (h->group < 0 || flock(h->group, LOCK_EX | LOCK_NB) < 0 ||
	    !groups_is_same_dir(h->parent, g->name, h->group)) {
		const int error = errno;

		unlinkat(h->parent, g->name, AT_REMOVEDIR);
		errno = error;
		if (h->group >= 0 || error == ENOENT)
			return false;
		die("cannot open the control group", g->name);
	}
	/* mkdirat() has applied the umask. */
	syscall(SYS_fchmod, h->group, 0711 |
	    (g->outlives ? GROUP_OUTLIVES : 0));
	init_cpuset(h, h->group);
	if (g->needs_group && h->v2)
		limits_write_groups(h->group);
	limits_write(s, h->group, g->limited & h->controllers, h->v2);
	restrict_nodes(g, h);
	if (g->needs_group)
		make_inner_group(g, s, h);
	return true;
}

/* Return the path of a file of the command's group, relative to the outer
 * group. */
static const char *
command_file(const struct cgroup *g, char text[64], const char *file)
{
	struct strbuf l = { text, 64, 0 };

	if (g->needs_group) {
		strbuf_add(&l, GROUP_INNER);
		strbuf_add(&l, "/");
	}
	strbuf_add(&l, file);
	return text;
}

/* Remove our groups in all hierarchies. False if one is left. */
static bool
remove_groups(struct cgroup *g, int64_t until)
{
	bool gone = true;

	for (struct hierarchy *h = g->list; h < g->end; h++)
		if (h->group >= 0 && groups_remove(h->group, g->name, true,
		    until)) {
			close(h->group);
			h->group = -1;
		} else if (h->group >= 0) {
			gone = false;
		}
	return gone;
}

static void
make_groups(struct cgroup *g, const struct sandbox *s)
{
	for (int attempt = 1; groups_name(g->name, attempt); attempt++) {
		struct hierarchy *h = g->list;

		while (h < g->end &&
		    make_outer_group(g, s, h))
			h++;
		if (h == g->end)
			return;
		remove_groups(g, signals_clock() + REMOVE_MS);
	}
	errno = EEXIST;
	die("cannot make the control group", g->name);
}

/* Remove stale groups. Look at all hierarchies, not only those in use, if one
 * was found: a killed launcher may have used others. */
static void
remove_stale_groups(const struct cgroup *g, const struct sandbox *s)
{
	char text[HIERARCHY_LISTS], *next = text, *names, *group;
	const int64_t until = signals_clock() + STALE_MS;
	bool found = false;

	for (const struct hierarchy *h = g->list; h < g->end; h++)
		if (!found || signals_clock() <= until)
			found |= groups_remove_stale(h->parent, until);
	if (!found || !proc_read("self/cgroup", text, sizeof(text)))
		return;
	while (signals_clock() <= until &&
	    hierarchies_next(&next, &names, &group)) {
		const char *parent = s->cgroup_parent;
		const int fd = hierarchies_open(names, parent ? parent : group,
		    !*names, !parent);

		if (fd >= 0)
			groups_remove_stale(fd, until);
		close(fd);
	}
}

/* ---- --cgroup-join ------------------------------------------------------- */

/* Remember the group of the first joining process, to move all back to it. Dies
 * if a later process comes from another group. */
static void
note_origin(struct hierarchy *h, const char *group,
    const struct group_setting *process)
{
	const int fd = hierarchies_open(h->names, group, h->v2, false);
	struct stat first, st;

	if (fd < 0 || fstat(fd, &st) < 0)
		die("cannot use the control group of process",
		    process->text);
	if (!groups_contains(fd, process->n))
		diex("cannot bring in process", process->text, "its control "
		    "group is not below /sys/fs/cgroup here", NULL);
	if (h->origin < 0) {
		h->origin = fd;
		return;
	}
	if (fstat(h->origin, &first) < 0 || first.st_ino != st.st_ino)
		diex("cannot bring in process", process->text, "its group is "
		    "not that of the first process",
		    "start another pith for it");
	close(fd);
}

/* Move a process to the joined group of each hierarchy. */
static void
join_group(struct cgroup *g, const struct group_setting *process)
{
	char text[HIERARCHY_LISTS], *next = text, *names, *group;
	char file[PROC_PATH];

	if (!proc_read(proc_of(file, process->n, "cgroup"), text, sizeof(text)))
		die("cannot bring in process", process->text);
	while (hierarchies_next(&next, &names, &group))
		for (struct hierarchy *h = g->list; h < g->end; h++)
			if (strcmp(h->names, names) == 0)
				note_origin(h, group, process);
	for (struct hierarchy *h = g->list; h < g->end; h++) {
		if (mkdirat(h->group, GROUP_JOINED, 0755) == 0) {
			const int joined = groups_open(h->group, GROUP_JOINED);

			init_cpuset(h, joined);
			close(joined);
		}
		if (!file_write(h->group, "joined/cgroup.procs",
		    process->text))
			die("cannot bring in process", process->text);
	}
}

/* ---- interface ----------------------------------------------------------- */

/* Open cgroup.kill of the inner group (Linux 5.14), or else the list of its
 * processes. Processes in other groups of the outer group have joined or relay
 * ports, and are not killed. */
static void
open_for_kill(struct cgroup *g)
{
	const struct hierarchy *unified = find_v2(g);
	char file[64];

	if (unified)
		g->kill = openat(unified->group, command_file(g, file,
		    "cgroup.kill"), O_WRONLY | O_CLOEXEC);
	for (struct hierarchy *h = g->list; h < g->end; h++)
		if (g->kill < 0 && g->procs < 0)
			g->procs = openat(h->group, command_file(g, file,
			    "cgroup.procs"), O_RDONLY | O_CLOEXEC);
}

/* Return the outer group that has a controller, or that of v2; or -1. */
static int
find_controller(struct cgroup *g, enum controller c, bool *v2)
{
	const struct hierarchy *unified = find_v2(g);

	for (struct hierarchy *h = g->list; h < g->end; h++)
		if (h->controllers & BIT(c) && (!h->v2 ||
		    *limits_controller(c, true))) {
			*v2 = h->v2;
			return h->group;
		}
	*v2 = true;
	return unified ? unified->group : -1;
}

/* Open the files that are needed while the command runs, and no others: the
 * kernel creates a group's files when they are opened, which would make a start
 * without limits 1 % slower. */
static void
open_files(struct cgroup *g, const struct sandbox *s)
{
	bool v2;
	const int clock = find_controller(g, CTRL_CPUACCT, &v2);

	if (s->cpu_time >= 0)
		g->cpu = openat(clock, v2 ? "cpu.stat" : "cpuacct.usage",
		    O_RDONLY | O_CLOEXEC);
	if (g->needs_group)
		open_for_kill(g);
	/* The hierarchies that we could use may lack these files. */
	if (g->needs_group &&
	    ((g->kill < 0 && g->procs < 0) || (s->cpu_time >= 0 && g->cpu < 0)))
		no_group(s, 0, g->make_error);
}

static void
keep_files(const struct cgroup *c)
{
	fds_keep(&c->kill, 1, FDS_OUTSIDE | FDS_INIT);
	fds_keep(&c->procs, 1, FDS_OUTSIDE | FDS_INIT);
	fds_keep(&c->cpu, 1, FDS_OUTSIDE);
	fds_keep(&c->oom_score, 1, FDS_OUTSIDE);
	fds_keep(&c->left, 1, FDS_OUTSIDE);
	for (const struct hierarchy *h = c->list; h < c->end; h++) {
		fds_keep(&h->group, 1, FDS_OUTSIDE);
		fds_keep(&h->origin, 1, FDS_OUTSIDE);
	}
}

void
cgroup_make(const struct sandbox *s, bool outlives)
{
	struct strbuf p = { own.path, sizeof(own.path), strlen(own.path) };
	struct hierarchy *made = own.list, *unified = find_v2(&own);

	if (own.end == own.list)
		return;
	own.outlives = outlives;
	if (unified)
		select_parent(&own, s, unified);
	remove_stale_groups(&own, s);
	make_groups(&own, s);
	for (struct hierarchy *h = own.list; h < own.end; h++) {
		close(h->parent);
		h->parent = -1;
		if (h->group >= 0)
			*made++ = *h;
	}
	own.end = made;
	p.used = strlen(own.path);
	strbuf_add(&p, strcmp(own.path, "/") == 0 ? "" : "/");
	strbuf_add(&p, own.name);
	if (own.needs_group) {
		strbuf_add(&p, "/");
		strbuf_add(&p, GROUP_INNER);
	}
	open_files(&own, s);
	keep_files(&own);
	for (int i = 0; i < s->setting_count; i++)
		if (s->settings[i].kind == CGROUP_JOIN)
			join_group(&own, &s->settings[i]);
}

static int
open_command_group(const struct cgroup *g, const struct hierarchy *h)
{
	return openat(h->group, g->needs_group ? GROUP_INNER : ".",
	    O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int
cgroup_clone_fd(void)
{
	const struct hierarchy *h = find_v2(&own);

	return h ? open_command_group(&own, h) : -1;
}

/* v1: write "0" to "tasks", which moves only the calling thread and is
 * immediate since Linux 5.5. Every other move waits milliseconds for an RCU
 * grace period, cgroup_procs_write_start() in the kernel. */
bool
cgroup_enter(bool born)
{
	char file[64];

	for (struct hierarchy *h = own.list; h < own.end; h++)
		if (!(h->v2 && born) && !file_write(h->group, command_file(&own,
		    file, h->v2 ? "cgroup.procs" : "tasks"), "0"))
			return false;
	return true;
}

int
cgroup_relay_clone_fd(void)
{
	const struct hierarchy *h = find_v2(&own);

	if (!own.needs_group || !h)
		return -1;
	if (mkdirat(h->group, GROUP_RELAY, 0700) < 0)
		die("cannot make the control group", GROUP_RELAY);
	return openat(h->group, GROUP_RELAY, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

bool
cgroup_enter_relay(bool born)
{
	for (struct hierarchy *h = own.list;
	     own.needs_group && h < own.end; h++)
		if (!(h->v2 && born) && !file_write(h->group, h->v2 ?
		    GROUP_RELAY "/cgroup.procs" : "tasks", "0"))
			return false;
	return true;
}

int
cgroup_fd_of(enum controller c, bool *v2)
{
	return find_controller(&own, c, v2);
}

bool
cgroup_has_inner(void)
{
	return own.needs_group;
}

const char *
cgroup_path(void)
{
	return own.end > own.list ? own.path : NULL;
}

/* cpu.stat of v2 begins with microseconds; cpuacct.usage of v1 is nanoseconds.
 */
int64_t
cgroup_cpu_ms(void)
{
	char text[64];
	const ssize_t n = own.cpu < 0 ? -1 :
	    pread(own.cpu, text, sizeof(text) - 1, 0);
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
	const char *digits = own.oom_score_before;
	uint64_t before = 0;
	int64_t now;
	ssize_t n;

	if (!s->limits[MEMORY].text)
		return;
	own.oom_score = openat(proc_fd(), proc_of(file, pid, "oom_score_adj"),
	    O_RDWR | O_CLOEXEC);
	n = own.oom_score < 0 ? -1 : read(own.oom_score, own.oom_score_before,
	    sizeof(own.oom_score_before) - 1);
	if (n <= 0)
		return;
	digits += *digits == '-';
	text_number(&digits, 1000, &before);
	now = *own.oom_score_before == '-' ? -(int64_t)before : (int64_t)before;
	now += OOM_SCORE_STEP;
	strbuf_number(&l, now > 1000 ? 1000 : now);
	(void)!write(own.oom_score, text, l.used);
}

void
oom_score_restore(void)
{
	if (own.oom_score < 0)
		return;
	(void)!write(own.oom_score, own.oom_score_before,
	    strlen(own.oom_score_before));
	close(own.oom_score);
	own.oom_score = -1;
}

static void
freeze_command(const struct cgroup *g, bool frozen)
{
	for (const struct hierarchy *h = g->list; h < g->end; h++)
		if (h->v2 || (h->controllers & BIT(CTRL_FREEZER))) {
			const int inner = open_command_group(g, h);

			groups_freeze(inner, frozen);
			close(inner);
		}
}

void
cgroup_freeze(bool frozen)
{
	freeze_command(&own, frozen);
}

/* Send SIGKILL to all processes of the command's group. They may exit later. */
static void
kill_command(struct cgroup *g)
{
	if (g->kill < 0)
		open_for_kill(g);
	if (g->kill >= 0 && write(g->kill, "1", 1) == 1)
		return;
	/* A frozen process cannot fork while the list is read. */
	freeze_command(g, true);
	for (struct hierarchy *h = g->list; h < g->end; h++) {
		const int inner = open_command_group(g, h);

		groups_kill(inner);
		close(inner);
	}
	freeze_command(g, false);
}

void
cgroup_kill_others(void)
{
	/* We may be in the group, so it cannot be frozen. A child that is
	 * forked during one round is found in a later round. */
	for (int i = 0; i < KILL_ROUNDS; i++)
		if (own.kill >= 0 ? write(own.kill, "1", 1) < 0 :
		    !groups_kill_list(own.procs))
			break;
}

void
cgroup_forget(void)
{
	own.end = own.list;
}

/* Undo leave_group(): disable the controllers and return to our group. */
static void
return_to_group(const struct cgroup *g)
{
	char text[GROUP_NAME];

	for (int c = 0; c < CONTROLLERS; c++)
		if (g->enabled & BIT(c)) {
			struct strbuf l = STRBUF(text);

			strbuf_add(&l, "-");
			strbuf_add(&l, limits_controller(c, true));
			file_write(g->left, "cgroup.subtree_control", text);
		}
	file_write(g->left, "cgroup.procs", "0");
	unlinkat(g->left, groups_name(text, 0), AT_REMOVEDIR);
	close(g->left);
}

/* Move joined processes back to their group. If that fails, move them to the
 * parent of the outer group: systemd removes groups that become empty. */
static bool
return_joined(const struct cgroup *g, int64_t until)
{
	bool returned = true;

	for (const struct hierarchy *h = g->list; h < g->end; h++)
		if (h->origin >= 0 && h->group >= 0 &&
		    !groups_move_joined(h->group, h->origin, until)) {
			const int above = openat(h->group, "..", O_PATH |
			    O_CLOEXEC);

			returned = groups_move_joined(h->group, above, until) &&
			    returned;
			close(above);
		}
	return returned;
}

void
cgroup_kill(void)
{
	if (own.end > own.list)
		kill_command(&own);
}

void
cgroup_end(void)
{
	const int64_t until = signals_clock() + REMOVE_MS;
	bool gone = remove_groups(&own, until), returned = true;

	while (!gone && returned) {
		kill_command(&own);
		returned = return_joined(&own, until);
		gone = remove_groups(&own, until);
		if (gone || signals_clock() >= until)
			break;
		groups_wait();
	}
	if (!gone)
		warnx("cannot remove the control group", own.path, "processes "
		    "or groups are left in it", "the next start removes it");
	if (own.left >= 0)
		return_to_group(&own);
}

/* Mount the hierarchies where programs expect them: v2 alone at /sys/fs/cgroup,
 * or each in a subdirectory with its name. */
void
cgroup_mount(int root)
{
	static const char MOUNT_POINT[] = "sys/fs/cgroup";
	int dir = mounts_open_in_root(root, MOUNT_POINT, true);
	int tmpfs = -1, mount;

	if (own.end - own.list != 1 || !own.list[0].v2) {
		tmpfs = mounts_new("tmpfs", "mode=755", MOUNT_FLAGS);
		if (dir < 0 || tmpfs < 0 || !mounts_attach(tmpfs, dir))
			die("cannot mount", MOUNT_POINT);
	}
	for (struct hierarchy *h = own.list; h < own.end; h++) {
		const char *which = h->v2 ? "unified" : h->names;
		int target = dir;

		if (tmpfs >= 0)
			target = mkdirat(tmpfs, which, 0755) < 0 ? -1 :
			    openat(tmpfs, which, O_PATH | O_CLOEXEC);
		mount = mounts_new(h->v2 ? "cgroup2" : "cgroup", h->names,
		    MOUNT_FLAGS | MOUNT_ATTR_RDONLY);
		if (mount < 0 || target < 0 || !mounts_attach(mount, target))
			die("cannot mount", h->v2 ? "cgroup2" : h->names);
	}
	if (tmpfs >= 0 && !mounts_set_readonly(tmpfs))
		die("cannot make read-only", MOUNT_POINT);
}

void
cgroup_leave_to_launcher(void)
{
	own.end = own.list;
	if (!own.init_kills_tree)
		own.kill = own.procs = -1;
}
