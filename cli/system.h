/* Small steps that all families need: read and write a file of the kernel, list
 * a directory, bring up lo. */
#ifndef PITH_SYSTEM_H
#define PITH_SYSTEM_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Read a file by one read(2), which is all of a small file of the kernel; path
 * is relative to dir and must not be a symbolic link. The text ends in a NUL
 * after at most size - 1 bytes. Returns false with errno and an empty text if
 * it fails. */
bool file_read(int dir, const char *path, char *text, size_t size);

/* Read a file to its end, or the first size - 1 bytes of it; a NUL follows
 * them. A FIFO without a writer is empty. Returns the number of bytes, or -1
 * with errno and an empty text. */
ssize_t file_read_whole(const char *path, char *text, size_t size);

/* True if the real user may access the file in that mode, access(2). Returns
 * false with errno. */
bool file_permits(int dir, const char *path, int mode);

/* Write a text by one write(2) to an existing file, which must not be a
 * symbolic link. Returns false with errno if it fails. */
bool file_write(int dir, const char *path, const char *text);

/* A directory that is being listed. Start with { .fd = fd }. */
struct dir_list {
	int fd;
	/* Bytes in the buffer: 0 at the end, negative after a failure. */
	long size;
	long at;                /* place of the next entry in the buffer */
	_Alignas(struct dirent) char buffer[2048];
};

/* Return the next entry except "." and "..", or NULL at the end and on failure.
 * The entry is valid until the next call. getdents64(2) */
const struct dirent *dir_next(struct dir_list *l);

/* Bring up the interface lo of this network namespace. Returns false with errno
 * if it fails. netdevice(7) */
bool bring_up_loopback(void);

#endif
