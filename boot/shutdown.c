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
#include "../cli/system.h"
#include "early.h"
#include "shutdown.h"
#include "watchdog.h"

enum {
	LIST_BYTES = 64 * 1024,
	MAX_PASSES = 32,                /* over the mounts: some are stacked */
	POLL_MS = 50,                   /* between two checks of the child */
	UNMOUNT_MS = 60 * 1000
};

static const struct { char name[24]; int how; } verbs[] = {
	[HALT] = { .name = "halts the machine", .how = RB_HALT_SYSTEM },
	[POWEROFF] = { .name = "powers the machine off", .how = RB_POWER_OFF },
	[REBOOT] = { .name = "reboots the machine", .how = RB_AUTOBOOT },
	[RESTART_INIT] = { .name = "restarts init" },
	[EXIT] = { .name = "exits" },
};

const char *
shutdown_name(enum verb verb)
{
	return verbs[verb].name;
}

/* Read a file of /proc; a file that is too long is truncated. */
static bool
read_list(const char *path, char list[LIST_BYTES])
{
	return file_read_whole(path, list, LIST_BYTES) >= 0;
}

/* Return the word at *at, NUL-terminated, with octal escapes such as
 * \040 decoded, proc(5). *at is set to the text after it. */
static char *
next_list_word(char **at)
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

/* Disable swap files: they keep their file system in use. */
static void
disable_swap_files(char list[LIST_BYTES])
{
	char *line, *next;

	if (!read_list("/proc/swaps", list))
		return;
	for (line = list; (next = strchr(line, '\n')); line = next + 1) {
		char *at = line;
		char *path = next_list_word(&at);

		*next = '\0';
		if (strncmp(at + strspn(at, " \t"), "file", 4) == 0)
			swapoff(path);
	}
}

/* Detach a loop device, so that its backing file is no longer in use. */
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

/* True for mounts that are needed until the end. All but "/", which is handled
 * last, store no data. */
static bool
is_needed_mount(const char *at)
{
	static const char needed[][6] = { "/", "/proc", "/dev", "/sys" };

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (strcmp(at, needed[i]) == 0)
			return true;
	return false;
}

/* Unmount the mount of one line of mountinfo, or remount it read-only. Returns
 * true if it was unmounted. */
static bool
unmount_line(char *line, bool read_only)
{
	char *at = line, *where = NULL;

	for (int field = 0; field < 5; field++)
		where = next_list_word(&at);
	if (is_needed_mount(where))
		return false;
	if (read_only) {
		if (mount(NULL, where, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
			warn("cannot make read-only", where);
		return false;
	}
	if (umount2(where, UMOUNT_NOFOLLOW) < 0)
		return false;
	/* The optional fields end with "-"; the type and the source follow. */
	while (*at && strcmp(next_list_word(&at), "-") != 0)
		;
	next_list_word(&at);
	free_loop(next_list_word(&at));
	return true;
}

/* Handle all mounts from the newest to the oldest. Returns true if one was
 * unmounted. */
static bool
unmount_pass(char list[LIST_BYTES], bool read_only)
{
	bool any = false;
	char *newline;

	if (!read_list("/proc/self/mountinfo", list))
		return false;
	while ((newline = strrchr(list, '\n'))) {
		char *line;

		*newline = '\0';
		line = strrchr(list, '\n');
		line = line ? line + 1 : list;
		any = unmount_line(line, read_only) || any;
		if (line == list)
			break;
		line[0] = '\0';
	}
	return any;
}

static void
unmount_all(void)
{
	char list[LIST_BYTES];

	sync();
	disable_swap_files(list);
	for (int i = 0; i < MAX_PASSES && unmount_pass(list, false); i++)
		;
	unmount_pass(list, true);
	umount2("/", 0);                /* remounts "/" read-only */
	sync();
}

void
shutdown_namespace(enum verb verb)
{
	pid_t pid;

	/* Call reboot(2) in a child: after a halt the kernel ends the caller.
	 * _Fork(3) omits what fork(3) adds for threads. */
	pid = _Fork();
	if (pid > 0)
		waitpid(pid, NULL, 0);
	else if (reboot(verbs[verb].how) < 0 && pid == 0)
		_exit(1);
}

void
shutdown_machine(enum verb verb, struct watchdog *w)
{
	pid_t pid = _Fork();

	if (pid <= 0) {
		early_mount(NULL);      /* needed if the boot was cut short */
		early_save_seed();
		unmount_all();
	}
	if (pid == 0)
		_exit(0);
	for (int i = 0; pid > 0 && i < UNMOUNT_MS / POLL_MS; i++) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			break;
		watchdog_feed(w, 0, true);
		poll(NULL, 0, POLL_MS);
	}
	watchdog_leave(w, verb == REBOOT);
	shutdown_namespace(verb);
}
