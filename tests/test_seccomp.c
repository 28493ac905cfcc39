#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "architecture.h"
#include "cli/values_command.h"
#include "sandbox/landlock.h"
#include "sandbox/seccomp.h"
#include "suites.h"

#define ALLOWED SECCOMP_RET_ALLOW
#define DENIED (SECCOMP_RET_ERRNO | EPERM)
#define IS_MISSING (SECCOMP_RET_ERRNO | ENOSYS)
#define KILLED SECCOMP_RET_KILL_PROCESS

/* ---- an evaluator ------------------------------------------------------- */

/* Run a program on a call as the kernel does, and count the steps. Instructions
 * that our filter does not need, or that the kernel rejects, are errors. */
static uint32_t
run_filter(const struct sock_fprog *p, const struct seccomp_data *call,
    int *steps)
{
	uint32_t a = 0;
	bool yes;

	for (unsigned at = 0; ; at++) {
		const struct sock_filter *f = &p->filter[at];

		ck_assert_uint_lt(at, p->len);
		(*steps)++;
		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			ck_assert_uint_le(f->k, sizeof(*call) - 4);
			ck_assert_uint_eq(f->k % 4, 0);
			memcpy(&a, (const char *)call + f->k, 4);
			continue;
		case BPF_RET | BPF_K:
			return f->k;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == f->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= f->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			yes = (a & f->k) != 0;
			break;
		default:
			ck_abort_msg("instruction %u is %#x", at, f->code);
		}
		at += yes ? f->jt : f->jf;
	}
}

enum { MOST_STEPS = 16 };       /* for one call, with a checked argument */

static uint32_t
verdict(uint32_t arch, uint32_t nr, uint64_t first, uint64_t second)
{
	const struct seccomp_data call = {
		.arch = arch, .nr = nr,
		.args = { first, second, UINT64_MAX, UINT64_MAX },
	};
	int steps = 0;
	uint32_t found = run_filter(seccomp_program(0), &call, &steps);

	ck_assert_int_le(steps, MOST_STEPS);
	return found;
}

/* Prepare --seccomp values, separated by blanks. */
static void
prepare_words(const char *text, bool nested, bool preset)
{
	static char copy[512];
	struct sandbox s = { .allow_userns = nested };

	snprintf(copy, sizeof(copy), "%s", text);
	if (!*text)
		command_set(&s, SECCOMP, copy);
	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		command_set(&s, SECCOMP, w);
	seccomp_prepare(&s, preset);
}

/* Prepare the built-in filter ("default"), or only the filter of a file. */
static void
prepare(const char *word, bool nested)
{
	prepare_words(word, nested, false);
}

static int
count_programs(void)
{
	int n = 0;

	while (seccomp_program(n))
		n++;
	return n;
}

static bool
apply_all(void)
{
	const char *on;

	for (int i = 0; seccomp_program(i); i++)
		if (!seccomp_apply(i, &on))
			return false;
	return true;
}

/* ---- the calls ---------------------------------------------------------- */

/* Independent copy of the list: not the table of the product. */
enum { NEEDS_NESTED = 1, BY_ARGUMENT = 2, ABSENT = 4 };
enum { NEWEST = 469 /* file_setattr, Linux 6.18 */ };

static const struct listed {
	int native, i386, how;
} listed[] = {
	{ SYS_kexec_load, 283, 0 }, { KEXEC_FILE_LOAD, NO_CALL, 0 },
	{ SYS_init_module, 128, 0 }, { SYS_finit_module, 350, 0 },
	{ SYS_delete_module, 129, 0 }, { SYS_bpf, 357, 0 },
	{ SYS_perf_event_open, 336, 0 }, { SYS_userfaultfd, 374, 0 },
	{ SYS_keyctl, 288, 0 }, { SYS_add_key, 286, 0 },
	{ SYS_request_key, 287, 0 }, { SYS_open_by_handle_at, 342, 0 },
	{ SYS_name_to_handle_at, 341, 0 }, { SYS_acct, 51, 0 },
	{ SYS_swapon, 87, 0 }, { SYS_swapoff, 115, 0 },
	{ SYS_reboot, 88, 0 }, { SETTIMEOFDAY, 79, 0 }, { NO_CALL, 25, 0 },
	{ CLOCK_SETTIME, 264, 0 }, { 404, 404, 0 },
	{ SYS_adjtimex, 124, 0 }, { SYS_clock_adjtime, 343, 0 },
	{ 405, 405, 0 }, { IOPL, 110, 0 }, { IOPERM, 101, 0 },
	{ SYS_quotactl, 131, 0 }, { 443, 443, 0 }, { SYS_syslog, 103, 0 },
	{ USELIB, 86, 0 }, { NO_CALL, 102, 0 },
	{ 425, 425, 0 }, { 426, 426, 0 }, { 427, 427, 0 },
	{ SYS_mount, 21, NEEDS_NESTED }, { NO_CALL, 22, NEEDS_NESTED },
	{ SYS_umount2, 52, NEEDS_NESTED },
	{ SYS_pivot_root, 217, NEEDS_NESTED },
	{ 428, 428, NEEDS_NESTED }, { 429, 429, NEEDS_NESTED },
	{ 430, 430, NEEDS_NESTED }, { 431, 431, NEEDS_NESTED },
	{ 432, 432, NEEDS_NESTED }, { 433, 433, NEEDS_NESTED },
	{ 442, 442, NEEDS_NESTED }, { 467, 467, NEEDS_NESTED },
	{ SYS_setns, 346, NEEDS_NESTED }, { 435, 435, ABSENT },
	{ SYS_ioctl, 54, BY_ARGUMENT }, { SYS_socket, 359, BY_ARGUMENT },
	{ SYS_clone, 120, BY_ARGUMENT | NEEDS_NESTED },
	{ SYS_unshare, 310, BY_ARGUMENT | NEEDS_NESTED },
	{ MODIFY_LDT, 123, 0 }, { SYS_fanotify_init, 338, 0 },
	{ 447, 447, ABSENT }, { SYS_lookup_dcookie, 253, ABSENT },
	{ SYSFS, 135, ABSENT }, { OLD_SYSCTL, 149, ABSENT },
	{ BDFLUSH, 134, ABSENT }, { PCICONFIG_IOBASE, NO_CALL, 0 },
	{ PCICONFIG_READ, NO_CALL, 0 }, { PCICONFIG_WRITE, NO_CALL, 0 },
	{ SYS_personality, 136, BY_ARGUMENT },
};

/* True if nr is a known call. Between the numbers of one architecture and those
 * that all share there is a gap. */
static bool
is_call(bool native, uint32_t nr)
{
	if (nr > NEWEST)
		return false;
	if (!native)
		return nr < 387 || nr > 392;
	return nr < OWN_CALLS || nr >= COMMON_CALLS;
}

static int
listed_how(bool native, uint32_t nr)
{
	for (size_t i = 0; i < COUNT_OF(listed); i++)
		if (nr == (uint32_t)(native ? listed[i].native : listed[i].i386)
		    && nr != NO_CALL)
			return listed[i].how;
	return -1;
}

/* Check a call with arguments that each check allows, and with denied ones. */
static void
check_verdicts(uint32_t arch, bool native, uint32_t nr, bool nested)
{
	const int listed_as = listed_how(native, nr);
	const int how = listed_as < 0 && !is_call(native, nr) ? ABSENT :
	    listed_as;
	const bool ioctl = nr == (native ? SYS_ioctl : 54);
	const bool socket = nr == (native ? SYS_socket : 359);
	const uint64_t first = socket ? 40 : 0x10000000;
	const bool open = how < 0 || (nested && (how & NEEDS_NESTED));
	const uint32_t good = how & ABSENT && how > 0 ? IS_MISSING :
	    open || (how & BY_ARGUMENT) ? ALLOWED : DENIED;
	const uint32_t bad = how & ABSENT && how > 0 ? IS_MISSING :
	    open ? ALLOWED : DENIED;

	ck_assert_msg(verdict(arch, nr, 0, 0) == good, "call %u of %#x: %#x",
	    nr, arch, verdict(arch, nr, 0, 0));
	ck_assert_msg(verdict(arch, nr, first, ioctl ? 0x5412 : 0) == bad,
	    "call %u of %#x with arguments: %#x", nr, arch,
	    verdict(arch, nr, first, ioctl ? 0x5412 : 0));
}

START_TEST(each_call_has_the_expected_verdict)
{
	prepare("default", _i);
	for (uint32_t nr = 0; nr <= 600; nr++) {
		check_verdicts(NATIVE_ARCH, true, nr, _i);
		if (I386_ARCH)
			check_verdicts(I386_ARCH, false, nr, _i);
	}
}
END_TEST

/* Number -1 is allowed: a tracer sets it to skip a call, ptrace(2). */
START_TEST(an_unlisted_call_fails_with_enosys)
{
	static const uint32_t numbers[] = {
		NEWEST + 1, 511, 512, 547, 600, 0x1000, 0x40000000, 0x40000001,
		0x40000200, 0x7fffffff, 0x80000000, 0xfffffffe,
	};

	prepare("default", _i);
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		ck_assert_uint_eq(verdict(NATIVE_ARCH, numbers[i], 0, 0),
		    IS_MISSING);
		if (I386_ARCH)
			ck_assert_uint_eq(verdict(I386_ARCH, numbers[i], 0, 0),
			    IS_MISSING);
	}
	ck_assert_uint_eq(verdict(NATIVE_ARCH, UINT32_MAX, 0, 0), ALLOWED);
	if (I386_ARCH)
		ck_assert_uint_eq(verdict(I386_ARCH, UINT32_MAX, 0, 0),
		    ALLOWED);
}
END_TEST

/* Arm has private calls beside its table, such as set_tls (5), which every libc
 * uses at start. */
START_TEST(private_calls_of_the_architecture_are_allowed)
{
	prepare("default", false);
	for (int64_t nr = 0xf0000; nr < 0xf0010; nr++)
		ck_assert_uint_eq(verdict(NATIVE_ARCH, nr, 0, 0),
		    nr >= PRIVATE_CALLS && nr < PRIVATE_END ? ALLOWED :
		    IS_MISSING);
}
END_TEST

static const uint32_t foreign[] = {
	0, UINT32_MAX, AUDIT_ARCH_PPC64LE, AUDIT_ARCH_S390X, AUDIT_ARCH_MIPS,
	AUDIT_ARCH_X86_64 & ~__AUDIT_ARCH_64BIT, AUDIT_ARCH_ALPHA,
};

START_TEST(a_call_of_another_architecture_kills)
{
	prepare("default", false);
	for (uint32_t nr = 0; nr <= 600; nr++)
		ck_assert_uint_eq(verdict(foreign[_i], nr, 0, 0), KILLED);
}
END_TEST

/* ---- arguments ---------------------------------------------------------- */

#define HIGH(word) (UINT64_C(0xdeadbeef) << 32 | (word))

static const struct looked_at {
	int native, i386;
	uint64_t first, second;
	uint32_t expected, nested;
} looked_at[] = {
	{ SYS_ioctl, 54, 0, 0x5412, DENIED, DENIED },
	{ SYS_ioctl, 54, 0, HIGH(0x5412), DENIED, DENIED },
	{ SYS_ioctl, 54, 0, 0x541c, DENIED, DENIED },
	{ SYS_ioctl, 54, 0, HIGH(0x541c), DENIED, DENIED },
	{ SYS_ioctl, 54, 0x5412, 0x5413, ALLOWED, ALLOWED },
	{ SYS_ioctl, 54, 0, HIGH(0x5401), ALLOWED, ALLOWED },
	{ SYS_ioctl, 54, 0, UINT64_C(0x5412) << 32, ALLOWED, ALLOWED },
	{ SYS_ioctl, 54, 0, HIGH(0x5423), DENIED, DENIED },
	{ SYS_ioctl, 54, 0, 0x5424, ALLOWED, ALLOWED },         /* GETD */
	{ SYS_personality, 136, 0, 0, ALLOWED, ALLOWED },
	{ SYS_personality, 136, 0xffffffff, 0, ALLOWED, ALLOWED },
	{ SYS_personality, 136, HIGH(0x60008), 0, ALLOWED, ALLOWED },
	{ SYS_personality, 136, 0x0400000, 0, DENIED, DENIED }, /* execute */
	{ SYS_personality, 136, HIGH(0x0100000), 0, DENIED, DENIED },
	{ SYS_personality, 136, 0xfffffffe, 0, DENIED, DENIED },
	{ SYS_personality, 136, 4, 0, DENIED, DENIED },         /* SVR3 */
	{ SYS_socket, 359, 38, 5, DENIED, DENIED },             /* ALG */
	{ SYS_socket, 359, 40, 1, DENIED, DENIED },
	{ SYS_socket, 359, HIGH(40), 1, DENIED, DENIED },
	{ SYS_socket, 359, 1, 40, ALLOWED, ALLOWED },
	{ SYS_socket, 359, 2, 1, ALLOWED, ALLOWED },
	{ SYS_clone, 120, SIGCHLD, 0, ALLOWED, ALLOWED },
	{ SYS_clone, 120, 0x003d0f00, 0, ALLOWED, ALLOWED },  /* a thread */
	{ SYS_clone, 120, 0x4100 | SIGCHLD, 0, ALLOWED, ALLOWED }, /* vfork */
	{ SYS_clone, 120, 0x7c020000, 0, DENIED, ALLOWED },
	{ SYS_unshare, 310, 0, 0, ALLOWED, ALLOWED },
	{ SYS_unshare, 310, CLONE_FS | CLONE_FILES, 0, ALLOWED, ALLOWED },
	{ SYS_unshare, 310, CLONE_SYSVSEM, 0, ALLOWED, ALLOWED },
	{ SYS_unshare, 310, CLONE_THREAD, 0, ALLOWED, ALLOWED },
	{ SYS_unshare, 310, 0x80, 0, DENIED, ALLOWED },         /* NEWTIME */
	{ SYS_unshare, 310, 0x00100000, 0, DENIED, ALLOWED },   /* new */
};

START_TEST(arguments_are_compared_as_the_kernel_reads_them)
{
	const struct looked_at *l = &looked_at[_i];

	for (int nested = 0; nested < 2; nested++) {
		const uint32_t expected = nested ? l->nested : l->expected;

		prepare("default", nested);
		ck_assert_uint_eq(verdict(NATIVE_ARCH, l->native, l->first,
		    l->second), expected);
		if (I386_ARCH)
			ck_assert_uint_eq(verdict(I386_ARCH, l->i386, l->first,
			    l->second), expected);
	}
}
END_TEST

static const uint32_t namespace_flags[] = {
	CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER,
	CLONE_NEWPID, CLONE_NEWNET,
};

START_TEST(no_namespace_flag_is_allowed_alone_or_combined)
{
	const uint32_t flag = namespace_flags[_i];

	prepare("default", false);
	for (int with = 0; with < 2; with++) {
		const uint64_t flags = with ? HIGH(flag | 0x3d0f11) : flag;

		ck_assert_uint_eq(verdict(NATIVE_ARCH, SYS_clone, flags, 0),
		    DENIED);
		ck_assert_uint_eq(verdict(NATIVE_ARCH, SYS_unshare, flags, 0),
		    DENIED);
	}
}
END_TEST

/* ---- which filter ------------------------------------------------------- */

static const struct {
	const char *asked;
	bool preset;
	const char *filters;    /* d: built in; 1, 2: file */
} choices[] = {
	{ " ", false, "" }, { " ", true, "d" },
	{ "default", false, "d" }, { "default", true, "d" },
	{ "default default", true, "d" },
	{ "off", false, "" }, { "off", true, "" }, { "off off", true, "" },
	{ "bpf:1", false, "1" }, { "bpf:1", true, "d1" },
	{ "bpf:1 bpf:2", true, "d12" }, { "bpf:2 bpf:1", true, "d21" },
	{ "bpf:1 bpf:2", false, "12" },
	{ "bpf:1 default bpf:2", true, "1d2" },
	{ "default bpf:2", false, "d2" },
	{ "off bpf:1", true, "1" }, { "bpf:1 off bpf:2", true, "12" },
};

static void
make_filters(void)
{
	static const struct sock_filter one[] = {
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW },
	};
	static const struct sock_filter two[] = {
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0, 0 },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW },
	};

	make_file("1", one, sizeof(one), 0600);
	make_file("2", two, sizeof(two), 0600);
}

START_TEST(filters_stack_and_only_off_removes_the_built_in_one)
{
	const char *filters = choices[_i].filters;

	make_filters();
	prepare_words(choices[_i].asked, false, choices[_i].preset);
	ck_assert_int_eq(count_programs(), strlen(filters));
	for (int i = 0; filters[i]; i++) {
		const int n = seccomp_program(i)->len;

		ck_assert(filters[i] == 'd' ? n > 2 : n == filters[i] - '0');
	}
	ck_assert(seccomp_has_built_in() == (strchr(filters, 'd') != NULL));
}
END_TEST

static void
contradict(const void *words)
{
	make_filters();
	prepare_words(words, false, true);
}

START_TEST(off_and_default_contradict_each_other)
{
	static const char *const words[] = {
		"off default", "default off", "default bpf:1 off",
	};

	says(contradict, words[_i], 125, "pith: --seccomp off contradicts "
	    "'--seccomp default'");
}
END_TEST

/* The kernel limits the instructions of all filters together, and so do we. */
START_TEST(too_many_filters_are_refused)
{
	static struct sock_filter most[4096];
	static char words[512];

	make_file("m", most, sizeof(most), 0600);
	for (int i = 0; i < (_i ? 9 : 8); i++)
		strcat(words, "bpf:m ");
	if (_i) {
		says(contradict, words, 125, "pith: too many filters 'm'");
		return;
	}
	prepare_words(words, false, true);
	ck_assert_int_eq(count_programs(), 9);
}
END_TEST

START_TEST(the_built_in_filter_is_short_enough_for_its_jumps)
{
	prepare("default", _i);
	ck_assert_uint_gt(seccomp_program(0)->len, 50);
	ck_assert_uint_lt(seccomp_program(0)->len, 200);
}
END_TEST

static void
prepare_word(const void *word)
{
	prepare(word, false);
}

START_TEST(the_kernel_accepts_the_filter)
{
	pid_t pid = fork();

	if (pid == 0) {
		prepare("default", _i);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    !apply_all())
			_exit(1);
		_exit(unshare(CLONE_NEWUTS) == 0 || errno == EPERM ? 7 : 2);
	}
	ck_assert_int_eq(end_of(pid), 7);
}
END_TEST

static const char *const no_choices[] = { "", "on", "Default", "bpf", "offf" };

START_TEST(an_invalid_value_of_seccomp_is_refused)
{
	says(prepare_word, no_choices[_i], 125, "pith: bad value '%s': "
	    "--seccomp takes default, off or bpf:FILE", no_choices[_i]);
}
END_TEST

/* ---- bpf:FILE ----------------------------------------------------------- */

static const struct sock_filter two[] = {
	{ BPF_LD | BPF_W | BPF_ABS, 0, 0, 0 },
	{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | 99 },
};

START_TEST(a_filter_is_read_from_a_file)
{
	make_file("two", two, sizeof(two), 0600);
	prepare("bpf:two", false);
	ck_assert_uint_eq(seccomp_program(0)->len, 2);
	ck_assert_mem_eq(seccomp_program(0)->filter, two, sizeof(two));
}
END_TEST

START_TEST(a_file_may_have_4096_instructions)
{
	static struct sock_filter most[4096];

	most[4095] = two[1];
	make_file("most", most, sizeof(most), 0600);
	prepare("bpf:most", false);
	ck_assert_uint_eq(seccomp_program(0)->len, 4096);
	ck_assert_mem_eq(&seccomp_program(0)->filter[4095], &two[1], 8);
}
END_TEST

static const struct { size_t size; const char *word; } wrong_files[] = {
	{ 0, "bpf:f" }, { 1, "bpf:f" }, { 7, "bpf:f" }, { 9, "bpf:f" },
	{ 4096 * 8 + 1, "bpf:f" }, { 4097 * 8, "bpf:f" },
	{ 5000 * 8, "bpf:f" }, { 8, "bpf:/dev/zero" }, { 8, "bpf:." },
	{ 8, "bpf:fifo" },
};

START_TEST(an_invalid_filter_file_is_refused)
{
	static char zeros[5000 * 8];

	make_file("f", zeros, wrong_files[_i].size, 0600);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	says(prepare_word, wrong_files[_i].word, 125, "pith: cannot use the "
	    "filter '%s': not a file of 1 to 4096 struct sock_filter",
	    wrong_files[_i].word + 4);
}
END_TEST

START_TEST(a_missing_filter_file_is_refused)
{
	says(prepare_word, "bpf:missing", 125,
	    "pith: cannot read 'missing': No such file or directory");
	says(prepare_word, "bpf:", 125,
	    "pith: cannot read '': No such file or directory");
}
END_TEST

START_TEST(a_filter_that_the_kernel_rejects_is_an_error)
{
	make_file("endless", two, 8, 0600);     /* no final return */
	prepare("bpf:endless", false);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	ck_assert(!apply_all());
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

/* A filter that answers seccomp(2) itself, even with success. */
START_TEST(a_filter_that_hides_the_next_one_is_detected)
{
	static const struct { uint32_t answer; int error; } hides[] = {
		{ EPERM, EPERM }, { 0, ENOSYS }, { ENOSYS, ENOSYS },
		{ EFAULT, EFAULT },
	};
	const struct sock_filter hiding[] = {
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0, 0 },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_seccomp },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO |
		    hides[_i].answer },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW },
	};
	const char *on;

	make_filters();
	make_file("hiding", hiding, sizeof(hiding), 0600);
	prepare_words("bpf:hiding bpf:1", false, false);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	ck_assert(seccomp_apply(0, &on));
	ck_assert(!seccomp_apply(1, &on));
	ck_assert_int_eq(errno, hides[_i].error);
	ck_assert_str_eq(on, "bpf:1");
}
END_TEST

/* ---- --landlock --------------------------------------------------------- */

static void
parse_landlock(const void *word)
{
	struct sandbox s = { .rules = NULL };

	command_set(&s, LANDLOCK, word);
	ck_assert_int_eq(s.rule_count, 1);
}

static const char *const rules[] = {
	"ro:/", "rw:/a:b", "rw:x", "bind:0", "bind:65535", "connect:00080",
};

START_TEST(a_landlock_rule_is_a_path_or_a_port)
{
	parse_landlock(rules[_i]);
}
END_TEST

static const char *const no_rules[] = {
	"", "ro", "ro:", "rw:", "RO:/", "rx:/", "bind:", "bind:65536",
	"bind:-1", "connect:80x", "connect: 80", "connect:99999999999999999999",
	"/usr", "connect",
};

START_TEST(an_invalid_landlock_rule_is_refused)
{
	says(parse_landlock, no_rules[_i], 125, "pith: bad value '%s': "
	    "--landlock takes ro:PATH, rw:PATH, bind:PORT or connect:PORT",
	    no_rules[_i]);
}
END_TEST

START_TEST(without_rules_landlock_restricts_nothing)
{
	struct sandbox s = { .rules = NULL };
	bool unsupported;

	command_set(&s, ENV, "rx:/");
	ck_assert_ptr_null(landlock_apply(&s, &unsupported));
}
END_TEST

Suite *
seccomp_suite(void)
{
	Suite *s = suite_create("seccomp");
	TCase *t = tcase_create("verdicts");

	tcase_add_loop_test(t, each_call_has_the_expected_verdict, 0, 2);
	tcase_add_loop_test(t, an_unlisted_call_fails_with_enosys, 0, 2);
	tcase_add_test(t, private_calls_of_the_architecture_are_allowed);
	add_each(t, a_call_of_another_architecture_kills, foreign);
	add_each(t, arguments_are_compared_as_the_kernel_reads_them, looked_at);
	add_each(t, no_namespace_flag_is_allowed_alone_or_combined,
	    namespace_flags);
	tcase_add_loop_test(t,
	    the_built_in_filter_is_short_enough_for_its_jumps, 0, 2);
	tcase_add_loop_test(t, the_kernel_accepts_the_filter, 0, 2);
	suite_add_tcase(s, t);
	t = case_with_files("choice");
	add_each(t, filters_stack_and_only_off_removes_the_built_in_one,
	    choices);
	tcase_add_loop_test(t, off_and_default_contradict_each_other, 0, 3);
	tcase_add_loop_test(t, too_many_filters_are_refused, 0, 2);
	add_each(t, an_invalid_value_of_seccomp_is_refused, no_choices);
	suite_add_tcase(s, t);
	t = case_with_files("files");
	tcase_add_test(t, a_filter_is_read_from_a_file);
	tcase_add_test(t, a_file_may_have_4096_instructions);
	add_each(t, an_invalid_filter_file_is_refused, wrong_files);
	tcase_add_test(t, a_missing_filter_file_is_refused);
	tcase_add_test(t, a_filter_that_the_kernel_rejects_is_an_error);
	tcase_add_loop_test(t, a_filter_that_hides_the_next_one_is_detected, 0,
	    4);
	suite_add_tcase(s, t);
	t = tcase_create("landlock");
	add_each(t, a_landlock_rule_is_a_path_or_a_port, rules);
	add_each(t, an_invalid_landlock_rule_is_refused, no_rules);
	tcase_add_test(t, without_rules_landlock_restricts_nothing);
	suite_add_tcase(s, t);
	return s;
}
