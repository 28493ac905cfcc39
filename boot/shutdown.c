#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../cli/log.h"
#include "early.h"
#include "shutdown.h"
#include "watchdog.h"

enum {
	LIST_BYTES = 64 * 1024,
	PASSES = 32,                    /* mounts upon mounts upon mounts */
	LOOK_MS = 50,
	UNMOUNT_MS = 60 * 1000
};

static const struct { char name[24]; int how; } verbs[] = {
	[HALT] = { "halts the machine", RB_HALT_SYSTEM },
	[POWEROFF] = { "powers the machine off", RB_POWER_OFF },
	[REBOOT] = { "reboots the machine", RB_AUTOBOOT },
	[RESTART_INIT] = { "starts the system again", 0 },
	[EXIT] = { "ends", 0 },
};

static char list[LIST_BYTES];

const char *
shutdown_name(enum verb verb)
{
	return verbs[verb].name;
}

/* A file of /proc in list, as far as there is room. */
static bool
read_list(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n, used = 0;

	if (fd < 0)
		return false;
	while ((n = read(fd, list + used, LIST_BYTES - 1 - used)) > 0)
		used += n;
	close(fd);
	list[used] = '\0';
	return true;
}

/* The word at a place in list, with \040 and the like taken back, proc(5). Ends
 * in a NUL; *at is what follows. */
static char *
take_word(char **at)
{
	char *word = *at, *to = *at, *from = *at;

	for (; *from && *from != ' ' && *from != '\t'; from++)
		if (*from == '\\' && from[1] && from[2] && from[3]) {
			*to++ = (from[1] - '0') * 64 + (from[2] - '0') * 8 +
			    from[3] - '0';
			from += 3;
		} else {
			*to++ = *from;
		}
	*at = *from ? from + 1 : from;
	*to = '\0';
	return word;
}

/* A file system cannot be unmounted while there is swap in one of its files. */
static void
end_swap(void)
{
	char *line, *next;

	if (!read_list("/proc/swaps"))
		return;
	for (line = list; (next = strchr(line, '\n')); line = next + 1) {
		char *at = line;
		char *path = take_word(&at);

		*next = '\0';
		if (strncmp(at + strspn(at, " \t"), "file", 4) == 0)
			swapoff(path);
	}
}

/* So that the file behind it is not in use any more. */
static void
free_loop(const char *device)
{
	int fd = strncmp(device, "/dev/loop", 9) != 0 ? -1 :
	    open(device, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	ioctl(fd, LOOP_CLR_FD, 0);
	close(fd);
}

/* What is needed to the end, and keeps nothing. */
static bool
is_needed(const char *at)
{
	return strcmp(at, "/") == 0 || strcmp(at, "/proc") == 0 ||
	    strcmp(at, "/dev") == 0 || strcmp(at, "/sys") == 0;
}

/* One line of mountinfo: unmount it, or make it read-only. Whether it is gone.
 */
static bool
let_go(char *line, bool only_protect)
{
	char *at = line, *where = NULL;

	for (int field = 0; field < 5; field++)
		where = take_word(&at);
	if (is_needed(where))
		return false;
	if (only_protect) {
		if (mount(NULL, where, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
			warn("cannot make read-only", where);
		return false;
	}
	if (umount2(where, UMOUNT_NOFOLLOW) < 0)
		return false;
	/* After optional fields there are "-", the type and the source. */
	while (*at && strcmp(take_word(&at), "-") != 0)
		;
	take_word(&at);
	free_loop(take_word(&at));
	return true;
}

/* From the newest to the oldest. Whether something is gone. */
static bool
let_all_go(bool only_protect)
{
	bool any = false;
	char *newline;

	if (!read_list("/proc/self/mountinfo"))
		return false;
	while ((newline = strrchr(list, '\n'))) {
		char *line;

		*newline = '\0';
		line = strrchr(list, '\n');
		line = line ? line + 1 : list;
		any = let_go(line, only_protect) || any;
		if (line == list)
			break;
		line[0] = '\0';
	}
	return any;
}

static void
unmount_all(void)
{
	sync();
	end_swap();
	for (int i = 0; i < PASSES && let_all_go(false); i++)
		;
	let_all_go(true);
	umount2("/", 0);                /* read-only, umount(2) */
	sync();
}

void
shutdown_namespace(enum verb verb)
{
	pid_t pid;

	/* From a child, as the kernel ends the caller after a halt. What fork()
	 * does besides _Fork() is for threads. */
	pid = _Fork();
	if (pid > 0)
		waitpid(pid, NULL, 0);
	else if (reboot(verbs[verb].how) < 0 && pid == 0)
		_exit(1);
}

void
shutdown_machine(enum verb verb)
{
	pid_t pid = _Fork();

	if (pid <= 0) {
		early_mount(NULL);      /* no line may have come to it */
		early_save_seed();
		unmount_all();
	}
	if (pid == 0)
		_exit(0);
	for (int i = 0; pid > 0 && i < UNMOUNT_MS / LOOK_MS; i++) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			break;
		watchdog_feed(0, true);
		poll(NULL, 0, LOOK_MS);
	}
	watchdog_leave(verb == REBOOT);
	shutdown_namespace(verb);
}
