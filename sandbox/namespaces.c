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

static const char *
network_path(const struct sandbox *s)
{
	return s->network.type == NETWORK_NS ? s->network.object : NULL;
}

/* CLONE_NEW* of the namespaces that the sandbox shares with the host, or enters
 * because another process made them. */
static int
shared_namespaces(const struct sandbox *s)
{
	return (s->host_pid ? CLONE_NEWPID : 0) |
	    (s->host_ipc ? CLONE_NEWIPC : 0) |
	    (s->host_uts ? CLONE_NEWUTS : 0) |
	    (s->host_cgroup ? CLONE_NEWCGROUP : 0) |
	    (s->userns == USERNS_HOST ? CLONE_NEWUSER : 0) |
	    (s->network.type == NETWORK_NS ||
	    s->network.type == NETWORK_HOST ? CLONE_NEWNET : 0);
}

static void
reject_contradictions(int unshared, int shared)
{
	static const struct { int flag; char option[16]; } options[] = {
		{ .flag = CLONE_NEWPID, .option = "--pid host" },
		{ .flag = CLONE_NEWIPC, .option = "--ipc host" },
		{ .flag = CLONE_NEWUTS, .option = "--uts host" },
		{ .flag = CLONE_NEWCGROUP, .option = "--cgroupns host" },
		{ .flag = CLONE_NEWUSER, .option = "--userns host" },
		{ .flag = CLONE_NEWNET, .option = "--network" },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (unshared & shared & options[i].flag)
			diex("--unshare contradicts", options[i].option, NULL,
			    "give one of them");
}

int
namespaces_wanted(const struct sandbox *s)
{
	const int shared = shared_namespaces(s);
	int flags = s->unshared;

	reject_contradictions(flags, shared);
	if (sandbox_has_rootfs(s))
		flags |= CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID |
		    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
	if (sandbox_has_rootfs(s) || s->network.type != NETWORK_UNSET)
		flags |= CLONE_NEWNET;
	if (s->clocks[CLOCK_OF_BOOT].text || s->clocks[MONOTONIC_CLOCK].text)
		flags |= CLONE_NEWTIME;
	return flags & ~shared;
}

/* Set the clocks, which is only possible until the first process enters the
 * time namespace. */
static void
set_clocks(const struct sandbox *s)
{
	for (int i = 0; i < CLOCKS; i++) {
		const struct clock_offset *c = &s->clocks[i];
		char text[64];
		struct strbuf offset = STRBUF(text);

		if (!c->text)
			continue;
		strbuf_add(&offset, i == CLOCK_OF_BOOT ? "boottime " :
		    "monotonic ");
		strbuf_number(&offset, c->seconds);
		strbuf_add(&offset, " 0\n");
		if (!proc_write("self/timens_offsets", text))
			die("cannot set the clock", c->text);
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
	if (pid < 0 && group && *group >= 0) {
		*group = -1;
		a.flags &= ~CLONE_INTO_CGROUP;
		a.cgroup = 0;
		pid = syscall(SYS_clone3, &a, sizeof(a));
	}

	/* A seccomp filter cannot read struct clone_args, so filters of engines
	 * let clone3(2) fail with ENOSYS or EPERM. Use clone(2) then. The order
	 * of its arguments after the first differs between architectures, but
	 * they are all 0. */
	if (pid < 0 && (errno == ENOSYS || errno == EPERM))
		pid = syscall(SYS_clone, (flags & ~CLONE_NEWTIME) | SIGCHLD, 0,
		    0, 0, 0);
	return pid;
}

const char *
namespaces_sysctl_remedy(void)
{
	if (proc_begins("sys/kernel/unprivileged_userns_clone", '0'))
		return "set sysctl kernel.unprivileged_userns_clone=1";
	if (proc_begins(
		"sys/kernel/apparmor_restrict_unprivileged_userns", '1'))
		return "set sysctl kernel.apparmor_restrict_unprivileged_"
		    "userns=0, or add a profile for pith";
	return NULL;
}

const char *
namespaces_remedy(bool has_userns)
{
	const int error = errno;
	const char *remedy;

	if (error == ENOSPC)
		return "raise user.max_user_namespaces, sysctl(8)";
	if (error == EINVAL)
		return "use Linux 5.12 or later, built with all namespaces";
	if (error != EPERM)
		return NULL;
	if (!has_userns)
		return "run as root, or add --unshare user";
	remedy = namespaces_sysctl_remedy();
	errno = error;
	return remedy ? remedy : "allow it in the seccomp profile of the "
	    "container engine";
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
set_sysctl(const struct sysctl *sysctl, int flags)
{
	char text[256];
	struct strbuf path = STRBUF(text);

	if (!(flags & namespace_of_sysctl(sysctl->text)))
		diex("cannot set", sysctl->text,
		    "it belongs to the whole machine, or to a namespace that "
		    "the sandbox shares", "set it outside with sysctl(8)");
	strbuf_add(&path, "sys/");
	strbuf_add(&path, sysctl->text);
	for (char *c = text; *c; c++) {
		if (*c == '.')
			*c = '/';
		if (*c == '=')
			*c = '\0';
	}
	if (!proc_write(text, sysctl->value))
		die("cannot set", sysctl->text);
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
	for (int i = 0; i < s->sysctl_count; i++)
		set_sysctl(&s->sysctls[i], flags);
}
