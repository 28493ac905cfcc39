#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/* At most PIPE_BUF: write(2) of a line to a pipe is atomic, pipe(7). */
enum { LINE_BYTES = 1024 };

static const char hex[] = "0123456789abcdef";

static const char *log_name = "pith";
static int failure_code = 125;
static void (*error_hook)(const char *, int);
static void (*exit_hook)(void);
static bool (*is_reported)(void);
static bool best_effort;

struct strbuf
strbuf_over(char *text, size_t size)
{
	text[0] = '\0';
	return (struct strbuf){ text, size, 0 };
}

void
strbuf_add(struct strbuf *l, const char *text)
{
	size_t room = l->size - l->used - 1;
	size_t n = strlen(text);
	size_t dots = l->size - 4;

	if (n <= room) {
		memcpy(l->text + l->used, text, n + 1);
		l->used += n;
		return;
	}
	memcpy(l->text + l->used, text, room);
	l->used = l->size - 1;
	/* Keep UTF-8 characters whole, RFC 3629. */
	while (dots > 0 && (l->text[dots] & 0xc0) == 0x80)
		dots--;
	memset(l->text + dots, '.', l->used - dots);
	l->text[l->used] = '\0';
}

void
strbuf_number(struct strbuf *l, int64_t number)
{
	char digits[24];
	char *d = digits + sizeof(digits);
	uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;

	*--d = '\0';
	do
		*--d = '0' + left % 10;
	while ((left /= 10) > 0);
	if (number < 0)
		*--d = '-';
	strbuf_add(l, d);
}

size_t
text_printable(const char *text)
{
	/* Least code point for each sequence length: an overlong sequence is
	 * not UTF-8. */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *t = (const unsigned char *)text;
	size_t n = t[0] < 0x80 ? 1 : t[0] < 0xc0 ? 0 : t[0] < 0xe0 ? 2 :
	    t[0] < 0xf0 ? 3 : t[0] < 0xf8 ? 4 : 0;
	uint32_t c = n > 1 ? t[0] & (0xff >> (n + 1)) : t[0];

	for (size_t i = 1; i < n; i++) {
		if ((t[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (t[i] & 0x3f);
	}
	if (n == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0))
		return 0;
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return n;
}

void
strbuf_quote(struct strbuf *l, const char *name)
{
	while (*name) {
		char piece[5] = "";
		size_t n = text_printable(name);

		if (n > 0) {
			memcpy(piece, name, n);
			name += n;
		} else {
			piece[0] = '\\';
			piece[1] = 'x';
			piece[2] = hex[(*name >> 4) & 15];
			piece[3] = hex[*name++ & 15];
		}
		strbuf_add(l, piece);
	}
}

void
strbuf_json(struct strbuf *l, const char *text)
{
	if (!text || !*text) {
		strbuf_add(l, "null");
		return;
	}
	strbuf_add(l, "\"");
	while (*text) {
		char piece[8] = "\\u00";
		size_t n = text_printable(text);

		if (n > 0 && *text != '"' && *text != '\\') {
			memcpy(piece, text, n);
			piece[n] = '\0';
			text += n;
		} else {
			piece[4] = hex[(*text >> 4) & 15];
			piece[5] = hex[*text++ & 15];
		}
		strbuf_add(l, piece);
	}
	strbuf_add(l, "\"");
}

void
log_set_name(const char *name, int code)
{
	log_name = name;
	failure_code = code;
}

void
log_set_hook(void (*hook)(const char *, int))
{
	error_hook = hook;
}

void
log_set_cleanup(void (*clean)(void))
{
	exit_hook = clean;
}

void
log_set_suppress(bool (*reported)(void))
{
	is_reported = reported;
}

void
log_best_effort(void)
{
	best_effort = true;
}

static void
format_message(struct strbuf *l, const char *what, const char *which,
    const char *why, const char *remedy)
{
	strbuf_add(l, what);
	if (which) {
		strbuf_add(l, " '");
		strbuf_quote(l, which);
		strbuf_add(l, "'");
	}
	if (why) {
		strbuf_add(l, ": ");
		strbuf_add(l, why);
	}
	if (remedy) {
		strbuf_add(l, "; ");
		strbuf_add(l, remedy);
	}
}

void
say(const char *text)
{
	struct pollfd err = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line_text[LINE_BYTES + 64];
	struct strbuf line = STRBUF(line_text);

	strbuf_add(&line, log_name);
	strbuf_add(&line, ": ");
	strbuf_add(&line, text);
	line_text[line.used++] = '\n';
	if (poll(&err, 1, 0) == 1 && (err.revents & POLLOUT))
		(void)!write(STDERR_FILENO, line_text, line.used);
}

static void
report_message(int code, const char *what, const char *which, const char *why,
    const char *remedy)
{
	char text[LINE_BYTES];
	struct strbuf l = STRBUF(text);

	format_message(&l, what, which, why, remedy);
	say(text);
	if (error_hook)
		error_hook(text, code);
}

void
warnx(const char *what, const char *which, const char *why,
    const char *remedy)
{
	report_message(0, what, which, why, remedy);
}

void
warn(const char *what, const char *which)
{
	warnx(what, which, strerror(errno), NULL);
}

_Noreturn void
log_exit(int code)
{
	if (exit_hook)
		exit_hook();
	_exit(code);
}

_Noreturn void
diex_code(int code, const char *what, const char *which, const char *why,
    const char *remedy)
{
	if (!is_reported || !is_reported())
		report_message(code, what, which, why, remedy);
	log_exit(code);
}

_Noreturn void
diex(const char *what, const char *which, const char *why,
    const char *remedy)
{
	diex_code(failure_code, what, which, why, remedy);
}

_Noreturn void
die_with(const char *what, const char *which, const char *remedy)
{
	diex(what, which, strerror(errno), remedy);
}

_Noreturn void
die(const char *what, const char *which)
{
	die_with(what, which, NULL);
}

void
degrade(const char *what, const char *which)
{
	if (!best_effort)
		die(what, which);
	report_message(DEGRADED, what, which, strerror(errno),
	    "going on without it because of --best-effort");
}
