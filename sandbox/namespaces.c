#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../cli/log.h"
#include "namespaces.h"
#include "proc.h"

const struct namespace namespaces[NAMESPACES] = {
	{ .name = "cgroup", .flag = CLONE_NEWCGROUP },
	{ .name = "ipc", .flag = CLONE_NEWIPC },
	{ .name = "mnt", .flag = CLONE_NEWNS },
	{ .name = "net", .flag = CLONE_NEWNET },
	{ .name = "pid", .flag = CLONE_NEWPID },
	{ .name = "time", .flag = CLONE_NEWTIME },
	{ .name = "user", .flag = CLONE_NEWUSER },
	{ .name = "uts", .flag = CLONE_NEWUTS },
};

static int
parse_unshare_list(const char *list)
{
	int flags = 0;

	for (size_t n; *list; list += n + (list[n] == ',')) {
		int i = 0;

		n = strchrnul(list, ',') - list;
		while (i < NAMESPACES && (strlen(namespaces[i].name) != n ||
		    memcmp(namespaces[i].name, list, n) != 0))
			i++;
		if (i == NAMESPACES)
			diex("bad value", list, "--unshare takes a list of "
			    "user, mnt, pid, net, ipc, uts, cgroup and time",
			    NULL);
		flags |= namespaces[i].flag;
	}
	return flags;
}

static const char *
network_path(const struct sandbox *s)
{
	return s->network.type == NETWORK_NS ? s->network.object : NULL;
}

/* CLONE_NEW* of all --unshare options. */
static int
unshared_namespaces(const struct sandbox *s)
{
	const struct { bool host; int flag; char option[20]; } shared[] = {
		{ s->host_pid, CLONE_NEWPID, "--pid host" },
		{ s->host_ipc, CLONE_NEWIPC, "--ipc host" },
		{ s->host_uts, CLONE_NEWUTS, "--uts host" },
		{ s->host_cgroup, CLONE_NEWCGROUP, "--cgroupns host" },
		{ s->userns == USERNS_HOST, CLONE_NEWUSER, "--userns host" },
		{ s->network.type == NETWORK_NS ||
		    s->network.type == NETWORK_HOST, CLONE_NEWNET,
		    "--network" },
	};
	int flags = 0;

	for (int i = 0; i < s->word_count; i++)
		if (s->words[i].kind == UNSHARED)
			flags |= parse_unshare_list(s->words[i].value);
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		if (shared[i].host && (flags & shared[i].flag))
			diex("--unshare contradicts", shared[i].option, NULL,
			    "give one of them");
	return flags;
}

int
namespaces_wanted(const struct sandbox *s)
{
	int flags = unshared_namespaces(s);
	const enum network_type network = s->network.type;

	if (sandbox_has_rootfs(s))
		flags |= CLONE_NEWNS | CLONE_NEWUSER |
		    (s->host_pid ? 0 : CLONE_NEWPID) |
		    (s->host_ipc ? 0 : CLONE_NEWIPC) |
		    (s->host_uts ? 0 : CLONE_NEWUTS) |
		    (s->host_cgroup ? 0 : CLONE_NEWCGROUP) |
		    (network == NETWORK_UNSET ? CLONE_NEWNET : 0);
	if (network == NETWORK_NONE || network == NETWORK_VETH ||
	    network == NETWORK_MACVLAN)
		flags |= CLONE_NEWNET;
	for (int i = 0; i < s->word_count; i++)
		if (s->words[i].kind == TIMENS)
			flags |= CLONE_NEWTIME;
	if (s->userns == USERNS_HOST)
		flags &= ~CLONE_NEWUSER;
	return flags;
}

/* Set the clocks, which is only possible until the first process enters the
 * time namespace. */
static void
set_clocks(const struct sandbox *s)
{
	for (int i = 0; i < s->word_count; i++) {
		char text[64];
		struct strbuf offset = STRBUF(text);
		const char *value = s->words[i].value;
		const char *to = strchrnul(value, '=');
		size_t n = to - value;

		if (s->words[i].kind != TIMENS)
			continue;
		if (!*to || (!(n == 4 && memcmp(value, "boot", n) == 0) &&
		    !(n == 9 && memcmp(value, "monotonic", n) == 0)) ||
		    strlen(to) > 20 || to[1 + strspn(to + 1, "+-0123456789")])
			diex("bad value", value, "--timens takes boot=+N or "
			    "monotonic=-N, in seconds", NULL);
		strbuf_add(&offset, n == 4 ? "boottime " : "monotonic ");
		strbuf_add(&offset, to + 1 + (to[1] == '+'));
		strbuf_add(&offset, " 0\n");
		if (!proc_write("self/timens_offsets", text))
			die("cannot set the clock", value);
	}
}

void
namespaces_enter(const struct sandbox *s)
{
	const char *path = network_path(s);
	int fd;

	if (!path)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die("cannot enter the network namespace", path);
	close(fd);
}

/* unshare(CLONE_NEWTIME) moves only later children to the new namespace,
 * time_namespaces(7). Enter it as well, as vfork(2) fails if the child would be
 * in another time namespace. */
static void
make_time_namespace(const struct sandbox *s)
{
	int fd;

	if (unshare(CLONE_NEWTIME) < 0)
		die("cannot make", "a time namespace");
	set_clocks(s);
	fd = openat(proc_fd(), "self/ns/time_for_children",
	    O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWTIME) < 0)
		die("cannot enter", "the time namespace");
	close(fd);
}

pid_t
namespaces_fork(int flags, int *group)
{
	struct clone_args a = { .exit_signal = SIGCHLD,
	    .flags = flags & ~CLONE_NEWTIME };
	long pid;

	if (group && *group >= 0) {
		a.flags |= CLONE_INTO_CGROUP;
		a.cgroup = *group;
	}
	pid = syscall(SYS_clone3, &a, sizeof(a));
	/* Before Linux 5.7, or if we may not enter the group: fork without it.
	 * The child then enters the group itself, and reports the error. */
	if (pid < 0 && group && *group >= 0 && errno != ENOSYS) {
		*group = -1;
		a.flags &= ~CLONE_INTO_CGROUP;
		a.cgroup = 0;
		pid = syscall(SYS_clone3, &a, sizeof(a));
	}

	/* A seccomp filter cannot read struct clone_args, so filters of engines
	 * let clone3(2) fail with ENOSYS or EPERM. Use clone(2) then. The order
	 * of its arguments after the first differs between architectures, but
	 * they are all 0. */
	if (pid < 0 && (errno == ENOSYS || errno == EPERM)) {
		if (group)
			*group = -1;
		pid = syscall(SYS_clone, (flags & ~CLONE_NEWTIME) | SIGCHLD, 0,
		    0, 0, 0);
	}
	return pid;
}

/* The kernel gives lo its addresses 127.0.0.1 and ::1 when it is up. */
static void
set_up_loopback(void)
{
	if (!bring_up_loopback())
		degrade("cannot raise the interface", "lo");
}

/* Prefixes of kernel parameters that each namespace has for itself, and the
 * type of that namespace. */
static const struct { char prefix[20]; int flag; } namespaced_sysctls[] = {
	{ .prefix = "net.", .flag = CLONE_NEWNET },
	{ .prefix = "kernel.msg", .flag = CLONE_NEWIPC },
	{ .prefix = "kernel.sem", .flag = CLONE_NEWIPC },
	{ .prefix = "kernel.shm", .flag = CLONE_NEWIPC },
	{ .prefix = "fs.mqueue.", .flag = CLONE_NEWIPC },
	{ .prefix = "kernel.hostname", .flag = CLONE_NEWUTS },
	{ .prefix = "kernel.domainname", .flag = CLONE_NEWUTS },
	{ .prefix = "user.", .flag = CLONE_NEWUSER },
};

/* Return the type of the namespace that has this kernel parameter for itself; 0
 * if no namespace has. */
static int
namespace_of_sysctl(const char *name)
{
	for (size_t i = 0; i < sizeof(namespaced_sysctls) /
	    sizeof(namespaced_sysctls[0]); i++)
		if (strncmp(name, namespaced_sysctls[i].prefix,
		    strlen(namespaced_sysctls[i].prefix)) == 0)
			return namespaced_sysctls[i].flag;
	return 0;
}

static void
set_sysctl(const char *value, int flags)
{
	char text[256];
	struct strbuf path = STRBUF(text);
	size_t n = strchrnul(value, '=') - value;

	if (!value[n] || n > 200 || memchr(value, '/', n))
		diex("bad value", value, "--sysctl takes NAME=VALUE", NULL);
	if (!(flags & namespace_of_sysctl(value)))
		diex("cannot set", value,
		    "it belongs to the whole machine, or to a namespace that "
		    "the sandbox shares", "set it outside with sysctl(8)");
	strbuf_add(&path, "sys/");
	strbuf_add(&path, value);
	text[4 + n] = '\0';
	for (char *c = text; *c; c++)
		if (*c == '.')
			*c = '/';
	if (!proc_write(text, value + n + 1))
		die("cannot set", value);
}

void
namespaces_set(const struct sandbox *s, int flags)
{
	const char *name = s->hostname ? s->hostname : "pith";

	if (flags & CLONE_NEWTIME)
		make_time_namespace(s);
	if (flags & CLONE_NEWNET)
		set_up_loopback();
	/* Let any user bind ports below 1024, as docker does: no other service
	 * uses this network namespace. If this fails, bind(2) of the command
	 * will fail with EACCES. */
	if ((flags & CLONE_NEWNET) && sandbox_has_rootfs(s))
		proc_write("sys/net/ipv4/ip_unprivileged_port_start", "0");
	if ((flags & CLONE_NEWUTS) && (s->hostname || sandbox_has_rootfs(s)) &&
	    sethostname(name, strlen(name)) < 0)
		die("cannot set the host name", name);
	for (int i = 0; i < s->word_count; i++)
		if (s->words[i].kind == SYSCTL)
			set_sysctl(s->words[i].value, flags);
}
