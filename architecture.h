/* What differs between architectures: pith's only preprocessor conditions. */
#ifndef PITH_ARCHITECTURE_H
#define PITH_ARCHITECTURE_H

#include <link.h>
#include <stdint.h>
#include <sys/syscall.h>

/* Calls with a time as every kernel of the architecture has them: seconds since
 * the boot, and to wait for, fit 32 bits. */
#if defined(SYS_clock_gettime)
enum { CLOCK_GETTIME = SYS_clock_gettime };
enum { SIGTIMEDWAIT = SYS_rt_sigtimedwait };
struct kernel_time { long seconds, nanoseconds; };
#elif defined(SYS_clock_gettime32)
enum { CLOCK_GETTIME = SYS_clock_gettime32 };
enum { SIGTIMEDWAIT = SYS_rt_sigtimedwait };
struct kernel_time { long seconds, nanoseconds; };
#else
enum { CLOCK_GETTIME = SYS_clock_gettime64 };
enum { SIGTIMEDWAIT = SYS_rt_sigtimedwait_time64 };
struct kernel_time { int64_t seconds, nanoseconds; };
#endif

/* Our own program as the linker laid it out, elf(5). */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

#endif
