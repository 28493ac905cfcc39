/* Options of a sandbox, from the command line. Filled by cli/options.c and
 * constant afterwards. */
#ifndef PITH_SANDBOX_SANDBOX_H
#define PITH_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "../cli/memory.h"
#include "../cli/values_net.h"
#include "../cli/values_root.h"

/* Settings of a control group that may be given several times. */
enum group_setting_kind {
	READ_BPS = 1, WRITE_BPS, READ_IOPS, WRITE_IOPS,
	CGROUP_CONF, CGROUP_JOIN
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
	unsigned char kind;     /* enum group_setting_kind */
	const char *text;       /* as given */
	size_t length;          /* bytes of text before : or = */
	int64_t n;              /* bytes or operations per second; or the
	                         * process */
};

/* A user or group: a number, or a name. */
struct account {
	const char *name;       /* of size bytes; more text may follow */
	size_t size;
	bool is_number;
	uint32_t id;            /* if it is a number */
};

/* A resource limit. UINT64_MAX is unlimited, prlimit(2). */
struct ulimit {
	const char *text;       /* NULL: not given */
	uint64_t soft, hard;
};

/* Capabilities that were added, or dropped. */
struct caps {
	bool all, docker;       /* the sets "ALL" and "default" */
	uint64_t names;         /* bit 1 << CAP_*, capabilities(7) */
};

struct seccomp_filter {
	const char *text;
	const char *path;       /* NULL: the built-in filter */
};

enum landlock_right {
	LANDLOCK_READ, LANDLOCK_WRITE,          /* of a path */
	LANDLOCK_BIND, LANDLOCK_CONNECT         /* of a port */
};

struct landlock_rule {
	const char *text;
	const char *path;       /* of the rights of a path */
	int port;               /* of the rights of a port */
	unsigned char right;    /* enum landlock_right */
};

enum change_kind {
	VARIABLE_SET, VARIABLE_KEPT, VARIABLE_UNSET, VARIABLE_FILE
};

/* A change of the environment. */
struct variable_change {
	unsigned char kind;     /* enum change_kind */
	char *text;             /* begins with the name, or is the file */
	size_t size;            /* bytes of the name; 0: all variables */
};

enum { PTYS_MOST = 1 << 20 };   /* NR_UNIX98_PTY_MAX of the kernel */

/* Memory of texts that do not move. */
struct text_memory {
	struct memory memory;
	size_t used;
};

enum root_mode { EPHEMERAL, READ_ONLY, WRITABLE };
/* 0 means that the option was not given. The first value is the default. */
enum userns_mode { USERNS_AUTO = 1, USERNS_HOST, USERNS_SUBID, USERNS_KEEP_ID };
enum proc_mode { PROC_MASKED = 1, PROC_MINIMAL, PROC_FULL, PROC_NONE };
enum sys_mode { SYS_RO = 1, SYS_NONE };
enum oom_mode { OOM_PROCESS = 1, OOM_GROUP };
enum cgroups_mode { CGROUPS_AUTO = 1, CGROUPS_V1, CGROUPS_V2, CGROUPS_OFF };

struct sandbox {
	bool requested;         /* an option of this struct was given */
	const char *rootfs;     /* DIR, "/", "none" or an image; NULL: none */
	const char *chroot;     /* for plain chroot(2); NULL: none */
	bool root_requested;    /* an option that sets root_mode was given */
	int root_mode;          /* enum root_mode */
	int64_t root_size;      /* bytes of --ephemeral; 0: half of RAM */
	const char **layers;    /* --layer, the lowest first */
	int layer_count;
	struct bind_value *binds;       /* in command line order */
	int bind_count;
	const char *upper;      /* --upper; NULL: discard the writes */
	int64_t shm_size;       /* bytes of /dev/shm; 0: 64 MiB */
	int pty_max;            /* limit of open terminals; 0: 256 */
	int proc, sys;          /* enum proc_mode, enum sys_mode */
	int userns;             /* enum userns_mode */
	struct id_map *id_maps;
	int id_map_count;
	int unshared;           /* CLONE_NEW* of --unshare */
	struct clock_offset clocks[CLOCKS];
	struct sysctl *sysctls;
	int sysctl_count;
	int *passed_fds;        /* --preserve-fd */
	int passed_fd_count;
	/* Namespaces shared with the host. */
	bool host_ipc, host_uts, host_cgroup, host_pid;
	struct network network;
	struct ip_list ips, gateways;   /* --ip, --gateway */
	struct port_list ports;         /* --publish, --listen */
	struct ip_list servers;         /* --dns */
	struct host_list hosts;         /* --add-host */
	const char *user;       /* text of --user; NULL: unchanged */
	struct account user_account, group_account;     /* its parts */
	bool has_group;
	struct account *groups; /* --group-add */
	int group_count;
	struct ulimit ulimits[RLIM_NLIMITS];    /* by their RLIMIT_* */
	struct caps cap_add, cap_drop;
	bool seccomp_off;
	struct seccomp_filter *filters;         /* in order, as all arrays */
	int filter_count;
	struct landlock_rule *rules;
	int rule_count;
	struct variable_change *changes;
	int change_count;
	struct {
		struct memory groups, filters, rules, changes, settings,
		    id_maps, sysctls, passed_fds, layers, binds;
	} memory;               /* of the arrays above and below */
	struct text_memory texts;       /* copies of binds, which are split */
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
	return s->rootfs || s->layer_count > 0;
}

#endif
