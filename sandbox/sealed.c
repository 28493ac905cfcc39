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

static const char NAME[] = "pith", IS_COPY[] = "/memfd:pith";

/* PROC_USER_INIT_INO of the kernel: the machine's first user namespace. */
static const ino_t FIRST_USERNS = 0xeffffffd;

/* MFD_EXEC, Linux 6.3: executable whatever vm.memfd_noexec says. */
static const unsigned int EXECUTABLE = 0x10;

bool
sealed_needed(const struct sandbox *s)
{
	struct stat st;
	bool own = s->best_effort || s->userns > USERNS_AUTO;

	if (!sandbox_has_rootfs(s))
		return false;
	/* Where /proc is none, proc_open() says so. */
	/* Its user namespace maps its own id alone, which owns pith's file. */
	if (geteuid() == 0 && !ids_admin())
		return true;
	if (geteuid() != 0)
		return stat("/proc/self/exe", &st) == 0 && st.st_uid != 0;
	for (int i = 0; i < s->word_count; i++)
		own = own || s->words[i].kind == UIDMAP ||
		    s->words[i].kind == GIDMAP;
	/* Root of the machine gives ids that nobody else has. */
	if (!own && stat("/proc/self/ns/user", &st) == 0)
		own = st.st_ino != FIRST_USERNS;
	return own;
}

static int
make_memfd(unsigned int options)
{
	int fd = syscall(SYS_memfd_create, NAME, options | EXECUTABLE);

	return fd < 0 && errno == EINVAL ?
	    (int)syscall(SYS_memfd_create, NAME, options) : fd;
}

bool
sealed_is_copy(void)
{
	char path[sizeof(IS_COPY)] = "";

	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0 ||
	    strcmp(path, IS_COPY) != 0)
		return false;
	/* execveat(2) has made the descriptor's number our name. */
	prctl(PR_SET_NAME, NAME);
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
