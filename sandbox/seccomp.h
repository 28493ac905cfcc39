/* Filters for the system calls of the command, seccomp(2). */
#ifndef PITH_SANDBOX_SECCOMP_H
#define PITH_SANDBOX_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>

#include "sandbox.h"

/* Build the filters of --seccomp, in their order. With a root the built-in
 * filter comes first, unless "default" or "off" is given. The files of bpf:FILE
 * are regular and hold 1 to 4096 struct sock_filter. Dies if a file cannot be
 * used, or if both "default" and "off" are given.
 * Call it before anything is started. */
void seccomp_prepare(const struct sandbox *s, bool has_rootfs);

/* Return the program of filter i, which counts from 0; NULL after the last. */
const struct sock_fprog *seccomp_program(int i);

/* Apply filter i to the calling thread and its future children. Needs
 * no_new_privs or CAP_SYS_ADMIN. *on becomes the word that requested the
 * filter, or NULL for the built-in one of a root. Writes no other memory, so it
 * can be called after vfork(2).
 *
 * False with errno: EACCES without no_new_privs and CAP_SYS_ADMIN; EINVAL if
 * the kernel refuses the program of a FILE. If an earlier filter answers
 * seccomp(2) itself, errno is its answer, or ENOSYS if it pretended success. */
bool seccomp_apply(int i, const char **on);

/* True if the built-in filter is among the filters. */
bool seccomp_has_built_in(void);

#endif
