#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../cli/log.h"
#include "groups.h"
#include "hierarchies.h"
#include "proc.h"

#define BIT(controller) (1U << (controller))

static const char ROOT[] = "/sys/fs/cgroup/";

bool
hierarchies_next(char **text, char **names, char **group)
{
	char *end = strchr(*text, '\n');
	char *colon = strchr(*text, ':');

	*names = colon ? colon + 1 : NULL;
	*group = colon ? strchr(*names, ':') : NULL;
	if (!end || !*group)
		return false;
	*end = *(*group)++ = '\0';
	*text = end + 1;
	return true;
}

unsigned int
hierarchies_controllers(const char *names, bool v2)
{
	unsigned int found = 0;

	while (*names && *names != '\n') {
		const size_t n = strcspn(names, ", \n");

		for (int c = 0; c < CONTROLLERS; c++) {
			const char *known = limits_controller(c, v2);

			if (n && strlen(known) == n &&
			    memcmp(known, names, n) == 0)
				found |= BIT(c);
		}
		names += n;
		names += *names == ',' || *names == ' ';
	}
	return found;
}

int
hierarchies_mount(const char *names, bool v2)
{
	const char *places[] = { v2 ? "" : names, v2 ? "unified" : names };
	char text[96];
	struct statfs fs;

	for (int i = 0; i < 2; i++) {
		struct strbuf l = STRBUF(text);
		int fd;

		strbuf_add(&l, ROOT);
		strbuf_add(&l, places[i]);
		/* The hierarchy cpu,cpuacct may be mounted as cpu. */
		if (i == 1 && !v2)
			*strchrnul(text, ',') = '\0';
		fd = open(text, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && fstatfs(fd, &fs) < 0)
			die("cannot use", text);
		if (fd >= 0 && (int)fs.f_type == (v2 ? CGROUP2_SUPER_MAGIC :
		    CGROUP_SUPER_MAGIC))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	errno = ENOENT;
	return -1;
}

/* True if we are in the initial cgroup namespace, whose inode is fixed. */
static bool
in_initial_cgroupns(void)
{
	enum { INITIAL = 0xEFFFFFFB };  /* PROC_CGROUP_INIT_INO */
	struct stat st;

	return fstatat(proc_fd(), "self/ns/cgroup", &st, 0) < 0 ||
	    st.st_ino == (ino_t)(unsigned int)INITIAL;
}

int
hierarchies_open(const char *names, const char *group, bool v2, bool ours)
{
	const int mount = hierarchies_mount(names, v2);
	int fd, error;

	if (mount < 0)
		return -1;
	while (*group == '/')
		group++;
	/* A group outside of our cgroup namespace, cgroup_namespaces(7). */
	if (strncmp(group, "..", 2) == 0) {
		close(mount);
		errno = EXDEV;
		return -1;
	}
	fd = groups_open(mount, *group ? group : ".");
	error = errno;
	if (ours && ((fd < 0 && errno == ENOENT) || !in_initial_cgroupns())) {
		if (fd < 0)
			fd = groups_open(mount, ".");
		if (!groups_contains(fd, getpid())) {
			close(fd);
			fd = -1;
			error = EXDEV;
		}
	}
	close(mount);
	errno = error;
	return fd;
}

bool
hierarchies_is_root(int group)
{
	int above = openat(group, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	const bool top = above < 0 || fstatfs(above, &fs) < 0 ||
	    (int)fs.f_type != CGROUP2_SUPER_MAGIC;

	close(above);
	return top;
}

/* True if processes keep a group from enabling controllers. The root group has
 * no cgroup.type, and is exempt from that rule. */
static bool
has_blocking_processes(int group)
{
	char text[2];

	return file_read(group, "cgroup.type", text, sizeof(text)) &&
	    file_read(group, "cgroup.procs", text, sizeof(text)) && *text;
}

bool
hierarchies_enable_controllers(int group, unsigned int which,
    unsigned int *enabled)
{
	char text[256];
	unsigned int there;

	for (int c = 0; c < CONTROLLERS; c++)
		if (!*limits_controller(c, true))
			which &= ~BIT(c);
	if (!file_read(group, "cgroup.controllers", text, sizeof(text)))
		return false;
	there = hierarchies_controllers(text, true);
	errno = ENOENT;
	if ((which & there) != which)
		return false;
	file_read(group, "cgroup.subtree_control", text, sizeof(text));
	which &= ~hierarchies_controllers(text, true);
	/* The kernel would allow threaded controllers in a group with
	 * processes, but then its children could not have the others. */
	errno = EBUSY;
	if (which && has_blocking_processes(group))
		return false;
	for (int c = 0; c < CONTROLLERS; c++)
		if (which & BIT(c)) {
			struct strbuf l = STRBUF(text);

			strbuf_add(&l, "+");
			strbuf_add(&l, limits_controller(c, true));
			if (!file_write(group, "cgroup.subtree_control", text))
				return false;
			*enabled |= BIT(c);
		}
	return true;
}
