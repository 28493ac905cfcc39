/* What pith was asked: argv, PITH_OPTIONS, and other programs' dialects. */
#ifndef PITH_OPTIONS_H
#define PITH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../boot/boot.h"
#include "../sandbox/sandbox.h"
#include "../supervise.h"

#define PITH_VERSION "0.1.0"

enum { UNSET = -1 };

/* Filled once, constant afterwards. Signals are numbers. */
struct options {
	char **command;                 /* argv of the child; NULL: --pause */
	int doctor;                     /* 0: no, 1: for people, 2: JSON */
	struct boot boot;
	struct supervision run;
	bool for_command; /* an option about a command was given */
	bool dies_of_signal;            /* that ended the child; not as 1 */
	bool is_dropin;                 /* called by another init's name */
	int parent_death_signal;        /* 0: none */
	const char *report;             /* NULL: none */
	int report_fd;                  /* UNSET: none */
	int exec_code;                  /* of a failed exec; 0: 126 or 127 */
	unsigned char exit_codes[256];  /* to end with, by the child's */
	struct sandbox sandbox;
};

/* What an option does with its value. The types before OPTIONAL_SIZE take no
 * value; those before STRING take one only after a "=". Given again, PLAIN,
 * TIME, SIGNAL, SIZE, MASK and DOCTOR take the last value; EXIT, REWRITE, DELAY
 * and lists add up; every other type refuses a different value. */
enum value_type {
	NOTHING, ON, OFF, COUNT, HELP, VERSION, LICENSE, READ_ONLY_ROOT,
	WRITABLE_ROOT,
	OPTIONAL_SIZE, TTY, DOCTOR, OPTIONAL_LIST,
	STRING, PLAIN, NUMBER, TIME, TIME_LIMIT, SIGNAL, EXIT, REWRITE, DELAY,
	LEVEL, SIZE, MASK, PTYS, LIST, HOST, CHOICE_USERNS, CHOICE_PROC,
	CHOICE_SYS, CHOICE_OOM, CHOICE_CGROUPS, CHOICE_ON_EXIT, LIMIT, ARGS,
	VALUE_TYPES
};

/* The use that an option belongs to. */
enum scope { SCOPE_ANY, SCOPE_COMMAND, SCOPE_SANDBOX };

/* One option. Options of other programs may have a letter and no name. */
struct option {
	char name[20];
	char letter;                    /* 0: none */
	unsigned char type;             /* enum value_type */
	unsigned char scope;            /* enum scope */
	unsigned char list;             /* enum list_option, for lists */
	unsigned short at;              /* offset in struct options */
};

/* An environment variable that acts as an option where it has a certain value;
 * "" is any value, and for types that take a value it is the value. */
struct variable {
	char name[24];
	char value[4];
	unsigned char type;             /* enum value_type */
	unsigned short at;
};

/* How another program wants to be spoken to. */
struct dialect {
	char name[12];
	const char *usage;              /* --help */
	const char *version;            /* --version */
	const char *reaped;             /* says -w before a pid; NULL: pith's */
	const struct option *options;
	const struct variable *variables;
	unsigned char option_count, variable_count;
	unsigned char failure_code;
	unsigned char exec_code;        /* of a failed exec; 0: 126 and 127 */
	bool whole_group;               /* see struct options, and --group */
	bool on_stderr;                 /* help and version go there */
};

/* PITH_OPTIONS=... as it was found; NULL where it was not. */
char *options_variable(void);

/* Contents of an --args-fd, and its number. */
struct args_file {
	int fd;
	const char *text;
	size_t size;
};

/* The first --args-fd is 0; NULL after the last. */
const struct args_file *options_args(int number);

/* Fill o from the environment (the dialect's variables, then PITH_OPTIONS,
 * which is taken out of it) and from argv. dialect is NULL for pith's own.
 * Help, version and licence are printed and end the process; bad input ends it
 * with the failure code. A set-ID start, or one with file capabilities, is
 * refused before options are read, except in a machine's init. Who boots a
 * machine by his name takes a command only with --boot: what else stands there
 * is the kernel's. */
void options_parse(struct options *o, const struct dialect *dialect,
    char **argv, bool boots);

#endif
