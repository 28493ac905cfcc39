/* bench_sandbox PITH FLOOR TRUE: measure a sandbox of pith from start to exit
 * of a static true. Compare it with FLOOR (tests/floor_sandbox.c), a bare
 * program with the same system calls, and with every other installed launcher.
 * Then measure the cost of limits for the launchers that have them. Launchers
 * take turns in one run. Figures are ratios, because times alone do not apply
 * to other machines. Exits with 1 if pith misses a figure by more than noise in
 * the median of three repetitions. */
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

enum { REPETITIONS = 3, ROUNDS = 100, WARM = 5, WORDS = 40, MOST = 32 };

/* Ratio by which two equal runs may differ. */
static const double NOISE = 1.03;

struct launcher {
	const char *name;
	const char *text;       /* missing features of pith; limits */
	bool root, user;        /* users that can run it */
	bool seldom;            /* slow: run it in few rounds */
	/* Arguments, separated by blanks; the command is the last. %R: root,
	 * %S: state directory, %N: new name, %T: static true, %%: percent sign,
	 * %B: bundle without limits, %M: with a memory limit, %A: with
	 * three. */
	const char *words;
	bool there;
	char path[PATH_MAX];
	double median[REPETITIONS], p10[REPETITIONS];   /* microseconds */
};

/* The first three are used in figures. */
enum { PITH, FLOOR, BWRAP, NSPAWN = 6, LAUNCHERS };
static struct launcher launchers[LAUNCHERS] = {
	{ .name = "pith", .root = true, .user = true, .text = "nothing",
	    .words = "--rootfs %R -- /true" },
	{ .name = "smallest", .root = true, .text = "checks, forwarding",
	    .words = "%R /true" },
	{ .name = "bwrap", .root = true, .user = true,
	    .text = "overlay, masks, seccomp, /sys, control group",
	    .words = "--unshare-all --die-with-parent --new-session --clearenv "
	    "--cap-drop ALL --hostname pith --ro-bind %R / --proc /proc "
	    "--dev /dev --tmpfs /tmp -- /true" },
	{ .name = "unshare", .root = true, .user = true,
	    .text = "overlay, masks, seccomp, /sys, /dev, lo, drop of "
	    "capabilities, init, control group",
	    .words = "-mpuinUCf -r --kill-child --mount-proc -R %R /true" },
	{ .name = "crun", .root = true, .seldom = true,
	    .text = "overlay, ids of its own, init",
	    .words = "--root %S run -b %B %N" },
	{ .name = "runc", .root = true, .seldom = true,
	    .text = "overlay, ids of its own, init",
	    .words = "--root %S run -b %B %N" },
	{ .name = "systemd-nspawn", .root = true, .seldom = true,
	    .text = "nothing",
	    .words = "-q --register=no --keep-unit --private-network "
	    "--private-users=pick --volatile=overlay --as-pid2 "
	    "--timezone=off --resolv-conf=off -D %R /true" },
};

/* The same launchers with increasing limits. The first of each name has no
 * control group, if it can run without. */
#define ONE "--memory 64m "
#define ALL ONE "--cpus 0.5 --pids-limit 100 "
#define SCOPE "--scope -q --collect "
enum { LIMITED = 2, LIMITED_FLOOR = 5, LIMITED_BWRAP, COSTS = 20 };
static struct launcher costs[COSTS] = {
	{ .name = "pith", .root = true, .text = "no group",
	    .words = "--cgroups off --rootfs %R -- /true" },
	{ .name = "pith", .root = true, .text = "a group",
	    .words = "--rootfs %R -- /true" },
	{ .name = "pith", .root = true, .text = "memory",
	    .words = ONE "--rootfs %R -- /true" },
	{ .name = "pith", .root = true, .text = "memory, cpus, pids",
	    .words = ALL "--rootfs %R -- /true" },
	{ .name = "smallest", .root = true, .text = "a group",
	    .words = "%R /true" },
	{ .name = "smallest", .root = true, .text = "memory",
	    .words = "-m 67108864 %R /true" },
	{ .name = "bwrap", .root = true, .text = "no group",
	    .words = "--unshare-all --die-with-parent --new-session --clearenv "
	    "--cap-drop ALL --hostname pith --ro-bind %R / --proc /proc "
	    "--dev /dev --tmpfs /tmp -- /true" },
	{ .name = "crun", .root = true, .seldom = true, .text = "no group",
	    .words = "--root %S --cgroup-manager disabled run -b %B %N" },
	{ .name = "crun", .root = true, .seldom = true, .text = "a group",
	    .words = "--root %S run -b %B %N" },
	{ .name = "crun", .root = true, .seldom = true, .text = "memory",
	    .words = "--root %S run -b %M %N" },
	{ .name = "crun", .root = true, .seldom = true,
	    .text = "memory, cpus, pids",
	    .words = "--root %S run -b %A %N" },
	{ .name = "runc", .root = true, .seldom = true, .text = "a group",
	    .words = "--root %S run -b %B %N" },
	{ .name = "runc", .root = true, .seldom = true, .text = "memory",
	    .words = "--root %S run -b %M %N" },
	{ .name = "runc", .root = true, .seldom = true,
	    .text = "memory, cpus, pids",
	    .words = "--root %S run -b %A %N" },
	{ .name = "pith alone", .root = true, .text = "no group",
	    .words = "-- %T" },
	{ .name = "pith alone", .root = true, .text = "memory",
	    .words = ONE "-- %T" },
	{ .name = "pith alone", .root = true, .text = "memory, cpus, pids",
	    .words = ALL "-- %T" },
	{ .name = "systemd-run", .root = true, .seldom = true,
	    .text = "a group", .words = SCOPE "%T" },
	{ .name = "systemd-run", .root = true, .seldom = true,
	    .text = "memory", .words = SCOPE "-p MemoryMax=64M %T" },
	{ .name = "systemd-run", .root = true, .seldom = true,
	    .text = "memory, cpus, pids", .words = SCOPE "-p MemoryMax=64M "
	    "-p CPUQuota=50%% -p TasksMax=100 %T" },
};

/* Moving a process into a control group waits for an RCU grace period, unless
 * another process has just done so. The pause lets that grace period end. */
static const struct table {
	struct launcher *all;
	int count, rounds, seldom, pause_ms;
} both[2] = {
	{ launchers, LAUNCHERS, ROUNDS, ROUNDS / 10, 5 },
	{ costs, COSTS, ROUNDS / 3, ROUNDS / 10, 40 },
};

static const char *const DEBIAN[][2] = {
	{ "bwrap", "bubblewrap" }, { "unshare", "util-linux" },
	{ "crun", "crun" }, { "runc", "runc" },
	{ "systemd-nspawn", "systemd-container" }, { "systemd-run", "systemd" },
};

static char top[PATH_MAX / 2];
static FILE *complaints;
static int theirs;              /* stderr of the launchers */
static int missed;
static int ours, plain = -1;    /* mount namespaces */
static bool slow;               /* the machine is emulated */
static const char *pith_path, *floor_path, *true_path;

#define EACH(l, table) \
	for (struct launcher *l = (table)->all; \
	    l < (table)->all + (table)->count; l++) \
		if (l->there)

/* ---- a root and a bundle ------------------------------------------------ */

static const char *const directories[] = {
	"", "/state", "/bundle", "/memory", "/limits", "/root",
	"/root/proc", "/root/sys", "/root/dev", "/root/tmp", "/root/usr",
	"/root/etc", "/root/run", "/root/var", "/root/root"
};

static const char *const files[] = {
	"/root/true", "/root/etc/os-release", "/bundle/config.json",
	"/memory/config.json", "/limits/config.json"
};

static const char *const resources[] = {
	"", "\"memory\":{\"limit\":67108864}",
	"\"memory\":{\"limit\":67108864},"
	"\"cpu\":{\"quota\":50000,\"period\":100000},\"pids\":{\"limit\":100}"
};

/* Configuration for crun and runc, based on `runc spec`. */
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
    "\"linux\":{\"resources\":{%s},\"namespaces\":["
    "{\"type\":\"pid\"},{\"type\":\"network\"},"
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

/* Remove two groups that systemd-nspawn leaves below our group. */
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

/* Remove our files. Files that a launcher left behind stay, and are
 * reported. */
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
make_root(void)
{
	const char *dir = getenv("TMPDIR");
	char path[PATH_MAX];
	FILE *f;

	snprintf(top, sizeof(top), "%s/pith-bench.XXXXXX", dir ? dir : "/tmp");
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
	copy(true_path, path);
	path_in(path, files[1]);
	f = fopen(path, "w");
	if (!f || fprintf(f, "ID=bench\n") < 0 || fclose(f) != 0)
		die(path);
	for (int i = 0; i < 3; i++) {
		path_in(path, files[2 + i]);
		f = fopen(path, "w");
		if (!f || fprintf(f, CONFIG, top, resources[i]) < 0 ||
		    fclose(f) != 0)
			die(path);
	}
}

/* ---- running ------------------------------------------------------------ */

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

/* Expand the arguments of a launcher into text and argv. */
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
		} else if (*w != '%' || *++w == '%') {
			*next++ = *w;
		} else if (*w == 'N') {
			next += snprintf(next, end - next, "pith-bench-%d-%d",
			    getpid(), name++);
		} else {
			next += snprintf(next, end - next, "%s/%s", top,
			    *w == 'R' ? "root" : *w == 'T' ? "root/true" :
			    *w == 'B' ? "bundle" : *w == 'M' ? "memory" :
			    *w == 'A' ? "limits" : "state");
		}
	}
	*next = '\0';
	argv[n] = NULL;
}

/* True for launchers that refuse a system with controllers in both v1 and
 * v2. */
static bool
wants_plain(const struct launcher *l)
{
	return plain >= 0 && (strcmp(l->name, "crun") == 0 ||
	    strcmp(l->name, "runc") == 0 ||
	    strcmp(l->name, "systemd-nspawn") == 0);
}

/* Run a launcher. Returns its wait status and the time from start to exit. */
static int
run(struct launcher *l, double *took)
{
	char *argv[WORDS], text[PATH_MAX];
	double begun;
	int status;
	pid_t pid;

	words(l, argv, text);
	if (wants_plain(l) && setns(plain, CLONE_NEWNS) < 0)
		die("mount namespace");
	begun = now();
	if (posix_spawn(&pid, l->path, NULL, NULL, argv, environ) != 0 ||
	    waitpid(pid, &status, 0) != pid)
		die(l->name);
	*took = now() - begun;
	if (wants_plain(l) && setns(ours, CLONE_NEWNS) < 0)
		die("mount namespace");
	return status;
}

/* Wait until the kernel has destroyed the namespaces of the previous launcher,
 * so that the next one does not pay for it. */
static void
let_settle(int ms)
{
	const struct timespec pause = { 0, ms * 1000000L };

	nanosleep(&pause, NULL);
}

static void
run_well(struct launcher *l, double *took, int pause_ms)
{
	if (run(l, took) != 0) {
		errno = ECANCELED;
		die(l->name);
	}
	let_settle(pause_ms);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Return the step of a turn: positions and predecessors change between
 * turns. */
static int
step_of(int turn, int count)
{
	int step = turn / count % (count - 1) + 1, a = count, b;

	for (b = step; b > 0;) {
		int rest = a % b;

		a = b;
		b = rest;
	}
	return a == 1 ? step : 1;
}

static void
measure(const struct table *t, int repetition)
{
	static double samples[MOST][ROUNDS];
	const int rounds = slow ? t->rounds / 4 : t->rounds;
	const int every = t->rounds / t->seldom;

	for (int turn = 0; turn < WARM + rounds; turn++) {
		const int round = turn - WARM, step = step_of(turn, t->count);

		for (int n = 0; n < t->count; n++) {
			int at = (turn + n * step) % t->count;
			struct launcher *l = t->all + at;
			double took;

			if (!l->there || (l->seldom && (round < 0 ||
			    round % every != 0)))
				continue;
			run_well(l, &took, t->pause_ms);
			if (round >= 0)
				samples[at][round / (l->seldom ? every : 1)] =
				    took;
		}
	}
	EACH(l, t) {
		double *s = samples[l - t->all];
		int done = l->seldom ? (rounds + every - 1) / every : rounds;

		qsort(s, done, sizeof(*s), compare);
		l->median[repetition] = s[done / 2];
		l->p10[repetition] = s[done / 10];
	}
}

/* ---- finding ------------------------------------------------------------ */

static bool
find(struct launcher *l)
{
	static const char *const dirs[] = { "/usr/local/bin", "/usr/bin",
	    "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin" };
	const char *given = strncmp(l->name, "pith", 4) == 0 ? pith_path :
	    strcmp(l->name, "smallest") == 0 ? floor_path :
	    NULL;

	if (given) {
		snprintf(l->path, sizeof(l->path), "%s", given);
		return true;
	}
	for (size_t d = 0; d < sizeof(dirs) / sizeof(dirs[0]); d++) {
		snprintf(l->path, sizeof(l->path), "%s/%s", dirs[d], l->name);
		if (access(l->path, X_OK) == 0)
			return true;
	}
	return false;
}

/* Return the last line of a launcher on stderr. */
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

static void
skip(const struct launcher *l, const char *why)
{
	const bool cost = l >= costs && l < costs + COSTS;

	printf("skip - %s%s%s # %s\n", l->name, cost ? ", " : "",
	    cost ? l->text : "", why);
}

/* Run a launcher once, to check that it works here. */
static void
try(struct launcher *l)
{
	double took;
	int status;

	if (ftruncate(theirs, 0) < 0 || lseek(theirs, 0, SEEK_SET) < 0)
		die("memfd");
	status = run(l, &took);
	l->there = status == 0;
	/* So slow only if the machine is emulated. */
	slow |= l == launchers + FLOOR && took > 20e3;
	if (l->there)
		return;
	skip(l, reason(status));
	missed |= l == launchers + PITH || l == launchers + FLOOR;
}

static void
find_launchers(const struct table *t)
{
	const bool root = geteuid() == 0;

	for (struct launcher *l = t->all; l < t->all + t->count; l++) {
		char why[64] = "not installed";

		for (size_t i = 0; i < sizeof(DEBIAN) / sizeof(*DEBIAN); i++)
			if (strcmp(DEBIAN[i][0], l->name) == 0)
				snprintf(why, sizeof(why), "not installed (%s)",
				    DEBIAN[i][1]);
		if (root ? !l->root : !l->user)
			skip(l, "needs root");
		else if (!find(l))
			skip(l, why);
		else
			try(l);
	}
}

/* ---- reporting ---------------------------------------------------------- */

/* Return the median of the ratios, or of the times if base is NULL. */
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
	EACH(l, both) {
		printf("%-14s %9.0f %9.0f", l->name, middle(l->median, NULL),
		    middle(l->p10, NULL));
		print_ratio(l, FLOOR);
		print_ratio(l, BWRAP);
		printf(" %s\n", l->text);
	}
	printf("\n");
}

/* Print the cost of limits, compared with the first launcher of each name. */
static void
print_costs(void)
{
	const struct launcher *first = NULL;

	printf("cost of limits, ms\n"
	    "%-14s %-20s %9s %9s %9s\n", "", "", "median", "added", "");
	EACH(l, both + 1) {
		double is = middle(l->median, NULL);

		if (!first || strcmp(first->name, l->name) != 0)
			first = l;
		printf("%-14s %-20s %9.2f", l == first ? l->name : "", l->text,
		    is / 1e3);
		if (l == first)
			printf("\n");
		else
			printf(" %9.2f %8.2fx\n", (is - middle(first->median,
			    NULL)) / 1e3, middle(l->median, first->median));
	}
	printf("\n");
}

static void
figure(const char *what, const struct launcher *pith, const struct launcher *b,
    double most)
{
	double is;
	bool near;

	if (!pith->there || !b->there) {
		printf("skip - %s over %s # %s does not run\n", what, b->name,
		    pith->there ? b->name : "pith");
		return;
	}
	is = middle(pith->median, b->median);
	near = is <= most * NOISE;
	printf("%-8s %s over %s: %.2f, at most %.2f\n", is <= most ?
	    "reached" : near ? "noise" : "MISSED", what, b->name, is, most);
	missed |= !near;
}

/* ---- main --------------------------------------------------------------- */

/* Enter a mount namespace with its own /run, where systemd-nspawn leaves
 * directories. Make another one without v2 beside v1. */
static void
hide_the_machine(void)
{
	const char *self = "/proc/self/ns/mnt";

	if (geteuid() != 0)
		return;
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("mount namespace");
	if (mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, NULL) < 0)
		die("/run");
	ours = open(self, O_RDONLY | O_CLOEXEC);
	if (ours < 0 || unshare(CLONE_NEWNS) < 0)
		die("mount namespace");
	if (umount2("/sys/fs/cgroup/unified", 0) == 0)
		plain = open(self, O_RDONLY | O_CLOEXEC);
	if (setns(ours, CLONE_NEWNS) < 0)
		die("mount namespace");
}

int
main(int argc, char **argv)
{
	int empty[2];

	/* crun changes the owner of its standard descriptors to the root of its
	 * container: use a pipe without a writer, not a device of the host. */
	if (pipe2(empty, O_CLOEXEC) < 0 || dup2(empty[0], STDIN_FILENO) < 0)
		return 2;
	close(empty[1]);

	complaints = fdopen(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), "w");
	theirs = memfd_create("complaints", MFD_CLOEXEC);
	if (argc != 4 || !complaints || theirs < 0)
		return 2;
	pith_path = argv[1];
	floor_path = argv[2];
	true_path = argv[3];
	dup2(theirs, STDERR_FILENO);
	setvbuf(stdout, NULL, _IOLBF, 0);
	umask(022);
	hide_the_machine();
	make_root();
	for (int t = 0; t < 2; t++)
		find_launchers(both + t);
	/* Write new files to disk: their pages would count as dirty. */
	sync();
	for (int t = 0; t < 2; t++)
		for (int r = 0; r < REPETITIONS; r++)
			measure(both + t, r);
	print_times();
	print_costs();
	figure("sandbox", launchers + PITH, launchers + FLOOR, 1.2);
	/* Under emulation, waiting costs less than computing. */
	if (!slow)
		figure("sandbox", launchers + PITH, launchers + BWRAP, 0.75);
	/* The floor is missing if memory belongs to v1, where pith needs a
	 * group in each hierarchy. */
	if (costs[LIMITED_FLOOR].there)
		figure("with --memory", costs + LIMITED, costs + LIMITED_FLOOR,
		    1.2);
	if (costs[LIMITED_FLOOR].there && !slow)
		figure("with --memory", costs + LIMITED, costs + LIMITED_BWRAP,
		    0.75);
	return missed;
}
