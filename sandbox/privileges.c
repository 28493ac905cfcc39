#include <errno.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../architecture.h"
#include "../cli/log.h"
#include "../cli/values.h"
#include "privileges.h"

/* Names of the capabilities by their numbers, capabilities(7). */
static const char cap_names[][19] = {
	[CAP_CHOWN] = "CHOWN", [CAP_DAC_OVERRIDE] = "DAC_OVERRIDE",
	[CAP_DAC_READ_SEARCH] = "DAC_READ_SEARCH", [CAP_FOWNER] = "FOWNER",
	[CAP_FSETID] = "FSETID", [CAP_KILL] = "KILL", [CAP_SETGID] = "SETGID",
	[CAP_SETUID] = "SETUID", [CAP_SETPCAP] = "SETPCAP",
	[CAP_LINUX_IMMUTABLE] = "LINUX_IMMUTABLE",
	[CAP_NET_BIND_SERVICE] = "NET_BIND_SERVICE",
	[CAP_NET_BROADCAST] = "NET_BROADCAST", [CAP_NET_ADMIN] = "NET_ADMIN",
	[CAP_NET_RAW] = "NET_RAW", [CAP_IPC_LOCK] = "IPC_LOCK",
	[CAP_IPC_OWNER] = "IPC_OWNER", [CAP_SYS_MODULE] = "SYS_MODULE",
	[CAP_SYS_RAWIO] = "SYS_RAWIO", [CAP_SYS_CHROOT] = "SYS_CHROOT",
	[CAP_SYS_PTRACE] = "SYS_PTRACE", [CAP_SYS_PACCT] = "SYS_PACCT",
	[CAP_SYS_ADMIN] = "SYS_ADMIN", [CAP_SYS_BOOT] = "SYS_BOOT",
	[CAP_SYS_NICE] = "SYS_NICE", [CAP_SYS_RESOURCE] = "SYS_RESOURCE",
	[CAP_SYS_TIME] = "SYS_TIME", [CAP_SYS_TTY_CONFIG] = "SYS_TTY_CONFIG",
	[CAP_MKNOD] = "MKNOD", [CAP_LEASE] = "LEASE",
	[CAP_AUDIT_WRITE] = "AUDIT_WRITE",
	[CAP_AUDIT_CONTROL] = "AUDIT_CONTROL", [CAP_SETFCAP] = "SETFCAP",
	[CAP_MAC_OVERRIDE] = "MAC_OVERRIDE",
	[CAP_MAC_ADMIN] = "MAC_ADMIN", [CAP_SYSLOG] = "SYSLOG",
	[CAP_WAKE_ALARM] = "WAKE_ALARM", [CAP_BLOCK_SUSPEND] = "BLOCK_SUSPEND",
	[CAP_AUDIT_READ] = "AUDIT_READ", [CAP_PERFMON] = "PERFMON",
	[CAP_BPF] = "BPF", [CAP_CHECKPOINT_RESTORE] = "CHECKPOINT_RESTORE",
};

enum { CAP_NAMES = sizeof(cap_names) / sizeof(cap_names[0]) };

/* Resource limits, prlimit(2). Their numbers differ between architectures. */
static const struct limit_type {
	char name[11];
	unsigned char number;
} limit_types[] = {
	{ "core", RLIMIT_CORE }, { "cpu", RLIMIT_CPU }, { "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE }, { "locks", RLIMIT_LOCKS },
	{ "memlock", RLIMIT_MEMLOCK }, { "msgqueue", RLIMIT_MSGQUEUE },
	{ "nice", RLIMIT_NICE }, { "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC }, { "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO }, { "rttime", RLIMIT_RTTIME },
	{ "sigpending", RLIMIT_SIGPENDING }, { "stack", RLIMIT_STACK },
	{ "as", RLIMIT_AS },
};

enum { LIMIT_TYPES = sizeof(limit_types) / sizeof(limit_types[0]), CAPS = 64 };

#define CAP(name) (UINT64_C(1) << CAP_##name)
static const uint64_t docker_caps = CAP(CHOWN) | CAP(DAC_OVERRIDE) |
    CAP(FSETID) | CAP(FOWNER) | CAP(MKNOD) | CAP(NET_RAW) | CAP(SETGID) |
    CAP(SETUID) | CAP(SETFCAP) | CAP(SETPCAP) | CAP(NET_BIND_SERVICE) |
    CAP(SYS_CHROOT) | CAP(KILL) | CAP(AUDIT_WRITE);

/* struct rlimit64 of the kernel, on every architecture. */
struct limit { uint64_t soft, hard; };

static struct privileges {
	/* Values of --ulimit, by the numbers of the limits. */
	struct ulimit {
		const char *word;       /* NULL: not requested */
		struct limit limit;
	} ulimits[RLIM_NLIMITS];
	/* Sets of capabilities, as bits. */
	struct caps {
		bool change;            /* false: leave all sets unchanged */
		uint64_t bound;         /* bounding set */
		uint64_t added;         /* by --cap-add, and not dropped */
		uint64_t named;         /* by --cap-add NAME: required */
	} caps;
} privileges;

/* ---- words -------------------------------------------------------------- */

static bool
is_word(const char *word, const char *text, size_t size)
{
	return strlen(word) == size && strncasecmp(word, text, size) == 0;
}

/* Parse a limit of size bytes. */
static bool
parse_limit_value(const char *text, size_t size, uint64_t *limit)
{
	const char *end = text;

	if (is_word("unlimited", text, size) || is_word("-1", text, size)) {
		*limit = UINT64_MAX;            /* RLIM64_INFINITY */
		return true;
	}
	return text_number(&end, INT64_MAX, limit) && end == text + size;
}

/* Return the number of a resource limit; -1 if there is none of that name. */
static int
limit_number(const char *name, size_t size)
{
	for (int i = 0; i < LIMIT_TYPES; i++)
		if (is_word(limit_types[i].name, name, size))
			return limit_types[i].number;
	return -1;
}

static _Noreturn void
refuse_ulimit(const char *word, bool list_names)
{
	char text[128];
	struct strbuf names = STRBUF(text);

	for (int i = 0; i < LIMIT_TYPES; i++) {
		strbuf_add(&names, i > 0 ? " " : "");
		strbuf_add(&names, limit_types[i].name);
	}
	diex("bad value", word, "--ulimit takes NAME=SOFT[:HARD], numbers or "
	    "unlimited", list_names ? text : NULL);
}

/* Parse a word of --ulimit, and raise our own hard limit if necessary. */
static void
parse_ulimit(struct ulimit ulimits[], const char *word)
{
	const size_t n = strcspn(word, "=");
	const char *soft = word + n + (word[n] != '\0');
	const size_t m = strcspn(soft, ":");
	const char *hard = soft[m] ? soft + m + 1 : soft;
	const int number = limit_number(word, n);
	struct limit old, new;

	if (number < 0 || !parse_limit_value(soft, m, &new.soft) ||
	    !parse_limit_value(hard, hard == soft ? m : strlen(hard),
	    &new.hard))
		refuse_ulimit(word, number < 0);
	if (new.soft > new.hard)
		diex("bad value", word, "the soft limit is above the hard "
		    "one", NULL);
	if (ulimits[number].word && (ulimits[number].limit.soft != new.soft ||
	    ulimits[number].limit.hard != new.hard))
		diex("cannot take", word, "--ulimit has another value for it "
		    "already", "give it once");
	ulimits[number] = (struct ulimit){ word, new };
	if (syscall(SYS_prlimit64, 0, number, NULL, &old) == 0 &&
	    new.hard > old.hard) {
		old.hard = new.hard;
		syscall(SYS_prlimit64, 0, number, &old, NULL);
	}
}

/* Return the bits of a capability, ALL or default. */
static uint64_t
parse_caps(const char *word)
{
	const char *name = strncasecmp(word, "CAP_", 4) == 0 ? word + 4 : word;
	const size_t n = strlen(word);

	if (is_word("ALL", word, n))
		return UINT64_MAX;
	if (is_word("default", word, n))
		return docker_caps;
	for (int i = 0; i < CAP_NAMES; i++)
		if (is_word(cap_names[i], name, strlen(name)))
			return UINT64_C(1) << i;
	diex("no such capability", word, NULL,
	    "use ALL, default or a name of capabilities(7)");
}

/* Die if a name or a set is both added and dropped. */
static void
check_caps(const struct sandbox *s)
{
	uint64_t names[2] = { 0, 0 };           /* added, dropped */
	bool all[2] = { false, false }, usual[2] = { false, false };

	for (int i = 0; i < s->word_count; i++) {
		const struct word *w = &s->words[i];
		const bool drop = w->kind == CAP_DROP;
		uint64_t set;

		if (!drop && w->kind != CAP_ADD)
			continue;
		set = parse_caps(w->value);
		all[drop] |= set == UINT64_MAX;
		usual[drop] |= set == docker_caps;
		names[drop] |= set & (set - 1) ? 0 : set;
		if ((all[0] && all[1]) || (usual[0] && usual[1]) ||
		    (names[0] & names[1]))
			diex("--cap-add contradicts --cap-drop", w->value,
			    NULL, "give one of them");
	}
}

void
privileges_prepare(const struct sandbox *s, bool has_rootfs)
{
	struct caps *caps = &privileges.caps;
	uint64_t sets = 0, dropped = 0;

	/* Since Linux 5.12, mapping root of a nested user namespace to our root
	 * needs CAP_SETFCAP, user_namespaces(7). */
	if (has_rootfs && s->allow_userns && s->userns != USERNS_HOST)
		sets = UINT64_C(1) << CAP_SETFCAP;
	check_caps(s);
	caps->change = has_rootfs;
	caps->named = 0;
	for (int i = 0; i < s->word_count; i++) {
		const struct word *w = &s->words[i];
		const bool add = w->kind == CAP_ADD;
		uint64_t set;

		if (w->kind == ULIMIT)
			parse_ulimit(privileges.ulimits, w->value);
		if (!add && w->kind != CAP_DROP)
			continue;
		caps->change = true;
		set = parse_caps(w->value);
		*(!add ? &dropped : (set & (set - 1)) ? &sets : &caps->named) |=
		    set;
	}
	caps->added = (sets & ~dropped) | caps->named;
	caps->bound = has_rootfs ? caps->added : ~dropped | caps->named;
}

bool
privileges_admin(void)
{
	return privileges.caps.bound & CAP(SYS_ADMIN);
}

/* ---- capabilities ------------------------------------------------------- */

static int
cap_call(long call, struct __user_cap_data_struct sets[2])
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3,
	    0 };

	return syscall(call, &head, sets);
}

/* Drop capabilities from the bounding set. Without CAP_SETPCAP that fails,
 * which is an error only if the capability is in the set. The kernel has fewer
 * than 64: for the first unknown one PR_CAPBSET_READ returns -1 and ends the
 * loop. */
static bool
reduce_bounding_set(uint64_t bound)
{
	int left = 0;

	for (int i = 0; i < CAPS && left == 0; i++)
		if (!(bound >> i & 1) &&
		    prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
			left = prctl(PR_CAPBSET_READ, i, 0, 0, 0);
	return left <= 0;
}

/* Reduce the sets in now and apply them. At the exec, root regains the bounding
 * set; for other users only ambient capabilities survive. capabilities(7) */
static bool
set_caps(const struct caps *caps, struct __user_cap_data_struct now[2],
    bool root, bool changed)
{
	uint32_t missing = 0;

	for (int i = 0; i < 2; i++) {
		struct __user_cap_data_struct *c = &now[i];
		const uint32_t added = caps->added >> 32 * i;

		missing |= caps->named >> 32 * i & ~c->permitted;
		c->permitted &= root || !changed ? caps->bound >> 32 * i :
		    added;
		c->effective = c->permitted;
		c->inheritable = root ? 0 :
		    c->permitted & (c->inheritable | added);
	}
	errno = EPERM;
	if (missing || cap_call(SYS_capset, now) < 0)
		return false;
	for (int i = 0; i < CAPS && !root; i++)
		if ((caps->added >> i & now[i / 32].permitted >> i % 32 & 1) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return false;
	return true;
}

/* ---- ids ---------------------------------------------------------------- */

/* EPERM despite CAP_SETGID: setgroups is denied in this user namespace. Ignore
 * it unless groups were requested: they can be neither gained nor dropped
 * there. */
static bool
set_groups(const struct identity *id, bool may)
{
	return syscall(SETGROUPS, id->group_count, id->groups) == 0 ||
	    (errno == EPERM && !id->groups_given && may);
}

/* System calls, because libc would signal all threads, and we have one. */
static bool
set_ids(const struct identity *id)
{
	return syscall(SETRESGID, id->gid, id->gid, id->gid) == 0 &&
	    syscall(SETRESUID, id->uid, id->uid, id->uid) == 0;
}

/* True if the options request a seccomp filter or Landlock. */
static bool
has_filter(const struct sandbox *s)
{
	for (int i = 0; i < s->word_count; i++)
		if (s->words[i].kind == LANDLOCK ||
		    (s->words[i].kind == SECCOMP &&
		    strcmp(s->words[i].value, "off") != 0))
			return true;
	return false;
}

static bool
set_ulimit(const struct ulimit *wanted, int number)
{
	struct limit is;

	if (syscall(SYS_prlimit64, 0, number, &wanted->limit, NULL) < 0)
		return false;
	/* A 32-bit kernel silently turns values that do not fit a long into
	 * unlimited. */
	if (sizeof(long) < sizeof(is.soft) && syscall(SYS_prlimit64, 0, number,
	    NULL, &is) == 0 && (is.soft != wanted->limit.soft ||
	    is.hard != wanted->limit.hard)) {
		errno = EOVERFLOW;
		return false;
	}
	return true;
}

/* ENOSYS, EOPNOTSUPP: the kernel has no keys. EPERM: a seccomp filter denies
 * keyctl(2) to us and to the command; the kernel itself never returns it here.
 * After other errors, such as EDQUOT and ENOMEM, the command would still have
 * the keyring of the caller: fail. */
bool
privileges_leave_keyring(void)
{
	return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0 ||
	    errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM;
}

/* Deny realtime classes and negative nice values to a sandbox, even if we have
 * them, unless --ulimit allows them. */
static bool
drop_priorities(const struct ulimit ulimits[])
{
	static const struct limit none = { 0, 0 };

	return (ulimits[RLIMIT_NICE].word || syscall(SYS_prlimit64, 0,
	    RLIMIT_NICE, &none, NULL) == 0) && (ulimits[RLIMIT_RTPRIO].word ||
	    syscall(SYS_prlimit64, 0, RLIMIT_RTPRIO, &none, NULL) == 0);
}

const char *
privileges_apply(const struct sandbox *s, const struct identity *id,
    bool has_rootfs, enum groups groups, const char **on)
{
	const bool requested = id->uid_given || id->groups_given;
	const struct privileges *p = &privileges;
	const bool root = id->uid == 0;
	struct __user_cap_data_struct now[2];

	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (p->ulimits[i].word && !set_ulimit(&p->ulimits[i], i)) {
			*on = p->ulimits[i].word;
			return "cannot set --ulimit";
		}
	if (has_rootfs && !drop_priorities(p->ulimits))
		return "cannot lower the priority limits";
	if (s->umask >= 0)
		umask(s->umask);
	if (cap_call(SYS_capget, now) < 0)
		return "cannot read the capabilities";
	/* Before set_ids(), which loses CAP_SETPCAP. */
	if (p->caps.change && !reduce_bounding_set(p->caps.bound))
		return "cannot drop capabilities";
	if (p->caps.change && !root && p->caps.added &&
	    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return "cannot keep capabilities";
	if ((requested || (has_rootfs && groups == CLEAR_GROUPS)) &&
	    !set_groups(id, now[0].effective & CAP(SETGID)))
		return "cannot set the groups";
	*on = s->user;
	if (id->uid_given && !set_ids(id))
		return "cannot become user";
	*on = NULL;
	if (p->caps.change && !set_caps(&p->caps, now, root,
	    has_rootfs || id->uid_given))
		return "cannot set the capabilities";
	if (!s->new_privs && (has_rootfs || has_filter(s)) &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return "cannot set no_new_privs";
	return NULL;
}
