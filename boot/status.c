#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../cli/log.h"
#include "status.h"

/* Whole, as lines are found again by it: each byte of the name of a terminal or
 * of a command may take four, see strbuf_quote(). */
enum { STATUS_LINE = 4 * (256 + COMMAND_BYTES) + 128 };

enum { ANSWER_MS = 2000 };

static const char title[] =
    "PID RESTARTS STATE LAST ACTION TERMINAL COMMAND\n";

/* Which line it is: it is found again by that. */
static void
add_name(struct strbuf *l, const struct entry *e)
{
	strbuf_add(l, inittab_action(e->action));
	strbuf_add(l, " ");
	strbuf_quote(l, *e->tty ? e->tty : "console");
	strbuf_add(l, " ");
	strbuf_quote(l, e->command);
}

static const char *
state(const struct entry *e)
{
	return e->pid > 0 ? "runs" : !e->ended ? "waits" :
	    e->action == RESPAWN || e->action == ASKFIRST ? "backs-off" :
	    "ended";
}

static void
add_line(struct strbuf *l, const struct entry *e)
{
	const int status = e->wait_status;

	strbuf_number(l, e->pid);
	strbuf_add(l, " ");
	strbuf_number(l, e->restarts);
	strbuf_add(l, " ");
	strbuf_add(l, state(e));
	strbuf_add(l, !e->ended ? " -" : WIFSIGNALED(status) ? " signal=" :
	    " exit=");
	if (e->ended)
		strbuf_number(l, WIFSIGNALED(status) ? WTERMSIG(status) :
		    WEXITSTATUS(status));
	strbuf_add(l, " ");
	add_name(l, e);
}

void
status_write(int fd, const struct inittab *t)
{
	char text[STATUS_LINE];

	(void)!write(fd, title, sizeof(title) - 1);
	for (int i = 0; i < t->count; i++) {
		struct strbuf l = STRBUF(text);

		add_line(&l, &t->entries[i]);
		text[l.used++] = '\n';
		(void)!write(fd, text, l.used);
	}
}

void
status_publish(const struct inittab *t)
{
	static const char new[] = STATUS_DIR "/.status";
	int fd;

	mkdir(STATUS_DIR, 0755);
	/* Whoever else may write there does not hold us up by a fifo. */
	unlink(new);
	fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0644);
	if (fd < 0)
		return;
	status_write(fd, t);
	close(fd);
	(void)!rename(new, STATUS_FILE);
}

/* The next line of a file, without its end; false where there is none. */
static bool
next_line(int fd, char text[STATUS_LINE])
{
	size_t n = 0;

	while (read(fd, text + n, 1) == 1) {
		if (text[n] == '\n') {
			text[n] = '\0';
			return true;
		}
		if (n < STATUS_LINE - 1)
			n++;
	}
	return false;
}

/* What is behind the first N words of a line. */
static const char *
behind(const char *text, int n)
{
	while (n-- > 0 && *(text += strcspn(text, " ")))
		text++;
	return text;
}

static void
take_over(struct inittab *t, const char *text, int64_t now)
{
	const char *name = behind(text, 4);
	uint64_t pid, restarts;

	if (!text_number(&text, INT_MAX, &pid) || *text++ != ' ' ||
	    !text_number(&text, INT_MAX, &restarts) || pid + restarts == 0)
		return;
	for (int i = 0; i < t->count; i++) {
		struct entry *e = &t->entries[i];
		char own[STATUS_LINE];
		struct strbuf l = STRBUF(own);

		add_name(&l, e);
		if (strcmp(own, name) != 0)
			continue;
		e->pid = pid;
		e->restarts = restarts;
		e->started = now;
	}
}

bool
status_read(int fd, struct inittab *t, int64_t now)
{
	char text[STATUS_LINE];

	if (lseek(fd, 0, SEEK_SET) < 0 || !next_line(fd, text) ||
	    strncmp(text, title, sizeof(title) - 2) != 0)
		return false;
	while (next_line(fd, text))
		take_over(t, text, now);
	return true;
}

/* It may be broken, or hang, or be anything: it is not to be process 1 then.
 * Whoever collects orphans collects it. */
bool
status_answers_as_pith(const char *file)
{
	static char name[] = "pith", question[] = "--version";
	char *const argv[] = { name, question, NULL };
	char answer[sizeof(name)] = "";
	struct pollfd from = { .events = POLLIN };
	int pipe[2];
	pid_t pid;

	if (access(file, X_OK) < 0 || pipe2(pipe, O_CLOEXEC) < 0) {
		warn("cannot execute", file);
		return false;
	}
	pid = _Fork();
	if (pid == 0) {
		dup2(pipe[1], STDOUT_FILENO);
		dup2(pipe[1], STDERR_FILENO);
		execve(file, argv, environ);
		_exit(127);
	}
	close(pipe[1]);
	from.fd = pipe[0];
	if (poll(&from, 1, ANSWER_MS) > 0)
		(void)!read(pipe[0], answer, sizeof(answer));
	close(pipe[0]);
	if (pid > 0)
		kill(pid, SIGKILL);
	if (memcmp(answer, "pith ", sizeof(answer)) == 0)
		return true;
	warnx("cannot execute", file,
	    "it does not answer --version as pith does", NULL);
	return false;
}

int
status_show(void)
{
	char text[1024];
	int fd = open(STATUS_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		die_with("cannot read", STATUS_FILE,
		    "is pith the init of this machine?");
	while ((n = read(fd, text, sizeof(text))) > 0)
		if (write(STDOUT_FILENO, text, n) != n)
			die("cannot write to", "stdout");
	if (n < 0)
		die("cannot read", STATUS_FILE);
	return 0;
}
