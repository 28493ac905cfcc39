/* How pith talks to people: one line, one write(2), nothing raw. */
#ifndef PITH_LOG_H
#define PITH_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text under construction; it never overflows, it ends in "..." instead. */
struct strbuf {
	char *text;             /* always ends in a NUL */
	size_t size;            /* bytes at text, at least 4 */
	size_t used;            /* bytes of text before the NUL */
};

/* An empty line over an array. */
#define STRBUF(array) strbuf_over((array), sizeof(array))
struct strbuf strbuf_over(char *text, size_t size);

/* Append words of our own; nothing is escaped. */
void strbuf_add(struct strbuf *l, const char *words);

/* Append a decimal number. */
void strbuf_number(struct strbuf *l, int64_t number);

/* Append a name from outside, where control characters and bytes that are not
 * UTF-8 are written as \xNN, so that no terminal obeys them. */
void strbuf_quote(struct strbuf *l, const char *name);

/* Append a JSON string, RFC 8259, in which anything is a text; null for NULL
 * and for "". */
void strbuf_json(struct strbuf *l, const char *text);

/* The bytes of the first character of a text, 1 to 4; 0 where it is a control
 * character (C1 included) or not UTF-8 (RFC 3629). */
size_t text_printable(const char *text);

/* A decimal number up to most, at *text, which then is what follows it. False
 * where there is none. */
bool text_number(const char **text, uint64_t most, uint64_t *number);

/* The bytes of an address such as 10.0.0.1 or fd00::1, inet_pton(3): 4 or 16 of
 * them; 0 where it is none. */
size_t text_address(const char *text, unsigned char bytes[16]);

/* Bytes of "65536", "64k", "512m", "1gb"; -1 where it is no size, or 0. */
int64_t text_size(const char *text);

/* Who speaks, and the exit code of its own failures (125). */
void log_set_name(const char *name, int failure_code);

/* Have every complaint told to one more listener: the line without the name,
 * and the exit code where the process ends with it, else 0; LACKING where it
 * goes on without something. */
enum { DEGRADED = -1 };
void log_set_hook(void (*hears)(const char *line, int code));

/* Have something done before refuse(), die() and log_exit() end the process;
 * NULL: no more. */
void log_set_cleanup(void (*clean)(void));

/* Have refuse() and die() ask first whether it has been said already, and then
 * end without a line; NULL: no more. */
void log_set_suppress(bool (*said)(void));

/* Go on where something is lacking(), from now on. */
void log_best_effort(void);

/* "NAME: WORDS" in one write(2) to stderr. A full or closed stderr is passed
 * over, not waited for; poll(2). */
void say(const char *words);

/* say() "WHAT 'WHICH': WHY; REMEDY" because something went wrong. which, why
 * and remedy may be NULL. */
void warnx(const char *what, const char *which, const char *why,
    const char *remedy);

/* complain() with the reason in errno. */
void warn(const char *what, const char *which);

/* complain() with the reason in errno, then end with the failure code. */
_Noreturn void die(const char *what, const char *which);

/* die(), with a remedy as complain() has it. */
_Noreturn void die_with(const char *what, const char *which,
    const char *remedy);

/* die(), but with log_best_effort() complain and come back. */
void degrade(const char *what, const char *which);

/* End as refuse() does, without a line. */
_Noreturn void log_exit(int code);

/* complain() where errno has no part in it, then end with the failure code. */
_Noreturn void diex(const char *what, const char *which, const char *why,
    const char *remedy);

/* refuse(), with another exit code. */
_Noreturn void diex_code(int code, const char *what, const char *which,
    const char *why, const char *remedy);

#endif
