/* A sealed copy of our own program, in which no process can write. */
#ifndef PITH_SANDBOX_SEALED_H
#define PITH_SANDBOX_SEALED_H

#include <stdbool.h>
#include <stddef.h>

#include "sandbox.h"

/* True if the command could change pith's program file. In a hostile root, a
 * link to /proc/self/exe as the command executes pith's own file, which another
 * process can then open. No process can write to a running program. But the
 * owner of the file can chmod(2) it, and a tracer of process 1 can write after
 * its end (CVE-2019-5736). False if no id inside can own the file. */
bool sealed_needed(const struct sandbox *s);

/* Copy our program to a sealed memfd, and execute the copy with argv and
 * environ. Dies on failure. memfd_create(2), F_ADD_SEALS of fcntl(2) */
_Noreturn void sealed_become(char **argv);

/* True if this process runs the sealed copy. Also sets its name in ps(1) to
 * "pith". */
bool sealed_is_copy(void);

/* Replace descriptor fd with a file that holds text, so that the sealed copy
 * can read --args-fd again. Dies on failure. */
void sealed_provide(int fd, const char *text, size_t size);

#endif
