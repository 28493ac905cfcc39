#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../cli/log.h"
#include "ids.h"
#include "sealed.h"

extern char **environ;

static const char MEMFD_NAME[] = "pith", COPY_PATH[] = "/memfd:pith";

/* Inode number of the initial user namespace: PROC_USER_INIT_INO of the kernel.
 */
static const ino_t INITIAL_USERNS = 0xeffffffd;

/* MFD_EXEC, Linux 6.3: make the file executable even with vm.memfd_noexec=1. */
static const unsigned int MEMFD_EXEC = 0x10;

bool
sealed_needed(const struct sandbox *s)
{
	struct stat st;
	bool may_own_file = s->best_effort || s->userns > USERNS_AUTO ||
	    s->id_map_count > 0;

	if (!sandbox_has_rootfs(s))
		return false;
	/* Root without CAP_SYS_ADMIN maps only its own id, which may own pith's
	 * file. */
	if (geteuid() == 0 && !ids_admin())
		return true;
	/* Without /proc, stat(2) fails; proc_open() reports that later. */
	if (geteuid() != 0)
		return stat("/proc/self/exe", &st) == 0 && st.st_uid != 0;
	/* Root of the machine maps a range of otherwise unused ids. Root of a
	 * container may map ids that own files of the host. */
	if (!may_own_file && stat("/proc/self/ns/user", &st) == 0)
		may_own_file = st.st_ino != INITIAL_USERNS;
	return may_own_file;
}

static int
make_memfd(unsigned int options)
{
	int fd = syscall(SYS_memfd_create, MEMFD_NAME, options | MEMFD_EXEC);

	return fd < 0 && errno == EINVAL ?
	    (int)syscall(SYS_memfd_create, MEMFD_NAME, options) : fd;
}

bool
sealed_is_copy(void)
{
	char path[sizeof(COPY_PATH)] = "";

	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0 ||
	    strcmp(path, COPY_PATH) != 0)
		return false;
	/* execveat(2) has set our name to the number of the descriptor. */
	prctl(PR_SET_NAME, MEMFD_NAME);
	return true;
}

void
sealed_become(char **argv)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW |
	    F_SEAL_WRITE;
	struct stat st;
	int self, copy;

	self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	copy = make_memfd(MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (self >= 0 && copy >= 0 && fstat(self, &st) == 0 &&
	    sendfile(copy, self, NULL, st.st_size) == st.st_size &&
	    fcntl(copy, F_ADD_SEALS, seals) == 0)
		syscall(SYS_execveat, copy, "", argv, environ, AT_EMPTY_PATH);
	die_with("cannot make a sealed copy of", "pith",
	    "install it as root's file, or set vm.memfd_noexec=0");
}

void
sealed_provide(int fd, const char *text, size_t size)
{
	int copy = make_memfd(0);

	if (copy < 0 || write(copy, text, size) != (ssize_t)size ||
	    lseek(copy, 0, SEEK_SET) < 0 ||
	    (copy != fd && (dup2(copy, fd) < 0 || close(copy) < 0)))
		die("cannot pass on", "--args-fd");
}
