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
#include "seccomp.h"

/* Verdicts on a system call. NESTED: EPERM without --allow-userns. The last
 * five depend on an argument. */
enum verdict {
	ALLOW, DENY, MISSING, NESTED, IOCTL, SOCKET, CLONE, UNSHARE,
	PERSONALITY, VERDICTS
};

/* Calls that the headers do not name everywhere; from 403 on a call has the
 * same number on all architectures of ours. What i386 alone has is named after
 * its column. */
enum {
	clock_settime64 = 404, clock_adjtime64 = 405,
	io_uring_setup = 425, io_uring_enter, io_uring_register,
	open_tree, move_mount, fsopen, fsconfig, fsmount, fspick,
	clone3 = 435, mount_setattr = 442, quotactl_fd, memfd_secret = 447,
	open_tree_attr = 467
};

/* The first number that no call had when this was written, for Linux 6.18,
 * whose newest is file_setattr(2). A newer call is one that nobody has judged:
 * it is missing as on an older kernel, for which programs have another way.
 * I386_*: as in architecture.h. */
enum { NEW_CALLS = 470, I386_OWN_CALLS = 387, I386_COMMON_CALLS = 393 };

/* The numbers of the architecture's own headers, and those of i386, which an
 * x86-64 kernel answers as well (int 0x80). */
static const struct {
	unsigned native : 9, i386 : 9, verdict : 4;
} calls[] = {
	/* They would load code into the kernel, or start another one. */
	{ SYS_init_module, 128, DENY }, { SYS_finit_module, 350, DENY },
	{ SYS_delete_module, 129, DENY }, { SYS_kexec_load, 283, DENY },
	{ KEXEC_FILE_LOAD, NO_CALL, DENY }, { SYS_reboot, 88, DENY },
	{ SYS_bpf, 357, DENY },

	/* A large part of the kernel's faults was found behind these. */
	{ SYS_perf_event_open, 336, DENY }, { SYS_userfaultfd, 374, DENY },
	{ io_uring_setup, io_uring_setup, DENY },
	{ io_uring_enter, io_uring_enter, DENY },
	{ io_uring_register, io_uring_register, DENY },
	{ USELIB, 86, DENY },

	/* Segments of 16 bits, which Wine and DOS want: fixed again and again,
	 * and a kernel may be built without it. */
	{ MODIFY_LDT, 123, DENY },

	/* It tells of whole file systems, volumes of the host among them; what
	 * it lets a user watch inotify(7) does too. */
	{ SYS_fanotify_init, 338, DENY },

	/* Memory that the host can neither look into nor save, for which it
	 * cannot hibernate. Kernels without it are usual. */
	{ memfd_secret, memfd_secret, MISSING },

	/* Obsolete: newer kernels, or some, have none of these. */
	{ SYS_lookup_dcookie, 253, MISSING }, { SYSFS, 135, MISSING },
	{ OLD_SYSCTL, 149, MISSING }, { BDFLUSH, 134, MISSING },

	/* Arm's registers of PCI devices. */
	{ PCICONFIG_IOBASE, NO_CALL, DENY }, { PCICONFIG_READ, NO_CALL, DENY },
	{ PCICONFIG_WRITE, NO_CALL, DENY },

	/* Flags that only change a program's own memory layout and uname(2)
	 * are allowed: setarch(8), gdb and sanitizers set them. The others
	 * belong to other systems and have made faults usable (CVE-2009-1895).
	 */
	{ SYS_personality, 136, PERSONALITY },

	/* No namespace holds what they reach: keyrings, handles of files,
	 * clocks, swap, quotas, ports, the kernel's log. */
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

	/* A terminal's input, and line disciplines, which are loaded on demand.
	 * Sockets to machines beside ours, and of the kernel's cryptography,
	 * which uses keys by their numbers. Of a socketcall(2) the family
	 * cannot be seen: it is behind a pointer. */
	{ SYS_ioctl, 54, IOCTL }, { SYS_socket, 359, SOCKET },
	{ NO_CALL, 102 /* socketcall */, DENY },

	/* Namespaces and mounts of its own. Of clone3(2) nothing can be seen
	 * either; told that it is missing, a libc takes clone(2). */
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

/* Let through: kcmp(2), process_vm_readv(2) and pidfd_getfd(2) ask whether we
 * may trace the other process, ptrace(2); vhangup(2) takes a capability, and
 * our own terminal; mseal(2) and map_shadow_stack(2) are about our own memory.
 */

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

/* Of clone(2) what makes a namespace; of unshare(2) all but what is known to
 * make none, for it is there that new ones come. */
#define CLONE_NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | \
	CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define UNSHARE_MORE ~(uint32_t)(CLONE_FILES | CLONE_FS | CLONE_SYSVSEM | \
	CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)

/* PER_LINUX, PER_LINUX32 and these flags; and all bits, which only ask. */
#define PERSONALITY_MORE ~(uint32_t)(PER_LINUX32 | UNAME26 | ADDR_NO_RANDOMIZE)

/* The kernel takes these arguments as 32 bits, so the filter must not look at
 * the others (CVE-2019-10063). */
#define LOW_WORD (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0)
#define ARGUMENT(n) (offsetof(struct seccomp_data, args[n]) + LOW_WORD)

/* BUILT_IN is within the 255 instructions that a jump can pass over. The kernel
 * takes less than eight of the longest filters for one process. */
enum { LONGEST = BPF_MAXINSNS, BUILT_IN = 256, FILTERS = 32 };
enum { ROOM = BUILT_IN + 8 * LONGEST };
static const ssize_t INSTRUCTION = sizeof(struct sock_filter);

static struct sock_filter code[ROOM + 1];       /* the built-in one first */
static unsigned used;                           /* of code */

/* In the order of the command line, in which they are applied. */
static struct sock_fprog programs[FILTERS];
static const char *asked_by[FILTERS];           /* the word; NULL: the preset */
static int program_count;

/* ---- the instructions, from the last to the first ----------------------- */

static unsigned top;            /* the first one that is there */

static unsigned
put(unsigned operation, uint32_t k, unsigned yes, unsigned no)
{
	top--;
	code[top] = (struct sock_filter){ operation, yes - top - 1,
	    no - top - 1, k };
	return top;
}

static unsigned
load(unsigned offset)
{
	return put(BPF_LD | BPF_W | BPF_ABS, offset, top, top);
}

static unsigned
give(uint32_t verdict)
{
	return put(BPF_RET | BPF_K, verdict, top, top);
}

/* ---- the search tree ---------------------------------------------------- */

/* Calls from first on, up to the next cut, go on at the instruction to. */
static struct cut {
	uint32_t first;
	unsigned to;
} cuts[NO_CALL];

/* Emit the search among the cuts [from, end); returns where it begins. */
static unsigned
search(unsigned from, unsigned end)
{
	unsigned middle = (from + end) / 2, above;

	if (end - from == 1)
		return cuts[from].to;
	above = search(middle, end);
	return put(BPF_JMP | BPF_JGE | BPF_K, cuts[middle].first, above,
	    search(from, middle));
}

static unsigned
add_cut(unsigned count, uint32_t first, unsigned to)
{
	if (count > 0 && cuts[count - 1].to == to)
		return count;
	cuts[count] = (struct cut){ first, to };
	return count + 1;
}

static bool
is_known(bool native, unsigned nr)
{
	return nr < NEW_CALLS && (native ?
	    nr < OWN_CALLS || nr >= COMMON_CALLS :
	    nr < I386_OWN_CALLS || nr >= I386_COMMON_CALLS);
}

/* Emit what is said of the calls of one column; returns where it begins. */
static unsigned
emit_calls(bool native, const unsigned to[VERDICTS])
{
	unsigned char verdicts[NO_CALL + 1];
	unsigned count = 0;

	for (unsigned nr = 0; nr <= NO_CALL; nr++)
		verdicts[nr] = is_known(native, nr) ? ALLOW : MISSING;
	for (unsigned i = 0; i < CALLS; i++)
		verdicts[native ? calls[i].native : calls[i].i386] =
		    calls[i].verdict;
	for (unsigned nr = 0; nr < NO_CALL; nr++)
		count = add_cut(count, nr, to[verdicts[nr]]);
	if (native && PRIVATE_CALLS) {
		count = add_cut(count, PRIVATE_CALLS, to[ALLOW]);
		count = add_cut(count, PRIVATE_END, to[MISSING]);
	}
	/* A tracer sets number -1 to skip the call. */
	count = add_cut(count, UINT32_MAX, to[ALLOW]);
	search(0, count);
	return load(offsetof(struct seccomp_data, nr));
}

/* ---- the filter --------------------------------------------------------- */

/* Emit a look at an argument; returns where it begins. */
static unsigned
emit_look(unsigned argument, unsigned how, uint32_t k, unsigned yes,
    unsigned no)
{
	put(BPF_JMP | how | BPF_K, k, yes, no);
	return load(ARGUMENT(argument));
}

static void
add_program(unsigned length, struct sock_filter *first, const char *asked)
{
	if (program_count == FILTERS)
		diex("too many filters", asked, NULL, NULL);
	programs[program_count] = (struct sock_fprog){ length, first };
	asked_by[program_count++] = asked;
}

static void
build(bool nested, const char *asked)
{
	unsigned to[VERDICTS], native, other, deny, allow;

	top = BUILT_IN;
	other = give(SECCOMP_RET_KILL_PROCESS);
	to[MISSING] = give(SECCOMP_RET_ERRNO | ENOSYS);
	deny = to[DENY] = give(SECCOMP_RET_ERRNO | EPERM);
	allow = to[ALLOW] = give(SECCOMP_RET_ALLOW);
	to[NESTED] = to[CLONE] = to[UNSHARE] = allow;
	if (!nested) {
		to[NESTED] = deny;
		to[CLONE] = emit_look(0, BPF_JSET, CLONE_NAMESPACES, deny,
		    allow);
		to[UNSHARE] = emit_look(0, BPF_JSET, UNSHARE_MORE, deny, allow);
	}
	to[SOCKET] = emit_look(0, BPF_JEQ, AF_VSOCK, deny,
	    put(BPF_JMP | BPF_JEQ | BPF_K, AF_ALG, deny, allow));
	to[IOCTL] = emit_look(1, BPF_JEQ, TIOCSTI, deny,
	    put(BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, deny,
	    put(BPF_JMP | BPF_JEQ | BPF_K, TIOCSETD, deny, allow)));
	to[PERSONALITY] = emit_look(0, BPF_JEQ, UINT32_MAX, allow,
	    put(BPF_JMP | BPF_JSET | BPF_K, PERSONALITY_MORE, deny, allow));
	if (I386_ARCH) {
		unsigned i386 = emit_calls(false, to);

		native = emit_calls(true, to);
		other = put(BPF_JMP | BPF_JEQ | BPF_K, I386_ARCH, i386, other);
	} else {
		native = emit_calls(true, to);
	}
	put(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, native, other);
	load(offsetof(struct seccomp_data, arch));
	add_program(BUILT_IN - top, code + top, asked);
}

static void
read_file(const char *asked)
{
	const char *path = asked + strlen("bpf:");
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = -1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		die("cannot read", path);
	if (used + LONGEST > ROOM)
		diex("too many filters", path, NULL, NULL);
	if (S_ISREG(st.st_mode)) {
		n = read(fd, code + used, (LONGEST + 1) * INSTRUCTION);
		if (n < 0)
			die("cannot read", path);
	}
	close(fd);
	if (n <= 0 || n % INSTRUCTION || n > LONGEST * INSTRUCTION)
		diex("cannot use the filter", path,
		    "not a file of 1 to 4096 struct sock_filter", NULL);
	add_program(n / INSTRUCTION, code + used, asked);
	used += n / INSTRUCTION;
}

/* The last word that says so, or NULL; others have to name a file. */
static const char *
find_word(const struct sandbox *s, const char *value)
{
	const char *found = NULL;

	for (int i = 0; i < s->word_count; i++) {
		const char *is = s->words[i].value;

		if (s->words[i].kind != SECCOMP)
			continue;
		if (strcmp(is, value) == 0)
			found = is;
		else if (strcmp(is, "default") != 0 && strcmp(is, "off") != 0 &&
		    strncmp(is, "bpf:", 4) != 0)
			diex("bad value", is, "--seccomp takes default, off "
			    "or bpf:FILE", NULL);
	}
	return found;
}

void
seccomp_prepare(const struct sandbox *s, bool has_rootfs)
{
	const char *on = find_word(s, "default");
	const char *off = find_word(s, "off");

	program_count = 0;
	used = BUILT_IN;
	if (on && off)
		diex("--seccomp off contradicts", "--seccomp default", NULL,
		    NULL);
	if ((on || (has_rootfs && !off)) && NATIVE_ARCH == 0)
		diex("bad value", "default", "no filter is built in for this "
		    "architecture", NULL);
	if (has_rootfs && !on && !off)
		build(s->allow_userns, NULL);
	for (int i = 0; i < s->word_count; i++) {
		const struct word *w = &s->words[i];

		if (w->kind == SECCOMP && strncmp(w->value, "bpf:", 4) == 0)
			read_file(w->value);
		else if (w->kind == SECCOMP && w->value == on)
			build(s->allow_userns, on);
	}
}

/* A filter may answer seccomp(2) itself, and say that all went well. */
static bool
reaches_kernel(void)
{
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) == 0)
		errno = ENOSYS;
	return errno == EFAULT;
}

bool
seccomp_apply(int i, const char **on)
{
	*on = asked_by[i];
	return (i == 0 || reaches_kernel()) && syscall(SYS_seccomp,
	    SECCOMP_SET_MODE_FILTER, 0, &programs[i]) == 0;
}

const struct sock_fprog *
seccomp_program(int i)
{
	return i < program_count ? &programs[i] : NULL;
}

bool
seccomp_has_built_in(void)
{
	for (int i = 0; i < program_count; i++)
		if (programs[i].filter < code + BUILT_IN)
			return true;
	return false;
}
