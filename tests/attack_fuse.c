/* attack_fuse DIR: mount a FUSE file system that never answers on DIR, print
 * "ready", and wait for SIGTERM. Needs root. fuse(4) */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	const int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[64];

	snprintf(options, sizeof(options),
	    "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (argc != 2 || fd < 0 ||
	    mount("silent", argv[1], "fuse", 0, options) < 0) {
		perror("attack_fuse");
		return 99;
	}
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
