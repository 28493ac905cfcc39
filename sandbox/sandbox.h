/* Options of a sandbox, from the command line. Filled by cli/options.c and
 * constant afterwards. */
#ifndef PITH_SANDBOX_SANDBOX_H
#define PITH_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../cli/values_net.h"

/* Options that may be given several times. */
enum list_option {
	VOLUME, TMPFS, DIR_AT, SYMLINK, FILE_AT, DEVICE,        /* volumes.c */
	LAYER, UNSHARED, UIDMAP, GIDMAP, SYSCTL, TIMENS,
	ENV, ENV_FILE, UNSETENV, KEEP_ENV,                      /* in order */
	ULIMIT, GROUP_ADD, CAP_ADD, CAP_DROP, SECCOMP, LANDLOCK, PRESERVE_FD,
	READ_BPS, WRITE_BPS, READ_IOPS, WRITE_IOPS,     /* group_setting */
	CGROUP_CONF, CGROUP_JOIN
};

/* One use of a list option. */
struct word {
	unsigned char kind;     /* enum list_option */
	char *value;
};

/* Limits that may be given once. */
enum group_limit {
	MEMORY, MEMORY_SWAP, MEMORY_HIGH, CPUS, CPU_SHARES, CPUSET_CPUS,
	PIDS_LIMIT, BLKIO_WEIGHT, GROUP_LIMITS
};

enum {
	UNLIMITED = -1,
	CPU_PERIOD_US = 100000,         /* of a quota; the kernel's default */
	DEVICE_PATH = 256               /* longest path, with its NUL */
};

/* Value of a limit. */
struct limit_value {
	const char *text;       /* as given; NULL: not given */
	int64_t n;              /* bytes, microseconds of each CPU period, or a
	                         * plain number; or UNLIMITED */
};

/* A rate of a device, a file of --cgroup-conf, or a process of --cgroup-join.
 */
struct group_setting {
	unsigned char kind;     /* enum list_option */
	const char *text;       /* as given */
	size_t length;          /* bytes of text before : or = */
	int64_t n;              /* bytes or operations per second; or the
	                         * process */
};

enum { PTYS_MOST = 1 << 20 };   /* NR_UNIX98_PTY_MAX of the kernel */

enum root_mode { EPHEMERAL, READ_ONLY, WRITABLE };
/* 0 means that the option was not given. The first value is the default. */
enum userns_mode { USERNS_AUTO = 1, USERNS_HOST, USERNS_SUBID, USERNS_KEEP_ID };
enum proc_mode { PROC_MASKED = 1, PROC_MINIMAL, PROC_FULL, PROC_NONE };
enum sys_mode { SYS_RO = 1, SYS_NONE };
enum oom_mode { OOM_PROCESS = 1, OOM_GROUP };
enum cgroups_mode { CGROUPS_AUTO = 1, CGROUPS_V1, CGROUPS_V2, CGROUPS_OFF };

struct sandbox {
	struct word *words;     /* list options, in command line order */
	int word_count;
	bool requested;         /* an option of this struct was given */
	const char *rootfs;     /* DIR, "/", "none" or an image; NULL: none */
	const char *chroot;     /* for plain chroot(2); NULL: none */
	bool root_requested;    /* an option that sets root_mode was given */
	int root_mode;          /* enum root_mode */
	int64_t root_size;      /* bytes of --ephemeral; 0: half of RAM */
	bool layered;           /* --layer was given */
	const char *upper;      /* --upper; NULL: discard the writes */
	int64_t shm_size;       /* bytes of /dev/shm; 0: 64 MiB */
	int pty_max;            /* limit of open terminals; 0: 256 */
	int proc, sys;          /* enum proc_mode, enum sys_mode */
	int userns;             /* enum userns_mode */
	/* Namespaces shared with the host. */
	bool host_ipc, host_uts, host_cgroup, host_pid;
	struct network network;
	struct ip_list ips, gateways;   /* --ip, --gateway */
	struct port_list ports;         /* --publish, --listen */
	struct ip_list servers;         /* --dns */
	struct host_list hosts;         /* --add-host */
	const char *user;       /* UID[:GID] or a name; NULL: unchanged */
	const char *hostname, *workdir;
	int umask;              /* -1: unchanged */
	bool new_privs;         /* do not set no_new_privs */
	bool allow_userns;      /* allow nested user namespaces */
	bool best_effort;
	int tty;                /* -1: not given, 0: no, 1: yes */
	bool detach;
	const char *info, *pidfile;
	int oom;                /* enum oom_mode */
	int64_t cpu_time;       /* milliseconds of the group; -1: unlimited */
	const char *cgroup_parent;      /* from the root of the hierarchies */
	int cgroups;            /* enum cgroups_mode */
	bool cgroupfs;          /* mount the groups inside */
	bool measured;          /* the report or -v needs the counters */
	int info_fd, block_fd;  /* -1: none */
	struct limit_value limits[GROUP_LIMITS];
	const struct group_setting *settings;   /* in command line order */
	int setting_count;
};

/* True if the sandbox has a root of its own, and so all the defaults of
 * --rootfs. */
static inline bool sandbox_has_rootfs(const struct sandbox *s)
{
	return s->rootfs || s->layered;
}

#endif
