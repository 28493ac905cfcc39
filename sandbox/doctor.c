#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../cli/log.h"
#include "doctor.h"
#include "ids.h"
#include "limits.h"
#include "mounts.h"
#include "namespaces.h"
#include "proc.h"
#include "seccomp.h"

/* The number is the same on all architectures; musl of 2022 lacks its name. */
enum { LANDLOCK_CREATE_RULESET = 444, LANDLOCK_VERSION = 1 };

/* Feature to check. */
enum probe {
	NAMESPACE_ONLY, /* success of clone(2) is enough */
	KERNEL,
	PRIVATE,
	LOOPBACK,
	OPENAT2,
	MOUNTS,
	OVERLAY,
	IDMAP,
	NEW_MOUNT,
	NEW_PROC,
	NEW_SYSFS,
	PIVOT,
	NO_PRIVS,
	FILTER,
	CLONE3,
	MORE_IDS,
	TIME,
	IDMAP_TMP,
	LANDLOCKED,
	PIDFD,
	CGROUPS,
	LOOP,
	INJECTION
};

/* Bits of namespaces, by their index in the table of namespaces.c. */
enum { CGROUP = 1, IPC = 2, MNT = 4, NET = 8, PID = 16, USER = 64, UTS = 128 };

/* One check and its line of output. */
struct row {
	unsigned char in;       /* namespaces to create; 0: use ours */
	unsigned char probe;    /* enum probe */
	bool optional;          /* --rootfs works without the feature */
	char name[17];
	char detail[15];        /* CONFIG_* of the kernel; if optional, what
				 * uses the feature */
};

static const struct row rows[] = {
	{ .name = "kernel", .probe = KERNEL },
	{ .name = "clone3", .probe = CLONE3, .detail = "else clone",
	    .optional = true },
	/* First, because the later rows depend on it. */
	{ .name = "user namespace", .in = USER, .detail = "USER_NS" },
	{ .name = "more ids", .in = USER, .probe = MORE_IDS,
	    .detail = "--userns subid", .optional = true },
	{ .name = "mnt namespace", .in = USER | MNT, .probe = PRIVATE },
	{ .name = "pid namespace", .in = USER | PID, .detail = "PID_NS" },
	{ .name = "net namespace", .in = USER | NET, .detail = "NET_NS" },
	{ .name = "ipc namespace", .in = USER | IPC, .detail = "IPC_NS" },
	{ .name = "uts namespace", .in = USER | UTS, .detail = "UTS_NS" },
	{ .name = "cgroup namespace", .in = USER | CGROUP,
	    .detail = "CGROUPS" },
	{ .name = "time namespace", .in = USER, .probe = TIME,
	    .detail = "--timens", .optional = true },
	{ .name = "loopback", .in = USER | NET, .probe = LOOPBACK },
	{ .name = "openat2", .probe = OPENAT2 },
	{ .name = "new mount calls", .in = USER | MNT, .probe = MOUNTS },
	{ .name = "overlay", .in = USER | MNT, .probe = OVERLAY,
	    .detail = "OVERLAY_FS" },
	{ .name = "idmapped .", .in = USER, .probe = IDMAP },
	{ .name = "idmapped /tmp", .in = USER, .probe = IDMAP_TMP,
	    .detail = "a root there", .optional = true },
	{ .name = "proc", .in = USER | MNT | PID, .probe = NEW_PROC,
	    .detail = "PROC_FS" },
	{ .name = "sysfs", .in = USER | MNT | NET, .probe = NEW_SYSFS,
	    .detail = "SYSFS" },
	{ .name = "devpts", .in = USER | MNT, .probe = NEW_MOUNT,
	    .detail = "UNIX98_PTYS" },
	{ .name = "mqueue", .in = USER | MNT | IPC, .probe = NEW_MOUNT,
	    .detail = "POSIX_MQUEUE" },
	{ .name = "pivot_root", .in = USER | MNT, .probe = PIVOT },
	{ .name = "no_new_privs", .probe = NO_PRIVS },
	{ .name = "seccomp filter", .probe = FILTER,
	    .detail = "SECCOMP_FILTER" },
	{ .name = "landlock", .probe = LANDLOCKED, .detail = "--landlock",
	    .optional = true },
	{ .name = "pidfd", .probe = PIDFD, .detail = "else kill",
	    .optional = true },
	{ .name = "cgroups", .probe = CGROUPS, .detail = "limits",
	    .optional = true },
	{ .name = "loop device", .probe = LOOP, .detail = "images",
	    .optional = true },
	{ .name = "tty injection", .probe = INJECTION,
	    .detail = "-t prevents it", .optional = true },
};

/* Result of a row, which its processes write to a pipe. */
enum { NOT_APPLICABLE = -1 };
struct finding {
	int error;              /* errno, 0: works, or NOT_APPLICABLE */
	bool root;              /* we are root of the initial namespace */
	char text[256];         /* remark, or an error that replaces errno */
};

/* Static, because the hook of log_set_hook() takes no pointer. */
static struct doctor {
	struct finding finding;
	struct strbuf note;     /* appends to finding.text */
	int finding_fd;
	/* User namespaces do not work: check the rest without, as --userns
	 * host does. */
	bool without_user;
	struct utsname kernel;
} doctor;

/* ---- checks, in the process of a row ------------------------------------ */

static int
error_of(bool works)
{
	return works ? 0 : errno;
}

static void
write_finding(struct doctor *d, int error)
{
	const struct finding *finding = &d->finding;

	d->finding.error = error;
	(void)!write(d->finding_fd, finding, sizeof(*finding));
}

/* Hook of log_set_hook(): report the error that a module of the sandbox dies
 * of. */
static void
report_check_error(const char *words, int code)
{
	(void)code;
	strbuf_add(&doctor.note, words);
	write_finding(&doctor, errno ? errno : EINVAL);
}

static int
add_remark(struct doctor *d, int error, const char *words)
{
	strbuf_add(&d->note, words);
	return error;
}

/* mount_setattr(2) is the newest call that --rootfs needs: Linux 5.12. */
static int
check_kernel(struct doctor *d)
{
	syscall(SYS_mount_setattr, -1, "", 0, NULL, 0);
	return add_remark(d, errno == ENOSYS ? ENOSYS : 0, d->kernel.release);
}

static bool
make_private(void)
{
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* Mount a tmpfs over our root and change to it. */
static bool
mount_scratch_here(void)
{
	int stage = mounts_new("tmpfs", "mode=755", 0);
	int root = open("/", O_PATH | O_CLOEXEC);

	return stage >= 0 && make_private() && mounts_attach(stage, root) &&
	    fchdir(stage) == 0;
}

/* Mount an overlay as init does; or, if userns is not -1, as root's launcher
 * does, whose lower directory is idmapped. */
static bool
check_overlay(bool root, int userns)
{
	static const char directories[][2] = { "l", "u", "w", "m" };
	static const char options[] =
	    "userxattr,lowerdir=l,upperdir=u,workdir=w,volatile";
	const bool outside = userns >= 0;
	int lower = -1;

	if (outside && unshare(CLONE_NEWNS) < 0)
		return false;
	if (outside)
		lower = mounts_clone(open(".", O_PATH), NULL, false);
	if (outside && !mounts_set_attributes(lower, 0, userns))
		lower = -1;
	if (!mount_scratch_here())
		return false;
	for (int i = 0; i < 4; i++)
		if (mkdir(directories[i], 0755) < 0)
			return false;
	return (lower < 0 || mounts_attach(lower, open("l", O_PATH))) &&
	    mount("overlay", "m", "overlay", 0,
	    options + (root ? sizeof("userxattr") : 0)) == 0;
}

static bool
check_mounts(void)
{
	int tmpfs = mounts_new("tmpfs", "", 0);
	int clone = mounts_clone(open("/", O_PATH), NULL, true);

	return tmpfs >= 0 && clone >= 0 && mounts_set_attributes(clone,
	    MOUNT_ATTR_RDONLY, -1);
}

/* Check whether we may create cgroups in one of the groups of
 * /proc/self/cgroup, cgroups(7). */
static int
check_cgroups(struct strbuf *note)
{
	char text[4096], path[4096 + 64], *end;
	const char *unified;
	int error = EACCES;

	if (!proc_read("self/cgroup", text, sizeof(text)))
		return errno;
	unified = strncmp(text, "0:", 2) == 0 ? "" : "unified";
	strbuf_add(note, !*unified ? "v2" : access("/sys/fs/cgroup/unified",
	    F_OK) == 0 ? "hybrid" : "v1");
	for (char *line = text; (end = strchr(line, '\n')); line = end + 1) {
		struct strbuf l = STRBUF(path);
		char *name = line + strcspn(line, ":\n") + 1;
		char *group = name + strcspn(name, ":\n");

		*end = *group = '\0';
		strbuf_add(&l, "/sys/fs/cgroup/");
		strbuf_add(&l, *name ? name : unified);
		strbuf_add(&l, group + 1);
		if (access(path, W_OK) < 0)
			continue;
		strbuf_add(note, error ? ", writable: " : " ");
		error = 0;
		strbuf_add(&l, "/cgroup.controllers");
		if (!*name && proc_read(path, path, sizeof(path)))
			path[strcspn(path, "\n")] = '\0';
		strbuf_add(note, *name ? name : path);
	}
	strbuf_add(note, error ? ", no group is writable" : "");
	return error;
}

static int
check_landlock(struct strbuf *note)
{
	int version = syscall(LANDLOCK_CREATE_RULESET, NULL, 0,
	    LANDLOCK_VERSION);

	if (version < 0)
		return errno;
	strbuf_add(note, "version ");
	strbuf_number(note, version);
	return 0;
}

static int
check_idmap(struct doctor *d, const char *path, int userns)
{
	if (userns < 0)
		return add_remark(d, NOT_APPLICABLE, "for root's user "
		    "namespaces");
	return error_of(mounts_set_attributes(
	    mounts_clone(open(path, O_PATH), NULL, false), 0, userns));
}

static bool
check_filter(const struct sandbox *s)
{
	const char *on;

	seccomp_prepare(s, true);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    seccomp_apply(0, &on);
}

/* Run a check that is a single system call. Returns -1 with errno on failure.
 */
static long
check_call(const struct row *r)
{
	static const struct open_how how = { .flags = O_PATH,
	    .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	switch (r->probe) {
	case OPENAT2:
		return syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));
	case NEW_MOUNT:
	case NEW_PROC:
		return mounts_new(r->name, "", 0);
	case NEW_SYSFS:
		/* Mount it read-only as a sandbox does: if ours is read-only,
		 * the kernel refuses a writable one, mount_namespaces(7). */
		return mounts_new(r->name, "", MOUNT_ATTR_RDONLY);
	case NO_PRIVS:
		return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	case TIME:
		return unshare(CLONE_NEWTIME);
	case PIDFD:
		return syscall(SYS_pidfd_open, getpid(), 0);
	case LOOP:
		return open("/dev/loop-control", O_RDWR);
	default:
		return 0;
	}
}

/* Run a check in the namespaces of its row; or outside of them if userns is not
 * -1. Returns the error for struct finding. */
static int
run_check(struct doctor *d, const struct row *r, const struct sandbox *s,
    int userns)
{
	switch (r->probe) {
	case KERNEL:
		return check_kernel(d);
	case PRIVATE:
		return error_of(make_private());
	case LOOPBACK:
		namespaces_set(s, CLONE_NEWNET);
		return 0;
	case MOUNTS:
		return error_of(check_mounts());
	case OVERLAY:
		return error_of(check_overlay(d->finding.root, userns));
	case IDMAP:
	case IDMAP_TMP:
		return check_idmap(d, r->probe == IDMAP ? "." : "/tmp",
		    userns);
	case PIVOT:
		return error_of(mount_scratch_here() &&
		    syscall(SYS_pivot_root, ".", ".") == 0);
	case FILTER:
		return error_of(check_filter(s));
	case CLONE3:            /* EINVAL: the struct is too small */
		syscall(SYS_clone3, NULL, 0);
		return errno == EINVAL ? 0 : errno;
	case LANDLOCKED:
		return check_landlock(&d->note);
	case CGROUPS:
		return check_cgroups(&d->note);
	case INJECTION:
		return add_remark(d, NOT_APPLICABLE,
		    proc_begins("sys/dev/tty/legacy_tiocsti", '0') ?
		    "forbidden" : "possible");
	default:
		return error_of(check_call(r) >= 0);
	}
}

/* Act as the launcher, and start a child that acts as init in the namespaces of
 * the row. */
static void
check_in_namespaces(struct doctor *d, const struct row *r,
    const struct sandbox *s)
{
	const bool user = !d->without_user || r->probe == MORE_IDS;
	/* Root's launcher makes idmapped mounts itself. */
	const bool outside = user && d->finding.root &&
	    (r->probe == OVERLAY || r->probe == IDMAP ||
	    r->probe == IDMAP_TMP);
	char path[PROC_PATH];
	int gate[2], status, flags = 0;
	pid_t pid;

	for (int i = 0; i < NAMESPACES; i++)
		if (r->in & (user ? 0xff : ~USER) & 1 << i)
			flags |= namespaces[i].flag;

	if (user)
		ids_prepare(s);
	if (pipe2(gate, O_CLOEXEC) < 0 ||
	    (pid = namespaces_fork(flags, NULL)) < 0) {
		write_finding(d, errno);
		return;
	}
	if (pid == 0) {
		close(gate[1]);
		if (read(gate[0], path, 1) != 1)
			_exit(0);
		if (user)
			ids_become();
		write_finding(d, run_check(d, r, s, -1));
		_exit(0);
	}
	if (user)
		ids_map(pid);
	if (outside)
		write_finding(d, run_check(d, r, s, openat(proc_fd(),
		    proc_of(path, pid, "ns/user"), O_RDONLY | O_CLOEXEC)));
	else
		(void)!write(gate[1], "", 1);
	close(gate[1]);
	waitpid(pid, &status, 0);
}

static _Noreturn void
check_process(struct doctor *d, const struct row *r)
{
	const struct rlimit none = { 0, 0 };
	struct sandbox s = { 0 };

	d->note = STRBUF(d->finding.text);
	/* An O_PATH descriptor discards messages: write(2) and poll(2) fail. */
	dup2(open("/", O_PATH | O_CLOEXEC), STDERR_FILENO);
	log_set_hook(report_check_error);
	syscall(SYS_prlimit64, 0, RLIMIT_CORE, &none, NULL);
	errno = 0;
	proc_open();
	d->finding.root = ids_root();
	if (r->probe == MORE_IDS && !d->finding.root)
		s.userns = USERNS_SUBID;
	if (r->in)
		check_in_namespaces(d, r, &s);
	else
		write_finding(d, run_check(d, r, &s, -1));
	_exit(0);
}

/* ---- remedies ----------------------------------------------------------- */

/* Return the remedy for any error of a check, or NULL. */
static const char *
remedy_of_probe(enum probe probe)
{
	switch (probe) {
	case PRIVATE:
	case PIVOT:
		return "the root is a chroot(2) or an initial ramfs: "
		    "switch_root(8) to a tmpfs first";
	case TIME:
		return "use a kernel with CONFIG_TIME_NS";
	case OVERLAY:
		return "use --read-only; root needs Linux 5.19";
	case IDMAP:
	case IDMAP_TMP:
		return "its file system does not support id maps: use "
		    "--read-only or --userns host";
	case NEW_PROC:
		return "part of /proc is hidden: use --proc none, or "
		    "docker run --security-opt systempaths=unconfined";
	case NEW_SYSFS:
		return "use --sys none";
	case LANDLOCKED:
		return "use a kernel with CONFIG_SECURITY_LANDLOCK and "
		    "landlock in its lsm=";
	case CGROUPS:
		return limits_delegate;
	case LOOP:
		return "run as root, with /dev/loop-control: modprobe loop";
	default:
		return NULL;
	}
}

static const char *
doctor_remedy(const struct doctor *d, const struct row *r)
{
	const int error = d->finding.error;
	const bool forbidden = error == EPERM || error == EACCES;
	const bool filtered = (error == EPERM || error == ENOSYS) &&
	    prctl(PR_GET_SECCOMP, 0, 0, 0, 0) > 0;
	const char *remedy;

	if (error == ENOSPC && r->in)
		return "raise user.max_*_namespaces, sysctl(8)";
	if (forbidden && r->in && d->without_user)
		return "enable user namespaces, or run with CAP_SYS_ADMIN";
	if (forbidden && r->in && !d->finding.root &&
	    (remedy = namespaces_sysctl_remedy()))
		return remedy;
	/* Filters usually return EPERM for calls that they know, and ENOSYS
	 * for others. */
	remedy = filtered && error == ENOSYS ? NULL :
	    remedy_of_probe(r->probe);
	if (remedy)
		return remedy;
	return filtered ? "a seccomp filter forbids it: use docker run "
	    "--security-opt seccomp=unconfined" :
	    error == EACCES ? "AppArmor or SELinux forbids it: use docker run "
	    "--security-opt apparmor=unconfined" :
	    error == EPERM ? "leave the chroot(2), or run with capabilities" :
	    error == ENOSYS && !r->detail[0] ? "use Linux 5.12 or newer" : NULL;
}

/* ---- output ------------------------------------------------------------- */

/* Fields of a result, in the order of the output. */
enum { NAME, FOR, REMARK, ERROR, REMEDY, FIELDS };

static const struct { char key[7], before[3], after[2]; } fields[FIELDS] = {
	{ "name", "", "" }, { "for", " (", ")" }, { "remark", ": ", "" },
	{ "error", ": ", "" }, { "remedy", "; ", "" },
};

static void
fill_fields(struct doctor *d, const struct row *r,
    const char *values[FIELDS], struct strbuf *config)
{
	const int error = d->finding.error;
	char *text = d->finding.text[0] ? d->finding.text : NULL;
	char *end = text ? strchr(text, ';') : NULL;

	values[NAME] = r->name;
	values[FOR] = r->optional ? r->detail : NULL;
	values[REMARK] = error > 0 ? NULL : text;
	values[ERROR] = error <= 0 ? NULL : text ? text : strerror(error);
	values[REMEDY] = error <= 0 ? NULL : end ? end + 2 :
	    doctor_remedy(d, r);
	if (end)
		*end = '\0';
	if (!values[REMEDY] && !r->optional && r->detail[0] &&
	    (error == EINVAL || error == ENODEV || error == ENOSYS)) {
		strbuf_add(config, "use a kernel with CONFIG_");
		strbuf_add(config, r->detail);
		values[REMEDY] = config->text;
	}
}

static void
add_parts(struct strbuf *l, const char *before, const char *text,
    const char *after)
{
	strbuf_add(l, before);
	strbuf_add(l, text);
	strbuf_add(l, after);
}

static void
add_fields(struct strbuf *l, const char *const values[FIELDS], bool json)
{
	for (int i = 0; i < FIELDS; i++) {
		const char *value = values[i];

		if (json) {
			add_parts(l, ",\"", fields[i].key, "\":");
			add_parts(l, value ? "\"" : "", value ? value : "null",
			    value ? "\"" : "");
		} else if (value) {
			add_parts(l, fields[i].before, value, fields[i].after);
		}
	}
	strbuf_add(l, json ? "}" : "\n");
}

static void
print_buffer(struct strbuf *l)
{
	if (write(STDOUT_FILENO, l->text, l->used) != (ssize_t)l->used)
		die("cannot write to", "stdout");
	l->used = 0;
}

/* Run the check of a row and print the result. Returns the finding's error. */
static int
run_row(struct doctor *d, const struct row *r, bool json, struct strbuf *l)
{
	static const char verdicts[2][3][6] = {
		{ "-    ", "yes  ", "no   " }, { "null", "true", "false" },
	};
	char text[48];
	struct strbuf config = STRBUF(text);
	const char *values[FIELDS];
	int ends[2], status;
	pid_t pid;

	d->finding.text[0] = '\0';
	d->finding.error = EPERM;          /* if a seccomp filter kills it */
	if (pipe2(ends, O_CLOEXEC) < 0 ||
	    (pid = namespaces_fork(0, NULL)) < 0)
		die("cannot make", "a process");
	d->finding_fd = ends[1];
	if (pid == 0)
		check_process(d, r);
	close(ends[1]);
	while (read(ends[0], &d->finding, sizeof(d->finding)) > 0)
		;
	close(ends[0]);
	waitpid(pid, &status, 0);
	fill_fields(d, r, values, &config);
	strbuf_add(l, !json ? "" : r->probe == KERNEL ? "{\"works\":" :
	    ",\n{\"works\":");
	strbuf_add(l, verdicts[json][1 + (d->finding.error > 0) -
	    (d->finding.error < 0)]);
	add_fields(l, values, json);
	print_buffer(l);
	return d->finding.error;
}

int
doctor_run(bool json)
{
	char text[1024];
	struct strbuf l = STRBUF(text);
	struct doctor *d = &doctor;
	int failed = 0;

	uname(&d->kernel);
	if (json) {
		add_parts(&l, "{\"kernel\":\"", d->kernel.release,
		    "\",\"user\":");
		strbuf_number(&l, geteuid());
		strbuf_add(&l, ",\"checks\":[\n");
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		const bool bad = run_row(d, r, json, &l) > 0;

		failed += bad && !r->optional;
		if (r->in == USER && r->probe == NAMESPACE_ONLY)
			d->without_user = bad;
	}
	if (!json && failed)
		strbuf_number(&l, failed);
	strbuf_add(&l, json ? failed ? "],\"works\":false}\n" :
	    "],\"works\":true}\n" : failed ? " features that --rootfs needs do "
	    "not work: a sandbox will exit with 125\n" :
	    "all that --rootfs needs works for this user\n");
	print_buffer(&l);
	return failed > 0;
}
