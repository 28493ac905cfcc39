#include <errno.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../architecture.h"
#include "privileges.h"

enum { CAPS = 64 };

#define CAP(name) (UINT64_C(1) << CAP_##name)
static const uint64_t docker_caps = CAP(CHOWN) | CAP(DAC_OVERRIDE) |
    CAP(FSETID) | CAP(FOWNER) | CAP(MKNOD) | CAP(NET_RAW) | CAP(SETGID) |
    CAP(SETUID) | CAP(SETFCAP) | CAP(SETPCAP) | CAP(NET_BIND_SERVICE) |
    CAP(SYS_CHROOT) | CAP(KILL) | CAP(AUDIT_WRITE);

/* struct rlimit64 of the kernel, on every architecture. */
struct limit { uint64_t soft, hard; };

/* Sets of capabilities, as bits. */
static struct cap_sets {
	bool change;            /* false: leave all sets unchanged */
	uint64_t bound;         /* bounding set */
	uint64_t added;         /* by --cap-add, and not dropped */
	uint64_t named;         /* by --cap-add NAME: fail without them */
} cap_sets;

/* ---- options ------------------------------------------------------------ */

/* Raise our own hard limits to those of --ulimit as far as permitted. */
static void
raise_hard_limits(const struct ulimit ulimits[])
{
	struct limit old;

	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (ulimits[i].text &&
		    syscall(SYS_prlimit64, 0, i, NULL, &old) == 0 &&
		    ulimits[i].hard > old.hard) {
			old.hard = ulimits[i].hard;
			syscall(SYS_prlimit64, 0, i, &old, NULL);
		}
}

/* Return the capabilities of the sets that are listed. */
static uint64_t
listed_sets(const struct caps *c)
{
	return c->all ? UINT64_MAX : c->docker ? docker_caps : 0;
}

void
privileges_prepare(const struct sandbox *s, bool has_rootfs)
{
	struct cap_sets *c = &cap_sets;
	const uint64_t dropped = listed_sets(&s->cap_drop) | s->cap_drop.names;
	uint64_t sets = listed_sets(&s->cap_add);

	raise_hard_limits(s->ulimits);
	c->change = has_rootfs || sets | s->cap_add.names | dropped;
	/* Since Linux 5.12, mapping root of a nested user namespace to our root
	 * needs CAP_SETFCAP, user_namespaces(7). */
	if (has_rootfs && s->allow_userns && s->userns != USERNS_HOST)
		sets |= UINT64_C(1) << CAP_SETFCAP;
	c->named = s->cap_add.names;
	c->added = (sets & ~dropped) | c->named;
	c->bound = has_rootfs ? c->added : ~dropped | c->named;
}

bool
privileges_admin(void)
{
	return cap_sets.bound & CAP(SYS_ADMIN);
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
set_caps(const struct cap_sets *caps, struct __user_cap_data_struct now[2],
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

static bool
set_ulimit(const struct ulimit *wanted, int number)
{
	const struct limit limit = { wanted->soft, wanted->hard };
	struct limit is;

	if (syscall(SYS_prlimit64, 0, number, &limit, NULL) < 0)
		return false;
	/* A 32-bit kernel silently turns values that do not fit a long into
	 * unlimited. */
	if (sizeof(long) < sizeof(is.soft) && syscall(SYS_prlimit64, 0, number,
	    NULL, &is) == 0 && (is.soft != limit.soft ||
	    is.hard != limit.hard)) {
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

	for (int i = 0; i < RLIM_NLIMITS; i++)
		if ((i == RLIMIT_NICE || i == RLIMIT_RTPRIO) &&
		    !ulimits[i].text &&
		    syscall(SYS_prlimit64, 0, i, &none, NULL) < 0)
			return false;
	return true;
}

const char *
privileges_apply(const struct sandbox *s, const struct identity *id,
    bool has_rootfs, enum groups groups, const char **on)
{
	const bool requested = id->uid_given || id->groups_given;
	const struct cap_sets *caps = &cap_sets;
	const bool root = id->uid == 0;
	struct __user_cap_data_struct now[2];

	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (s->ulimits[i].text && !set_ulimit(&s->ulimits[i], i)) {
			*on = s->ulimits[i].text;
			return "cannot set --ulimit";
		}
	if (has_rootfs && !drop_priorities(s->ulimits))
		return "cannot lower the priority limits";
	if (s->umask >= 0)
		umask(s->umask);
	if (cap_call(SYS_capget, now) < 0)
		return "cannot read the capabilities";
	/* Before set_ids(), which loses CAP_SETPCAP. */
	if (caps->change && !reduce_bounding_set(caps->bound))
		return "cannot drop capabilities";
	if (caps->change && !root && caps->added &&
	    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return "cannot keep capabilities";
	if ((requested || (has_rootfs && groups == CLEAR_GROUPS)) &&
	    !set_groups(id, now[0].effective & CAP(SETGID)))
		return "cannot set the groups";
	*on = s->user;
	if (id->uid_given && !set_ids(id))
		return "cannot become user";
	*on = NULL;
	if (caps->change && !set_caps(caps, now, root,
	    has_rootfs || id->uid_given))
		return "cannot set the capabilities";
	if (!s->new_privs && (has_rootfs || s->filter_count > 0 ||
	    s->rule_count > 0) &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return "cannot set no_new_privs";
	return NULL;
}
