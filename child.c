#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "architecture.h"
#include "child.h"
#include "cli/log.h"

extern char **environ;

/* As musl's execvp() has it where PATH is not set. */
static const char DEFAULT_PATH[] = "/usr/local/bin:/bin:/usr/bin";

/* The start of a program file, and zeros where it is shorter; the kernel looks
 * at as much of a #! line, execve(2). */
struct file_head {
	unsigned char bytes[256];
	size_t size;
};

/* ---- the terminal ------------------------------------------------------- */

void
child_find_terminal(struct child *c)
{
	int tty;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (tcgetpgrp(fd) >= 0) {
			c->terminal = fcntl(fd, F_DUPFD_CLOEXEC, 3);
			return;
		}
	/* It may still be there for ^C: "pith <file >file 2>&1". */
	tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	c->terminal = tty < 0 ? -1 : fcntl(tty, F_DUPFD_CLOEXEC, 3);
	if (tty >= 0)
		close(tty);
}

/* SIGTTOU is held, so neither of the two can stop us: tcsetpgrp(3). */
bool
child_give_terminal(const struct child *c, bool by_all_means)
{
	const pid_t group = getpgrp();

	/* 0: the group of a process outside of our PID namespace. We could not
	 * give it back to that one. */
	if (!by_all_means && (group == 0 || tcgetpgrp(c->terminal) != group))
		return false;
	return tcsetpgrp(c->terminal, c->pid) == 0;
}

void
child_take_terminal(const struct child *c)
{
	if (c->terminal >= 0 && tcgetpgrp(c->terminal) == c->pid)
		tcsetpgrp(c->terminal, getpgrp());
}

/* ---- finding and reading a program file --------------------------------- */

/* The next candidate of a PATH for a command, in path; NULL at its end. An
 * empty element is the working directory, environ(7). */
static const char *
candidate(char path[PATH_MAX], const char **search, const char *command)
{
	struct strbuf l = { path, PATH_MAX, 0 };
	size_t n;

	do {
		if (!*search)
			return NULL;
		n = strchrnul(*search, ':') - *search;
		l.used = n;
		if (n + strlen(command) + 2 <= PATH_MAX) {
			memcpy(path, *search, n);
			path[n] = '\0';
		}
		*search = (*search)[n] ? *search + n + 1 : NULL;
	} while (n + strlen(command) + 2 > PATH_MAX);
	if (n > 0)
		strbuf_add(&l, "/");
	strbuf_add(&l, command);
	return path;
}

static const char *
search_path(void)
{
	const char *path = getenv("PATH");

	return path ? path : DEFAULT_PATH;
}

/* Read the start of a file, which may be hostile: no device, no fifo. */
static bool
read_head(const char *path, struct file_head *h, int *file)
{
	struct stat st;
	ssize_t n;

	*file = -1;
	memset(h, 0, sizeof(*h));
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	*file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	n = *file < 0 ? -1 : pread(*file, h->bytes, sizeof(h->bytes), 0);
	h->size = n < 0 ? 0 : n;
	return n >= 0;
}

static bool
is_elf(const struct file_head *h)
{
	return memcmp(h->bytes, ELFMAG, SELFMAG) == 0;
}

/* ---- the child ---------------------------------------------------------- */

/* NAME=PID of init becomes that of this process. False if it was not init's. */
static bool
replace_pid(const char *name, char *entry, size_t size, pid_t init)
{
	struct strbuf l = strbuf_over(entry, size);
	const char *pid = getenv(name);
	uint64_t is;

	if (!pid || !text_number(&pid, INT_MAX, &is) || is != (uint64_t)init)
		return false;
	strbuf_add(&l, name);
	strbuf_add(&l, "=");
	strbuf_number(&l, getpid());
	for (char **e = environ; *e; e++)
		if (strncmp(*e, entry, strlen(name) + 1) == 0)
			*e = entry;
	return true;
}

/* The service manager named init: sd_listen_fds(3), sd_watchdog_enabled(3).
 * LISTEN_PIDFDID is the inode of init's pidfd, and would contradict. */
static void
adopt_service_variables(pid_t init)
{
	static char listen[32], watchdog[32];

	if (replace_pid("LISTEN_PID", listen, sizeof(listen), init))
		unsetenv("LISTEN_PIDFDID");
	replace_pid("WATCHDOG_PID", watchdog, sizeof(watchdog), init);
}

/* A text without #! is run by a shell, as execvp(3) of glibc does and many
 * images need; one with a NUL in its first lines is no text. */
static bool
is_script(const char *path)
{
	struct file_head h;
	int file;
	bool text = read_head(path, &h, &file) && !is_elf(&h) &&
	    !memchr(h.bytes, '\0', h.size);

	if (file >= 0)
		close(file);
	return text;
}

static int
execute(const char *path, char **command)
{
	static char shell[] = "sh";

	execve(path, command, environ);
	if (errno != ENOEXEC)
		return errno;
	if (is_script(path)) {
		command[-1] = shell;
		command[0] = (char *)path;
		execve("/bin/sh", command - 1, environ);
	}
	return ENOEXEC;
}

/* As execvp(3): go on where a candidate is missing or may not be run. One in a
 * directory that may not be searched is taken to be missing. */
static struct exec_error
execute_in_path(const char *file, char **command)
{
	char path[PATH_MAX];
	const char *search = search_path();
	const char *name = file ? file : command[0];
	struct exec_error why = { ENOENT, -1, NULL, NULL };

	if (strchr(name, '/'))
		return (struct exec_error){ execute(name, command), 0, NULL,
		    NULL };
	for (int i = 0; candidate(path, &search, name); i++) {
		const struct exec_error now = { execute(path, command), i, NULL,
		    NULL };

		if (now.error == EACCES) {
			if (access(path, F_OK) == 0)
				why = now;
		} else if (now.error != ENOENT && now.error != ENOTDIR) {
			return now;
		}
	}
	return why;
}

/* Where the child tells what became of it, for the handler. */
static int deferred_stop_fd;

/* No error: a stop that is to be sent again. */
static void
defer_sigtstp(int sig)
{
	const int error = errno;
	const struct exec_error stop = { 0, sig, NULL, NULL };

	(void)!write(deferred_stop_fd, &stop, sizeof(stop));
	errno = error;
}

struct exec_error
child_become(const char *file, char **command,
    const struct inherited *inherited)
{
	signals_restore(inherited);
	return execute_in_path(file, command);
}

/* The exec of a child that nobody hears, or why it cannot come to that. Returns
 * its exit code. */
static int
exec_without_pipe(const struct pre_exec *pre_exec, char **command,
    const struct inherited *inherited, const struct exec_error *failed)
{
	struct exec_error why = *failed;

	if (why.what) {
		if (*why.what)
			warn(why.what, why.on);
		return 127;
	}
	why = child_become(pre_exec->file, command, inherited);
	return child_explain(
	    pre_exec->file ? pre_exec->file : command[0], &why);
}

/* The terminal goes to the child at once where we lead its session. Else when
 * the child asks for it, init.c: another job of the group may be using it. */
static _Noreturn void
child_run(struct child *c, char **command, const struct inherited *inherited,
    const struct pre_exec *pre_exec, pid_t init, int status_fd)
{
	struct exec_error why = { 0, -1, NULL, NULL };

	c->pid = getpid();
	if (c->own_group && !c->own_session) {
		setpgid(0, 0);
		if (getsid(0) == init)
			child_give_terminal(c, true);
	}
	adopt_service_variables(init);
	if (pre_exec)
		why.what = pre_exec->call(pre_exec->with, &why.on);
	if (pre_exec && pre_exec->no_status_pipe)
		_exit(exec_without_pipe(pre_exec, command, inherited, &why));
	if (why.what) {
		why.error = errno;
		(void)!write(status_fd, &why, sizeof(why));
		_exit(127);
	}
	deferred_stop_fd = status_fd;
	signals_defer_tstp(defer_sigtstp);
	signals_restore(inherited);
	why = execute_in_path(pre_exec ? pre_exec->file : NULL, command);
	(void)!write(status_fd, &why, sizeof(why));
	_exit(127);
}

/* What the child tells until its exec has closed the pipe, or its end. Whether
 * a stop is to be sent again. */
static bool
read_child_status(int pipe, struct exec_error *why)
{
	struct exec_error status_fd;
	bool stop = false;

	while (read(pipe, &status_fd, sizeof(status_fd)) == sizeof(status_fd))
		if (status_fd.error > 0)
			*why = status_fd;
		else
			stop = true;
	return stop;
}

static pid_t
fork_child(struct child *c, char **command, const struct inherited *inherited,
    const struct pre_exec *pre_exec, int status_fd)
{
	const pid_t init = getpid();
	char *const name = command[0];
	pid_t pid = pre_exec && pre_exec->fork ? pre_exec->fork() : vfork();

	/* A filter of system calls may know fork(2) or clone(2) alone. */
	if (pid < 0)
		pid = _Fork();
	if (pid == 0)
		child_run(c, command, inherited, pre_exec, init, status_fd);
	c->pid = pid;
	command[0] = name;      /* a script's is on a stack that is gone */
	return pid;
}

/* No signal can fall between fork and exec: all are held, and we come back when
 * the exec has closed the pipe. vfork(2) alone would do that without a pipe
 * where it shares memory; in musl before 1.2.4 it is a fork(2) on most
 * architectures, and under qemu-user on all. */
bool
child_start(struct child *c, char **command, const struct inherited *inherited,
    const struct pre_exec *pre_exec, struct exec_error *why)
{
	int status_fd[2];
	pid_t pid;

	*why = (struct exec_error){ 0, -1, NULL, NULL };
	if (pre_exec && pre_exec->no_status_pipe)
		return fork_child(c, command, inherited, pre_exec, -1) > 0;
	if (pipe2(status_fd, O_CLOEXEC) < 0)
		return false;
	pid = fork_child(c, command, inherited, pre_exec, status_fd[1]);
	close(status_fd[1]);
	if (pid > 0 && read_child_status(status_fd[0], why) && why->error == 0)
		kill(pid, SIGTSTP);
	close(status_fd[0]);
	return pid > 0 && why->error == 0;
}

/* ---- why an exec failed ------------------------------------------------- */

/* Machines that images are made for, elf(5). */
static const struct { char name[12]; unsigned short machine; } machines[] = {
	{ "x86-64", EM_X86_64 }, { "i386", EM_386 }, { "aarch64", EM_AARCH64 },
	{ "arm", EM_ARM }, { "riscv", EM_RISCV }, { "ppc64", EM_PPC64 },
	{ "s390x", EM_S390 }, { "mips", EM_MIPS }, { "loongarch", 258 },
};

/* Where an ELF file names its loader, and how long that name is. */
struct loader_name {
	uint64_t offset, size;
};

/* Elf32_Phdr and Elf64_Phdr agree in nothing but their first member. */
static bool
find_loader(int file, const struct file_head *h, struct loader_name *p)
{
	const Elf64_Ehdr *e64 = (const void *)h->bytes;
	const Elf32_Ehdr *e32 = (const void *)h->bytes;
	bool wide = h->bytes[EI_CLASS] == ELFCLASS64;
	size_t count = wide ? e64->e_phnum : e32->e_phnum;
	uint64_t at = wide ? e64->e_phoff : e32->e_phoff;
	size_t step = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

	for (size_t i = 0; i < count && i < 64; i++, at += step) {
		union { Elf64_Phdr p64; Elf32_Phdr p32; } u;

		if (pread(file, &u, step, at) != (ssize_t)step)
			return false;
		if (u.p32.p_type != PT_INTERP)
			continue;
		p->offset = wide ? u.p64.p_offset : u.p32.p_offset;
		p->size = wide ? u.p64.p_filesz : u.p32.p_filesz;
		return true;
	}
	return false;
}

/* What the kernel has to start before this file, in name; "" for nothing. */
static void
read_interpreter(int file, const struct file_head *h, char name[PATH_MAX])
{
	struct loader_name p;

	name[0] = '\0';
	if (is_elf(h)) {
		if (find_loader(file, h, &p) && p.size < PATH_MAX &&
		    pread(file, name, p.size, p.offset) == (ssize_t)p.size)
			name[p.size] = '\0';
		else
			name[0] = '\0';
	} else if (h->size > 2 && memcmp(h->bytes, "#!", 2) == 0) {
		size_t at = 2, n;
		const char *line = (const char *)h->bytes;

		while (at < h->size && (line[at] == ' ' || line[at] == '\t'))
			at++;
		for (n = 0; at + n < h->size && !strchr(" \t\n", line[at + n]);)
			n++;
		memcpy(name, line + at, n);
		name[n] = '\0';
	}
}

static bool
is_musl(const char *loader)
{
	const char *slash = strrchr(loader, '/');

	return slash && strncmp(slash, "/ld-musl", 8) == 0;
}

/* The file exists and the kernel says that something does not. */
static const char *
explain_missing(const char *path, struct strbuf *why)
{
	char name[PATH_MAX];
	char next[PATH_MAX];
	bool elf = false;
	struct strbuf current = STRBUF(name);

	strbuf_add(&current, path);
	for (int depth = 0; depth < 4; depth++) {
		struct file_head h;
		int file;

		if (!read_head(name, &h, &file))
			break;
		elf = is_elf(&h);
		read_interpreter(file, &h, next);
		close(file);
		if (!next[0])
			break;
		memcpy(name, next, sizeof(name));
		if (access(name, F_OK) < 0) {
			size_t n = strlen(name);

			strbuf_add(why, elf ? "its loader '" :
			    "its interpreter '");
			strbuf_quote(why, name);
			strbuf_add(why, "' is missing");
			return !elf ? n && name[n - 1] == '\r' ?
			    "its #! line ends in a carriage return" :
			    "install it, or correct the #! line" :
			    is_musl(name) ?
			    "a musl program in a glibc image?" :
			    "a glibc program in a musl image?";
		}
	}
	strbuf_add(why, strerror(ENOENT));
	return NULL;
}

static const char *
explain_format(const char *path, struct strbuf *why)
{
	struct file_head h;
	int file;
	const Elf32_Ehdr *e = (const void *)h.bytes;
	unsigned int machine = read_head(path, &h, &file) && is_elf(&h) ?
	    e->e_machine : EM_NONE;

	if (file >= 0)
		close(file);
	strbuf_add(why, strerror(ENOEXEC));
	if (is_script(path))
		return "it has no #! line, and /bin/sh cannot be executed";
	if (machine == EM_NONE)
		return "it is neither a program of this system nor a text";
	if (machine == __ehdr_start.e_machine)
		return "it is damaged, or its end is missing";
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (machines[i].machine == machine) {
			strbuf_add(why, ", it is for ");
			strbuf_add(why, machines[i].name);
			strbuf_add(why, " machines");
			return "take the image or the file for this one";
		}
	return "it is for another kind of machine";
}

static const char *
explain_denied(const char *path, struct strbuf *why)
{
	struct stat st;
	struct statfs fs;

	strbuf_add(why, strerror(EACCES));
	if (stat(path, &st) < 0)
		return "a directory of its path may not be searched";
	if (S_ISDIR(st.st_mode))
		return "it is a directory";
	if (!S_ISREG(st.st_mode))
		return "it is not a regular file";
	if (statfs(path, &fs) == 0 && (fs.f_flags & ST_NOEXEC))
		return "its file system is mounted noexec";
	if (access(path, X_OK) < 0)
		return "it is not executable for this user, see chmod(1)";
	return "its interpreter or loader may not be executed";
}

/* The file that a failed exec is about; NULL where there is none. */
static const char *
locate(const char *command, int at, char path[PATH_MAX])
{
	const char *search = search_path();
	struct stat st;

	if (strchr(command, '/'))
		return stat(command, &st) == 0 ? command : NULL;
	for (int i = 0; candidate(path, &search, command); i++)
		if (at < 0 ? stat(path, &st) == 0 : i == at)
			return path;
	return NULL;
}

int
child_explain(const char *command, const struct exec_error *exec_error)
{
	char path[PATH_MAX];
	char text[512];
	struct strbuf why = STRBUF(text);
	const char *file = locate(command, exec_error->candidate, path);
	const char *remedy = NULL;

	if (!file && exec_error->error == ENOENT) {
		warnx("cannot execute", command, strerror(ENOENT),
		    strchr(command, ' ') ? "give its arguments as words of "
		    "their own" :
		    strchr(command, '/') ? NULL : "it is not in PATH");
		return 127;
	}
	if (!file)
		file = command;
	switch (exec_error->error) {
	case ENOENT:
		remedy = explain_missing(file, &why);
		break;
	case ENOEXEC:
		remedy = explain_format(file, &why);
		break;
	case EACCES:
		remedy = explain_denied(file, &why);
		break;
	default:
		strbuf_add(&why, strerror(exec_error->error));
	}
	warnx("cannot execute", file, text, remedy);
	return 126;
}
