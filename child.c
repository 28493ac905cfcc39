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
struct head {
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
	struct line l = { path, PATH_MAX, 0 };
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
		line_add(&l, "/");
	line_add(&l, command);
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
read_head(const char *path, struct head *h, int *file)
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
is_elf(const struct head *h)
{
	return memcmp(h->bytes, ELFMAG, SELFMAG) == 0;
}

/* ---- the child ---------------------------------------------------------- */

/* NAME=PID of init becomes that of this process. False if it was not init's. */
static bool
take_pid(const char *name, char *entry, size_t size, pid_t init)
{
	struct line l = line_over(entry, size);
	const char *pid = getenv(name);
	uint64_t is;

	if (!pid || !text_number(&pid, INT_MAX, &is) || is != (uint64_t)init)
		return false;
	line_add(&l, name);
	line_add(&l, "=");
	line_number(&l, getpid());
	for (char **e = environ; *e; e++)
		if (strncmp(*e, entry, strlen(name) + 1) == 0)
			*e = entry;
	return true;
}

/* The service manager named init: sd_listen_fds(3), sd_watchdog_enabled(3).
 * LISTEN_PIDFDID is the inode of init's pidfd, and would contradict. */
static void
pass_service_on(pid_t init)
{
	static char listen[32], watchdog[32];

	if (take_pid("LISTEN_PID", listen, sizeof(listen), init))
		unsetenv("LISTEN_PIDFDID");
	take_pid("WATCHDOG_PID", watchdog, sizeof(watchdog), init);
}

/* A text without #! is run by a shell, as execvp(3) of glibc does and many
 * images need; one with a NUL in its first lines is no text. */
static bool
is_script(const char *path)
{
	struct head h;
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
static struct failure
execute_in_path(const char *file, char **command)
{
	char path[PATH_MAX];
	const char *search = search_path();
	const char *name = file ? file : command[0];
	struct failure why = { ENOENT, -1, NULL, NULL };

	if (strchr(name, '/'))
		return (struct failure){ execute(name, command), 0, NULL,
		    NULL };
	for (int i = 0; candidate(path, &search, name); i++) {
		const struct failure now = { execute(path, command), i, NULL,
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
static int told_by_child;

/* No error: a stop that is to be sent again. */
static void
tell_of_stop(int sig)
{
	const int error = errno;
	const struct failure stop = { 0, sig, NULL, NULL };

	(void)!write(told_by_child, &stop, sizeof(stop));
	errno = error;
}

struct failure
child_become(const char *file, char **command,
    const struct inherited *inherited)
{
	signals_restore(inherited);
	return execute_in_path(file, command);
}

/* The exec of a child that nobody hears, or why it cannot come to that. Returns
 * its exit code. */
static int
run_unheard(const struct before *before, char **command,
    const struct inherited *inherited, const struct failure *failed)
{
	struct failure why = *failed;

	if (why.what) {
		if (*why.what)
			warn(why.what, why.on);
		return 127;
	}
	why = child_become(before->file, command, inherited);
	return child_explain(before->file ? before->file : command[0], &why);
}

/* The terminal goes to the child at once where we lead its session. Else when
 * the child asks for it, init.c: another job of the group may be using it. */
static _Noreturn void
child_run(struct child *c, char **command, const struct inherited *inherited,
    const struct before *before, pid_t init, int told)
{
	struct failure why = { 0, -1, NULL, NULL };

	c->pid = getpid();
	if (c->own_group && !c->own_session) {
		setpgid(0, 0);
		if (getsid(0) == init)
			child_give_terminal(c, true);
	}
	pass_service_on(init);
	if (before)
		why.what = before->call(before->with, &why.on);
	if (before && before->unheard)
		_exit(run_unheard(before, command, inherited, &why));
	if (why.what) {
		why.error = errno;
		(void)!write(told, &why, sizeof(why));
		_exit(127);
	}
	told_by_child = told;
	signals_put_stop_off(tell_of_stop);
	signals_restore(inherited);
	why = execute_in_path(before ? before->file : NULL, command);
	(void)!write(told, &why, sizeof(why));
	_exit(127);
}

/* What the child tells until its exec has closed the pipe, or its end. Whether
 * a stop is to be sent again. */
static bool
hear_from_child(int pipe, struct failure *why)
{
	struct failure told;
	bool stop = false;

	while (read(pipe, &told, sizeof(told)) == sizeof(told))
		if (told.error > 0)
			*why = told;
		else
			stop = true;
	return stop;
}

static pid_t
fork_child(struct child *c, char **command, const struct inherited *inherited,
    const struct before *before, int told)
{
	const pid_t init = getpid();
	char *const name = command[0];
	pid_t pid = before && before->fork ? before->fork() : vfork();

	/* A filter of system calls may know fork(2) or clone(2) alone. */
	if (pid < 0)
		pid = _Fork();
	if (pid == 0)
		child_run(c, command, inherited, before, init, told);
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
    const struct before *before, struct failure *why)
{
	int told[2];
	pid_t pid;

	*why = (struct failure){ 0, -1, NULL, NULL };
	if (before && before->unheard)
		return fork_child(c, command, inherited, before, -1) > 0;
	if (pipe2(told, O_CLOEXEC) < 0)
		return false;
	pid = fork_child(c, command, inherited, before, told[1]);
	close(told[1]);
	if (pid > 0 && hear_from_child(told[0], why) && why->error == 0)
		kill(pid, SIGTSTP);
	close(told[0]);
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
struct place {
	uint64_t offset, size;
};

/* Elf32_Phdr and Elf64_Phdr agree in nothing but their first member. */
static bool
loader_place(int file, const struct head *h, struct place *p)
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
read_interpreter(int file, const struct head *h, char name[PATH_MAX])
{
	struct place p;

	name[0] = '\0';
	if (is_elf(h)) {
		if (loader_place(file, h, &p) && p.size < PATH_MAX &&
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
explain_missing(const char *path, struct line *why)
{
	char name[PATH_MAX];
	char next[PATH_MAX];
	bool elf = false;
	struct line current = LINE(name);

	line_add(&current, path);
	for (int depth = 0; depth < 4; depth++) {
		struct head h;
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

			line_add(why, elf ? "its loader '" :
			    "its interpreter '");
			line_quote(why, name);
			line_add(why, "' is missing");
			return !elf ? n && name[n - 1] == '\r' ?
			    "its #! line ends in a carriage return" :
			    "install it, or correct the #! line" :
			    is_musl(name) ?
			    "a musl program in a glibc image?" :
			    "a glibc program in a musl image?";
		}
	}
	line_add(why, strerror(ENOENT));
	return NULL;
}

static const char *
explain_format(const char *path, struct line *why)
{
	struct head h;
	int file;
	const Elf32_Ehdr *e = (const void *)h.bytes;
	unsigned int machine = read_head(path, &h, &file) && is_elf(&h) ?
	    e->e_machine : EM_NONE;

	if (file >= 0)
		close(file);
	line_add(why, strerror(ENOEXEC));
	if (is_script(path))
		return "it has no #! line, and /bin/sh cannot be executed";
	if (machine == EM_NONE)
		return "it is neither a program of this system nor a text";
	if (machine == __ehdr_start.e_machine)
		return "it is damaged, or its end is missing";
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (machines[i].machine == machine) {
			line_add(why, ", it is for ");
			line_add(why, machines[i].name);
			line_add(why, " machines");
			return "take the image or the file for this one";
		}
	return "it is for another kind of machine";
}

static const char *
explain_denied(const char *path, struct line *why)
{
	struct stat st;
	struct statfs fs;

	line_add(why, strerror(EACCES));
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
child_explain(const char *command, const struct failure *failure)
{
	char path[PATH_MAX];
	char text[512];
	struct line why = LINE(text);
	const char *file = locate(command, failure->candidate, path);
	const char *remedy = NULL;

	if (!file && failure->error == ENOENT) {
		complain("cannot execute", command, strerror(ENOENT),
		    strchr(command, ' ') ? "give its arguments as words of "
		    "their own" :
		    strchr(command, '/') ? NULL : "it is not in PATH");
		return 127;
	}
	if (!file)
		file = command;
	switch (failure->error) {
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
		line_add(&why, strerror(failure->error));
	}
	complain("cannot execute", file, text, remedy);
	return 126;
}
