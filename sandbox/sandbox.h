/* What is asked of a sandbox: the options that the rooms of sandbox/ own.
 * Filled by cli/options.c, constant afterwards. */
#ifndef PITH_SANDBOX_SANDBOX_H
#define PITH_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Options that may be given again, in the order of the command line. */
enum list_option {
	VOLUME, TMPFS, DIR_AT, SYMLINK, FILE_AT, DEVICE,        /* mounts.c */
	LAYER, UNSHARED, UIDMAP, GIDMAP, SYSCTL, TIMENS,
	ENV, ENV_FILE, UNSETENV, KEEP_ENV,                      /* in turn */
	ULIMIT, GROUP_ADD, CAP_ADD, CAP_DROP, SECCOMP, LANDLOCK, PRESERVE_FD,
	READ_BPS, WRITE_BPS, READ_IOPS, WRITE_IOPS,             /* limits.c */
	CGROUP_CONF, CGROUP_JOIN,
	IP, GATEWAY,                                            /* network.c */
	PUBLISH, LISTEN,                                        /* ports.c */
	DNS, ADD_HOST                                           /* hosts.c */
};

struct word {
	unsigned char kind;
	char *value;
};

/* Limits that are given once. */
enum group_limit {
	MEMORY, MEMORY_SWAP, MEMORY_HIGH, CPUS, CPU_SHARES, CPUSET_CPUS,
	PIDS_LIMIT, BLKIO_WEIGHT, GROUP_LIMITS
};

enum { PTYS_MOST = 1 << 20 };   /* the kernel's NR_UNIX98_PTY_MAX */

enum root_mode { EPHEMERAL, READ_ONLY, WRITABLE };
/* 0 is what is not asked for, and means the first. */
enum userns_mode { USERNS_AUTO = 1, USERNS_HOST, USERNS_SUBID, USERNS_KEEP_ID };
enum proc_mode { PROC_MASKED = 1, PROC_MINIMAL, PROC_FULL, PROC_NONE };
enum sys_mode { SYS_RO = 1, SYS_NONE };
enum oom_mode { OOM_PROCESS = 1, OOM_GROUP };
enum cgroups_mode { CGROUPS_AUTO = 1, CGROUPS_V1, CGROUPS_V2, CGROUPS_OFF };

/* What is asked for most often stands first: the code for it is shorter. */
struct sandbox {
	struct word *words;     /* word_count of them */
	int word_count;
	bool requested;             /* for anything of this */
	const char *rootfs;     /* DIR, "/", "none" or an image; NULL: ours */
	const char *chroot;     /* plain chroot(2); NULL: none */
	bool root_requested;        /* for one of these modes */
	int root_mode;          /* enum root_mode */
	int64_t root_size;      /* bytes of the ephemeral one; 0: half of RAM */
	bool layered;           /* there are LAYER words */
	const char *upper;      /* keeps the writes; NULL: ephemeral */
	int64_t shm_size;       /* bytes of /dev/shm; 0: 64 MiB */
	int pty_max;            /* terminals at a time; 0: 256 */
	int proc, sys;          /* enum proc_mode, enum sys_mode */
	int userns;             /* enum userns_mode */
	/* Shared with the host. */
	bool host_ipc, host_uts, host_cgroup, host_pid;
	const char *network;    /* as written; NULL: not asked */
	const char *user;       /* UID[:GID] or a name; NULL: as it is */
	const char *hostname, *workdir;
	int umask;              /* -1: as it is */
	bool new_privs;         /* no no_new_privs */
	bool allow_userns;      /* nested user namespaces */
	bool best_effort;
	int tty;                /* -1: not asked, 0 no, 1 yes */
	bool detach;
	const char *info, *pidfile;
	int oom;                /* enum oom_mode */
	int64_t cpu_time;       /* milliseconds of the whole group; -1: any */
	const char *cgroup_parent;      /* from the root of the hierarchies */
	int cgroups;            /* enum cgroups_mode */
	bool cgroupfs;          /* mounted inside */
	bool measured;          /* somebody wants to know what it took */
	int info_fd, block_fd;  /* -1: none */
	const char *limits[GROUP_LIMITS];       /* as written; NULL: none */
};

/* Whether it has a root of its own, and with that the whole preset. */
static inline bool sandbox_has_rootfs(const struct sandbox *s)
{
	return s->rootfs || s->layered;
}

#endif
