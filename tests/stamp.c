/* Timer for device_bench.sh. As process 1: record the time and exec the init
 * that argv[1] names. As that init's first service after sysinit: print the
 * time since then and the memory of process 1, and write to the kernel log.
 * Then power the machine off: by the init, or directly if argv[2] was given.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A file, because an init need not pass the environment on. */
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
	/* Mount /dev, which the kernel mounts only with a real root, and wait
	 * until the kernel has finished its own start. */
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
	/* Wait until the init is idle after starting us. */
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
