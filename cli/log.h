/* Messages on stderr: one line each, in one write(2), with control characters
 * escaped; and the strings that they are built from. */
#ifndef PITH_LOG_H
#define PITH_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A string under construction. A string that does not fit ends in "...". */
struct strbuf {
	char *text;             /* always NUL-terminated */
	size_t size;            /* bytes at text, at least 4 */
	size_t used;            /* bytes of text before the NUL */
};

/* Make an empty string that is stored in an array. */
#define STRBUF(array) strbuf_over((array), sizeof(array))
struct strbuf strbuf_over(char *text, size_t size);

/* Append trusted text; nothing is escaped. */
void strbuf_add(struct strbuf *l, const char *text);

/* Append a decimal number. */
void strbuf_number(struct strbuf *l, int64_t number);

/* Append untrusted text. Control characters and bytes that are not UTF-8 are
 * written as \xNN, so that a terminal does not interpret them. */
void strbuf_quote(struct strbuf *l, const char *name);

/* Append text as a JSON string (RFC 8259), or null if text is NULL or "". A
 * byte that is not UTF-8 is written as \u00NN. */
void strbuf_json(struct strbuf *l, const char *text);

/* Return the length of the first character of text, 1 to 4 bytes; 0 if it is a
 * control character (C1 included) or not UTF-8 (RFC 3629). */
size_t text_printable(const char *text);

/* Set the program name that begins each line ("pith") and the exit code of
 * die() and diex() (125). The name must stay valid. */
void log_set_name(const char *name, int failure_code);

/* Pass every error and warning to a hook as well; NULL: no hook. The hook gets
 * the line without the program name, and a code. The code is the exit code if
 * the process ends with this error, 0 for a warning, DEGRADED for degrade(). */
enum { DEGRADED = -1 };
void log_set_hook(void (*hook)(const char *line, int code));

/* Call clean before diex(), die() or log_exit() ends the process; NULL: no
 * call. */
void log_set_cleanup(void (*clean)(void));

/* Let diex() and die() print nothing if reported() returns true, because
 * another process has reported the error; NULL: always print. */
void log_set_suppress(bool (*reported)(void));

/* From now on, let degrade() warn and return instead of dying. */
void log_best_effort(void);

/* Write the program name, ": " and text in one write(2) to stderr. A full or
 * closed stderr loses the line: poll(2) decides, and we never block. */
void say(const char *text);

/* Print a warning or an error "WHAT 'WHICH': WHY; REMEDY" and pass it to the
 * hook. which, why and remedy may be NULL. */
void warnx(const char *what, const char *which, const char *why,
    const char *remedy);

/* warnx() with the reason in errno and no remedy. */
void warn(const char *what, const char *which);

/* Print an error with the reason in errno, then exit with the failure code of
 * log_set_name(). */
_Noreturn void die(const char *what, const char *which);

/* die() with a remedy, as warnx() prints it. */
_Noreturn void die_with(const char *what, const char *which,
    const char *remedy);

/* die(); but after log_best_effort(), warn with the reason in errno, pass
 * DEGRADED to the hook, and return. */
void degrade(const char *what, const char *which);

/* Clean up and exit with code, without a line. */
_Noreturn void log_exit(int code);

/* die_with(), but with the reason in why instead of errno. */
_Noreturn void diex(const char *what, const char *which, const char *why,
    const char *remedy);

/* diex(), but exit with code. */
_Noreturn void diex_code(int code, const char *what, const char *which,
    const char *why, const char *remedy);

#endif
