/* What the unit suites share; unit.c has it. */
#ifndef PITH_SUITES_H
#define PITH_SUITES_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/options.h"

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

/* A test for every row of a table. */
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

/* How a call in a process of its own ended, and what it wrote. */
struct outcome {
	int code;               /* 0 too where the call came back */
	char out[8192], err[4096];
};

void outcome_of(struct outcome *o, void (*call)(const void *),
    const void *with);

/* The call ends with code, having written one line to stderr and no more. */
void says(void (*call)(const void *), const void *with, int code,
    const char *format, ...) CK_ATTRIBUTE_FORMAT(printf, 4, 5);

/* Wait for the end of a child: its exit code, or 128 and its signal. */
int end_of(pid_t pid);

/* Hold all signals, and what is forked from now on does. */
void hold(void);

/* A process ends with the number of the first signal that it holds. */
_Noreturn void sit(void);
pid_t sitting(void);

/* Visible to tests/run.sh; where MUST_RUN wants no skips the test fails. */
void skip(const char *test, const char *why);

/* Become able to chroot(2) and to make PID namespaces; false where this machine
 * lets us not. */
bool be_root(void);

/* ---- files -------------------------------------------------------------- */

/* A case whose every test has a directory of its own to work in. */
TCase *case_with_files(const char *name);

void make_file(const char *path, const void *bytes, size_t size, mode_t mode);
void make_text(const char *path, const char *text, mode_t mode);

/* What is in a file; the same storage at every call. */
const char *text_of(const char *path);

/* ---- options ------------------------------------------------------------ */

/* A member of struct options, and what it is expected to be. */
struct setting {
	unsigned short at;
	unsigned char size;             /* 0: none */
	int64_t value;
};

#define IS(member, value) { offsetof(struct options, member), \
	sizeof(((struct options *)NULL)->member), value }

/* An argv of words between single blanks; the same storage at every call. */
char **argv_of(const char *name, const char *words);

/* Parse words as the program of that name does. */
void parse(struct options *o, const char *name, const char *words);

/* What pith does without options. */
void set_as_documented(struct options *o);

void set(struct options *o, const struct setting *settings, size_t count);

/* Every member is the same but for command. */
void are_same(const struct options *are, const struct options *expected);

#endif
