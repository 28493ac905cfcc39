/* libFuzzer target: hostile /etc/passwd and /etc/group for users_find(). An
 * input has a line for --user and one for --group-add ("-": not given), then
 * passwd up to a byte 0xff, then group. --wrap=syscall replaces both files. */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "cli/values_command.h"
#include "fuzz.h"
#include "sandbox/users.h"

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

static int passwd_file = -1, group_file = -1;

/* Read six arguments, even if fewer were given. */
__attribute__((no_sanitize("address", "memory"))) long
__wrap_syscall(long number, ...)
{
	long a[6];
	va_list arguments;

	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(arguments, long);
	va_end(arguments);
	if (caught && number == SYS_openat2) {
		const char *path = (const char *)a[1];
		int fd;

		CLAIM(strncmp(path, "/etc/", 5) == 0);
		fd = dup(strcmp(path, "/etc/passwd") == 0 ? passwd_file :
		    group_file);
		CLAIM(fd >= 0 && lseek(fd, 0, SEEK_SET) == 0);
		return fd;
	}
	return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* Return the next line, NULL for "-". It is on the heap: the sanitizer detects
 * a read past its end. */
static char *
take_line(const uint8_t **data, size_t *size)
{
	const uint8_t *end_of_line = *size ? memchr(*data, '\n', *size) : NULL;
	size_t n = end_of_line ? (size_t)(end_of_line - *data) : *size;
	char *text = malloc(n + 1);

	CLAIM(text != NULL);
	memcpy(text, *data, n);
	text[n] = '\0';
	*data += n + (end_of_line != NULL);
	*size -= n + (end_of_line != NULL);
	if (strcmp(text, "-") != 0)
		return text;
	free(text);
	return NULL;
}

static void
fill(int *file, const uint8_t *data, size_t size)
{
	if (*file < 0)
		*file = memfd_create("file", MFD_CLOEXEC);
	CLAIM(*file >= 0 && ftruncate(*file, 0) == 0);
	CLAIM(pwrite(*file, data, size, 0) == (ssize_t)size);
}

/* Check what the rest of pith relies on. */
static void
check_state(const struct identity *id, const struct sandbox *s)
{
	CLAIM(id->uid != (uid_t)-1 && id->gid != (gid_t)-1);
	CLAIM(id->uid_given == (s->user != NULL));
	CLAIM(id->groups_given == (s->group_count > 0));
	CLAIM(id->group_count >= 0 && id->group_count <= GROUPS_MOST);
	for (int i = 0; i < id->group_count; i++) {
		CLAIM(id->groups[i] != (gid_t)-1);
		for (int j = 0; j < i; j++)
			CLAIM(id->groups[i] != id->groups[j]);
	}
	CLAIM(id->home[0] == '/');
	CLAIM(memchr(id->home, '\0', sizeof(id->home)) != NULL);
	CLAIM(strpbrk(id->home, ":\n") == NULL);
	/* A number is that user id, whatever the files contain. */
	if (s->user && s->user[strspn(s->user, "0123456789")] == '\0')
		CLAIM(id->uid == strtoull(s->user, NULL, 10));
	if (!s->user)
		CLAIM(id->uid == getuid() && id->gid == getgid());
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *user = take_line(&data, &size);
	char *group = take_line(&data, &size);
	const uint8_t *cut = size ? memchr(data, 0xff, size) : NULL;
	const size_t n = cut ? (size_t)(cut - data) : size;
	struct sandbox s = { .rootfs = "/" };
	/* Fill with garbage to detect members that are not set. */
	struct identity *id = malloc(sizeof(*id));

	CLAIM(id != NULL);
	memset(id, 0xff, sizeof(*id));
	fill(&passwd_file, data, n);
	fill(&group_file, data + n + (cut != NULL), cut ? size - n - 1 : 0);
	writes = 0;
	caught = true;
	if (setjmp(end) == 0) {
		if (user)
			command_set(&s, USER, user);
		if (group)
			command_set(&s, GROUP_ADD, group);
		users_find(id, &s);
		caught = false;
		check_state(id, &s);
		CLAIM(writes == 0);
	} else {
		caught = false;
		CLAIM(ended_with == 125);
		check_error("pith");
	}
	memory_release(&s.memory.groups);
	free(id);
	free(user);
	free(group);
	return 0;
}
