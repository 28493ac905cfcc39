/* Our own program as a copy that nobody can write. */
#ifndef PITH_SANDBOX_SEALED_H
#define PITH_SANDBOX_SEALED_H

#include <stdbool.h>
#include <stddef.h>

#include "sandbox.h"

/* True if the command could change pith's program file. A hostile root can make
 * a link to /proc/self/exe run pith's own file, and another process then opens
 * the file. Nobody can write to a running program, but its owner can chmod(2)
 * it, and a tracer of process 1 can wait for its end (CVE-2019-5736). False if
 * no id inside can own the file. */
bool sealed_needed(const struct sandbox *s);

/* Become a copy of ourselves, called again with argv and environ, in a sealed
 * file that is nowhere in the file system. Dies. memfd_create(2), F_ADD_SEALS
 * of fcntl(2) */
_Noreturn void sealed_become(char **argv);

/* True in that copy, which then gets pith's name in ps(1). */
bool sealed_is_copy(void);

/* Let the copy read a text from a descriptor, which is replaced. Dies. */
void sealed_provide(int fd, const char *text, size_t size);

#endif
