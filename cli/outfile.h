/* Output files that other programs trust: --report, --info and --pidfile. Their
 * directory may be writable by the command or by another user. */
#ifndef PITH_OUTFILE_H
#define PITH_OUTFILE_H

#include <stdbool.h>
#include <stddef.h>

struct outfile {
	int dir;                /* directory of the file; -1: no file */
	int fd;                 /* unnamed file; -1: create it at the end */
	const char *name;       /* file name in dir */
	const char *path;       /* path of the file, relative to start */
	int start;              /* / or the working directory, before chroot */
	char temporary[20];     /* random, unpredictable name in dir */
};

/* An outfile that writes nothing. */
#define NO_OUTFILE { .dir = -1, .fd = -1, .start = -1 }

/* Prepare to write a file without changing its directory: open an unnamed file,
 * O_TMPFILE. Without O_TMPFILE, create and remove a temporary file, to check
 * that the file can be created at the end. Dies with "WHAT 'PATH': ...". remedy
 * is printed if path is not a regular file. path must stay valid. */
void outfile_open(struct outfile *o, const char *path, const char *what,
    const char *remedy);

/* Write n bytes of text, then link the complete file to its name, replacing a
 * file that is there. Warns on failure, and if the path names another file
 * afterwards. A second call does nothing. */
void outfile_write(struct outfile *o, const char *text, size_t n);

/* Write n bytes, at most PIPE_BUF, to fd. False with errno on failure;
 * ETIMEDOUT if a pipe, socket or terminal stays full for a second. */
bool write_all(int fd, const char *text, size_t n);

/* Move a descriptor, close-on-exec, to 128 or above, beyond the numbers that
 * commands use. If RLIMIT_NOFILE is too low for that, move it above 2. Returns
 * the new descriptor; -1 with errno on failure, or if fd is negative. */
int fd_above(int fd);

#endif
