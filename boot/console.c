#include <errno.h>
#include <fcntl.h>
#include <linux/vt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "../cli/log.h"
#include "console.h"
#include "variables.h"

/* Open a terminal with O_NONBLOCK: process 1 must not block on a serial line
 * without carrier or under flow control. Children open their own description,
 * because this flag would be shared. O_CLOEXEC is not needed: the descriptor
 * becomes 0 to 2 at once. */
static int
open_console(const char *path, int flags)
{
	return open(path, O_RDWR | O_NONBLOCK | flags);
}

/* Make fd the descriptors 0 to 2 and close it; fd may be one of them. */
static void
dup_to_standard_fds(int fd)
{
	for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		if (fd != i)
			dup2(fd, i);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* Set the modes of busybox's init, with line editing, so that programs do not
 * inherit modes left by an earlier one. Speed and character format are kept. */
static void
set_sane_modes(void)
{
	static const struct { unsigned char index, value; } keys[] = {
		{ .index = VINTR, .value = 3 },
		{ .index = VQUIT, .value = 28 },
		{ .index = VERASE, .value = 127 },
		{ .index = VKILL, .value = 21 },
		{ .index = VEOF, .value = 4 },
		{ .index = VSTART, .value = 17 },
		{ .index = VSTOP, .value = 19 },
		{ .index = VSUSP, .value = 26 },
	};
	struct termios t;

	if (tcgetattr(STDIN_FILENO, &t) < 0)
		return;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		t.c_cc[keys[i].index] = keys[i].value;
	t.c_line = 0;
	t.c_cflag &= CBAUD | CBAUDEX | CSIZE | CSTOPB | PARENB | PARODD |
	    CRTSCTS;
	t.c_cflag |= CREAD | HUPCL | CLOCAL;
	t.c_iflag = ICRNL | IXON | IXOFF;
	t.c_oflag = OPOST | ONLCR;
	t.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE |
	    IEXTEN;
	tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

/* Set TERM. Only a virtual terminal supports VT_OPENQRY; a serial line gets
 * vt102, as busybox's init has it. */
static void
set_term(void)
{
	const char *term = getenv("TERM");
	int vt;

	if (ioctl(STDIN_FILENO, VT_OPENQRY, &vt) == 0) {
		if (!term)
			variables_set("TERM=linux");
	} else if (!term || strcmp(term, "linux") == 0) {
		variables_set("TERM=vt102");
	}
}

const char *
console_open(bool machine)
{
	const char *console = "", *name = getenv("CONSOLE");
	int fd;

	if (!name)
		name = getenv("console");
	if (!name && machine)
		name = "/dev/console";
	fd = name ? open_console(name, O_NOCTTY) : -1;
	if (fd >= 0) {
		console = name;
		dup_to_standard_fds(fd);
	}
	/* Fill 0 to 2: otherwise the next file opened would get a standard
	 * descriptor, and programs would write to it. */
	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)             /* "/" exists even without a /dev */
			fd = open("/", O_RDONLY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	set_term();
	set_sane_modes();
	return console;
}

const char *
console_enter(const char *console, const struct entry *e, const char **on)
{
	static char path[256];
	struct strbuf name = STRBUF(path);
	int fd = -1;

	setsid();
	if (*e->tty) {
		strbuf_add(&name, "/dev/");
		strbuf_add(&name, e->tty);
		/* The first terminal that a session leader opens without
		 * O_NOCTTY becomes its controlling terminal, open(2). */
		fd = open_console(path, 0);
		*on = path;
		if (fd < 0)
			return "cannot open";
	} else if (*console) {
		fd = open_console(console, O_NOCTTY);
	}
	if (fd >= 0) {
		fcntl(fd, F_SETFL, 0);
		dup_to_standard_fds(fd);
	}
	set_sane_modes();
	/* Argument 0: do not steal the terminal from another session,
	 * TIOCSCTTY(2const). */
	if (e->words || e->command[0] == '-')
		ioctl(STDIN_FILENO, TIOCSCTTY, 0);
	return NULL;
}

/* Unblock all signals first, so that SIGTERM of a shutdown ends the wait. */
void
console_ask(void)
{
	static const char question[] =
	    "\nPlease press Enter to activate this console. ";
	sigset_t none;
	char c;

	/* Close descriptors of process 1, such as the watchdog: there has been
	 * no exec that closes them. */
	if (syscall(SYS_close_range, 3, ~0U, 0) < 0)
		for (int fd = 3; fd < 64; fd++)
			close(fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	(void)!write(STDOUT_FILENO, question, sizeof(question) - 1);
	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		;
}
