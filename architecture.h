/* Differences between architectures: the only preprocessor conditions of pith.
 */
#ifndef PITH_ARCHITECTURE_H
#define PITH_ARCHITECTURE_H

#include <link.h>
#include <linux/audit.h>
#include <stdint.h>
#include <sys/syscall.h>

/* System calls with a time, as every kernel of the architecture has them.
 * Seconds since the boot, and seconds to wait, fit 32 bits. */
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

/* Values for seccomp(2). NATIVE_ARCH: the architecture of our system calls; 0
 * if pith has no filter for it. I386_ARCH: the other one that the same kernel
 * runs; 0: none. System calls have numbers below OWN_CALLS, or from
 * COMMON_CALLS on for those that all architectures share. arm has a few more
 * from PRIVATE_CALLS to PRIVATE_END, which set the thread pointer and flush
 * caches; syscall(2). */
#if defined(__x86_64__) && defined(__LP64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define I386_ARCH AUDIT_ARCH_I386
enum { OWN_CALLS = 337, COMMON_CALLS = 424 };
#else
#if defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define NATIVE_ARCH AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#else
#define NATIVE_ARCH 0
#endif
#define I386_ARCH 0
#if defined(__arm__)
enum { OWN_CALLS = 402, COMMON_CALLS = 403 };
#else
enum { OWN_CALLS = 295, COMMON_CALLS = 424 };
#endif
#endif
#if defined(__arm__)
enum { PRIVATE_CALLS = 0xf0001, PRIVATE_END = 0xf0007 };
#else
enum { PRIVATE_CALLS = 0, PRIVATE_END = 0 };
#endif

/* A number that no system call has. */
enum { NO_CALL = 511 };

/* System calls that some architectures lack, or whose name differs in libc. */
#if defined(SYS_settimeofday)
enum { SETTIMEOFDAY = SYS_settimeofday, CLOCK_SETTIME = SYS_clock_settime };
#elif defined(SYS_settimeofday_time32)
enum { SETTIMEOFDAY = SYS_settimeofday_time32 };
enum { CLOCK_SETTIME = SYS_clock_settime32 };
#else
enum { SETTIMEOFDAY = NO_CALL, CLOCK_SETTIME = NO_CALL };
#endif
#if defined(SYS_iopl)
enum { IOPL = SYS_iopl, IOPERM = SYS_ioperm };
#else
enum { IOPL = NO_CALL, IOPERM = NO_CALL };
#endif
#if defined(__arm__)
enum { USELIB = SYS_uselib };   /* x86-64 has the number, and no such call */
enum { BDFLUSH = SYS_bdflush };
enum { PCICONFIG_IOBASE = SYS_pciconfig_iobase };
enum { PCICONFIG_READ = SYS_pciconfig_read };
enum { PCICONFIG_WRITE = SYS_pciconfig_write };
#else
enum { USELIB = NO_CALL, BDFLUSH = NO_CALL };
enum { PCICONFIG_IOBASE = NO_CALL };
enum { PCICONFIG_READ = NO_CALL, PCICONFIG_WRITE = NO_CALL };
#endif
#if defined(SYS_modify_ldt)
enum { MODIFY_LDT = SYS_modify_ldt };
#else
enum { MODIFY_LDT = NO_CALL };
#endif
#if defined(SYS_sysfs)
enum { SYSFS = SYS_sysfs, OLD_SYSCTL = SYS__sysctl };
#else
enum { SYSFS = NO_CALL, OLD_SYSCTL = NO_CALL };
#endif
#if defined(SYS_kexec_file_load)
enum { KEXEC_FILE_LOAD = SYS_kexec_file_load };
#else
enum { KEXEC_FILE_LOAD = NO_CALL };
#endif

/* System calls with ids of 32 bits. Where ids once had 16 bits, the new calls
 * have another name. */
#if defined(SYS_setresuid32)
enum { SETFSUID = SYS_setfsuid32, SETFSGID = SYS_setfsgid32 };
enum { SETRESUID = SYS_setresuid32, SETRESGID = SYS_setresgid32 };
enum { SETGROUPS = SYS_setgroups32 };
#else
enum { SETFSUID = SYS_setfsuid, SETFSGID = SYS_setfsgid };
enum { SETRESUID = SYS_setresuid, SETRESGID = SYS_setresgid };
enum { SETGROUPS = SYS_setgroups };
#endif

/* ELF header of our own program, defined by the linker; elf(5). */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

#endif
