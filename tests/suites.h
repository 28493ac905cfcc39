/* Functions that the unit suites share; see unit.c. */
#ifndef PITH_SUITES_H
#define PITH_SUITES_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/options.h"

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

/* Add a test for each row of a table. */
#define add_each(tcase, test, table) \
	tcase_add_loop_test(tcase, test, 0, COUNT_OF(table))

Suite *signals_suite(void);
Suite *reaper_suite(void);
Suite *child_suite(void);
Suite *options_suite(void);
Suite *dropin_suite(void);
Suite *report_suite(void);
Suite *log_suite(void);
Suite *seccomp_suite(void);
Suite *users_suite(void);
Suite *privileges_suite(void);
Suite *environment_suite(void);
Suite *limits_suite(void);
Suite *inittab_suite(void);

/* ---- processes ---------------------------------------------------------- */

/* Exit code and output of a call in a child process. */
struct outcome {
	int code;               /* also 0 if the call returned */
	char out[8192], err[4096];
};

/* Run call(with) in a child process and store the outcome. */
void outcome_of(struct outcome *o, void (*call)(const void *),
    const void *with);

/* Check that call(with) exits with code and writes one line to stderr, nothing
 * else. */
void says(void (*call)(const void *), const void *with, int code,
    const char *format, ...) CK_ATTRIBUTE_FORMAT(printf, 4, 5);

/* Wait for a child. Returns its exit code, or 128 and its signal. */
int end_of(pid_t pid);

/* Block all signals, here and in children forked from now on. */
void hold(void);

/* Wait for a blocked signal and exit with its number. */
_Noreturn void sit(void);
/* Fork a child that calls sit(). */
pid_t sitting(void);

/* Report a skipped test to tests/run.sh. If MUST_RUN is set, the test fails. */
void skip(const char *test, const char *why);

/* Gain the privileges for chroot(2) and PID namespaces, if necessary in a user
 * namespace. False if that is not possible here. */
bool be_root(void);

/* ---- files -------------------------------------------------------------- */

/* Make a test case in which each test runs in its own new directory. */
TCase *case_with_files(const char *name);

void make_file(const char *path, const void *bytes, size_t size, mode_t mode);
void make_text(const char *path, const char *text, mode_t mode);

/* Return the contents of a file. The next call overwrites the result. */
const char *text_of(const char *path);

/* ---- options ------------------------------------------------------------ */

/* A member of struct options and its expected value. */
struct setting {
	unsigned short at;
	unsigned char size;             /* 0: none */
	int64_t value;
};

#define IS(member, value) { offsetof(struct options, member), \
	sizeof(((struct options *)NULL)->member), value }

/* Make an argv of words that single blanks separate. The next call overwrites
 * the result. */
char **argv_of(const char *name, const char *words);

/* Parse words as the program with this name does. */
void parse(struct options *o, const char *name, const char *words);

/* Set the defaults of the manual. */
void set_as_documented(struct options *o);

/* Change the members that settings name. */
void set(struct options *o, const struct setting *settings, size_t count);

/* Check that all members are equal, except command. */
void are_same(const struct options *are, const struct options *expected);

#endif
