/* Functions of glibc that Debian's libcheck needs and musl lacks. With them the
 * unit suites run with musl, the libc of pith. The checks of _chk functions are
 * omitted: their size arguments are ignored.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

int __vfprintf_chk(FILE *, int, const char *, va_list);
int __vsnprintf_chk(char *, size_t, int, size_t, const char *, va_list);
int __fprintf_chk(FILE *, int, const char *, ...);
int __printf_chk(int, const char *, ...);
int __snprintf_chk(char *, size_t, int, size_t, const char *, ...);
unsigned long __isoc23_strtoul(const char *, char **, int);
_Noreturn void __longjmp_chk(jmp_buf, int);
void __pthread_register_cancel(void *);
void __pthread_unregister_cancel(void *);
FILE *fopen64(const char *, const char *);
int mkstemp64(char *);
int __gettimeofday64(struct timeval *, void *);

int
__vfprintf_chk(FILE *f, int flag, const char *format, va_list arguments)
{
	(void)flag;
	return vfprintf(f, format, arguments);
}

int
__vsnprintf_chk(char *s, size_t n, int flag, size_t size, const char *format,
    va_list arguments)
{
	(void)flag;
	(void)size;
	return vsnprintf(s, n, format, arguments);
}

int
__fprintf_chk(FILE *f, int flag, const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = __vfprintf_chk(f, flag, format, arguments);
	va_end(arguments);
	return n;
}

int
__printf_chk(int flag, const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = __vfprintf_chk(stdout, flag, format, arguments);
	va_end(arguments);
	return n;
}

int
__snprintf_chk(char *s, size_t n, int flag, size_t size, const char *format,
    ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = __vsnprintf_chk(s, n, flag, size, format, arguments);
	va_end(arguments);
	return length;
}

unsigned long
__isoc23_strtoul(const char *s, char **end, int base)
{
	return strtoul(s, end, base);
}

void
__longjmp_chk(jmp_buf to, int value)
{
	longjmp(to, value);
}

/* Tests do not cancel threads. */
void
__pthread_register_cancel(void *buffer)
{
	(void)buffer;
}

void
__pthread_unregister_cancel(void *buffer)
{
	(void)buffer;
}

/* On 32 bits glibc has another name for large files, which musl always uses. */
FILE *
fopen64(const char *path, const char *mode)
{
	return fopen(path, mode);
}

int
mkstemp64(char *template)
{
	return mkstemp(template);
}

int
__gettimeofday64(struct timeval *now, void *zone)
{
	(void)zone;
	return gettimeofday(now, NULL);
}
