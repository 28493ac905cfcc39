/* The calls that a sandbox is not to make: a filter by seccomp(2). */
#ifndef PITH_SANDBOX_SECCOMP_H
#define PITH_SANDBOX_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>

#include "sandbox.h"

/* Build the filters that --seccomp asks for, in the order of its words, before
 * them the built-in one where the preset is on and neither "default" nor "off"
 * is said; those of bpf:FILE are regular files of 1 to 4096 struct sock_filter.
 * What cannot be had, and "default" beside "off", ends in refuse(). To be
 * called before anything is started. */
void seccomp_prepare(const struct sandbox *s, bool has_rootfs);

/* The program of filter i, from 0 on; NULL: there are no more. */
const struct sock_fprog *seccomp_program(int i);

/* Put the calling thread, and all that it starts, under filter i as well; *on
 * is the word that asks for it, or NULL. Needs no_new_privs or CAP_SYS_ADMIN.
 * Changes nothing else in our memory, so it may be called after vfork(2). False
 * with errno: EACCES without either of the two, EINVAL where the kernel refuses
 * the program of a FILE, what an earlier filter answers instead, or ENOSYS
 * where that pretends to have applied it; seccomp(2). */
bool seccomp_apply(int i, const char **on);

/* True if the built-in filter is one of them. */
bool seccomp_has_built_in(void);

#endif
