/* bench_sandbox PITH FLOOR TRUE: measure a sandbox of pith, start to exit of a
 * static true, against a bare program with the same system calls (FLOOR,
 * tests/floor_sandbox.c) and against every other launcher that is installed.
 * All take turns in one run and are compared by ratios: times alone say nothing
 * about another machine. Ends with 1 where pith misses a figure by more than
 * noise in the middle one of three repetitions. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { REPETITIONS = 3, ROUNDS = 100, SELDOM = 10, WARM = 5, WORDS = 40 };

/* What two runs of the same thing may differ by. */
static const double NOISE = 1.03;

struct launcher {
	const char *name;
	const char *lacks;      /* of what pith's preset does */
	bool root, user;        /* who can run it */
	bool seldom;            /* every tenth round: it takes long */
	/* Parted by blanks. %R the root, %B the bundle, %S a directory for
	 * states, %N a new name; the command is the last. */
	const char *words;
	bool there;
	char path[PATH_MAX];
	double median[REPETITIONS], p10[REPETITIONS];   /* microseconds */
};

/* The first three are what others are compared with. */
enum { PITH, FLOOR, BWRAP, NSPAWN = 6, LAUNCHERS };
static struct launcher launchers[LAUNCHERS] = {
	{ .name = "pith", .root = true, .user = true,
	    .lacks = "nothing",
	    .words = "--rootfs %R -- /true" },
	{ .name = "smallest", .root = true, .lacks = "checks, forwarding",
	    .words = "%R /true" },
	{ .name = "bwrap", .root = true, .user = true,
	    .lacks = "overlay, masks, seccomp, /sys",
	    .words = "--unshare-all --die-with-parent --new-session --clearenv "
	    "--cap-drop ALL --hostname pith --ro-bind %R / --proc /proc "
	    "--dev /dev --tmpfs /tmp -- /true" },
	{ .name = "unshare", .root = true, .user = true,
	    .lacks = "overlay, masks, seccomp, /sys, /dev, lo, drop of "
	    "capabilities, init",
	    .words = "-mpuinUCf -r --kill-child --mount-proc -R %R /true" },
	{ .name = "crun", .root = true, .seldom = true,
	    .lacks = "overlay, ids of its own, init; adds cgroups",
	    .words = "--root %S run -b %B %N" },
	{ .name = "runc", .root = true, .seldom = true,
	    .lacks = "overlay, ids of its own, init; adds cgroups",
	    .words = "--root %S run -b %B %N" },
	{ .name = "systemd-nspawn", .root = true, .seldom = true,
	    .lacks = "nothing",
	    .words = "-q --register=no --keep-unit --private-network "
	    "--private-users=pick --volatile=overlay --as-pid2 "
	    "--timezone=off --resolv-conf=off -D %R /true" },
};

static const char *const DEBIAN[LAUNCHERS] = {
	[BWRAP] = "bubblewrap", "util-linux", "crun", "runc",
	"systemd-container",
};

static char top[] = "/tmp/pith-bench.XXXXXX";
static FILE *complaints;
static int theirs;              /* what launchers write to stderr */
static int missed;

#define EACH(l) \
	for (struct launcher *l = launchers; l < launchers + LAUNCHERS; l++) \
		if (l->there)

/* ---- a root and a bundle ------------------------------------------------ */

static const char *const directories[] = {
	"", "/state", "/bundle", "/root", "/root/proc", "/root/sys",
	"/root/dev", "/root/tmp", "/root/usr", "/root/etc", "/root/run",
	"/root/var", "/root/root"
};

static const char *const files[] = {
	"/root/true", "/root/etc/os-release", "/bundle/config.json"
};

/* What both take, and `runc spec` writes, but for limits. */
static const char CONFIG[] = "{\"ociVersion\":\"1.0.2\",\"hostname\":\"pith\","
    "\"root\":{\"path\":\"%s/root\",\"readonly\":true},\"process\":{"
    "\"terminal\":false,\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"/true\"],"
    "\"env\":[\"PATH=/bin\"],\"cwd\":\"/\",\"noNewPrivileges\":true,"
    "\"capabilities\":{}},\"mounts\":["
    "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
    "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
    "\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=64k\"]},"
    "{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","
    "\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\","
    "\"mode=0620\",\"gid=5\"]},"
    "{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","
    "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\"]},"
    "{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\","
    "\"source\":\"mqueue\",\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
    "{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","
    "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]}],"
    "\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},"
    "{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"},"
    "{\"type\":\"cgroup\"}],\"maskedPaths\":[\"/proc/acpi\",\"/proc/asound\","
    "\"/proc/kcore\",\"/proc/keys\",\"/proc/latency_stats\","
    "\"/proc/timer_list\",\"/proc/sched_debug\",\"/proc/scsi\","
    "\"/sys/firmware\"],\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\","
    "\"/proc/irq\",\"/proc/sys\",\"/proc/sysrq-trigger\"]}}\n";

static void
path_in(char path[PATH_MAX], const char *name)
{
	snprintf(path, PATH_MAX, "%s%s", top, name);
}

/* Below the group that we are in, systemd-nspawn leaves two of its own. */
static void
remove_groups(void)
{
	char line[PATH_MAX / 2], path[PATH_MAX];
	FILE *f = fopen("/proc/self/cgroup", "r");

	while (f && fgets(line, sizeof(line), f)) {
		char *named = strstr(line, ":name=systemd:/");
		char *group = strchr(line, '/');

		if (!group || (!named && strncmp(line, "0::/", 4) != 0))
			continue;
		group[strcspn(group, "\n")] = '\0';
		for (int i = 0; i < 2; i++) {
			snprintf(path, sizeof(path), "/sys/fs/cgroup%s%s/%s",
			    named ? "/systemd" : "", group, i ? "payload" :
			    "supervisor");
			rmdir(path);
		}
	}
	if (f)
		fclose(f);
}

/* What launchers may have made in there, they have removed again: what is not
 * on the lists stays, and is seen. */
static void
clean(void)
{
	char path[PATH_MAX];

	if (launchers[NSPAWN].path[0])
		remove_groups();
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		path_in(path, files[i]);
		unlink(path);
	}
	for (size_t i = sizeof(directories) / sizeof(directories[0]); i > 0;) {
		path_in(path, directories[--i]);
		if (rmdir(path) < 0 && errno != ENOENT)
			fprintf(complaints, "bench: left behind: %s: %s\n",
			    path, strerror(errno));
	}
}

static _Noreturn void
die(const char *what)
{
	fprintf(complaints, "bench: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void
copy(const char *from, const char *to)
{
	static char bytes[1 << 20];
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	size_t n;

	if (!in || !out)
		die(in ? to : from);
	n = fread(bytes, 1, sizeof(bytes), in);
	if (n == 0 || !feof(in) || fwrite(bytes, 1, n, out) != n ||
	    fclose(out) != 0 || chmod(to, 0755) < 0)
		die(to);
	fclose(in);
}

static void
make_root(const char *program)
{
	char path[PATH_MAX];
	FILE *f;

	if (!mkdtemp(top) || chmod(top, 0755) < 0)
		die(top);
	atexit(clean);
	for (size_t i = 1; i < sizeof(directories) / sizeof(directories[0]);
	    i++) {
		path_in(path, directories[i]);
		if (mkdir(path, 0755) < 0)
			die(path);
	}
	path_in(path, files[0]);
	copy(program, path);
	path_in(path, files[1]);
	f = fopen(path, "w");
	if (!f || fprintf(f, "ID=bench\n") < 0 || fclose(f) != 0)
		die(path);
	path_in(path, files[2]);
	f = fopen(path, "w");
	if (!f || fprintf(f, CONFIG, top) < 0 || fclose(f) != 0)
		die(path);
}

/* ---- running ------------------------------------------------------------ */

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

/* The words of a launcher, with names in place of letters, in text. */
static void
words(struct launcher *l, char *argv[WORDS], char text[PATH_MAX])
{
	static int name;
	char *next = text, *end = text + PATH_MAX;
	int n = 0;

	argv[n++] = l->path;
	argv[n++] = next;
	for (const char *w = l->words; *w; w++) {
		if (*w == ' ') {
			*next++ = '\0';
			argv[n++] = next;
		} else if (*w != '%') {
			*next++ = *w;
		} else if (*++w == 'N') {
			next += snprintf(next, end - next, "pith-bench-%d-%d",
			    getpid(), name++);
		} else {
			next += snprintf(next, end - next, "%s/%s", top,
			    *w == 'R' ? "root" : *w == 'B' ? "bundle" :
			    "state");
		}
	}
	*next = '\0';
	argv[n] = NULL;
}

/* The wait status, and the time from before the start to the end. */
static int
run(struct launcher *l, double *took)
{
	char *argv[WORDS], text[PATH_MAX];
	double begun;
	int status;
	pid_t pid;

	words(l, argv, text);
	begun = now();
	if (posix_spawn(&pid, l->path, NULL, NULL, argv, environ) != 0 ||
	    waitpid(pid, &status, 0) != pid)
		die(l->name);
	*took = now() - begun;
	return status;
}

/* The kernel takes namespaces apart after their last process has ended: not at
 * the cost of the next one. */
static void
let_settle(void)
{
	const struct timespec pause = { 0, 5000000 };

	nanosleep(&pause, NULL);
}

static void
run_well(struct launcher *l, double *took)
{
	if (run(l, took) != 0) {
		errno = ECANCELED;
		die(l->name);
	}
	let_settle();
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* In another order each round: all beginnings, and steps of 1 to 6. */
static void
measure(int repetition)
{
	static double samples[LAUNCHERS][ROUNDS];

	for (int turn = 0; turn < WARM + ROUNDS; turn++) {
		const int round = turn - WARM;
		const int step = turn / LAUNCHERS % (LAUNCHERS - 1) + 1;

		for (int n = 0; n < LAUNCHERS; n++) {
			int at = (turn + n * step) % LAUNCHERS;
			struct launcher *l = launchers + at;
			double took;

			if (!l->there || (l->seldom && (round < 0 ||
			    round % SELDOM != 0)))
				continue;
			run_well(l, &took);
			if (round >= 0)
				samples[at][round / (l->seldom ? SELDOM : 1)] =
				    took;
		}
	}
	EACH(l) {
		double *s = samples[l - launchers];
		int rounds = l->seldom ? ROUNDS / SELDOM : ROUNDS;

		qsort(s, rounds, sizeof(*s), compare);
		l->median[repetition] = s[rounds / 2];
		l->p10[repetition] = s[rounds / 10];
	}
}

/* ---- finding ------------------------------------------------------------ */

static bool
find(struct launcher *l)
{
	static const char *const dirs[] = { "/usr/local/bin", "/usr/bin",
	    "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin" };

	for (size_t d = 0; d < sizeof(dirs) / sizeof(dirs[0]); d++) {
		snprintf(l->path, sizeof(l->path), "%s/%s", dirs[d], l->name);
		if (access(l->path, X_OK) == 0)
			return true;
	}
	return false;
}

/* The last line that a launcher has complained with. */
static const char *
reason(int status)
{
	static char text[512];
	ssize_t n = pread(theirs, text, sizeof(text) - 1, 0);
	char *last;

	text[n < 0 ? 0 : n] = '\0';
	for (n = strlen(text); n > 0 && text[n - 1] == '\n';)
		text[--n] = '\0';
	last = strrchr(text, '\n');
	if (n == 0)
		snprintf(text, sizeof(text), "ends with wait status %#x",
		    status);
	return last ? last + 1 : text;
}

/* Once, to see whether it can work here. */
static void
try(struct launcher *l)
{
	double took;
	int status;

	if (ftruncate(theirs, 0) < 0 || lseek(theirs, 0, SEEK_SET) < 0)
		die("memfd");
	status = run(l, &took);
	l->there = status == 0;
	if (l->there)
		return;
	printf("skip - %s # %s\n", l->name, reason(status));
	missed |= l <= launchers + FLOOR;       /* no figure without them */
}

static void
find_launchers(const char *pith, const char *floor)
{
	const bool root = geteuid() == 0;

	snprintf(launchers[PITH].path, PATH_MAX, "%s", pith);
	snprintf(launchers[FLOOR].path, PATH_MAX, "%s", floor);
	for (struct launcher *l = launchers; l < launchers + LAUNCHERS; l++)
		if (root ? !l->root : !l->user)
			printf("skip - %s # needs root\n", l->name);
		else if (l > launchers + FLOOR && !find(l))
			printf("skip - %s # not installed (%s)\n", l->name,
			    DEBIAN[l - launchers]);
		else
			try(l);
}

/* ---- telling ------------------------------------------------------------ */

/* The middle one of the ratios of the repetitions, or of the times. */
static double
middle(const double *values, const double *base)
{
	double r[REPETITIONS];

	for (int n = 0; n < REPETITIONS; n++)
		r[n] = values[n] / (base ? base[n] : 1);
	qsort(r, REPETITIONS, sizeof(double), compare);
	return r[REPETITIONS / 2];
}

static void
print_ratio(const struct launcher *l, int base)
{
	const struct launcher *b = launchers + base;

	if (b->there)
		printf(" %7.2fx %7.2fx", middle(l->median, b->median),
		    middle(l->p10, b->p10));
	else
		printf(" %8s %8s", "-", "-");
}

static void
print_times(void)
{
	printf("\na sandbox, start to exit of a static true, us\n"
	    "%-14s %9s %9s  against %-9s against %-9s without\n", "",
	    "median", "p10", launchers[FLOOR].name, launchers[BWRAP].name);
	EACH(l) {
		printf("%-14s %9.0f %9.0f", l->name, middle(l->median, NULL),
		    middle(l->p10, NULL));
		print_ratio(l, FLOOR);
		print_ratio(l, BWRAP);
		printf(" %s\n", l->lacks);
	}
	printf("\n");
}

static void
figure(int base, double most)
{
	const struct launcher *pith = launchers + PITH, *b = launchers + base;
	double is;
	bool near;

	if (!pith->there || !b->there) {
		printf(pith->there ? "skip - sandbox over %s # it does not "
		    "run\n" : "MISSED   sandbox over %s: pith does not run\n",
		    b->name);
		return;
	}
	is = middle(pith->median, b->median);
	near = is <= most * NOISE;
	printf("%-8s sandbox over %s: %.2f, at most %.2f\n", is <= most ?
	    "reached" : near ? "noise" : "MISSED", b->name, is, most);
	missed |= !near;
}

/* ---- the whole ---------------------------------------------------------- */

/* In a mount namespace of our own: crun refuses a machine with controllers in
 * both hierarchies of cgroups, systemd-nspawn leaves directories in /run. */
static void
hide_the_machine(void)
{
	if (geteuid() != 0)
		return;
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("mount namespace");
	umount2("/sys/fs/cgroup/unified", 0);
	if (mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, NULL) < 0)
		die("/run");
}

int
main(int argc, char **argv)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	complaints = fdopen(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), "w");
	theirs = memfd_create("complaints", MFD_CLOEXEC);
	if (argc != 4 || null < 0 || !complaints || theirs < 0)
		return 2;
	dup2(null, STDIN_FILENO);
	dup2(theirs, STDERR_FILENO);
	setvbuf(stdout, NULL, _IOLBF, 0);
	umask(022);
	hide_the_machine();
	make_root(argv[3]);
	find_launchers(argv[1], argv[2]);
	/* The pages of a fresh file count as dirty. */
	sync();
	for (int r = 0; r < REPETITIONS; r++)
		measure(r);
	print_times();
	figure(FLOOR, 1.2);
	figure(BWRAP, 0.75);
	return missed;
}
