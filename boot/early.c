#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../cli/system.h"
#include "early.h"

/* The path that Buildroot's scripts use. */
static const char SEED[] = "/var/lib/random-seed";
enum { SEED_BYTES = 32 };

struct mounting {
	char type[9], at[15], data[32];
	unsigned int flags;
};

static const struct mounting devices = {
	.type = "devtmpfs", .at = "/dev", .data = "mode=755",
	.flags = MS_NOSUID,
};

static const struct mounting first[] = {
	{ .type = "proc", .at = "/proc",
	    .flags = MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ .type = "sysfs", .at = "/sys",
	    .flags = MS_NOSUID | MS_NODEV | MS_NOEXEC },
};

static const struct mounting usual[] = {
	{ .type = "devpts", .at = "/dev/pts",
	    .data = "gid=5,mode=620,ptmxmode=666",
	    .flags = MS_NOSUID | MS_NOEXEC },
	{ .type = "tmpfs", .at = "/dev/shm", .data = "mode=1777",
	    .flags = MS_NOSUID | MS_NODEV },
	{ .type = "tmpfs", .at = "/run", .data = "mode=755",
	    .flags = MS_NOSUID | MS_NODEV },
	{ .type = "tmpfs", .at = "/tmp", .data = "mode=1777",
	    .flags = MS_NOSUID | MS_NODEV },
};

static const struct mounting groups = {
	.type = "cgroup2", .at = "/sys/fs/cgroup",
	.data = "nsdelegate,memory_recursiveprot",
	.flags = MS_NOSUID | MS_NODEV | MS_NOEXEC,
};

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

/* Return whether the path is a directory, which may be created here, and no
 * mount point. A symbolic link to a directory is left alone. */
static bool
is_mountable(const char *at)
{
	char up[32];
	struct strbuf parent = STRBUF(up);
	struct stat here, above;
	char *end;

	strbuf_add(&parent, at);
	end = strrchr(up, '/');
	end[end == up] = '\0';
	if (lstat(at, &here) < 0 &&
	    (mkdir(at, 0755) < 0 || lstat(at, &here) < 0))
		return false;
	return S_ISDIR(here.st_mode) && lstat(up, &above) == 0 &&
	    here.st_dev == above.st_dev;
}

/* True for a directory that has been read and is empty. A mount would hide its
 * files, such as pid files and sockets. */
static bool
is_empty_directory(const char *at)
{
	struct dir_list list = { .fd = open(at, O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC) };
	const bool is_empty = list.fd >= 0 && !dir_next(&list) &&
	    list.size == 0;

	if (list.fd >= 0)
		close(list.fd);
	return is_empty;
}

/* Mount one file system if its path is free. Errors are ignored: the kernel may
 * lack or forbid the type, and programs that need it report that. */
static void
mount_if_free(const struct mounting *m, bool if_empty)
{
	if (!is_mountable(m->at) || (if_empty && !is_empty_directory(m->at)))
		return;
	if (mount(m->type, m->at, m->type, m->flags, m->data) < 0 &&
	    errno == EINVAL)            /* option unknown to the kernel */
		(void)!mount(m->type, m->at, m->type, m->flags, "");
}

/* Outside of the first PID namespace RB_DISABLE_CAD fails with EINVAL,
 * reboot(2). This test needs no /proc. */
bool
early_first_namespace(void)
{
	return getpid() == 1 && reboot(RB_DISABLE_CAD) == 0;
}

/* Read the first word of a file. Returns false if there is none. */
static bool
read_first_word(const char *path, char *text, size_t size)
{
	file_read_whole(path, text, size);
	text[strcspn(text, " \t\r\n")] = '\0';
	return *text;
}

static void
set_hostname(void)
{
	struct utsname u;
	char name[65];

	if (read_first_word("/etc/hostname", name, sizeof(name)) &&
	    uname(&u) == 0 && strcmp(u.nodename, "(none)") == 0 &&
	    sethostname(name, strlen(name)) < 0)
		warn("cannot set", "the host's name");
}

void
early_begin(void)
{
	mount_if_free(&devices, false);
	set_hostname();
}

void
early_mount(const struct inittab *t)
{
	for (size_t i = 0; i < COUNT_OF(first); i++)
		if (!t || !inittab_has_mount(t, first[i].at))
			mount_if_free(&first[i], false);
}

/* ---- randomness --------------------------------------------------------- */

void
early_save_seed(void)
{
	unsigned char seed[SEED_BYTES];
	int fd;

	if (access(SEED, F_OK) < 0 ||
	    getrandom(seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		return;
	/* Write a new file completely or remove it: a partial seed must not be
	 * credited as a whole one. */
	unlink(SEED);
	fd = open(SEED, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd < 0)
		return;
	if (write(fd, seed, sizeof(seed)) != sizeof(seed) || fsync(fd) < 0)
		unlink(SEED);
	close(fd);
}

/* Load the saved seed and credit its entropy, random(4). Never credit a seed
 * twice: the file must first have been emptied on disk. */
static void
load_seed(void)
{
	struct { int bits, bytes; unsigned char seed[SEED_BYTES]; } entropy = {
		.bits = SEED_BYTES * 8, .bytes = SEED_BYTES };
	int seed = open(SEED, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	int random;

	if (seed < 0)
		return;
	if (read(seed, entropy.seed, SEED_BYTES) == SEED_BYTES &&
	    ftruncate(seed, 0) == 0 && fsync(seed) == 0) {
		random = open("/dev/urandom", O_RDWR | O_CLOEXEC);
		if (random >= 0 && ioctl(random, RNDADDENTROPY, &entropy) < 0)
			warn("cannot credit", SEED);
		if (random >= 0)
			close(random);
	}
	close(seed);
	early_save_seed();
}

/* Return whether we are in the first cgroup namespace. Mounting cgroup2 there
 * changes its options for the whole machine, cgroups(7), which a container must
 * not do. The number is the kernel's PROC_CGROUP_INIT_INO. */
static bool
in_first_cgroup_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/cgroup", &st) < 0 ||
	    st.st_ino == 0xEFFFFFFB;
}

void
early_complete(bool machine)
{
	early_mount(NULL);
	for (size_t i = 0; i < COUNT_OF(usual); i++)
		mount_if_free(&usual[i], true);
	if (machine || !in_first_cgroup_namespace())
		mount_if_free(&groups, false);    /* sysfs keeps it empty */
	(void)!bring_up_loopback();     /* the kernel may lack a network */
	load_seed();
}
