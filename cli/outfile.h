/* Files that tell others the truth: --report, --info, --pidfile. The command,
 * or another user, may be able to write to their directory. */
#ifndef PITH_OUTFILE_H
#define PITH_OUTFILE_H

#include <stdbool.h>
#include <stddef.h>

struct outfile {
	int dir;                /* where it is to appear, or -1: not wanted */
	int fd;                 /* a file without a name, or -1 until the end */
	const char *name;       /* in dir */
	const char *path;       /* of the file, from start */
	int start;              /* / or the working directory, before chroot */
	char temporary[20];     /* a name that nobody guesses */
};

/* Nothing is to be written. */
#define NO_OUTFILE { .dir = -1, .fd = -1, .start = -1 }

/* Get ready to write a file, and change nothing in its directory: open an
 * unnamed file (O_TMPFILE). Without O_TMPFILE a temporary file is created and
 * removed at once, to see that the file can be created at the end. Dies with
 * "WHAT 'PATH': ...", and the remedy for what is no regular file.
 * path has to last. */
void outfile_open(struct outfile *o, const char *path, const char *what,
    const char *remedy);

/* Write all of it, then let it appear under its name, whatever was there.
 * Warns where it cannot be, or where another file is at its path afterwards. A
 * second call does nothing. */
void outfile_write(struct outfile *o, const char *text, size_t n);

/* Write n bytes, at most PIPE_BUF, to an open file; false with errno: ETIMEDOUT
 * where nobody reads a pipe, socket or terminal that is full for a second. */
bool write_all(int fd, const char *text, size_t n);

/* Move a descriptor to 128 or above, where the command's own do not reach, or
 * at least above 2; close-on-exec. -1 with errno where that fails, or fd is
 * negative. */
int fd_above(int fd);

#endif
