/* Find a program in PATH and execute it in the place of this process. */
#ifndef PITH_EXEC_H
#define PITH_EXEC_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "signals.h"

/* Why a command did not start. */
struct exec_error {
	int error;              /* errno; 0: no error */
	int candidate;          /* index in PATH; 0 for a path with a slash;
	                         * -1: no file was found */
	const char *what, *on;  /* step that failed before the exec, or NULL */
};

/* First bytes of a program file; zeros follow where the file is shorter. The
 * kernel reads as much of a #! line, execve(2). */
struct file_head {
	unsigned char bytes[256];
	size_t size;
};

/* Restore the inherited signal mask, then execute file with the arguments of
 * command; file is command[0] where it is NULL. A name without a slash is
 * looked up in PATH as execvp(3) does, and a text without #! is run by /bin/sh.
 * command[-1] must exist. It may be overwritten, and so may command[0], which
 * is invalid then. Returns only on failure, with the inherited mask in force.
 */
struct exec_error exec_command(const char *file, char **command,
    const struct inherited *inherited);

/* Write the next candidate for command to path and advance *search, which
 * points into the value of exec_path(). Returns path, or NULL at the end of
 * PATH. Candidates longer than PATH_MAX are skipped. An empty element is the
 * working directory, environ(7). */
const char *exec_candidate(char path[PATH_MAX], const char **search,
    const char *command);

/* Value of PATH, or the default of execvp(3). */
const char *exec_path(void);

/* Read the first bytes of a regular file that may be hostile; follows links.
 * *file is a descriptor that the caller closes, or -1, whatever is returned.
 * Returns false if the file is not regular or cannot be read. */
bool exec_read_head(const char *path, struct file_head *h, int *file);

/* True if the file begins with the magic number of ELF, elf(5). */
bool exec_is_elf(const struct file_head *h);

/* True for a readable regular file that is not ELF and has no NUL in its first
 * 256 bytes, which a shell may run; an empty file counts. */
bool exec_is_script(const char *path);

#endif
