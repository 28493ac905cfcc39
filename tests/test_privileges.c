#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/values_command.h"
#include "sandbox/privileges.h"
#include "suites.h"

/* Parse words such as "ulimit:core=0 add:KILL drop:ALL". The next call
 * overwrites the result. */
static struct sandbox *
words_of(const char *text)
{
	static const struct {
		const char *name;
		enum command_option option;
	} kinds[] = {
		{ "ulimit:", ULIMIT },
		{ "add:", CAP_ADD },
		{ "drop:", CAP_DROP },
		{ "landlock:", LANDLOCK },
		{ "seccomp:", SECCOMP },
	};
	static char copy[512];
	static struct sandbox s;

	snprintf(copy, sizeof(copy), "%s", text);
	s = (struct sandbox){ .umask = -1 };
	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		for (size_t i = 0; i < COUNT_OF(kinds); i++) {
			size_t n = strlen(kinds[i].name);

			if (strncmp(w, kinds[i].name, n) == 0)
				command_set(&s, kinds[i].option, w + n);
		}
	return &s;
}

static void
prepare(const void *words)
{
	privileges_prepare(words_of(words), false);
}

/* ---- values ------------------------------------------------------------- */

static const char *const no_limits[] = {
	"core", "core=", "core=x", "core=1:", "core=1:x", "core=1:2:3",
	"=1", "cores=1", "core =1", "core=-2", "core= 1", "core=1k", "=",
	"core=99999999999999999999", "core=:1",
};

START_TEST(an_invalid_ulimit_is_refused)
{
	char word[64];
	struct outcome o;

	snprintf(word, sizeof(word), "ulimit:%s", no_limits[_i]);
	if (strchr(no_limits[_i], ' '))
		return;
	outcome_of(&o, prepare, word);
	ck_assert_int_eq(o.code, 125);
	snprintf(word, sizeof(word), "pith: bad value '%s': --ulimit takes ",
	    no_limits[_i]);
	ck_assert_int_eq(strncmp(o.err, word, strlen(word)), 0);
}
END_TEST

static const struct { const char *words, *says; } twice[] = {
	{ "ulimit:core=0 ulimit:core=1", "pith: cannot take 'core=1': --ulimit "
	    "has another value for it already; give it once" },
	{ "ulimit:core=0:1 ulimit:core=0", "pith: cannot take 'core=0': "
	    "--ulimit has another value for it already; give it once" },
	{ "add:KILL drop:KILL", "pith: --cap-add contradicts --cap-drop "
	    "'KILL'; give one of them" },
	{ "drop:CAP_KILL add:kill", "pith: --cap-add contradicts --cap-drop "
	    "'kill'; give one of them" },
	{ "drop:ALL add:KILL add:ALL", "pith: --cap-add contradicts --cap-drop "
	    "'ALL'; give one of them" },
	{ "add:default drop:CHOWN drop:DEFAULT", "pith: --cap-add contradicts "
	    "--cap-drop 'DEFAULT'; give one of them" },
};

START_TEST(contradicting_options_are_refused)
{
	says(prepare, twice[_i].words, 125, "%s", twice[_i].says);
}
END_TEST

static const char *const crossed[] = {
	"core=2:1", "core=unlimited:1", "core=-1:0",
};

START_TEST(a_soft_limit_above_the_hard_one_is_refused)
{
	char word[64];

	snprintf(word, sizeof(word), "ulimit:%s", crossed[_i]);
	says(prepare, word, 125, "pith: bad value '%s': the soft limit is "
	    "above the hard one", crossed[_i]);
}
END_TEST

static const char *const no_caps[] = {
	"add:CHOWN,KILL", "add:CAP_", "drop:CHOW", "add:CHOWNX", "drop:none",
	"add:CAP_ALL", "add:CAP_CAP_CHOWN", "add:-1", "add:0",
	"drop:CAP_default",
};

START_TEST(an_unknown_capability_is_refused)
{
	says(prepare, no_caps[_i], 125, "pith: no such capability '%s'; use "
	    "ALL, default or a name of capabilities(7)",
	    strchr(no_caps[_i], ':') + 1);
}
END_TEST

/* ---- capability sets ---------------------------------------------------- */

struct taken {
	const char *words;
	bool preset;
	int uid;                        /* -1: no --user */
	enum groups groups;
	int group_count;                /* -1: no --group-add */
	const char *failed, *on;
	int error;
	/* Results. */
	uint64_t bounding, permitted, effective, inheritable, ambient;
	bool no_new_privs;
	uid_t uids[3];
	gid_t gids[3], list[8];
	int count;
};

enum { LAST = CAP_CHECKPOINT_RESTORE };

static void
look(struct taken *t)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3,
	    0 };
	struct __user_cap_data_struct d[2];

	ck_assert_int_eq(syscall(SYS_capget, &head, d), 0);
	t->permitted = (uint64_t)d[1].permitted << 32 | d[0].permitted;
	t->effective = (uint64_t)d[1].effective << 32 | d[0].effective;
	t->inheritable = (uint64_t)d[1].inheritable << 32 | d[0].inheritable;
	t->bounding = t->ambient = 0;
	for (int i = 0; i <= LAST; i++) {
		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
			t->bounding |= UINT64_C(1) << i;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1)
			t->ambient |= UINT64_C(1) << i;
	}
	t->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	getresuid(&t->uids[0], &t->uids[1], &t->uids[2]);
	getresgid(&t->gids[0], &t->gids[1], &t->gids[2]);
	t->count = getgroups(COUNT_OF(t->list), t->list);
}

static void
take(struct taken *t)
{
	static gid_t list[64];
	struct sandbox *s = words_of(t->words);
	struct identity id = { .uid = getuid(), .gid = getgid(),
	    .groups = list };

	privileges_prepare(s, t->preset);
	if (t->uid >= 0) {
		id.uid_given = true;
		id.uid = t->uid;
		id.gid = t->uid + 1;
		s->user = "somebody";
	}
	id.groups_given = t->group_count >= 0;
	for (int i = 0; i < t->group_count; i++)
		id.groups[id.group_count++] = 500 + i;
	t->on = NULL;
	t->failed = privileges_apply(s, &id, t->preset, t->groups, &t->on);
	t->error = errno;
	look(t);
}

static bool
mighty(const char *test)
{
	struct taken t;

	look(&t);
	if (geteuid() == 0 && (t.effective & (1 << CAP_SETPCAP)) &&
	    (t.effective & (1 << CAP_SETUID)) &&
	    (t.effective & (1 << CAP_SETGID)))
		return true;
	skip(test, "not root");
	return false;
}

#define BIT(name) (UINT64_C(1) << CAP_##name)
#define DOCKER (BIT(CHOWN) | BIT(DAC_OVERRIDE) | BIT(FSETID) | BIT(FOWNER) | \
	BIT(MKNOD) | BIT(NET_RAW) | BIT(SETGID) | BIT(SETUID) | BIT(SETFCAP) | \
	BIT(SETPCAP) | BIT(NET_BIND_SERVICE) | BIT(SYS_CHROOT) | BIT(KILL) | \
	BIT(AUDIT_WRITE))
#define ALL UINT64_MAX

/* Expected sets, as masks of the permitted and bounding sets before. */
static const struct {
	const char *words;
	bool preset;
	int uid;
	uint64_t bounding, permitted, ambient;
} sets[] = {
	{ "", true, -1, 0, 0, 0 },
	{ "", true, 0, 0, 0, 0 },
	{ "", true, 1000, 0, 0, 0 },
	{ "add:default", true, -1, DOCKER, DOCKER, 0 },
	{ "add:default", true, 1000, DOCKER, DOCKER, DOCKER },
	{ "add:ALL", true, -1, ALL, ALL, 0 },
	{ "add:ALL", true, 1000, ALL, ALL, ALL },
	{ "add:cap_kill", true, -1, BIT(KILL), BIT(KILL), 0 },
	{ "add:Kill add:CAP_SYS_CHROOT", true, 1000, BIT(KILL) |
	    BIT(SYS_CHROOT), BIT(KILL) | BIT(SYS_CHROOT), BIT(KILL) |
	    BIT(SYS_CHROOT) },
	{ "drop:ALL add:KILL", true, -1, BIT(KILL), BIT(KILL), 0 },
	{ "add:KILL drop:ALL", true, -1, BIT(KILL), BIT(KILL), 0 },
	{ "add:DEFAULT drop:KILL drop:CHOWN", true, -1,
	    DOCKER & ~(BIT(KILL) | BIT(CHOWN)),
	    DOCKER & ~(BIT(KILL) | BIT(CHOWN)), 0 },
	{ "drop:kill add:ALL", true, 1000, ~BIT(KILL), ~BIT(KILL),
	    ~BIT(KILL) },
	{ "drop:default", true, -1, 0, 0, 0 },
	{ "", false, -1, ALL, ALL, 0 },
	{ "", false, 1000, ALL, 0, 0 },
	{ "drop:KILL", false, -1, ~BIT(KILL), ~BIT(KILL), 0 },
	{ "drop:KILL", false, 1000, ~BIT(KILL), 0, 0 },
	{ "drop:ALL", false, -1, 0, 0, 0 },
	{ "drop:ALL", false, 1000, 0, 0, 0 },
	{ "drop:ALL add:CHOWN", false, 0, BIT(CHOWN), BIT(CHOWN), 0 },
	{ "add:KILL", false, -1, ALL, ALL, 0 },
	{ "add:KILL", false, 1000, ALL, BIT(KILL), BIT(KILL) },
	{ "add:KILL drop:ALL", false, 1000, BIT(KILL), BIT(KILL), BIT(KILL) },
};

START_TEST(the_capability_sets_follow_the_options)
{
	struct taken before, t = { .words = sets[_i].words,
	    .preset = sets[_i].preset, .uid = sets[_i].uid, .group_count = -1 };
	const uint64_t bounding = sets[_i].bounding;

	if (!mighty("the five sets"))
		return;
	look(&before);
	take(&t);
	ck_assert_pstr_eq(t.failed, NULL);
	ck_assert_ptr_null(t.on);
	ck_assert_uint_eq(t.bounding, before.bounding & bounding);
	ck_assert_uint_eq(t.permitted, before.permitted & sets[_i].permitted);
	ck_assert_uint_eq(t.effective, t.permitted);
	ck_assert_uint_eq(t.ambient, before.permitted & sets[_i].ambient);
	ck_assert_uint_eq(t.inheritable, t.ambient);
	ck_assert_int_eq(t.no_new_privs, sets[_i].preset);
	for (int i = 0; i < 3 && t.uid >= 0; i++) {
		ck_assert_uint_eq(t.uids[i], t.uid);
		ck_assert_uint_eq(t.gids[i], t.uid + 1);
	}
}
END_TEST

/* Check the capability lines of /proc/self/status in a program after exec. */
START_TEST(the_capability_sets_survive_an_exec)
{
	static char *argv[] = { (char *)"grep", (char *)"-E",
	    (char *)"^(Cap|NoNewPrivs)", (char *)"/proc/self/status", NULL };
	struct taken t = { .words = "add:KILL add:CHOWN", .preset = true,
	    .uid = 1000, .group_count = -1 };
	int ends[2];
	char text[512];
	ssize_t n;

	if (!mighty("the five sets survive an exec"))
		return;
	ck_assert_int_eq(pipe(ends), 0);
	if (fork() == 0) {
		dup2(ends[1], STDOUT_FILENO);
		take(&t);
		execvp(argv[0], argv);
		_exit(1);
	}
	close(ends[1]);
	ck_assert_int_ge(wait(NULL), 0);
	n = read(ends[0], text, sizeof(text) - 1);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	ck_assert_str_eq(text,
	    "CapInh:\t0000000000000021\nCapPrm:\t0000000000000021\n"
	    "CapEff:\t0000000000000021\nCapBnd:\t0000000000000021\n"
	    "CapAmb:\t0000000000000021\nNoNewPrivs:\t1\n");
}
END_TEST

START_TEST(an_inherited_capability_set_is_cleared)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3,
	    0 };
	struct __user_cap_data_struct d[2];
	struct taken t = { .words = "add:KILL", .preset = true, .uid = -1,
	    .group_count = -1 };

	if (!mighty("an inherited set is emptied"))
		return;
	ck_assert_int_eq(syscall(SYS_capget, &head, d), 0);
	d[0].inheritable = d[0].permitted;
	d[1].inheritable = d[1].permitted;
	ck_assert_int_eq(syscall(SYS_capset, &head, d), 0);
	ck_assert_int_eq(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN,
	    0, 0), 0);
	take(&t);
	ck_assert_pstr_eq(t.failed, NULL);
	ck_assert_uint_eq(t.inheritable, 0);
	ck_assert_uint_eq(t.ambient, 0);
}
END_TEST

/* ---- groups ------------------------------------------------------------- */

static const struct {
	bool preset;
	int uid;
	enum groups groups;
	int group_count;        /* of --group-add; -1: not given */
	int count;              /* -1: unchanged */
} groups[] = {
	{ true, -1, CLEAR_GROUPS, -1, 0 }, { true, -1, KEEP_GROUPS, -1, -1 },
	{ false, -1, CLEAR_GROUPS, -1, -1 }, { false, -1, KEEP_GROUPS, -1, -1 },
	{ true, 1000, KEEP_GROUPS, -1, 0 }, { true, 1000, CLEAR_GROUPS, -1, 0 },
	{ false, 1000, KEEP_GROUPS, -1, 0 },
	{ false, 1000, CLEAR_GROUPS, -1, 0 },
	{ true, -1, KEEP_GROUPS, 2, 2 }, { false, -1, CLEAR_GROUPS, 2, 2 },
	{ true, 1000, CLEAR_GROUPS, 3, 3 },
};

START_TEST(the_groups_are_those_requested)
{
	const gid_t mine[] = { 71, 72, 73, 74 };
	struct taken t = { .words = "", .preset = groups[_i].preset,
	    .uid = groups[_i].uid, .groups = groups[_i].groups,
	    .group_count = groups[_i].group_count };
	const int count = groups[_i].count;

	if (!mighty("groups"))
		return;
	ck_assert_int_eq(setgroups(COUNT_OF(mine), mine), 0);
	take(&t);
	ck_assert_pstr_eq(t.failed, NULL);
	ck_assert_int_eq(t.count, count < 0 ? (int)COUNT_OF(mine) : count);
	for (int i = 0; i < t.count; i++)
		ck_assert_uint_eq(t.list[i], count < 0 ? mine[i] : 500u + i);
}
END_TEST

static void
write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

/* Enter a user namespace with one id, as unprivileged users can make. */
static bool
be_single(void)
{
	char map[32];
	const uid_t uid = geteuid();

	if (unshare(CLONE_NEWUSER) < 0) {
		skip("a user namespace of one id", "no user namespaces");
		return false;
	}
	write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	write_text("/proc/self/uid_map", map);
	write_text("/proc/self/gid_map", map);
	return true;
}

START_TEST(groups_are_kept_if_setgroups_fails_unless_requested)
{
	struct taken t = { .words = "", .preset = true, .uid = -1,
	    .groups = CLEAR_GROUPS, .group_count = -1 };

	if (!be_single())
		return;
	take(&t);
	ck_assert_pstr_eq(t.failed, NULL);
	t.preset = false;
	t.group_count = 0;
	take(&t);
	ck_assert_pstr_eq(t.failed, "cannot set the groups");
	ck_assert_int_eq(t.error, EPERM);
}
END_TEST

START_TEST(an_unmapped_user_is_an_error)
{
	struct taken t = { .words = "", .preset = true, .uid = 1000,
	    .groups = KEEP_GROUPS, .group_count = -1 };

	if (!be_single())
		return;
	take(&t);
	ck_assert_pstr_eq(t.failed, "cannot become user");
	ck_assert_pstr_eq(t.on, "somebody");
	ck_assert_int_eq(t.error, EINVAL);
}
END_TEST

/* Without CAP_SETGID we would keep the groups of root. */
START_TEST(a_failure_to_drop_groups_is_an_error)
{
	struct taken t = { .words = "drop:SETGID", .uid = -1,
	    .group_count = -1 };

	if (!mighty("groups that may not be dropped"))
		return;
	take(&t);
	t.words = "";
	t.uid = 0;
	take(&t);
	ck_assert_pstr_eq(t.failed, "cannot set the groups");
	ck_assert_int_eq(t.error, EPERM);
}
END_TEST

/* ---- capabilities, limits and umask ------------------------------------- */

START_TEST(a_capability_that_we_lack_cannot_be_added)
{
	struct taken t = { .words = "drop:CHOWN", .uid = -1,
	    .group_count = -1 };

	if (!mighty("a capability that is not there"))
		return;
	take(&t);
	ck_assert_pstr_eq(t.failed, NULL);
	t.words = "add:CHOWN";
	take(&t);
	ck_assert_pstr_eq(t.failed, "cannot set the capabilities");
	ck_assert_int_eq(t.error, EPERM);
	t.words = "add:ALL";
	take(&t);
	ck_assert_pstr_eq(t.failed, NULL);
}
END_TEST

START_TEST(a_failure_to_drop_capabilities_is_an_error)
{
	struct taken t = { .words = "drop:SETPCAP", .uid = -1,
	    .group_count = -1 };

	if (!mighty("who may not drop capabilities"))
		return;
	take(&t);
	t.words = "drop:ALL";
	take(&t);
	ck_assert_pstr_eq(t.failed, "cannot drop capabilities");
	ck_assert_int_eq(t.error, EPERM);
	/* The capability is gone already: nothing is left to drop. */
	t.words = "drop:SETPCAP";
	take(&t);
	ck_assert_pstr_eq(t.failed, NULL);
}
END_TEST

static const struct {
	const char *words;
	bool preset, new_privs, set;
} no_new[] = {
	{ "", true, false, true }, { "", true, true, false },
	{ "", false, false, false },
	{ "seccomp:default", false, false, true },
	{ "seccomp:off", false, false, false },
	{ "seccomp:off seccomp:bpf:x", false, false, true },
	{ "seccomp:bpf:x", false, true, false },
	{ "landlock:ro:/", false, false, true },
	{ "landlock:ro:/", false, true, false },
};

START_TEST(no_new_privs_is_set_with_a_rootfs_and_with_filters)
{
	struct identity id = { .uid = getuid(), .gid = getgid() };
	struct sandbox *s = words_of(no_new[_i].words);
	const char *on = NULL;

	if (no_new[_i].preset && !mighty("no_new_privs"))
		return;
	s->new_privs = no_new[_i].new_privs;
	privileges_prepare(s, no_new[_i].preset);
	ck_assert_pstr_eq(
	    privileges_apply(s, &id, no_new[_i].preset, KEEP_GROUPS, &on),
	    NULL);
	ck_assert_int_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
	    no_new[_i].set);
}
END_TEST

static const struct {
	const char *word;
	int number;
	uint64_t soft, hard;
} limits[] = {
	{ "core=0", RLIMIT_CORE, 0, 0 },
	{ "core=1:2", RLIMIT_CORE, 1, 2 },
	{ "CORE=1:2", RLIMIT_CORE, 1, 2 },
	{ "core=1:2 ulimit:CORE=1:2", RLIMIT_CORE, 1, 2 },
	{ "cpu=100:200", RLIMIT_CPU, 100, 200 },
	{ "data=200000000000000", RLIMIT_DATA, 200000000000000,
	    200000000000000 },
	{ "fsize=5000000000", RLIMIT_FSIZE, 5000000000, 5000000000 },
	{ "locks=7", RLIMIT_LOCKS, 7, 7 },
	{ "memlock=4096", RLIMIT_MEMLOCK, 4096, 4096 },
	{ "msgqueue=8", RLIMIT_MSGQUEUE, 8, 8 },
	{ "nice=0", RLIMIT_NICE, 0, 0 },
	{ "nofile=64:128", RLIMIT_NOFILE, 64, 128 },
	{ "nproc=100", RLIMIT_NPROC, 100, 100 },
	{ "rss=9", RLIMIT_RSS, 9, 9 },
	{ "rtprio=0", RLIMIT_RTPRIO, 0, 0 },
	{ "rttime=11", RLIMIT_RTTIME, 11, 11 },
	/* Not 0: a timer of Check needs a pending signal. */
	{ "sigpending=4000", RLIMIT_SIGPENDING, 4000, 4000 },
	{ "stack=8000000", RLIMIT_STACK, 8000000, 8000000 },
	{ "as=unlimited", RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY },
	{ "as=400000000000000:-1", RLIMIT_AS, 400000000000000, RLIM_INFINITY },
};

START_TEST(a_ulimit_is_set_by_its_name)
{
	char words[64];
	struct rlimit is;
	struct taken t = { .words = words, .uid = -1, .group_count = -1 };

	snprintf(words, sizeof(words), "ulimit:%s", limits[_i].word);
	take(&t);
	/* A 32-bit kernel cannot hold the limit: expect an error. */
	if (sizeof(long) < 8 && limits[_i].soft > UINT32_MAX &&
	    limits[_i].soft != RLIM_INFINITY && t.failed) {
		ck_assert_pstr_eq(t.failed, "cannot set --ulimit");
		ck_assert_int_eq(t.error, EOVERFLOW);
		return;
	}
	ck_assert_pstr_eq(t.failed, NULL);
	ck_assert_int_eq(getrlimit(limits[_i].number, &is), 0);
	ck_assert_uint_eq(is.rlim_cur, limits[_i].soft);
	ck_assert_uint_eq(is.rlim_max, limits[_i].hard);
}
END_TEST

/* Setting a limit must come before entering a user namespace, where no process
 * may raise a hard limit. */
START_TEST(a_ulimit_that_cannot_be_set_is_named)
{
	const struct rlimit low = { 10, 10 };
	struct taken t = { .words = "drop:SYS_RESOURCE", .uid = -1,
	    .group_count = -1 };

	if (geteuid() == 0)
		take(&t);
	ck_assert_int_eq(setrlimit(RLIMIT_MSGQUEUE, &low), 0);
	t.words = "ulimit:core=0 ulimit:msgqueue=11";
	take(&t);
	ck_assert_pstr_eq(t.failed, "cannot set --ulimit");
	ck_assert_pstr_eq(t.on, "msgqueue=11");
	ck_assert_int_eq(t.error, EPERM);
}
END_TEST

START_TEST(the_umask_is_set_or_kept)
{
	struct identity id = { .uid = getuid(), .gid = getgid() };
	struct sandbox *s = words_of("");
	const char *on = NULL;

	umask(05);
	privileges_prepare(s, false);
	ck_assert_pstr_eq(privileges_apply(s, &id, false, KEEP_GROUPS, &on),
	    NULL);
	ck_assert_int_eq(umask(05), 05);
	s->umask = 0;
	ck_assert_pstr_eq(privileges_apply(s, &id, false, KEEP_GROUPS, &on),
	    NULL);
	ck_assert_int_eq(umask(05), 0);
}
END_TEST

Suite *
privileges_suite(void)
{
	Suite *s = suite_create("privileges");
	TCase *t = tcase_create("words");

	add_each(t, an_invalid_ulimit_is_refused, no_limits);
	add_each(t, a_soft_limit_above_the_hard_one_is_refused, crossed);
	add_each(t, contradicting_options_are_refused, twice);
	add_each(t, an_unknown_capability_is_refused, no_caps);
	suite_add_tcase(s, t);
	t = tcase_create("capabilities");
	add_each(t, the_capability_sets_follow_the_options, sets);
	tcase_add_test(t, the_capability_sets_survive_an_exec);
	tcase_add_test(t, an_inherited_capability_set_is_cleared);
	tcase_add_test(t, a_capability_that_we_lack_cannot_be_added);
	tcase_add_test(t, a_failure_to_drop_capabilities_is_an_error);
	add_each(t, no_new_privs_is_set_with_a_rootfs_and_with_filters, no_new);
	suite_add_tcase(s, t);
	t = tcase_create("groups");
	add_each(t, the_groups_are_those_requested, groups);
	tcase_add_test(t, groups_are_kept_if_setgroups_fails_unless_requested);
	tcase_add_test(t, an_unmapped_user_is_an_error);
	tcase_add_test(t, a_failure_to_drop_groups_is_an_error);
	suite_add_tcase(s, t);
	t = tcase_create("limits");
	add_each(t, a_ulimit_is_set_by_its_name, limits);
	tcase_add_test(t, a_ulimit_that_cannot_be_set_is_named);
	tcase_add_test(t, the_umask_is_set_or_kept);
	suite_add_tcase(s, t);
	return s;
}
