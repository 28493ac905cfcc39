#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec.h"

extern char **environ;

/* Default of musl's execvp(3) if PATH is not set. */
static const char DEFAULT_PATH[] = "/usr/local/bin:/bin:/usr/bin";

const char *
exec_path(void)
{
	const char *path = getenv("PATH");

	return path ? path : DEFAULT_PATH;
}

const char *
exec_candidate(char path[PATH_MAX], const char **search, const char *command)
{
	const size_t length = strlen(command);

	while (*search) {
		const char *element = *search;
		const size_t n = strchrnul(element, ':') - element;
		char *end = path + n;

		*search = element[n] ? element + n + 1 : NULL;
		/* Skip a candidate that is too long, as execvp(3) does. */
		if (n + 1 + length + 1 > PATH_MAX)
			continue;
		memcpy(path, element, n);
		if (n > 0)
			*end++ = '/';
		memcpy(end, command, length + 1);
		return path;
	}
	return NULL;
}

bool
exec_read_head(const char *path, struct file_head *h, int *file)
{
	struct stat st;
	ssize_t n;

	*file = -1;
	memset(h, 0, sizeof(*h));
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	*file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	n = *file < 0 ? -1 : pread(*file, h->bytes, sizeof(h->bytes), 0);
	h->size = n < 0 ? 0 : n;
	return n >= 0;
}

bool
exec_is_elf(const struct file_head *h)
{
	return memcmp(h->bytes, ELFMAG, SELFMAG) == 0;
}

bool
exec_is_script(const char *path)
{
	struct file_head h;
	int file;
	bool is_text = exec_read_head(path, &h, &file) && !exec_is_elf(&h) &&
	    !memchr(h.bytes, '\0', h.size);

	if (file >= 0)
		close(file);
	return is_text;
}

/* Execute one file. Many images contain scripts without a #! line, which
 * execvp(3) of glibc passes to a shell. Returns the errno of the failure. */
static int
execute_file(const char *path, char **command)
{
	static char shell[] = "sh";

	execve(path, command, environ);
	if (errno != ENOEXEC)
		return errno;
	if (exec_is_script(path)) {
		command[-1] = shell;
		command[0] = (char *)path;
		execve("/bin/sh", command - 1, environ);
	}
	return ENOEXEC;
}

/* Try each candidate, as execvp(3) does: go on where a file is missing or its
 * permissions forbid the exec. A file in a directory that may not be searched
 * counts as missing. */
static struct exec_error
execute_in_path(const char *file, char **command)
{
	const char *name = file ? file : command[0];
	const char *search = exec_path();
	struct exec_error failed = { .error = ENOENT, .candidate = -1 };
	char path[PATH_MAX];

	if (strchr(name, '/')) {
		failed.candidate = 0;
		failed.error = execute_file(name, command);
		return failed;
	}
	for (int i = 0; exec_candidate(path, &search, name); i++) {
		const int error = execute_file(path, command);

		if (error == ENOENT || error == ENOTDIR ||
		    (error == EACCES && access(path, F_OK) < 0))
			continue;
		failed.error = error;
		failed.candidate = i;
		if (error != EACCES)
			break;
	}
	return failed;
}

struct exec_error
exec_command(const char *file, char **command,
    const struct inherited *inherited)
{
	signals_restore(inherited);
	return execute_in_path(file, command);
}
