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

/* Whose children open it anew; "": they get what we have. */
static const char *console = "";

/* Opening a line without carrier, or writing to one that is held up, must not
 * hold process 1 up: nor may its descriptor be shared, which has the flag. It
 * comes to be the standard ones at once, and is not left open besides. */
static int
open_terminal(const char *path, int flags)
{
	return open(path, O_RDWR | O_NONBLOCK | flags);
}

/* As the standard descriptors, of which the one may be. */
static void
become_standard(int fd)
{
	for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		if (fd != i)
			dup2(fd, i);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* As busybox's init has it: programs find a terminal that edits lines, whatever
 * the one before has left. Neither speed nor format is changed. */
static void
make_sane(void)
{
	static const struct { unsigned char which, is; } keys[] = {
		{ VINTR, 3 }, { VQUIT, 28 }, { VERASE, 127 }, { VKILL, 21 },
		{ VEOF, 4 }, { VSTART, 17 }, { VSTOP, 19 }, { VSUSP, 26 },
	};
	struct termios t;

	if (tcgetattr(STDIN_FILENO, &t) < 0)
		return;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		t.c_cc[keys[i].which] = keys[i].is;
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

/* A serial line is told from a screen by what it cannot do. */
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

void
console_open(bool machine)
{
	const char *name = getenv("CONSOLE");
	int fd;

	if (!name)
		name = getenv("console");
	if (!name && machine)
		name = "/dev/console";
	fd = name ? open_terminal(name, O_NOCTTY) : -1;
	if (fd >= 0) {
		console = name;
		become_standard(fd);
	}
	/* Or the next file that is opened would be what programs write to. */
	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)             /* it always is there, for no use */
			fd = open("/", O_RDONLY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	set_term();
	make_sane();
}

const char *
console_enter(const struct entry *e, const char **on)
{
	static char path[256];
	struct strbuf name = STRBUF(path);
	int fd = -1;

	setsid();
	if (*e->tty) {
		strbuf_add(&name, "/dev/");
		strbuf_add(&name, e->tty);
		/* It comes to be the controlling one, as a session leader's
		 * first; tty_ioctl(4). */
		fd = open_terminal(path, 0);
		*on = path;
		if (fd < 0)
			return "cannot open";
	} else if (*console) {
		fd = open_terminal(console, O_NOCTTY);
	}
	if (fd >= 0) {
		fcntl(fd, F_SETFL, 0);
		become_standard(fd);
	}
	make_sane();
	/* Not taken from another session. */
	if (e->words || e->command[0] == '-')
		ioctl(STDIN_FILENO, TIOCSCTTY, 0);
	return NULL;
}

/* Signals act as long as it waits: it is to end with the others. */
void
console_ask(void)
{
	static const char question[] =
	    "\nPlease press Enter to activate this console. ";
	sigset_t none;
	char c;

	/* Of process 1, as there was no exec yet: its watchdog. */
	if (syscall(SYS_close_range, 3, ~0U, 0) < 0)
		for (int fd = 3; fd < 64; fd++)
			close(fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	(void)!write(STDOUT_FILENO, question, sizeof(question) - 1);
	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		;
}
