/* The kernel's files in a /proc that is known to be one. */
#ifndef PITH_SANDBOX_PROC_H
#define PITH_SANDBOX_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Open /proc, and make sure that it is the kernel's and not a look-alike
 * (fstatfs(2)); dies where it is not. To be called before any other root. */
void proc_open(void);

/* Let another procfs, an open directory, take its place: that of our own PID
 * namespace. */
void proc_use(int dir);

/* The descriptor, to be kept open until the tree is built. */
int proc_fd(void);

/* Write a text to a file of the kernel's below an open directory, in one
 * write(2); or read one, up to size - 1 bytes and a NUL. A link is not
 * followed. False with errno. */
bool file_write(int dir, const char *path, const char *text);
bool file_read(int dir, const char *path, char *text, size_t size);

/* The same below /proc. */
bool proc_write(const char *path, const char *text);
bool proc_read(const char *path, char *text, size_t size);

/* "PID/NAME" for the two calls above; in path, which is returned. */
enum { PROC_PATH = 40 };
const char *proc_of(char path[PROC_PATH], pid_t pid, const char *name);

/* True if a descriptor is an io_uring(7), or cannot be told from one because
 * there is no /proc; false if it is not open. A ring with a kernel thread
 * (IORING_SETUP_SQPOLL) makes system calls by itself, past every filter and
 * with the credentials of its maker. */
bool proc_is_ring(int fd);

#endif
