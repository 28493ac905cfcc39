/* What differs between architectures: pith's only preprocessor conditions. */
#ifndef PITH_ARCHITECTURE_H
#define PITH_ARCHITECTURE_H

#include <sys/syscall.h>

/* clock_gettime(2) with 64-bit seconds, as libc's timespec has them. */
#ifdef SYS_clock_gettime64
enum { CLOCK_GETTIME = SYS_clock_gettime64 };
#else
enum { CLOCK_GETTIME = SYS_clock_gettime };
#endif

#endif
