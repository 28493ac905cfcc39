/* Turn the text of an option into a typed value. Each kind of value has one
 * parser; none of them changes its output if the text is wrong. */
#ifndef PITH_VALUES_H
#define PITH_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parse a decimal number from 0 to most at *text and move *text past it. False
 * if there is no such number; *text is unchanged then. */
bool text_number(const char **text, uint64_t most, uint64_t *number);

/* A decimal number from 0 to most; -1 if text is anything else. */
int64_t value_number(const char *text, int64_t most);

/* Parse a user or group id of size bytes, which has only digits. False if text
 * is anything else, or 4294967295: that is -1 and means "do not change" to
 * setresuid(2). */
bool value_id(const char *text, size_t size, uint32_t *id);

/* Milliseconds of a time such as "1.5" (seconds), "500ms", "90s", "2m" or "1h",
 * rounded up; -1 if text is no time, or more than 30 years. */
int64_t value_time(const char *text);

/* Bytes of a size such as "65536", "64k", "512m" or "1gb"; -1 if text is no
 * size, or 0. */
int64_t value_size(const char *text);

/* Parse an IP address such as 10.0.0.1 or fd00::1, inet_pton(3). Returns its
 * size in bytes, 4 or 16; 0 if text is no address. */
size_t value_address(const char *text, unsigned char bytes[16]);

/* An exit code: a number up to 255, or a signal name for 128 and its number; -1
 * if text is neither. */
int value_exit_code(const char *text);

/* Number of a signal that pith can receive and forward; 0 if text is none. */
int value_forwarded_signal(const char *text);

/* An octal mode from 0 to 777; -1 if text is none. */
int value_mode(const char *text);

/* The words that an option may have as its value; "" ends the list. */
enum { CHOICES_MAX = 6 };
struct choices {
	char words[CHOICES_MAX][10];
};

/* Index of text in the words; -1 if it is not there. */
int value_choice(const struct choices *choices, const char *text);

#endif
