/* Functions that the fuzz targets share. Output of pith is captured and
 * checked, and its _exit(2) returns to the target. The linker replaces libc's
 * functions by those with __wrap_ (--wrap). */
#ifndef PITH_FUZZ_H
#define PITH_FUZZ_H

#include <poll.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
_Noreturn void __real__exit(int code);
_Noreturn void __wrap__exit(int code);

static bool caught;                     /* code of pith runs */
static jmp_buf end;                     /* target of _exit() */
static int ended_with;
static int writes;                      /* number of writes; the last one: */
static char written[8192];
static size_t written_size;
static int written_to;

#define CLAIM(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "claim failed: %s\n", #what); \
			abort(); \
		} \
	} while (0)

int
__wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (!caught)
		return __real_poll(fds, n, timeout);
	for (nfds_t i = 0; i < n; i++)
		fds[i].revents = fds[i].events;
	return n;
}

ssize_t
__wrap_write(int fd, const void *bytes, size_t size)
{
	if (!caught)
		return __real_write(fd, bytes, size);
	CLAIM(size < sizeof(written));
	memcpy(written, bytes, size);
	written[size] = '\0';
	written_size = size;
	written_to = fd;
	writes++;
	return size;
}

_Noreturn void
__wrap__exit(int code)
{
	if (!caught)
		__real__exit(code);
	ended_with = code;
	longjmp(end, 1);
}

/* Check that the output is one error of the program name: one line in one write
 * to stderr, without control characters, C1 controls in UTF-8 included. */
static void
check_error(const char *name)
{
	const unsigned char *t = (const unsigned char *)written;
	const size_t n = strlen(name);

	CLAIM(writes == 1);
	CLAIM(written_to == STDERR_FILENO);
	CLAIM(strlen(written) == written_size);
	CLAIM(written_size > n + 2 && written_size <= 1024 + 64);
	CLAIM(memcmp(written, name, n) == 0);
	CLAIM(memcmp(written + n, ": ", 2) == 0);
	CLAIM(t[written_size - 1] == '\n');
	for (size_t i = 0; i + 1 < written_size; i++) {
		CLAIM(t[i] >= 0x20 && t[i] != 0x7f);
		CLAIM(t[i] != 0xc2 || t[i + 1] >= 0xa0 || t[i + 1] < 0x80);
	}
}

#endif
