#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "architecture.h"
#include "cli/log.h"
#include "exec_error.h"

/* Names of machines as image platforms use them, elf(5). */
static const struct { char name[12]; unsigned short machine; } machines[] = {
	{ "x86-64", EM_X86_64 }, { "i386", EM_386 }, { "aarch64", EM_AARCH64 },
	{ "arm", EM_ARM }, { "riscv", EM_RISCV }, { "ppc64", EM_PPC64 },
	{ "s390x", EM_S390 }, { "mips", EM_MIPS }, { "loongarch", 258 },
};

/* Offset and size of the loader name in an ELF file, in bytes. */
struct loader_name {
	uint64_t offset, size;
};

/* Elf32_Phdr and Elf64_Phdr have only p_type at the same offset. */
static bool
find_loader_name(int file, const struct file_head *h, struct loader_name *p)
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

/* Write to name the loader or interpreter that the kernel starts for this file;
 * "" if there is none. */
static void
read_interpreter(int file, const struct file_head *h, char name[PATH_MAX])
{
	struct loader_name p;

	name[0] = '\0';
	if (exec_is_elf(h)) {
		if (find_loader_name(file, h, &p) && p.size < PATH_MAX &&
		    pread(file, name, p.size, p.offset) == (ssize_t)p.size)
			name[p.size] = '\0';
		else
			name[0] = '\0';
	} else if (h->size > 2 && memcmp(h->bytes, "#!", 2) == 0) {
		const char *line = (const char *)h->bytes;
		size_t at = 2, n = 0;

		while (at < h->size && (line[at] == ' ' || line[at] == '\t'))
			at++;
		while (at + n < h->size && !strchr(" \t\n", line[at + n]))
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

/* Remedy for a loader or an interpreter that does not exist. */
static const char *
remedy_for_missing(const char *name, bool is_loader)
{
	const size_t n = strlen(name);

	if (is_loader)
		return is_musl(name) ? "a musl program in a glibc image?" :
		    "a glibc program in a musl image?";
	if (n > 0 && name[n - 1] == '\r')
		return "its #! line ends in a carriage return";
	return "install it, or correct the #! line";
}

/* Explain ENOENT for a file that exists: follow its loader or interpreter, as
 * the kernel does up to four times, to the name that is missing. */
static const char *
explain_missing(const char *path, struct strbuf *why)
{
	char name[PATH_MAX];
	char next[PATH_MAX];
	struct strbuf first = STRBUF(name);

	strbuf_add(&first, path);
	for (int depth = 0; depth < 4; depth++) {
		struct file_head h;
		bool is_loader;
		int file;

		if (!exec_read_head(name, &h, &file))
			break;
		is_loader = exec_is_elf(&h);
		read_interpreter(file, &h, next);
		close(file);
		if (!next[0])
			break;
		memcpy(name, next, sizeof(name));
		if (access(name, F_OK) == 0)
			continue;
		strbuf_add(why, is_loader ? "its loader '" :
		    "its interpreter '");
		strbuf_quote(why, name);
		strbuf_add(why, "' is missing");
		return remedy_for_missing(name, is_loader);
	}
	strbuf_add(why, strerror(ENOENT));
	return NULL;
}

static const char *
explain_format(const char *path, struct strbuf *why)
{
	struct file_head h;
	/* e_machine is at the same place in 32 and 64 bits. */
	const Elf32_Ehdr *e = (const void *)h.bytes;
	unsigned int machine = EM_NONE;
	int file;

	if (exec_read_head(path, &h, &file) && exec_is_elf(&h))
		machine = e->e_machine;
	if (file >= 0)
		close(file);
	strbuf_add(why, strerror(ENOEXEC));
	if (exec_is_script(path))
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

/* Return the file whose exec failed: the candidate with that number, or the
 * first one that exists where the number is -1; NULL if there is none. */
static const char *
locate_command(const char *command, int number, char path[PATH_MAX])
{
	const char *search = exec_path();
	struct stat st;

	if (strchr(command, '/'))
		return stat(command, &st) == 0 ? command : NULL;
	for (int i = 0; exec_candidate(path, &search, command); i++)
		if (number < 0 ? stat(path, &st) == 0 : i == number)
			return path;
	return NULL;
}

static const char *
remedy_for_unknown(const char *command)
{
	if (strchr(command, ' '))
		return "give its arguments as words of their own";
	return strchr(command, '/') ? NULL : "it is not in PATH";
}

int
exec_explain(const char *command, const struct exec_error *failed)
{
	char path[PATH_MAX];
	char text[512];
	struct strbuf why = STRBUF(text);
	const char *file = locate_command(command, failed->candidate, path);
	const char *remedy = NULL;

	if (!file && failed->error == ENOENT) {
		warnx("cannot execute", command, strerror(ENOENT),
		    remedy_for_unknown(command));
		return 127;
	}
	if (!file)
		file = command;
	switch (failed->error) {
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
		strbuf_add(&why, strerror(failed->error));
	}
	warnx("cannot execute", file, text, remedy);
	return 126;
}
