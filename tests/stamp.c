/* For device_bench.sh. As process 1, started by the kernel: note the time and
 * become the init that argv[1] names. As its first line that is no sysinit:
 * print how long that took until now and what memory process 1 has, tell the
 * log of the kernel, and have the machine powered off: by that init, or at once
 * where argv[2] was there.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Not in the environment, which an init need not pass on. */
static const char NOTE[] = "/begun";

static long long
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static int
memory(void)
{
	char line[128];
	int kilobytes = -1;
	FILE *rollup;

	mount("proc", "/proc", "proc", 0, NULL);
	rollup = fopen("/proc/1/smaps_rollup", "r");
	while (rollup && fgets(line, sizeof(line), rollup))
		if (sscanf(line, "Rss: %d", &kilobytes) == 1)
			break;
	return kilobytes;
}

static int
begin(int argc, char **argv)
{
	FILE *note = fopen(NOTE, "w");

	if (!note)
		return 1;
	/* The kernel mounts it itself where it mounts a root, and has things to
	 * do after its start. */
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	usleep(500000);
	fprintf(note, "%lld %d", now(), argc > 2);
	fclose(note);
	execv(argv[1], (char *[]){ "/init", NULL });
	return 1;
}

int
main(int argc, char **argv)
{
	const long long at = now();
	long long begun = 0;
	int alone = 0, fd;
	FILE *note;

	if (getpid() == 1 && argc > 1)
		return begin(argc, argv);
	note = fopen(NOTE, "r");
	if (!note || fscanf(note, "%lld %d", &begun, &alone) != 2)
		return 1;
	/* It has started us, and is to come to rest. */
	usleep(300000);
	printf("\nstamp %lld %d\n", at - begun, memory());
	fflush(stdout);
	mkdir("/dev", 0755);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	fd = open("/dev/kmsg", O_WRONLY);
	if (fd >= 0)
		dprintf(fd, "<0>asked");
	if (alone)
		reboot(RB_POWER_OFF);
	kill(1, SIGUSR2);
	return 0;
}
