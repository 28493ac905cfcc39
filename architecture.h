/* What differs between architectures: pith's only preprocessor conditions. */
#ifndef PITH_ARCHITECTURE_H
#define PITH_ARCHITECTURE_H

#include <stdint.h>
#include <sys/syscall.h>

/* clock_gettime(2) as every kernel of the architecture has it, and what it
 * fills: the seconds since the boot, which is what we ask for, fit 32 bits. */
#if defined(SYS_clock_gettime)
enum { CLOCK_GETTIME = SYS_clock_gettime };
struct kernel_time { long seconds, nanoseconds; };
#elif defined(SYS_clock_gettime32)
enum { CLOCK_GETTIME = SYS_clock_gettime32 };
struct kernel_time { long seconds, nanoseconds; };
#else
enum { CLOCK_GETTIME = SYS_clock_gettime64 };
struct kernel_time { int64_t seconds, nanoseconds; };
#endif

#endif
