/* Access to a /proc that has been checked to be a proc file system. */
#ifndef PITH_SANDBOX_PROC_H
#define PITH_SANDBOX_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../cli/system.h"

/* Open /proc and check with fstatfs(2) that it is a proc file system. Dies if
 * it is not. Call before a change of root. */
void proc_open(void);

/* Use another /proc from now on, such as that of our own PID namespace. Takes
 * over the descriptor and closes the old one. */
void proc_use(int dir);

/* Descriptor of /proc, or -1. It belongs to this file. */
int proc_fd(void);

/* Call file_write() and file_read() below /proc. */
bool proc_write(const char *path, const char *text);
bool proc_read(const char *path, char *text, size_t size);

/* True if a file below /proc can be read and begins with a character. */
bool proc_begins(const char *path, char first);

/* Write "PID/NAME" into path, for proc_write() and proc_read(). Returns path.
 */
enum { PROC_PATH = 40 };
const char *proc_of(char path[PROC_PATH], pid_t pid, const char *name);

/* True if the descriptor is an io_uring(7), or may be one because /proc is not
 * mounted. False if it is not open. A ring with a kernel thread
 * (IORING_SETUP_SQPOLL) makes system calls by itself, with the credentials of
 * its creator and without any seccomp filter. */
bool proc_is_ring(int fd);

#endif
