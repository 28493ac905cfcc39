/* bench PITH CHART: measure pith and every other installed init, print tables,
 * and draw a chart (SVG). The inits take turns in one run. Figures are ratios,
 * because times alone do not apply to other machines. Exits with 1 if pith
 * misses a figure by more than noise in the median of three repetitions. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum {
	REPETITIONS = 3, ROUNDS = 1000, WARM = 50, ORPHANS = 5000,
	ZOMBIES = 20000, MOST_BYTES = 192 * 1024
};

/* Ratio by which two equal runs may differ. */
static const double NOISE = 1.03;

enum measure { START, SIGNAL, ORPHAN, BURST, MEASURES };

struct init {
	const char *name;
	const char *option[2];          /* before the command; NULL: none */
	bool there;
	char path[PATH_MAX];
	pid_t pid;                      /* running; its child writes to fd */
	int fd;
	long size, rss, pss, dirty, pte;
	int libraries;
	ino_t inode;
	/* Microseconds, per repetition. */
	double median[MEASURES][REPETITIONS], p10[MEASURES][REPETITIONS];
	double bar[3];                  /* values in the chart */
};

/* The first two are the baselines. */
enum { DIRECT, FLOOR, PITH, TINI_STATIC = 4, INITS = 8 };
static struct init inits[INITS] = {
	{ .name = "no init" },
	{ .name = "smallest init", .option = { "--" } },
	{ .name = "pith", .option = { "--" } },
	{ .name = "tini", .option = { "-s", "--" } },
	{ .name = "tini-static", .option = { "-s", "--" } },
	/* -c: in our session, like the others. */
	{ .name = "dumb-init", .option = { "-c", "--" } },
	{ .name = "catatonit", .option = { "--" } },
	{ .name = "docker-init", .option = { "-s", "--" } },
};

static FILE *complaints;
static int missed;

#define EACH(i, first) \
	for (struct init *i = inits + (first); i < inits + INITS; i++) \
		if (i->there)

static _Noreturn void
die(const char *what)
{
	fprintf(complaints, "bench: %s: %s\n", what, strerror(errno));
	exit(2);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
middle(const double *values)
{
	double sorted[REPETITIONS];

	memcpy(sorted, values, sizeof(sorted));
	qsort(sorted, REPETITIONS, sizeof(double), compare);
	return sorted[REPETITIONS / 2];
}

/* ---- running ------------------------------------------------------------ */

/* Make the argv of a command under an init. */
static void
words(struct init *i, char *argv[8], const char *command, const char *a,
    const char *b)
{
	int n = 0;

	if (i != inits + DIRECT)
		argv[n++] = i->path;
	for (int o = 0; o < 2; o++)
		if (i->option[o])
			argv[n++] = (char *)i->option[o];
	argv[n++] = (char *)command;
	argv[n++] = (char *)a;
	argv[n++] = (char *)b;
	argv[n] = NULL;
}

static double
start_once(struct init *i)
{
	char *argv[8];
	double begun;
	int status;
	pid_t pid;

	words(i, argv, inits[DIRECT].path, NULL, NULL);
	begun = now();
	if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) != 0)
		die(argv[0]);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		die(i->name);
	return now() - begun;
}

static char
hear(struct init *i)
{
	char c;

	if (read(i->fd, &c, 1) != 1)
		die(i->name);
	return c;
}

/* Start an init with a command of floor, which writes to i->fd. flags are for
 * clone(2). */
static void
begin(struct init *i, unsigned long flags, const char *mode, const char *n)
{
	char *argv[8];
	int ends[2];

	words(i, argv, inits[FLOOR].path, mode, n);
	if (pipe2(ends, O_CLOEXEC) < 0)
		die("pipe");
	i->pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0L);
	if (i->pid < 0)
		die("clone");
	if (i->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		dup2(ends[1], STDOUT_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
	close(ends[1]);
	i->fd = ends[0];
}

static void
end(struct init *i, int sig)
{
	if (sig)
		kill(i->pid, sig);
	if (waitpid(i->pid, NULL, 0) < 0)
		die(i->name);
	close(i->fd);
}

/* Send a signal to the child through its init, and wait for the answer. */
static double
signal_once(struct init *i)
{
	double begun = now();

	kill(i->pid, SIGUSR1);
	hear(i);
	return now() - begun;
}

/* Return microseconds per orphan. */
static double
orphans_once(struct init *i)
{
	char n[16];
	double begun = now();

	snprintf(n, sizeof(n), "%d", ORPHANS);
	begin(i, CLONE_NEWPID, "orphans", n);
	end(i, 0);
	return (now() - begun) / ORPHANS;
}

/* Return the longest delay of a signal while the init reaps zombies. */
static double
burst_once(struct init *i)
{
	double longest = 0;
	char n[16], said;

	snprintf(n, sizeof(n), "%d", ZOMBIES);
	begin(i, CLONE_NEWPID, "zombies", n);
	hear(i);
	kill(i->pid, SIGUSR2);
	do {
		double begun = now(), delay;

		kill(i->pid, SIGUSR1);
		said = hear(i);
		delay = now() - begun;
		if (delay > longest)
			longest = delay;
	} while (said != 'd');
	end(i, SIGKILL);
	return longest;
}

/* ---- measuring ---------------------------------------------------------- */

/* Measure all inits. Each round has another order: all starting points, and
 * steps of 1, 3, 5 and 7. */
static void
measure(enum measure m, int repetition, int first, int warm, int rounds,
    double (*once)(struct init *))
{
	static double samples[INITS][ROUNDS];

	for (int round = -warm; round < rounds; round++) {
		for (int n = 0; n < INITS; n++) {
			int turn = round + warm;
			int step = turn / INITS % 4 * 2 + 1;
			int at = (turn + n * step) % INITS;
			double took;

			if (!inits[at].there || at < first)
				continue;
			took = once(inits + at);
			if (round >= 0)
				samples[at][round] = took;
		}
	}
	EACH(i, first) {
		double *s = samples[i - inits];

		qsort(s, rounds, sizeof(*s), compare);
		i->median[m][repetition] = s[rounds / 2];
		i->p10[m][repetition] = s[rounds / 10];
	}
}

static long
field(const char *file, const struct init *i, const char *key)
{
	char path[64], line[256];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", i->pid, file);
	f = fopen(path, "r");
	if (!f)
		die(path);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			value = atol(line + strlen(key));
	fclose(f);
	return value;
}

/* Count the shared libraries, without the loader. */
static int
libraries(const struct init *i)
{
	char path[64], line[512];
	int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", i->pid);
	f = fopen(path, "r");
	if (!f)
		die(path);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, " r-x") && strstr(line, ".so") &&
		    !strstr(line, "/ld-");
	fclose(f);
	return n;
}

/* Measure an idle init after a signal: all code of its loop has run. */
static void
measure_memory(struct init *i)
{
	signal_once(i);
	signal_once(i);
	i->rss = field("smaps_rollup", i, "Rss:");
	i->pss = field("smaps_rollup", i, "Pss:");
	i->dirty = field("smaps_rollup", i, "Private_Dirty:");
	i->pte = field("status", i, "VmPTE:");
	i->libraries = libraries(i);
}

/* Run all measures once. Repetitions of a measure are far apart, so that a
 * disturbance affects only one. */
static void
measure_all(int repetition)
{
	measure(START, repetition, DIRECT, WARM, ROUNDS, start_once);
	EACH(i, FLOOR) {
		begin(i, 0, "answer", NULL);
		hear(i);
		if (repetition == 0)
			measure_memory(i);
	}
	measure(SIGNAL, repetition, FLOOR, WARM, ROUNDS, signal_once);
	EACH(i, FLOOR)
		end(i, SIGTERM);
	if (geteuid() != 0)
		return;
	measure(ORPHAN, repetition, FLOOR, 0, 3, orphans_once);
	measure(BURST, repetition, FLOOR, 0, 1, burst_once);
}

/* ---- finding ------------------------------------------------------------ */

/* Search the directories of programs, and that of podman. */
static bool
find(struct init *i)
{
	static const char *const dirs[] = { "/usr/local/bin", "/usr/bin",
	    "/bin", "/usr/sbin", "/sbin", "/usr/libexec/podman" };

	for (size_t d = 0; d < sizeof(dirs) / sizeof(dirs[0]); d++) {
		snprintf(i->path, sizeof(i->path), "%s/%s", dirs[d], i->name);
		if (access(i->path, X_OK) == 0)
			return true;
	}
	return false;
}

static void
find_inits(const char *here, const char *pith)
{
	snprintf(inits[DIRECT].path, PATH_MAX, "%s/true", here);
	snprintf(inits[FLOOR].path, PATH_MAX, "%s/floor", here);
	snprintf(inits[PITH].path, PATH_MAX, "%s", pith);
	for (struct init *i = inits; i < inits + INITS; i++) {
		struct stat st;

		if (i > inits + PITH && !find(i)) {
			printf("skip - %s # not installed (make deps-all)\n",
			    i->name);
			continue;
		}
		if (stat(i->path, &st) < 0)
			die(i->path);
		i->there = st.st_ino != inits[TINI_STATIC].inode;
		if (!i->there)
			printf("%s is tini-static\n", i->name);
		i->inode = st.st_ino;
		i->size = st.st_size;
	}
}

/* ---- reporting ---------------------------------------------------------- */

/* Return the median ratio of the repetitions. */
static double
ratio(const struct init *i, int base, enum measure m, bool p10)
{
	double r[REPETITIONS];

	for (int n = 0; n < REPETITIONS; n++)
		r[n] = p10 ? i->p10[m][n] / inits[base].p10[m][n] :
		    i->median[m][n] / inits[base].median[m][n];
	return middle(r);
}

static void
print_times(enum measure m, const char *title, int first, int base)
{
	printf("\n%s, us\n%-14s %9s %9s  against %s\n", title, "", "median",
	    "p10", inits[base].name);
	EACH(i, first)
		printf("%-14s %9.1f %9.1f %7.2fx %7.2fx\n", i->name,
		    middle(i->median[m]), middle(i->p10[m]),
		    ratio(i, base, m, false), ratio(i, base, m, true));
}

static void
print_sizes(void)
{
	printf("\nidle memory, KiB, and the file\n"
	    "%-14s %6s %6s %6s %6s %9s %5s\n",
	    "", "Rss", "Pss", "dirty", "PTE", "bytes", "libs");
	EACH(i, FLOOR)
		printf("%-14s %6ld %6ld %6ld %6ld %9ld %5d\n", i->name, i->rss,
		    i->pss, i->dirty, i->pte, i->size, i->libraries);
}

/* Print a figure. If it does not bind, because it depends on the load of the
 * machine, missing it is no failure. */
static void
figure(const char *what, double is, double most, double noise, bool binds)
{
	bool near = is <= most * noise;

	printf("%-8s %s: %.2f, at most %.2f\n", is <= most ? "reached" :
	    near ? "noise" : binds ? "MISSED" : "above", what, is, most);
	missed |= binds && !near;
}

/* Return the ratio of pith to the best other init. */
static double
over_best(enum measure m)
{
	double least = 1e9;

	EACH(i, PITH + 1)
		if (ratio(i, PITH, m, false) < least)
			least = ratio(i, PITH, m, false);
	return 1 / least;
}

/* Check the start time. The cost of one more process differs between machines
 * and runs: scale the figure, which was set when the smallest init took 2.1
 * times as long as no init. */
static void
start_figure(const char *what, bool p10, double most)
{
	double floor = ratio(inits + FLOOR, DIRECT, START, p10) / 2.1;

	figure(what, ratio(inits + PITH, DIRECT, START, p10),
	    floor > 1 ? most * floor : most, NOISE, true);
}

static void
print_figures(void)
{
	const struct init *pith = inits + PITH;

	printf("\n");
	start_figure("start over no init, median", false, 2.7);
	start_figure("start over no init, p10", true, 2.5);
	figure("private dirty, KiB", pith->dirty, 28, 1, true);
	figure("signal over the smallest init",
	    ratio(pith, FLOOR, SIGNAL, false), 1.1, NOISE, true);
	figure("bytes", pith->size, MOST_BYTES, 1, true);
	if (geteuid() != 0)
		return;
	figure("time for an orphan, over the best other", over_best(ORPHAN), 1,
	    NOISE, false);
	figure("delay while zombies are reaped, over the best other",
	    over_best(BURST), 1, NOISE, false);
}

/* ---- drawing ------------------------------------------------------------ */

enum { NAMES = 84, PANEL = 210, BAR = 120, ROW = 22, TOP = 36 };

static void
draw(FILE *f, int panel, const char *title, const char *unit,
    int decimals)
{
	int x = NAMES + panel * PANEL, y = TOP;
	double most = 1;

	fprintf(f, "<text class=\"t\" x=\"%d\" y=\"20\">%s</text>\n", x, title);
	EACH(i, PITH)
		if (i->bar[panel] > most)
			most = i->bar[panel];
	EACH(i, PITH) {
		double width = i->bar[panel] / most * BAR;

		if (panel == 0)
			fprintf(f, "<text class=\"n\" x=\"%d\" y=\"%d\">%s"
			    "</text>", x - 8, y + 11, i->name);
		fprintf(f, "<rect%s x=\"%d\" y=\"%d\" width=\"%.1f\" "
		    "height=\"14\"/><text x=\"%.1f\" y=\"%d\">%.*f%s%s"
		    "</text>\n",
		    i == inits + PITH ? " class=\"p\"" : "", x, y,
		    width < 2 ? 2 : width, x + width + 6, y + 11, decimals,
		    i->bar[panel], unit,
		    panel == 2 && i->libraries ? " + libc" : "");
		y += ROW;
	}
}

/* Colours are readable on white and on black, because README pages have
 * both. */
static void
draw_chart(const char *path)
{
	FILE *f = fopen(path, "w");
	int rows = 0;

	if (!f)
		die(path);
	EACH(i, PITH) {
		rows++;
		i->bar[0] = ratio(i, DIRECT, START, false);
		i->bar[1] = i->dirty;
		i->bar[2] = i->size / 1024.0;
	}
	fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
	    "height=\"%d\" role=\"img\" aria-label=\"start cost, memory and "
	    "file size of pith and other inits\">\n<style>"
	    "text{font:12px sans-serif;fill:#7a838d}"
	    ".t{font-weight:bold}.n{text-anchor:end}"
	    "rect{fill:#8c959f;fill-opacity:.55}"
	    ".p{fill:#2f81f7;fill-opacity:1}</style>\n",
	    NAMES + 3 * PANEL, TOP + rows * ROW);
	draw(f, 0, "start, against no init", "\303\227", 1);
	draw(f, 1, "private memory when idle", " KiB", 0);
	draw(f, 2, "file", " KiB", 0);
	fprintf(f, "</svg>\n");
	if (fclose(f) != 0)
		die(path);
}

/* ---- main --------------------------------------------------------------- */

static void
print_all(void)
{
	print_times(START, "start of a static true, to its end", DIRECT,
	    DIRECT);
	print_sizes();
	print_times(SIGNAL, "signal to the child and its answer", FLOOR, FLOOR);
	if (geteuid() == 0) {
		print_times(ORPHAN, "an orphan, made and reaped", FLOOR, PITH);
		print_times(BURST, "longest delay of a signal while 20000 "
		    "zombies are reaped", FLOOR, PITH);
	} else
		printf("\nskip - orphans # needs root\n");
	print_figures();
}

int
main(int argc, char **argv)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char here[PATH_MAX - 8] = "";

	complaints = fdopen(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), "w");
	if (argc != 3 || null < 0 || !complaints)
		return 2;
	/* Give the inits no terminal, and drop their warnings. */
	dup2(null, STDIN_FILENO);
	dup2(null, STDERR_FILENO);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (readlink("/proc/self/exe", here, sizeof(here) - 1) < 0)
		die("/proc/self/exe");
	*strrchr(here, '/') = '\0';
	find_inits(here, argv[1]);
	/* Write new files to disk: their pages would count as dirty. */
	sync();
	for (int r = 0; r < REPETITIONS; r++)
		measure_all(r);
	print_all();
	draw_chart(argv[2]);
	return missed;
}
