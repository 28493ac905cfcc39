#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../architecture.h"
#include "../cli/log.h"
#include "../cli/memory.h"
#include "seccomp.h"

/* Verdicts on a system call. DENY: EPERM. MISSING: ENOSYS. NESTED: EPERM
 * without --allow-userns. The last five depend on an argument. */
enum verdict {
	ALLOW, DENY, MISSING, NESTED, IOCTL, SOCKET, CLONE, UNSHARE,
	PERSONALITY, VERDICTS
};

/* System calls that some kernel headers lack. From 403 on, numbers are the same
 * on all supported architectures. In the table, a comment names the calls that
 * only i386 has. */
enum {
	clock_settime64 = 404, clock_adjtime64 = 405,
	io_uring_setup = 425, io_uring_enter, io_uring_register,
	open_tree, move_mount, fsopen, fsconfig, fsmount, fspick,
	clone3 = 435, mount_setattr = 442, quotactl_fd, memfd_secret = 447,
	open_tree_attr = 467
};

/* First unused number in Linux 6.18, whose newest call is file_setattr(2).
 * Newer calls have not been reviewed. They return ENOSYS, as on an older
 * kernel, and programs fall back to older calls. I386_*: as in architecture.h.
 */
enum { NEW_CALLS = 470, I386_OWN_CALLS = 387, I386_COMMON_CALLS = 393 };

/* Calls that are not simply allowed, by the native number and that of i386,
 * which an x86-64 kernel serves too (int 0x80). */
static const struct {
	unsigned native : 9, i386 : 9, verdict : 4;
} calls[] = {
	/* These load code into the kernel, or start another kernel. */
	{ SYS_init_module, 128, DENY }, { SYS_finit_module, 350, DENY },
	{ SYS_delete_module, 129, DENY }, { SYS_kexec_load, 283, DENY },
	{ KEXEC_FILE_LOAD, NO_CALL, DENY }, { SYS_reboot, 88, DENY },
	{ SYS_bpf, 357, DENY },

	/* Many kernel vulnerabilities were found in these calls. */
	{ SYS_perf_event_open, 336, DENY }, { SYS_userfaultfd, 374, DENY },
	{ io_uring_setup, io_uring_setup, DENY },
	{ io_uring_enter, io_uring_enter, DENY },
	{ io_uring_register, io_uring_register, DENY },
	{ USELIB, 86, DENY },

	/* 16-bit segments, which Wine and DOS emulators use. Often a source of
	 * vulnerabilities; kernels can be built without it. */
	{ MODIFY_LDT, 123, DENY },

	/* fanotify(7) reports events of whole file systems, including volumes
	 * of the host. inotify(7) covers what a user may watch with it. */
	{ SYS_fanotify_init, 338, DENY },

	/* Memory that the host can neither inspect nor save, so that it cannot
	 * hibernate. Many kernels lack this call. */
	{ memfd_secret, memfd_secret, MISSING },

	/* Obsolete: newer kernels, or some of them, lack these. */
	{ SYS_lookup_dcookie, 253, MISSING }, { SYSFS, 135, MISSING },
	{ OLD_SYSCTL, 149, MISSING }, { BDFLUSH, 134, MISSING },

	/* Access to registers of PCI devices on Arm. */
	{ PCICONFIG_IOBASE, NO_CALL, DENY }, { PCICONFIG_READ, NO_CALL, DENY },
	{ PCICONFIG_WRITE, NO_CALL, DENY },

	/* Allow flags that only change a program's own memory layout and
	 * uname(2): setarch(8), gdb and sanitizers set them. The others are
	 * for other systems and have helped exploits (CVE-2009-1895). */
	{ SYS_personality, 136, PERSONALITY },

	/* These reach objects that no namespace isolates: keyrings, file
	 * handles, clocks, swap, quotas, I/O ports, the kernel log. */
	{ SYS_keyctl, 288, DENY }, { SYS_add_key, 286, DENY },
	{ SYS_request_key, 287, DENY }, { SYS_syslog, 103, DENY },
	{ SYS_open_by_handle_at, 342, DENY },
	{ SYS_name_to_handle_at, 341, DENY },
	{ SETTIMEOFDAY, 79, DENY }, { NO_CALL, 25 /* stime */, DENY },
	{ CLOCK_SETTIME, 264, DENY },
	{ clock_settime64, clock_settime64, DENY },
	{ SYS_adjtimex, 124, DENY }, { SYS_clock_adjtime, 343, DENY },
	{ clock_adjtime64, clock_adjtime64, DENY },
	{ SYS_swapon, 87, DENY }, { SYS_swapoff, 115, DENY },
	{ SYS_acct, 51, DENY }, { SYS_quotactl, 131, DENY },
	{ quotactl_fd, quotactl_fd, DENY },
	{ IOPL, 110, DENY }, { IOPERM, 101, DENY },

	/* ioctl: input of a terminal, and line disciplines, which are loaded on
	 * demand. socket: AF_VSOCK reaches other virtual machines, and AF_ALG
	 * can use keys by their numbers. A filter cannot see the family in
	 * socketcall(2), because it is behind a pointer. */
	{ SYS_ioctl, 54, IOCTL }, { SYS_socket, 359, SOCKET },
	{ NO_CALL, 102 /* socketcall */, DENY },

	/* New namespaces and mounts. The arguments of clone3(2) are behind a
	 * pointer too; after ENOSYS, a libc uses clone(2). */
	{ SYS_clone, 120, CLONE }, { SYS_unshare, 310, UNSHARE },
	{ clone3, clone3, MISSING }, { SYS_setns, 346, NESTED },
	{ SYS_mount, 21, NESTED }, { SYS_umount2, 52, NESTED },
	{ NO_CALL, 22 /* umount */, NESTED },
	{ SYS_pivot_root, 217, NESTED },
	{ open_tree, open_tree, NESTED }, { move_mount, move_mount, NESTED },
	{ fsopen, fsopen, NESTED }, { fsconfig, fsconfig, NESTED },
	{ fsmount, fsmount, NESTED }, { fspick, fspick, NESTED },
	{ mount_setattr, mount_setattr, NESTED },
	{ open_tree_attr, open_tree_attr, NESTED },
};

/* Deliberately allowed: kcmp(2), process_vm_readv(2) and pidfd_getfd(2) need
 * permission to trace the other process, ptrace(2). vhangup(2) needs a
 * capability and affects only the caller's terminal. mseal(2) and
 * map_shadow_stack(2) affect only the caller's memory. */

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

/* Denied flags. clone(2): those that create a namespace. unshare(2): all except
 * those known to create none, because new namespaces get a flag there. */
#define CLONE_NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | \
	CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define UNSHARE_DENIED ~(uint32_t)(CLONE_FILES | CLONE_FS | CLONE_SYSVSEM | \
	CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)

/* Allowed are PER_LINUX, PER_LINUX32 and these flags. All bits set, 0xffffffff,
 * only queries the personality and is allowed too. */
#define PERSONALITY_DENIED ~(uint32_t)(PER_LINUX32 | UNAME26 | \
	ADDR_NO_RANDOMIZE)

/* Offset of the low 32 bits of an argument. The kernel ignores the upper bits
 * of these arguments, so the filter must ignore them too (CVE-2019-10063). */
#define LOW_WORD (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0)
#define ARGUMENT(n) (offsetof(struct seccomp_data, args[n]) + LOW_WORD)

/* BUILT_IN: a jump can skip at most 255 instructions. CODE_SIZE: the kernel
 * accepts fewer than eight filters of the maximum length for one process. */
enum { FILTER_MAX = BPF_MAXINSNS, BUILT_IN = 256, FILTERS = 32 };
enum { CODE_SIZE = BUILT_IN + 8 * FILTER_MAX };
static const ssize_t INSN_SIZE = sizeof(struct sock_filter);

/* Ranges of call numbers. A range ends before the first call of the next one.
 */
struct call_range {
	uint32_t first;
	unsigned to;            /* instruction that handles the calls */
};

static struct filters {
	/* In the order of the command line, in which they are applied. */
	struct sock_fprog programs[FILTERS];
	const char *requested_by[FILTERS];      /* word; NULL: by a root */
	int count;
	unsigned top;           /* first instruction emitted so far */
	unsigned used;          /* instructions in code */
	struct sock_filter *code;               /* built-in filter first */
	struct memory memory;   /* of the code */
} filters;

/* ---- instructions ------------------------------------------------------- */

/* Emit the built-in filter from its end to its start, so that the targets of
 * jumps are known; yes and no below are their indices. Each function returns
 * the index of the first instruction that it has emitted. */
static unsigned
emit_insn(struct filters *f, unsigned operation, uint32_t k, unsigned yes,
    unsigned no)
{
	const unsigned top = --f->top;

	f->code[top] = (struct sock_filter){ operation, yes - top - 1,
	    no - top - 1, k };
	return top;
}

static unsigned
emit_load(struct filters *f, unsigned offset)
{
	return emit_insn(f, BPF_LD | BPF_W | BPF_ABS, offset, f->top, f->top);
}

static unsigned
emit_verdict(struct filters *f, uint32_t verdict)
{
	return emit_insn(f, BPF_RET | BPF_K, verdict, f->top, f->top);
}

/* ---- the search tree ---------------------------------------------------- */

/* Emit a binary search among the ranges [from, end). */
static unsigned
emit_search(struct filters *f, const struct call_range *ranges, unsigned from,
    unsigned end)
{
	unsigned middle = (from + end) / 2, above;

	if (end - from == 1)
		return ranges[from].to;
	above = emit_search(f, ranges, middle, end);
	return emit_insn(f, BPF_JMP | BPF_JGE | BPF_K, ranges[middle].first,
	    above, emit_search(f, ranges, from, middle));
}

/* Append a range, unless the last one has the same target. Returns the number
 * of ranges. */
static unsigned
add_range(struct call_range *ranges, unsigned count, uint32_t first,
    unsigned to)
{
	if (count > 0 && ranges[count - 1].to == to)
		return count;
	ranges[count] = (struct call_range){ first, to };
	return count + 1;
}

/* True if Linux up to NEW_CALLS has a call with this number. */
static bool
is_known_call(bool native, unsigned nr)
{
	return nr < NEW_CALLS && (native ?
	    nr < OWN_CALLS || nr >= COMMON_CALLS :
	    nr < I386_OWN_CALLS || nr >= I386_COMMON_CALLS);
}

/* Emit the verdicts of one column of the table. */
static unsigned
emit_calls(struct filters *f, bool native, const unsigned to[VERDICTS])
{
	unsigned char verdicts[NO_CALL + 1];
	struct call_range ranges[NO_CALL];
	unsigned count = 0;

	for (unsigned nr = 0; nr <= NO_CALL; nr++)
		verdicts[nr] = is_known_call(native, nr) ? ALLOW : MISSING;
	for (unsigned i = 0; i < CALLS; i++)
		verdicts[native ? calls[i].native : calls[i].i386] =
		    calls[i].verdict;
	for (unsigned nr = 0; nr < NO_CALL; nr++)
		count = add_range(ranges, count, nr, to[verdicts[nr]]);
	if (native && PRIVATE_CALLS) {
		count = add_range(ranges, count, PRIVATE_CALLS,
		    to[ALLOW]);
		count = add_range(ranges, count, PRIVATE_END,
		    to[MISSING]);
	}
	/* A tracer sets number -1 to skip the call. */
	count = add_range(ranges, count, UINT32_MAX, to[ALLOW]);
	emit_search(f, ranges, 0, count);
	return emit_load(f, offsetof(struct seccomp_data, nr));
}

/* ---- the filter --------------------------------------------------------- */

/* Emit a comparison of an argument with k. */
static unsigned
emit_compare(struct filters *f, unsigned argument, unsigned how, uint32_t k,
    unsigned yes, unsigned no)
{
	emit_insn(f, BPF_JMP | how | BPF_K, k, yes, no);
	return emit_load(f, ARGUMENT(argument));
}

static void
add_program(struct filters *f, unsigned length, struct sock_filter *first,
    const char *word)
{
	if (f->count == FILTERS)
		diex("too many filters", word, NULL, NULL);
	f->programs[f->count] = (struct sock_fprog){ length, first };
	f->requested_by[f->count++] = word;
}

static void
build_filter(struct filters *f, bool nested, const char *word)
{
	unsigned to[VERDICTS], native, other, deny, allow;

	f->top = BUILT_IN;
	other = emit_verdict(f, SECCOMP_RET_KILL_PROCESS);
	to[MISSING] = emit_verdict(f, SECCOMP_RET_ERRNO | ENOSYS);
	deny = to[DENY] = emit_verdict(f, SECCOMP_RET_ERRNO | EPERM);
	allow = to[ALLOW] = emit_verdict(f, SECCOMP_RET_ALLOW);
	to[NESTED] = to[CLONE] = to[UNSHARE] = allow;
	if (!nested) {
		to[NESTED] = deny;
		to[CLONE] = emit_compare(f, 0, BPF_JSET, CLONE_NAMESPACES,
		    deny, allow);
		to[UNSHARE] = emit_compare(f, 0, BPF_JSET, UNSHARE_DENIED,
		    deny, allow);
	}
	to[SOCKET] = emit_compare(f, 0, BPF_JEQ, AF_VSOCK, deny,
	    emit_insn(f, BPF_JMP | BPF_JEQ | BPF_K, AF_ALG, deny, allow));
	to[IOCTL] = emit_compare(f, 1, BPF_JEQ, TIOCSTI, deny,
	    emit_insn(f, BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, deny,
	    emit_insn(f, BPF_JMP | BPF_JEQ | BPF_K, TIOCSETD, deny, allow)));
	to[PERSONALITY] = emit_compare(f, 0, BPF_JEQ, UINT32_MAX, allow,
	    emit_insn(f, BPF_JMP | BPF_JSET | BPF_K, PERSONALITY_DENIED, deny,
	    allow));
	if (I386_ARCH) {
		unsigned i386 = emit_calls(f, false, to);

		native = emit_calls(f, true, to);
		other = emit_insn(f, BPF_JMP | BPF_JEQ | BPF_K, I386_ARCH, i386,
		    other);
	} else {
		native = emit_calls(f, true, to);
	}
	emit_insn(f, BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, native, other);
	emit_load(f, offsetof(struct seccomp_data, arch));
	add_program(f, BUILT_IN - f->top, f->code + f->top, word);
}

static void
read_filter(struct filters *f, const char *path, const char *word)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = -1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		die("cannot read", path);
	if (f->used + FILTER_MAX > CODE_SIZE)
		diex("too many filters", path, NULL, NULL);
	if (S_ISREG(st.st_mode)) {
		n = read(fd, f->code + f->used,
		    (FILTER_MAX + 1) * INSN_SIZE);
		if (n < 0)
			die("cannot read", path);
	}
	close(fd);
	if (n <= 0 || n % INSN_SIZE || n > FILTER_MAX * INSN_SIZE)
		diex("cannot use the filter", path,
		    "not a file of 1 to 4096 struct sock_filter", NULL);
	add_program(f, n / INSN_SIZE, f->code + f->used, word);
	f->used += n / INSN_SIZE;
}

void
seccomp_prepare(const struct sandbox *s, bool has_rootfs)
{
	struct filters *f = &filters;
	const bool implied = has_rootfs && !s->seccomp_off;
	int built_in = -1;      /* the last "default" */

	if (implied || s->filter_count > 0)
		memory_reserve(&f->memory, (CODE_SIZE + 1) * INSN_SIZE);
	f->code = f->memory.block;
	f->count = 0;
	f->used = BUILT_IN;
	for (int i = 0; i < s->filter_count; i++)
		if (!s->filters[i].path)
			built_in = i;
	if (built_in >= 0 && s->seccomp_off)
		diex("--seccomp off contradicts", "--seccomp default", NULL,
		    NULL);
	if ((built_in >= 0 || implied) && NATIVE_ARCH == 0)
		diex("bad value", "default", "no filter is built in for this "
		    "architecture", NULL);
	if (built_in < 0 && implied)
		build_filter(f, s->allow_userns, NULL);
	for (int i = 0; i < s->filter_count; i++) {
		const struct seccomp_filter *w = &s->filters[i];

		if (w->path)
			read_filter(f, w->path, w->text);
		else if (i == built_in)
			build_filter(f, s->allow_userns, w->text);
	}
}

/* False if an earlier filter answers seccomp(2) instead of the kernel. The
 * kernel returns EFAULT for a NULL program. */
static bool
seccomp_reaches_kernel(void)
{
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) == 0)
		errno = ENOSYS;
	return errno == EFAULT;
}

bool
seccomp_apply(int i, const char **on)
{
	*on = filters.requested_by[i];
	return (i == 0 || seccomp_reaches_kernel()) && syscall(SYS_seccomp,
	    SECCOMP_SET_MODE_FILTER, 0, &filters.programs[i]) == 0;
}

const struct sock_fprog *
seccomp_program(int i)
{
	return i < filters.count ? &filters.programs[i] : NULL;
}

bool
seccomp_has_built_in(void)
{
	for (int i = 0; i < filters.count; i++)
		if (filters.programs[i].filter < filters.code + BUILT_IN)
			return true;
	return false;
}
