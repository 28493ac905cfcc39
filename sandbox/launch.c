#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../cli/startup.h"
#include "../cli/values.h"
#include "../fds.h"
#include "cgroup.h"
#include "channel.h"
#include "environment.h"
#include "hosts.h"
#include "ids.h"
#include "info.h"
#include "landlock.h"
#include "launch.h"
#include "lock.h"
#include "mounts.h"
#include "namespaces.h"
#include "network.h"
#include "ports.h"
#include "priority.h"
#include "privileges.h"
#include "proc.h"
#include "publish.h"
#include "rootfs.h"
#include "seccomp.h"
#include "stdfiles.h"
#include "terminal.h"
#include "users.h"
#include "volumes.h"

struct limit { uint64_t soft, hard; };

/* State of a start. sandbox_check() sets it before init is forked, so launcher
 * and init begin with the same values. */
static struct launch {
	int clone_flags;        /* CLONE_NEW* */
	bool maps_owners;       /* the launcher is root and maps all owners */
	bool keeps_host_root;   /* uid 0 inside is uid 0 of the host */
	bool locks_mounts;      /* by an inner user namespace, see lock.h */
	bool has_started;       /* the command has been executed */
	bool cloned_into_group; /* clone3(2) put the command there */
	/* Pipe: init writes a byte once its inner namespaces exist. */
	int inner_made_pipe[2];
	int detach_pipe;        /* -d: write a byte after the exec; 0: none */
	int traffic_socket;     /* for network_count(), or -1 */
	pid_t port_relay;       /* pid, or -1 */
	pid_t init_in_setup;    /* pid during setup_from_outside(), else 0 */
	struct limit old_nofile;        /* RLIMIT_NOFILE as inherited */
	struct identity identity;       /* the command's */
	struct terminal terminal;
} launch;

/* ---- checks ------------------------------------------------------------- */

/* True if the descriptor is inherited. We open all of ours close-on-exec. */
static bool
is_inherited(int fd)
{
	return fd >= 0 && fcntl(fd, F_GETFD) == 0;
}

static void
check_descriptors(const struct sandbox *s)
{
	for (int i = 0; i < s->passed_fd_count; i++) {
		char text[12];
		struct strbuf number = STRBUF(text);

		strbuf_number(&number, s->passed_fds[i]);
		if (!is_inherited(s->passed_fds[i]))
			diex("not an open file", text,
			    "--preserve-fd takes the number of an open file",
			    NULL);
		if (proc_is_ring(s->passed_fds[i]))
			diex("cannot pass on", text, "it is an io_uring, "
			    "whose system calls no filter sees", NULL);
	}
	fds_keep(s->passed_fds, s->passed_fd_count, FDS_SETUP);
	fds_keep(&s->block_fd, 1, FDS_SETUP);
	errno = EBADF;
	if (s->block_fd >= 0 && !is_inherited(s->block_fd))
		die("cannot read", "--block-fd");
	if (s->info_fd >= 0 && !is_inherited(s->info_fd))
		die("cannot write to", "--info-fd");
}

/* Return an option that needs a root of its own; NULL if none was given. */
static const char *
option_of_root(const struct sandbox *s)
{
	if (s->pty_max)
		return "--pty-max";
	if (s->upper)
		return "--upper";
	if (s->root_requested)
		return "--read-only, --writable or --ephemeral";
	if (s->shm_size)
		return "--shm-size";
	if (s->proc)
		return "--proc";
	if (s->sys)
		return "--sys";
	if (s->host_pid)
		return "--pid host";
	return s->cgroupfs ? "--cgroupfs" : NULL;
}

static void
reject_without_root(const struct sandbox *s)
{
	const char *const NEEDS = "it needs a --rootfs";
	const char *option = option_of_root(s);

	if (s->bind_count > 0)
		diex("cannot mount", s->binds[0].text, NEEDS, NULL);
	if (option)
		diex("cannot use", option, NEEDS, NULL);
}

static void
reject_without_userns(const struct sandbox *s)
{
	const char *const WHY = "there is no user namespace";
	const char *const REMEDY = "add --unshare user";

	if (s->id_map_count > 0)
		diex("cannot map ids", s->id_maps[0].text, WHY, REMEDY);
	if (s->userns > USERNS_HOST)
		diex("cannot use", "--userns", WHY, REMEDY);
}

static void
reject_without_namespaces(const struct sandbox *s)
{
	const struct port_option *ports = s->ports.memory.block;

	if (s->network.type == NETWORK_NS && s->ports.count > 0)
		diex("cannot relay the port", ports->word,
		    "there is no sandbox", "add --unshare mnt");
	if (s->sysctl_count > 0)
		diex("cannot set", s->sysctls[0].text,
		    "it belongs to the whole machine",
		    "add --unshare net or --unshare ipc");
}

/* Reject options that would have no effect. */
static void
reject_unused_options(int clone_flags, const struct sandbox *s,
    bool has_rootfs)
{
	if (!has_rootfs)
		reject_without_root(s);
	if (s->chroot && has_rootfs)
		diex("--chroot and --rootfs contradict each other", NULL,
		    NULL, NULL);
	if (s->cgroupfs && (s->sys == SYS_NONE || s->host_cgroup))
		diex("--cgroupfs contradicts", s->host_cgroup ?
		    "--cgroupns host" : "--sys none", NULL, NULL);
	if (s->host_pid && s->proc == PROC_MINIMAL)
		diex("--pid host contradicts", "--proc minimal", NULL, NULL);
	if (!clone_flags)
		reject_without_namespaces(s);
	if (!(clone_flags & CLONE_NEWUSER))
		reject_without_userns(s);
	if (s->hostname && !(clone_flags & CLONE_NEWUTS))
		diex("cannot set the host name", s->hostname,
		    "there is no UTS namespace", "add --unshare uts");
	if (s->hostname && (strlen(s->hostname) > 64 ||
	    s->hostname[strspn(s->hostname, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")]))
		diex("bad host name", s->hostname, "it takes up to 64 "
		    "letters, digits, - . or _", NULL);
}

/* Raise RLIMIT_NOFILE, as each volume needs a descriptor. sandbox_pre_exec()
 * restores the limit for the command. */
static void
raise_file_limit(struct limit *old)
{
	struct limit maximum;

	if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, old) < 0)
		die("cannot read the limit of", "open files");
	maximum = (struct limit){ old->hard, old->hard };
	syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &maximum, NULL);
}

static enum terminal_use
terminal_use(const struct sandbox *s, bool has_rootfs)
{
	return s->tty == 1 ? TERMINAL_ALWAYS : !has_rootfs ? TERMINAL_PASSED :
	    s->detach ? TERMINAL_DISCARDED : s->tty == 0 ? TERMINAL_OUTPUT :
	    TERMINAL_REPLACED;
}

/* Choose ids, root and volumes of the sandbox's namespaces. */
static void
prepare_namespaces(struct launch *l, const struct sandbox *s)
{
	const bool has_userns = l->clone_flags & CLONE_NEWUSER;

	raise_file_limit(&l->old_nofile);
	proc_open();
	if (has_userns)
		ids_prepare(s);
	l->maps_owners = has_userns && ids_root();
	l->keeps_host_root = has_userns && ids_machine_root() && !ids_admin();
	/* The files below /proc/sys belong to this root. */
	if (l->keeps_host_root && s->proc == PROC_FULL)
		diex("cannot use", "--proc full", "root without CAP_SYS_ADMIN "
		    "owns the host's /proc/sys", "use --proc masked");
	startup_end_by_signal(true, "the root");
	rootfs_prepare(s);
	volumes_prepare(s);
	startup_end_by_signal(false, NULL);
}

bool
sandbox_check(const struct sandbox *s)
{
	const bool has_rootfs = sandbox_has_rootfs(s);
	struct launch *l = &launch;

	l->traffic_socket = l->port_relay = -1;
	if (s->best_effort)
		log_best_effort();
	l->clone_flags = namespaces_wanted(s);
	reject_unused_options(l->clone_flags, s, has_rootfs);
	check_descriptors(s);
	network_prepare(s);
	ports_prepare(s, (l->clone_flags & CLONE_NEWNET) ||
	    s->network.type == NETWORK_NS);
	privileges_prepare(s, has_rootfs);
	environment_prepare(s, has_rootfs);
	seccomp_prepare(s, has_rootfs);
	l->locks_mounts = has_rootfs && (l->clone_flags & CLONE_NEWUSER) &&
	    lock_may_mount(s);
	terminal_prepare(&l->terminal, terminal_use(s, has_rootfs),
	    has_rootfs);
	if (l->clone_flags)
		prepare_namespaces(l, s);
	hosts_prepare(s);
	if (s->user || l->maps_owners)
		stdfiles_open_pipes();
	/* Locked mounts keep nodev, so only try to filter devices there. */
	cgroup_prepare(s, !has_rootfs || !ids_root() ? ALLOW_NODES :
	    volumes_have_nodes() ? RESTRICT_NODES : lock_may_mount(s) ?
	    TRY_RESTRICT_NODES : ALLOW_NODES);
	info_prepare(s);
	log_set_cleanup(sandbox_cleanup);
	rootfs_upper(s);
	return l->clone_flags != 0;
}

/* ---- -d ----------------------------------------------------------------- */

void
sandbox_detach(const struct sandbox *s)
{
	int start_pipe[2], wait_status, null, sig;
	ssize_t n;
	char byte;
	pid_t pid;

	if (!s->detach)
		return;
	if (pipe2(start_pipe, O_CLOEXEC) < 0)
		die("cannot make", "a pipe");
	/* fork(3) of libc adds work for threads. */
	pid = _Fork();
	if (pid < 0)
		die("cannot make", "a process");
	if (pid > 0) {
		close(start_pipe[1]);
		ports_leave_inner();
		while ((sig = startup_wait(start_pipe[0])) > 0)
			kill(pid, sig);
		do
			n = read(start_pipe[0], &byte, 1);
		while (n < 0 && errno == EINTR);
		if (n == 1)
			_exit(0);
		while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
			;
		_exit(WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) :
		    WEXITSTATUS(wait_status));
	}
	close(start_pipe[0]);
	launch.detach_pipe = start_pipe[1];
	fds_keep(&launch.detach_pipe, 1, FDS_OUTSIDE);
	setsid();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		close(null);
	}
}

/* ---- start of init ------------------------------------------------------ */

/* Namespaces that init makes itself, not clone3(2). The network namespace is
 * not one of them if the launcher configures interfaces or relays ports in it.
 */
static int
namespaces_made_by_init(const struct launch *l)
{
	if (l->locks_mounts)
		return lock_namespaces(l->clone_flags);
	return CLONE_NEWCGROUP |
	    (network_wanted() || publish_wanted() ? 0 : CLONE_NEWNET);
}

/* code of a MSG_MOUNT: the number of a volume, or one of these. */
enum { ROOT_MOUNT = -1, DEV_MOUNT = -2 };

static void
send_dev(const uint32_t owner[2])
{
	const struct message n = { .kind = MSG_MOUNT, .code = DEV_MOUNT,
	    .fd = mounts_make_dev(owner) };

	if (n.fd >= 0 && !channel_send(&n))
		die("cannot pass on", "/dev");
	close(n.fd);
}

/* Tell init that its ids are mapped, and wait until it has made the namespaces
 * of the inner user namespace. The launcher may have to configure the network
 * in one of them. */
static void
wait_for_namespaces(const struct launch *l)
{
	const struct message go = { .kind = MSG_READY, .fd = -1 };
	ssize_t n;
	char byte;

	if (!l->locks_mounts)
		return;
	close(l->inner_made_pipe[1]);
	if (!channel_send(&go))
		die("cannot send a message to", "init");
	do
		n = read(l->inner_made_pipe[0], &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		die("cannot receive a message from", "init");
	close(l->inner_made_pipe[0]);
}

/* Map the ids of init and send it its mounts. Init waits for MSG_READY. */
static void
setup_from_outside(struct launch *l, const struct sandbox *s, pid_t init)
{
	const struct message go = { .kind = MSG_READY, .fd = -1 };
	char path[PROC_PATH];
	uint32_t owner[2];
	int userns = -1;

	if (l->clone_flags & CLONE_NEWUSER)
		ids_map(init);
	/* Init has a copy of the environment. Wipe ours before the port relay
	 * is forked, whose /proc/PID/mem other processes could read. */
	environment_wipe(s);
	info_read_namespaces(init);
	if (sandbox_has_rootfs(s))
		priority_lower(init);
	oom_score_raise(s, init);
	wait_for_namespaces(l);
	if (network_wanted())
		network_provide(init);
	if (publish_wanted())
		l->port_relay = publish_start(init,
		    l->clone_flags & CLONE_NEWUSER,
		    l->clone_flags & CLONE_NEWNET);
	if (l->maps_owners) {
		userns = openat(proc_fd(), proc_of(path, init, "ns/user"),
		    O_RDONLY | O_CLOEXEC);
		if (userns < 0)
			die("cannot open", "the user namespace");
		/* Volumes first: root_pass() moves us to another mount
		 * namespace, in which descriptors of this one cannot be
		 * cloned. */
		volumes_send(userns);
		ids_owner(owner);
		root_pass(s, userns, owner);
		if (sandbox_has_rootfs(s))
			send_dev(owner);
		close(userns);
	}
	if (!channel_send(&go))
		die("cannot send a message to", "init");
}

static _Noreturn void
exit_with_launcher(void)
{
	if (errno)
		die("cannot receive a message from", "the launcher");
	_exit(125);
}

static void
die_with_launcher(void)
{
	struct message n;
	bool closed;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	channel_read(&n, false, &closed);
	if (closed)
		exit_with_launcher();
}

static void
wait_for_launcher(void)
{
	struct message n;
	bool closed;

	do {
		if (!channel_read(&n, true, &closed))
			exit_with_launcher();
		if (n.kind == MSG_MOUNT && n.code == DEV_MOUNT)
			mounts_receive_dev(n.fd);
		else if (n.kind == MSG_MOUNT && n.code == ROOT_MOUNT)
			root_receive(n.fd);
		else if (n.kind == MSG_MOUNT)
			volumes_receive(n.code, n.fd);
	} while (n.kind != MSG_READY);
}

/* Forbid nested user namespaces. Their root has all capabilities in them, and
 * could use these to reach faults of the kernel. The limit of 1 counts the
 * inner user namespace, which exists already. */
static void
forbid_nesting(const struct launch *l, const struct sandbox *s)
{
	if ((l->clone_flags & CLONE_NEWUSER) && !s->allow_userns &&
	    !proc_write("sys/user/max_user_namespaces",
	    l->locks_mounts ? "1" : "0") && !seccomp_has_built_in())
		degrade("cannot forbid", "nested user namespaces");
}

/* Configure the network, after namespaces_set() has raised lo. */
static void
configure_network(int clone_flags)
{
	if (network_wanted())
		network_set();
	if (clone_flags & CLONE_NEWNET)
		ports_open_inner();
}

static void
build_root(const struct launch *l, const struct sandbox *s)
{
	/* The command's user must be able to enter these directories. */
	const mode_t mask = umask(022);
	int root;

	root = rootfs_attach(s, l->clone_flags & CLONE_NEWUSER);
	mounts_system(root, s, !(l->clone_flags & CLONE_NEWNET));
	namespaces_set(s, l->clone_flags);
	configure_network(l->clone_flags);
	forbid_nesting(l, s);
	mounts_mask((l->clone_flags & CLONE_NEWUSER) && !l->keeps_host_root);
	volumes_build(root, rootfs_is_host());
	if (s->cgroupfs)
		cgroup_mount(root);
	rootfs_enter(s, root);
	umask(mask);
}

static void
unshare_namespace(int clone_flags, int which, const char *name)
{
	if ((clone_flags & which) && unshare(which) < 0)
		die_with("cannot make", name,
		    namespaces_remedy(clone_flags & CLONE_NEWUSER));
}

/* Make the inner user namespace as soon as the ids are mapped. The launcher
 * waits for the byte in the pipe. */
static void
make_inner_userns(const struct launch *l, const struct sandbox *s)
{
	wait_for_launcher();
	ids_become();
	/* setresuid() made us non-dumpable. lock_prepare() forks a child with
	 * the same ids and has to open files in its /proc/PID. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	lock_prepare(s, l->clone_flags);
	if (write(l->inner_made_pipe[1], "", 1) != 1)
		die("cannot send a message to", "the launcher");
	close(l->inner_made_pipe[0]);
	close(l->inner_made_pipe[1]);
}

static void
init_main(const struct launch *l, const struct sandbox *s, bool cloned)
{
	log_set_cleanup(NULL);
	log_set_suppress(NULL);
	log_set_hook(channel_send_error);
	channel_take_end(false);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (!cgroup_enter(cloned))
		die("cannot move init into", cgroup_path());
	if (l->locks_mounts) {
		make_inner_userns(l, s);
		wait_for_launcher();
	} else {
		/* A network namespace takes a quarter of the start. Make it
		 * while the launcher makes the root. */
		unshare_namespace(l->clone_flags, CLONE_NEWNET &
		    namespaces_made_by_init(l), "a network namespace");
		wait_for_launcher();
		if (l->clone_flags & CLONE_NEWUSER)
			ids_become();
		/* Our group becomes the root of the cgroup namespace,
		 * cgroup_namespaces(7). */
		unshare_namespace(l->clone_flags, CLONE_NEWCGROUP,
		    "a cgroup namespace");
	}
	info_read_namespaces(0);
	/* setresuid() cleared PDEATHSIG and made us non-dumpable; restore both,
	 * prctl(2). The sandbox has no other process yet that could trace us.
	 */
	die_with_launcher();
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if ((l->clone_flags & CLONE_NEWNS) &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("cannot make private", "all mounts");
	if (sandbox_has_rootfs(s)) {
		build_root(l, s);
		if (l->locks_mounts) {
			lock_enter();
			info_read_namespaces(0);
		}
		return;
	}
	if ((l->clone_flags & CLONE_NEWNS) && (l->clone_flags & CLONE_NEWPID))
		mounts_proc();
	namespaces_set(s, l->clone_flags);
	configure_network(l->clone_flags);
}

/* Fork init into the descriptor of a group in *cloned, or -1. *cloned becomes
 * -1 if init has to enter the group itself. Dies on failure. */
static pid_t
fork_init(struct launch *l, const struct sandbox *s, int *cloned)
{
	const int own = namespaces_made_by_init(l);
	pid_t pid = namespaces_fork(l->clone_flags & ~own, cloned);

	/* With --best-effort, root continues without a user namespace. Not if
	 * the command may mount: it would be root of the host. */
	if (pid < 0 && s->best_effort && l->maps_owners && !l->locks_mounts) {
		degrade("cannot make", "a user namespace");
		l->clone_flags &= ~CLONE_NEWUSER;
		l->maps_owners = false;
		pid = namespaces_fork(l->clone_flags & ~own, cloned);
	}
	if (pid < 0)
		die_with("cannot make the namespaces of", "the sandbox",
		    namespaces_remedy(l->clone_flags & CLONE_NEWUSER));
	return pid;
}

pid_t
sandbox_start_init(const struct sandbox *s)
{
	struct launch *l = &launch;
	int group, cloned;
	pid_t pid;

	namespaces_enter(s);
	/* In an existing network namespace, only the launcher may bind ports
	 * below 1024. */
	if (!(l->clone_flags & CLONE_NEWNET))
		ports_open_inner();
	cgroup_make(s, false);
	channel_make();
	if (l->locks_mounts && pipe2(l->inner_made_pipe, O_CLOEXEC) < 0)
		die("cannot make", "a pipe");
	cloned = group = cgroup_clone_fd();
	pid = fork_init(l, s, &cloned);
	/* We may not enter the group and no option needs it: drop it. */
	if (group >= 0 && cloned < 0 && !cgroup_has_inner()) {
		if (pid > 0)
			cgroup_end();
		cgroup_forget();
	}
	if (pid == 0) {
		init_main(l, s, cloned >= 0);
		return 0;
	}
	l->init_in_setup = pid;
	channel_take_end(true);
	setup_from_outside(l, s, pid);
	l->init_in_setup = 0;
	close(group);
	return pid;
}

/* ---- the command -------------------------------------------------------- */

static void
change_directory(const char *dir)
{
	char path[PATH_MAX];

	if (chdir(dir) < 0)
		die("cannot change to", dir);
	/* A link in /proc/PID/fd could lead outside. getcwd(2) then returns a
	 * path without a leading slash. */
	if (syscall(SYS_getcwd, path, sizeof(path)) < 0 || path[0] != '/')
		diex("cannot change to", dir, "it is outside of the root",
		    NULL);
}

static void
open_command_terminal(struct launch *l)
{
	struct message n = { .kind = MSG_PTY };

	/* Most hosts mount devpts with ptmxmode=000, and use /dev/ptmx. */
	if (!terminal_open(&l->terminal, access("/dev/pts/ptmx", R_OK | W_OK) ==
	    0 ? "/dev/pts/ptmx" : "/dev/ptmx"))
		die("cannot open", "a terminal");
	if (!l->terminal.wanted)
		return;
	syscall(SYS_fchownat, l->terminal.slave, "", l->identity.uid, -1,
	    AT_EMPTY_PATH);
	n.fd = l->terminal.master;
	if (channel_fd() >= 0 && !channel_send(&n))
		die("cannot pass on", "the terminal");
}

static void
wait_for_block_fd(int fd)
{
	char bytes[512];
	ssize_t n;

	do {
		/* With a launcher, the launcher handles the signals and kills
		 * us. */
		if (channel_fd() < 0)
			startup_wait_or_end(fd, "--block-fd");
		n = read(fd, bytes, sizeof(bytes));
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		die("cannot read", "--block-fd");
}

static void
send_setup_done(const struct sandbox *s, enum message_kind kind)
{
	struct message n = { .kind = kind, .fd = -1 };

	if (kind == MSG_SETUP_DONE && s->measured)
		n.fd = network_open();
	for (int i = 0; i < NAMESPACES; i++)
		n.inodes[i] = info_inode(namespaces[i].flag);
	channel_send(&n);
	close(n.fd);
}

void
sandbox_prepare_command(const struct sandbox *s)
{
	const bool has_rootfs = sandbox_has_rootfs(s);
	struct launch *l = &launch;
	struct identity *id = &l->identity;

	if (s->chroot && (chroot(s->chroot) < 0 || chdir("/") < 0))
		die("cannot change the root to", s->chroot);
	users_find(id, s);
	/* Only one group is mapped, so ignore the group of the user's entry in
	 * /etc/passwd. */
	if (ids_single() && !s->has_group) {
		id->gid = getgid();
		id->group_count = 0;
	}
	/* Not with -d: the terminal then belongs to a shell, and we would give
	 * it back only at the end. */
	if (id->uid_given && channel_fd() < 0 && !l->terminal.wanted &&
	    !s->detach)
		stdfiles_give_terminals(id->uid);
	environment_build(s, id, has_rootfs, ports_listening());
	if (s->workdir)
		change_directory(s->workdir);
	open_command_terminal(l);
	if (s->block_fd >= 0) {
		if (channel_fd() >= 0)
			send_setup_done(s, MSG_BLOCKED);
		else
			info_write(0, 0, cgroup_path());
		wait_for_block_fd(s->block_fd);
	}
	if (channel_fd() >= 0)
		send_setup_done(s, MSG_SETUP_DONE);
	/* Without a PID namespace, init has to outlive the launcher to kill the
	 * tree, so get SIGCONT instead of SIGKILL. SIGCONT also continues an
	 * init that a process inside has stopped. */
	if (s->host_pid && channel_fd() >= 0)
		prctl(PR_SET_PDEATHSIG, SIGCONT, 0, 0, 0);
	/* Process 1 holds files and memory of the host. Keep the command from
	 * tracing it: ptrace(2), access mode checking. */
	if (l->clone_flags)
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* Set close-on-exec instead of closing, as the status pipe has to stay open
 * until the exec. */
static bool
close_other_files(const struct sandbox *s)
{
	if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return false;
	for (int i = 0; i < s->passed_fd_count; i++)
		if (fcntl(s->passed_fds[i], F_SETFD, 0) < 0)
			return false;
	return true;
}

static bool
pass_sockets(void)
{
	const int count = ports_listening();

	if (count > 0)
		environment_pid(getpid());
	for (int i = 0; i < count; i++)
		if (fcntl(PORTS_FIRST + i, F_SETFD, 0) < 0)
			return false;
	return true;
}

static const char *
apply_filters(const struct sandbox *s, const char **on)
{
	const char *failed;
	bool unsupported;

	*on = landlock_apply(s, &unsupported);
	failed = !*on ? NULL : errno == ELOOP ?
	    "cannot follow a link for --landlock" : "cannot apply --landlock";
	if (failed && !(s->best_effort && unsupported))
		return failed;
	if (failed)
		degrade(failed, *on);
	*on = NULL;
	failed = "cannot apply --seccomp";
	for (int i = 0; seccomp_program(i); i++)
		if (!seccomp_apply(i, on)) {
			if (!s->best_effort)
				return failed;
			degrade(failed, *on);
		}
	return NULL;
}

/* Limit the processor time of each process as well. The launcher checks the
 * time of the whole group at intervals, in which one process could exceed it.
 * Set the limit 2 seconds later, so that the launcher can stop the command
 * first. */
static bool
set_cpu_rlimit(int64_t ms)
{
	const uint64_t seconds = ms / 1000 + 2;
	struct limit cpu;

	if (syscall(SYS_prlimit64, 0, RLIMIT_CPU, NULL, &cpu) < 0)
		return false;
	if (cpu.hard > seconds + 1)
		cpu.hard = seconds + 1;
	if (cpu.soft > seconds)
		cpu.soft = seconds < cpu.hard ? seconds : cpu.hard;
	return syscall(SYS_prlimit64, 0, RLIMIT_CPU, &cpu, NULL) == 0;
}

const char *
sandbox_pre_exec(const void *box, const char **on)
{
	const struct sandbox *s = box;
	const bool has_rootfs = sandbox_has_rootfs(s);
	struct launch *l = &launch;
	const char *failed = NULL;

	*on = NULL;
	if (!l->clone_flags && !cgroup_enter(l->cloned_into_group))
		return "cannot enter the control group";
	if (s->cpu_time >= 0 && !set_cpu_rlimit(s->cpu_time))
		return "cannot limit processor time";
	if (sandbox_own_session(s) && !terminal_attach(&l->terminal))
		return "cannot make a session";
	if (has_rootfs && !close_other_files(s))
		return "cannot close files";
	if (!pass_sockets())
		return "cannot pass on --listen";
	if (l->clone_flags && syscall(SYS_prlimit64, 0, RLIMIT_NOFILE,
	    &l->old_nofile, NULL) < 0)
		return "cannot restore the limit of open files";
	/* Before the filters, which deny keyctl(2). */
	if (has_rootfs && !privileges_leave_keyring())
		return "cannot leave the session keyring";
	/* Without no_new_privs, seccomp(2) needs CAP_SYS_ADMIN, which
	 * privileges_take() may drop. */
	if (s->new_privs)
		failed = apply_filters(s, on);
	if (!failed)
		failed = privileges_apply(s, &l->identity, has_rootfs,
		    (l->clone_flags & CLONE_NEWUSER ? l->maps_owners :
		    has_rootfs) ? CLEAR_GROUPS : KEEP_GROUPS, on);
	/* A PID namespace dies with its init. Without one, let at least the
	 * command die with init. After the change of ids, which clears
	 * PDEATHSIG. */
	if (l->clone_flags && !(l->clone_flags & CLONE_NEWPID))
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return failed || s->new_privs ? failed : apply_filters(s, on);
}

void
sandbox_drop_child_fds(const struct sandbox *s)
{
	if (channel_fd() >= 0)
		terminal_close(&launch.terminal);
	environment_wipe(s);
}

/* ---- messages and state ------------------------------------------------- */

/* Pid of a pidfd, proc_pid_fdinfo(5); 0 if it cannot be read. proc_fd() is
 * closed by now. */
static pid_t
pid_of_pidfd(int pidfd)
{
	static const char KEY[] = "Pid:\t";
	char path[PROC_PATH + 16], text[512];
	struct strbuf l = STRBUF(path);
	uint64_t pid = 0;

	strbuf_add(&l, "/proc/self/fdinfo/");
	strbuf_number(&l, pidfd);
	file_read(AT_FDCWD, path, text, sizeof(text));
	for (const char *line = text; *line; line = strchrnul(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, KEY, strlen(KEY)) == 0) {
			line += strlen(KEY);
			text_number(&line, INT_MAX, &pid);
		}
	}
	return pid;
}

pid_t
sandbox_message_pid(const struct message *n)
{
	pid_t pid;

	if (n->fd < 0)
		return n->common > 0 ? n->common : n->pid;
	pid = pid_of_pidfd(n->fd);
	close(n->fd);
	return pid;
}

void
sandbox_started(pid_t init, pid_t child)
{
	oom_score_restore();
	info_write(init, child, cgroup_path());
	if (launch.detach_pipe > 0) {
		(void)!write(launch.detach_pipe, "", 1);
		close(launch.detach_pipe);
		launch.detach_pipe = 0;
	}
	launch.has_started = true;
}

pid_t
sandbox_start_relay(int master, pid_t until)
{
	struct terminal *t = &launch.terminal;
	pid_t pid = -1;

	if (master < 0)
		master = t->master;
	if (t->wanted)
		pid = terminal_relay(t, master, until);
	close(master);
	if (t->wanted && pid < 0 && errno != ESRCH)
		die("cannot relay", "the terminal");
	return pid;
}

pid_t
sandbox_port_relay(void)
{
	return launch.port_relay;
}

void
sandbox_restore_terminal(void)
{
	if (launch.terminal.wanted)
		terminal_restore(&launch.terminal);
}

bool
sandbox_has_terminal(void)
{
	return launch.terminal.wanted;
}

int
sandbox_outer_terminal(void)
{
	return launch.terminal.wanted ? launch.terminal.outer : -1;
}

bool
sandbox_own_session(const struct sandbox *s)
{
	return sandbox_has_rootfs(s) || launch.terminal.wanted;
}

bool
sandbox_has_pidns(void)
{
	return launch.clone_flags & CLONE_NEWPID;
}

void
sandbox_close_files(bool setup)
{
	const int sockets = setup ? ports_listening() : 0;

	cgroup_leave_to_launcher();
	fds_close_others(FDS_INIT | (setup ? FDS_SETUP : 0),
	    PORTS_FIRST + sockets);
}

void
sandbox_setup_done(const struct message *n)
{
	for (int i = 0; i < NAMESPACES; i++)
		info_set_inode(namespaces[i].flag, n->inodes[i]);
	launch.traffic_socket = n->fd;
}

void
sandbox_blocked(const struct message *n, pid_t init)
{
	sandbox_setup_done(n);
	info_write(init, 0, cgroup_path());
}

void
sandbox_without_init(const struct sandbox *s)
{
	namespaces_enter(s);
	cgroup_make(s, true);
	oom_score_raise(s, getpid());
}

bool
sandbox_can_clone_into_cgroup(void)
{
	const int cloned = cgroup_clone_fd();

	close(cloned);
	return cloned >= 0;
}

pid_t
sandbox_clone_into_cgroup(void)
{
	int cloned = cgroup_clone_fd();
	const pid_t pid = namespaces_fork(0, &cloned);

	launch.cloned_into_group = cloned >= 0;
	close(cloned);
	return pid;
}

void
sandbox_stats(int64_t n[COUNTERS])
{
	counters_read(n);
	/* Without --network, lo is the only interface. */
	if (network_wanted())
		network_count(launch.traffic_socket, &n[NET_RX], &n[NET_TX]);
	else if (launch.clone_flags & CLONE_NEWNET)
		n[NET_RX] = n[NET_TX] = 0;
}

void
sandbox_kill(void)
{
	/* A PID namespace kills its processes when its init dies. */
	if (!(launch.clone_flags & CLONE_NEWPID))
		cgroup_kill();
}

void
sandbox_cleanup(void)
{
	stdfiles_take_back();
	/* Free two descriptors for removing the group. The start may have
	 * failed because of RLIMIT_NOFILE. */
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	/* Before the group is removed, or init would report that as well. */
	if (launch.init_in_setup > 0)
		kill(launch.init_in_setup, SIGKILL);
	cgroup_end();
	rootfs_clean(launch.has_started);
}
