/* What pith was asked: argv, PITH_OPTIONS, and other programs' dialects. */
#ifndef PITH_OPTIONS_H
#define PITH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../sandbox/sandbox.h"
#include "../signals.h"

#define PITH_VERSION "0.1.0"

enum { UNSET = -1 };

/* Filled once, constant afterwards. Times are milliseconds, signals numbers. */
struct options {
	char **command;                 /* argv of the child; NULL: --pause */
	bool pause;
	bool group;                     /* forward to the child's group ... */
	bool all;                       /* ... or to all of the PID namespace */
	bool wait;                      /* end when everything has ended */
	bool warn_orphans;
	bool dies_of_signal;            /* that ended the child; but not as 1 */
	bool ends_group;                /* its group gets SIGTERM at its end */
	const char *reaped;             /* what -w says before a pid */
	int verbosity;
	int parent_death_signal;        /* 0: none */
	int stop_signal;
	int64_t stop_timeout;           /* UNSET: none, but 2 s after timeout */
	int64_t grace;                  /* UNSET: none */
	int64_t timeout;                /* UNSET: none */
	const char *report;             /* NULL: none */
	int report_fd;                  /* UNSET: none */
	int exec_code;                  /* of a failed exec; 0: 126 or 127 */
	bool args_read;                 /* there was an --args-fd */
	int doctor;                     /* 0: no, 1: for people, 2: JSON */
	unsigned char exit_codes[256];  /* to end with, by the child's */
	struct sandbox sandbox;
	struct signal_rules signals;
};

/* What an option does with its value. Those from TEXT on take one, those from
 * ROOM on may, after a "=". */
enum kind {
	NOTHING, ON, OFF, COUNT, HELP, VERSION, LICENSE, READ_ONLY_ROOT,
	WRITABLE_ROOT,
	ROOM, TTY, DOCTOR, WORD_OR_NOT,
	TEXT, NUMBER, TIME, SIGNAL, EXIT, REWRITE, DELAY, LEVEL, SIZE, MASK,
	WORD, HOST, CHOICE_USERNS, CHOICE_PROC, CHOICE_SYS, ARGS
};

/* One option, in its long and its short form; "" or 0 where it has none. */
struct rule {
	char name[20];
	char letter;
	unsigned char kind;
	unsigned short at;              /* offset in struct options */
};

/* An environment variable that acts as an option where it has a certain value;
 * "" is any value, and for kinds that take a value it is the value. */
struct variable {
	char name[24];
	char value[4];
	unsigned char kind;
	unsigned short at;
};

/* How another program wants to be spoken to. */
struct dialect {
	const char *name;
	const char *usage;              /* --help */
	const char *version;            /* --version */
	const char *reaped;             /* says -w before a pid; NULL: pith's */
	const struct rule *rules;
	const struct variable *variables;
	unsigned char rule_count, variable_count;
	unsigned char failure_code;
	unsigned char exec_code;        /* of a failed exec; 0: 126 and 127 */
	bool whole_group;               /* see struct options, and --group */
	bool on_stderr;                 /* help and version go there */
};

/* PITH_OPTIONS=... as it was found; NULL where it was not. */
char *options_variable(void);

/* Fill o from the environment (the dialect's variables, then PITH_OPTIONS,
 * which is taken out of it) and from argv. dialect is NULL for pith's own.
 * Help, version and licence are printed and end the process; bad input ends it
 * with the failure code. */
void options_parse(struct options *o, const struct dialect *dialect,
    char **argv);

#endif
