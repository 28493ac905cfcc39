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
#include "../cli/values.h"
#include "status.h"

/* Longest line. Lines must not be truncated, as status_read() compares them.
 * strbuf_quote() needs up to four bytes for each byte of a terminal's name and
 * of a command. */
enum { STATUS_LINE = 4 * (256 + COMMAND_BYTES) + 128 };

enum { ANSWER_MS = 2000 };

static const char title[] =
    "PID RESTARTS STATE LAST ACTION TERMINAL COMMAND\n";

/* Append the fields that identify an entry. */
static void
add_entry_fields(struct strbuf *l, const struct entry *e)
{
	strbuf_add(l, inittab_action(e->action));
	strbuf_add(l, " ");
	strbuf_quote(l, *e->tty ? e->tty : "console");
	strbuf_add(l, " ");
	strbuf_quote(l, e->command);
}

static const char *
state_name(const struct entry *e)
{
	return e->pid > 0 ? "runs" : !e->ended ? "waits" :
	    e->action == RESPAWN || e->action == ASKFIRST ? "backs-off" :
	    "ended";
}

static void
add_status_line(struct strbuf *l, const struct entry *e)
{
	const int status = e->wait_status;

	strbuf_number(l, e->pid);
	strbuf_add(l, " ");
	strbuf_number(l, e->restarts);
	strbuf_add(l, " ");
	strbuf_add(l, state_name(e));
	strbuf_add(l, !e->ended ? " -" : WIFSIGNALED(status) ? " signal=" :
	    " exit=");
	if (e->ended)
		strbuf_number(l, WIFSIGNALED(status) ? WTERMSIG(status) :
		    WEXITSTATUS(status));
	strbuf_add(l, " ");
	add_entry_fields(l, e);
}

void
status_write(int fd, const struct inittab *t)
{
	char text[STATUS_LINE];

	(void)!write(fd, title, sizeof(title) - 1);
	for (int i = 0; i < t->count; i++) {
		struct strbuf l = STRBUF(text);

		add_status_line(&l, &t->entries[i]);
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
	/* Another process may have put a FIFO there, which would block us:
	 * remove it, and create the file with O_EXCL. */
	unlink(new);
	fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0644);
	if (fd < 0)
		return;
	status_write(fd, t);
	close(fd);
	(void)!rename(new, STATUS_FILE);
}

/* Read the next line of a file, without its newline. Returns false at the end
 * of the file. */
static bool
read_status_line(int fd, char text[STATUS_LINE])
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

/* Return the text after the first n words of a line. */
static const char *
skip_words(const char *text, int n)
{
	while (n-- > 0 && *(text += strcspn(text, " ")))
		text++;
	return text;
}

static void
restore_entry(struct inittab *t, const char *text, int64_t now)
{
	const char *name = skip_words(text, 4);
	uint64_t pid, restarts;

	if (!text_number(&text, INT_MAX, &pid) || *text++ != ' ' ||
	    !text_number(&text, INT_MAX, &restarts) || pid + restarts == 0)
		return;
	for (int i = 0; i < t->count; i++) {
		struct entry *e = &t->entries[i];
		char own[STATUS_LINE];
		struct strbuf l = STRBUF(own);

		add_entry_fields(&l, e);
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

	if (lseek(fd, 0, SEEK_SET) < 0 || !read_status_line(fd, text) ||
	    strncmp(text, title, sizeof(title) - 2) != 0)
		return false;
	while (read_status_line(fd, text))
		restore_entry(t, text, now);
	return true;
}

/* A new program file may be broken, hang, or be another program, and must not
 * become process 1 then. The child is reaped with the orphans. */
bool
status_answers_as_pith(const char *file)
{
	char *const argv[] = { "pith", "--version", NULL };
	char answer[sizeof("pith ") - 1] = "";
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
		    "check that pith is the init of this machine");
	while ((n = read(fd, text, sizeof(text))) > 0)
		if (write(STDOUT_FILENO, text, n) != n)
			die("cannot write to", "stdout");
	if (n < 0)
		die("cannot read", STATUS_FILE);
	return 0;
}
