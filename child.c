#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

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
void
child_give_terminal(const struct child *c, bool by_all_means)
{
	if (c->terminal < 0)
		return;
	if (by_all_means || tcgetpgrp(c->terminal) == getpgrp())
		tcsetpgrp(c->terminal, c->pid);
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
		n = strcspn(*search, ":");
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

/* sd_listen_fds(3) wants its own pid in there, and it was ours. */
static void
pass_sockets_on(pid_t init)
{
	static char entry[32];
	struct line l = LINE(entry);
	const char *pid = getenv("LISTEN_PID");

	if (!pid || atoi(pid) != init)
		return;
	line_add(&l, "LISTEN_PID=");
	line_number(&l, getpid());
	for (char **e = environ; *e; e++)
		if (strncmp(*e, entry, strlen("LISTEN_PID=")) == 0)
			*e = entry;
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
execute(char *path, char **command)
{
	static char shell[] = "sh";

	execve(path, command, environ);
	if (errno != ENOEXEC)
		return errno;
	if (is_script(path)) {
		command[-1] = shell;
		command[0] = path;
		execve("/bin/sh", command - 1, environ);
	}
	return ENOEXEC;
}

/* As execvp(3): go on where a candidate is missing or may not be run. */
static int
execute_in_path(char **command)
{
	char path[PATH_MAX];
	const char *search = search_path();
	char *name = command[0];
	int result = ENOENT;

	if (strchr(name, '/'))
		return execute(name, command);
	while (candidate(path, &search, name)) {
		int error = execute(path, command);

		if (error == EACCES)
			result = error;
		else if (error != ENOENT && error != ENOTDIR)
			return error;
	}
	return result;
}

static _Noreturn void
child_run(struct child *c, char **command, const struct inherited *inherited,
    pid_t init, volatile int *error)
{
	c->pid = getpid();
	if (c->own_group) {
		bool leader = getsid(0) == init;
		bool ours = c->terminal >= 0 &&
		    tcgetpgrp(c->terminal) == getpgrp();

		setpgid(0, 0);
		if (ours || leader)
			child_give_terminal(c, true);
	}
	pass_sockets_on(init);
	signals_restore(inherited);
	*error = execute_in_path(command);
	_exit(127);
}

int
child_start(struct child *c, char **command, const struct inherited *inherited)
{
	const pid_t init = getpid();
	volatile int error = 0;
	/* The child borrows our memory and we sleep until its exec: no signal
	 * can fall between the two, and error is all that it takes to tell us
	 * why the exec failed. */
	pid_t pid = vfork();

	if (pid == 0)
		child_run(c, command, inherited, init, &error);
	if (pid < 0)
		return -1;
	c->pid = pid;
	return error;
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
	if (machine == EM_NONE)
		return "it is neither a program of this system nor a text";
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
	struct statvfs fs;

	line_add(why, strerror(EACCES));
	if (stat(path, &st) < 0)
		return "a directory of its path may not be searched";
	if (S_ISDIR(st.st_mode))
		return "it is a directory";
	if (!S_ISREG(st.st_mode))
		return "it is not a regular file";
	if (statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOEXEC))
		return "its file system is mounted noexec";
	if (access(path, X_OK) < 0)
		return "it is not executable for this user, see chmod(1)";
	return "its interpreter or loader may not be executed";
}

/* The file that an exec of command would be about; NULL where there is none. */
static const char *
locate(const char *command, char path[PATH_MAX])
{
	const char *search = search_path();
	struct stat st;

	if (strchr(command, '/'))
		return stat(command, &st) == 0 ? command : NULL;
	while (candidate(path, &search, command))
		if (stat(path, &st) == 0)
			return path;
	return NULL;
}

int
child_explain(const char *command, int exec_errno)
{
	char path[PATH_MAX];
	char text[512];
	struct line why = LINE(text);
	const char *file = locate(command, path);
	const char *remedy = NULL;

	if (!file && exec_errno == ENOENT) {
		complain("cannot execute", command, strerror(exec_errno),
		    strchr(command, '/') ? NULL : "it is not in PATH");
		return 127;
	}
	if (!file)
		file = command;
	switch (exec_errno) {
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
		line_add(&why, strerror(exec_errno));
	}
	complain("cannot execute", file, text, remedy);
	return 126;
}
