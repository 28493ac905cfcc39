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
#include "mounts.h"
#include "namespaces.h"
#include "proc.h"
#include "seccomp.h"

/* The number is the same on all architectures; musl of 2022 lacks its name. */
enum { LANDLOCK_CREATE_RULESET = 444, LANDLOCK_VERSION = 1 };

/* Feature to check. Those from CLONE3 on are optional: --rootfs works without
 * them. */
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

/* Columns: namespaces to create for the check (0: use ours); probe; name;
 * CONFIG_* of the kernel, or for optional features what uses them; remedy for
 * any error, or "". */
#define CHECKS(X) \
	X(0, KERNEL, "kernel", "", "") \
	X(0, CLONE3, "clone3", "else clone", "") \
	/* First, because the later rows depend on it. */ \
	X(USER, NAMESPACE_ONLY, "user namespace", "USER_NS", "") \
	X(USER, MORE_IDS, "more ids", "--userns subid", "") \
	X(USER | MNT, PRIVATE, "mnt namespace", "", CHROOTED) \
	X(USER | PID, NAMESPACE_ONLY, "pid namespace", "PID_NS", "") \
	X(USER | NET, NAMESPACE_ONLY, "net namespace", "NET_NS", "") \
	X(USER | IPC, NAMESPACE_ONLY, "ipc namespace", "IPC_NS", "") \
	X(USER | UTS, NAMESPACE_ONLY, "uts namespace", "UTS_NS", "") \
	X(USER | CGROUP, NAMESPACE_ONLY, "cgroup namespace", "CGROUPS", "") \
	X(USER, TIME, "time namespace", "--timens", \
	    "use a kernel with CONFIG_TIME_NS") \
	X(USER | NET, LOOPBACK, "loopback", "", "") \
	X(0, OPENAT2, "openat2", "", "") \
	X(USER | MNT, MOUNTS, "new mount calls", "", "") \
	X(USER | MNT, OVERLAY, "overlay", "OVERLAY_FS", \
	    "use --read-only; root needs Linux 5.19") \
	X(USER, IDMAP, "idmapped .", "", NO_IDMAP) \
	X(USER, IDMAP_TMP, "idmapped /tmp", "a root there", NO_IDMAP) \
	X(USER | MNT | PID, NEW_MOUNT, "proc", "PROC_FS", \
	    "part of our /proc is hidden: use --proc none, or " \
	    "docker run --security-opt systempaths=unconfined") \
	X(USER | MNT | NET, NEW_SYSFS, "sysfs", "SYSFS", \
	    "use --sys none") \
	X(USER | MNT, NEW_MOUNT, "devpts", "UNIX98_PTYS", "") \
	X(USER | MNT | IPC, NEW_MOUNT, "mqueue", "POSIX_MQUEUE", "") \
	X(USER | MNT, PIVOT, "pivot_root", "", CHROOTED) \
	X(0, NO_PRIVS, "no_new_privs", "", "") \
	X(0, FILTER, "seccomp filter", "SECCOMP_FILTER", "") \
	X(0, LANDLOCKED, "landlock", "--landlock", \
	    "use a kernel with CONFIG_SECURITY_LANDLOCK and landlock " \
	    "in its lsm=") \
	X(0, PIDFD, "pidfd", "else kill", "") \
	X(0, CGROUPS, "cgroups", "limits", \
	    "run as root, or in " \
	    "systemd-run --user --scope -p Delegate=yes") \
	X(0, LOOP, "loop device", "images", \
	    "run as root, with /dev/loop-control: modprobe loop") \
	X(0, INJECTION, "tty injection", "-t prevents it", "")

#define CHROOTED "the root is a chroot(2) or an initial ramfs: " \
	"switch_root(8) to a tmpfs first"
#define NO_IDMAP "this kernel cannot idmap this file system: " \
	"use --read-only or --userns host"

#define NUMBERS(in, probe, name, detail, remedy) { in, probe },
#define TEXTS(in, probe, name, detail, remedy) name "\0" detail "\0" remedy "\0"

/* Strings are concatenated: an array of pointers would need relocations. */
static const struct { unsigned char in, probe; } row_numbers[] = {
	CHECKS(NUMBERS)
};
static const char row_texts[] = CHECKS(TEXTS);

enum { ROWS = sizeof(row_numbers) / sizeof(row_numbers[0]) };

struct row {
	unsigned char in, probe;
	const char *name, *detail, *remedy;
};

/* Result of a row, which its processes write to a pipe. */
enum { NOT_APPLICABLE = -1 };
static struct finding {
	int error;              /* errno, 0: works, or NOT_APPLICABLE */
	bool root;              /* we are root of the initial namespace */
	char text[256];         /* remark, or an error that replaces errno */
} finding;
static struct strbuf note;      /* appends to finding.text */
static int finding_fd;
static struct utsname kernel;

/* User namespaces do not work: check the rest without, as --userns host does.
 */
static bool without_user;

/* ---- checks, in the process of a row ------------------------------------ */

static int
error_of(bool works)
{
	return works ? 0 : errno;
}

static void
write_finding(int error)
{
	finding.error = error;
	(void)!write(finding_fd, &finding, sizeof(finding));
}

/* Hook of log_set_hook(): report the error that a module of the sandbox dies
 * of. */
static void
report_check_error(const char *words, int code)
{
	(void)code;
	strbuf_add(&note, words);
	write_finding(errno ? errno : EINVAL);
}

static bool
param_is(const char *parameter, char to)
{
	char text[4];

	return proc_read(parameter, text, sizeof(text)) && text[0] == to;
}

static int
add_remark(int error, const char *words)
{
	strbuf_add(&note, words);
	return error;
}

/* mount_setattr(2) is the newest call that --rootfs needs: Linux 5.12. */
static int
check_kernel(void)
{
	syscall(SYS_mount_setattr, -1, "", 0, NULL, 0);
	return add_remark(errno == ENOSYS ? ENOSYS : 0, kernel.release);
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
check_overlay(int userns)
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
	    mount("overlay", "m", "overlay", 0, options + (finding.root ?
	    sizeof("userxattr") : 0)) == 0;
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
check_cgroups(void)
{
	char text[4096], path[4096 + 64], *end;
	const char *unified;
	int error = EACCES;

	if (!proc_read("self/cgroup", text, sizeof(text)))
		return errno;
	unified = strncmp(text, "0:", 2) == 0 ? "" : "unified";
	strbuf_add(&note, !*unified ? "v2" : access("/sys/fs/cgroup/unified",
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
		strbuf_add(&note, error ? ", writable: " : " ");
		error = 0;
		strbuf_add(&l, "/cgroup.controllers");
		if (!*name && proc_read(path, path, sizeof(path)))
			path[strcspn(path, "\n")] = '\0';
		strbuf_add(&note, *name ? name : path);
	}
	strbuf_add(&note, error ? ", no group is writable" : "");
	return error;
}

static int
check_landlock(void)
{
	int version = syscall(LANDLOCK_CREATE_RULESET, NULL, 0,
	    LANDLOCK_VERSION);

	if (version < 0)
		return errno;
	strbuf_add(&note, "version ");
	strbuf_number(&note, version);
	return 0;
}

static int
check_idmap(const char *path, int userns)
{
	if (userns < 0)
		return add_remark(NOT_APPLICABLE, "for root's user namespaces");
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
run_check(const struct row *r, const struct sandbox *s, int userns)
{
	switch (r->probe) {
	case KERNEL:
		return check_kernel();
	case PRIVATE:
		return error_of(make_private());
	case LOOPBACK:
		namespaces_set(s, CLONE_NEWNET);
		return 0;
	case MOUNTS:
		return error_of(check_mounts());
	case OVERLAY:
		return error_of(check_overlay(userns));
	case IDMAP:
	case IDMAP_TMP:
		return check_idmap(r->probe == IDMAP ? "." : "/tmp", userns);
	case PIVOT:
		return error_of(mount_scratch_here() &&
		    syscall(SYS_pivot_root, ".", ".") == 0);
	case FILTER:
		return error_of(check_filter(s));
	case CLONE3:            /* EINVAL: the struct is too small */
		syscall(SYS_clone3, NULL, 0);
		return errno == EINVAL ? 0 : errno;
	case LANDLOCKED:
		return check_landlock();
	case CGROUPS:
		return check_cgroups();
	case INJECTION:
		return add_remark(NOT_APPLICABLE, param_is("/proc/sys/dev/tty/"
		    "legacy_tiocsti", '0') ? "forbidden" : "possible");
	default:
		return error_of(check_call(r) >= 0);
	}
}

/* Act as the launcher, and start a child that acts as init in the namespaces of
 * the row. */
static void
check_in_namespaces(const struct row *r, const struct sandbox *s)
{
	const bool user = !without_user || r->probe == MORE_IDS;
	/* Root's launcher makes idmapped mounts itself. */
	const bool outside = user && finding.root && (r->probe == OVERLAY ||
	    r->probe == IDMAP || r->probe == IDMAP_TMP);
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
		write_finding(errno);
		return;
	}
	if (pid == 0) {
		close(gate[1]);
		if (read(gate[0], path, 1) != 1)
			_exit(0);
		if (user)
			ids_become();
		write_finding(run_check(r, s, -1));
		_exit(0);
	}
	if (user)
		ids_map(pid);
	if (outside)
		write_finding(run_check(r, s, openat(proc_fd(),
		    proc_of(path, pid, "ns/user"), O_RDONLY | O_CLOEXEC)));
	else
		(void)!write(gate[1], "", 1);
	close(gate[1]);
	waitpid(pid, &status, 0);
}

static _Noreturn void
check_process(const struct row *r)
{
	const struct rlimit none = { 0, 0 };
	struct sandbox s = { 0 };

	note = STRBUF(finding.text);
	/* An O_PATH descriptor discards messages: write(2) and poll(2) fail. */
	dup2(open("/", O_PATH | O_CLOEXEC), STDERR_FILENO);
	log_set_hook(report_check_error);
	syscall(SYS_prlimit64, 0, RLIMIT_CORE, &none, NULL);
	errno = 0;
	proc_open();
	finding.root = ids_root();
	if (r->probe == MORE_IDS && !finding.root)
		s.userns = USERNS_SUBID;
	if (r->in)
		check_in_namespaces(r, &s);
	else
		write_finding(run_check(r, &s, -1));
	_exit(0);
}

/* ---- remedies ----------------------------------------------------------- */

static const char *
doctor_remedy(int error, const struct row *r)
{
	const bool forbidden = error == EPERM || error == EACCES;
	const bool filtered = (error == EPERM || error == ENOSYS) &&
	    prctl(PR_GET_SECCOMP, 0, 0, 0, 0) > 0;

	if (error == ENOSPC && r->in)
		return "raise user.max_*_namespaces, sysctl(8)";
	if (forbidden && r->in && without_user)
		return "enable user namespaces, or run with CAP_SYS_ADMIN";
	if (forbidden && r->in && !finding.root) {
		if (param_is("/proc/sys/kernel/unprivileged_userns_clone", '0'))
			return "set sysctl "
			    "kernel.unprivileged_userns_clone=1";
		if (param_is("/proc/sys/kernel/"
		    "apparmor_restrict_unprivileged_userns", '1'))
			return "set sysctl kernel.apparmor_restrict_"
			    "unprivileged_userns=0, or add a profile for pith";
	}
	/* Filters usually return EPERM for calls that they know, and ENOSYS
	 * for others. */
	if (r->remedy[0] && !(filtered && error == ENOSYS))
		return r->remedy;
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
fill_fields(const struct row *r, const char *values[FIELDS],
    struct strbuf *config)
{
	const int error = finding.error;
	char *text = finding.text[0] ? finding.text : NULL;
	char *end = text ? strchr(text, ';') : NULL;

	values[NAME] = r->name;
	values[FOR] = r->probe >= CLONE3 ? r->detail : NULL;
	values[REMARK] = error > 0 ? NULL : text;
	values[ERROR] = error <= 0 ? NULL : text ? text : strerror(error);
	values[REMEDY] = error <= 0 ? NULL : end ? end + 2 :
	    doctor_remedy(error, r);
	if (end)
		*end = '\0';
	if (!values[REMEDY] && r->probe < CLONE3 && r->detail[0] &&
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

/* Run the check of a row and print the result. Returns finding.error. */
static int
run_row(const struct row *r, bool json, struct strbuf *l)
{
	static const char verdicts[2][3][6] = {
		{ "-    ", "yes  ", "no   " }, { "null", "true", "false" },
	};
	char text[48];
	struct strbuf config = STRBUF(text);
	const char *values[FIELDS];
	int ends[2], status;
	pid_t pid;

	finding.text[0] = '\0';
	finding.error = EPERM;          /* if a seccomp filter kills it */
	if (pipe2(ends, O_CLOEXEC) < 0 ||
	    (pid = namespaces_fork(0, NULL)) < 0)
		die("cannot make", "a process");
	finding_fd = ends[1];
	if (pid == 0)
		check_process(r);
	close(ends[1]);
	while (read(ends[0], &finding, sizeof(finding)) > 0)
		;
	close(ends[0]);
	waitpid(pid, &status, 0);
	fill_fields(r, values, &config);
	strbuf_add(l, !json ? "" : r->probe == KERNEL ? "{\"works\":" :
	    ",\n{\"works\":");
	strbuf_add(l, verdicts[json][1 + (finding.error > 0) -
	    (finding.error < 0)]);
	add_fields(l, values, json);
	print_buffer(l);
	return finding.error;
}

int
doctor_run(bool json)
{
	char text[1024];
	struct strbuf l = STRBUF(text);
	struct row r;
	const char *next = row_texts;
	int failed = 0;

	uname(&kernel);
	if (json) {
		add_parts(&l, "{\"kernel\":\"", kernel.release, "\",\"user\":");
		strbuf_number(&l, geteuid());
		strbuf_add(&l, ",\"checks\":[\n");
	}
	for (int i = 0; i < ROWS; i++) {
		bool bad;

		r.in = row_numbers[i].in;
		r.probe = row_numbers[i].probe;
		r.name = next;
		r.detail = r.name + strlen(r.name) + 1;
		r.remedy = r.detail + strlen(r.detail) + 1;
		next = r.remedy + strlen(r.remedy) + 1;
		bad = run_row(&r, json, &l) > 0;
		failed += bad && r.probe < CLONE3;
		if (r.in == USER && r.probe == NAMESPACE_ONLY)
			without_user = bad;
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
