/* The calls that a sandbox is not to make: a filter by seccomp(2). */
#ifndef PITH_SANDBOX_SECCOMP_H
#define PITH_SANDBOX_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>

#include "sandbox.h"

/* Build the filter that --seccomp asks for, or the built-in one where it is not
 * given and the preset is on; or read that of bpf:FILE, which has to be a
 * regular file of 1 to 4096 struct sock_filter. What cannot be had ends in
 * refuse(). To be called before anything is started. */
void seccomp_prepare(const struct sandbox *s, bool preset);

/* Put the calling thread, and all that it starts, under the filter; true where
 * there is none. Needs no_new_privs or CAP_SYS_ADMIN. Changes nothing in our
 * memory, so it may be called after vfork(2). False with errno: EACCES without
 * either of the two, EINVAL where the kernel refuses the program of a FILE,
 * seccomp(2). */
bool seccomp_apply(void);

/* The program, to be looked at; its len is 0 where there is none. */
const struct sock_fprog *seccomp_program(void);

#endif
