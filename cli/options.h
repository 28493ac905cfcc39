/* What pith was asked: argv, PITH_OPTIONS, and other programs' dialects. */
#ifndef PITH_OPTIONS_H
#define PITH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../boot/boot.h"
#include "../sandbox/sandbox.h"
#include "../signals.h"

#define PITH_VERSION "0.1.0"

enum { UNSET = -1 };

/* Filled once, constant afterwards. Times are milliseconds, signals numbers. */
struct options {
	char **command;                 /* argv of the child; NULL: --pause */
	int64_t stop_timeout;           /* UNSET: none, but 2 s after timeout */
	int64_t grace;                  /* UNSET: none */
	int doctor;                     /* 0: no, 1: for people, 2: JSON */
	struct boot boot;
	/* From here on it is about a command, and nothing for --boot. */
	bool for_command;               /* there was such an option */
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
	int64_t timeout;                /* UNSET: none */
	const char *report;             /* NULL: none */
	int report_fd;                  /* UNSET: none */
	int exec_code;                  /* of a failed exec; 0: 126 or 127 */
	bool is_dropin;                 /* called by another init's name */
	unsigned char exit_codes[256];  /* to end with, by the child's */
	struct signal_rules signals;
	struct sandbox sandbox;
};

/* What an option does with its value, and what that value looks like. Those
 * before TEXT need none, and have theirs after a "=". Given again, PLAIN, TIME,
 * SIGNAL, SIZE, MASK and DOCTOR take the last value, EXIT, REWRITE, DELAY and
 * words add up, and another value is refused for all others. */
#define KINDS_WITH_VALUE(X) \
	X(ROOM, "a size such as 512m") \
	X(TTY, "no") \
	X(DOCTOR, "json") \
	X(WORD_OR_NOT, "names as A,B") \
	X(TEXT, "a file name") \
	X(PLAIN, "a name") \
	X(NUMBER, "the number of an open file") \
	X(TIME, "a time such as 1.5, 500ms, 90s, 2m or 1h") \
	X(TIME_LIMIT, "a time such as 1.5, 500ms, 90s, 2m or 1h") \
	X(SIGNAL, "a signal such as TERM, SIGUSR1, RTMIN+3 or 15") \
	X(EXIT, "exit codes FROM[:TO] such as 143:0 or SIGTERM:0") \
	X(REWRITE, "signals FROM:TO such as TERM:QUIT, FROM:0 drops") \
	X(DELAY, "a signal and a time, such as TERM:5s") \
	X(LEVEL, "") \
	X(SIZE, "a size such as 65536, 64k, 512m or 1g") \
	X(MASK, "an octal number such as 022") \
	X(PTYS, "a number from 1 to 1048576") \
	X(WORD, "a value, see pith(8)") \
	X(HOST, "host") \
	X(CHOICE_USERNS, "auto, host, subid or keep-id") \
	X(CHOICE_PROC, "masked, minimal, full or none") \
	X(CHOICE_SYS, "ro or none") \
	X(CHOICE_OOM, "process or group") \
	X(CHOICE_CGROUPS, "auto, v1, v2 or off") \
	X(CHOICE_ON_EXIT, "reboot, poweroff, halt, respawn or shell") \
	X(LIMIT, "a number or a size, see pith(8)") \
	X(ARGS, "the number of an open file")

#define KIND_NAME(kind, takes) kind,
#define KIND_TAKES(kind, takes) takes "\0"

enum kind {
	NOTHING, ON, OFF, COUNT, HELP, VERSION, LICENSE, READ_ONLY_ROOT,
	WRITABLE_ROOT,
	KINDS_WITH_VALUE(KIND_NAME)
};

/* One option by its letter; 0 where it has none. The long names, or "", are one
 * text in the same order: pointers would be relocations at every start, and
 * arrays of one size are mostly empty. */
struct rule {
	char letter;
	unsigned char kind;
	unsigned short at;              /* offset in struct options */
};

/* For lists of X(NAME, LETTER, KIND, AT). */
#define RULE(name, letter, kind, at) { letter, kind, at },
#define RULE_NAME(name, letter, kind, at) name "\0"

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
	char name[12];
	const char *usage;              /* --help */
	const char *version;            /* --version */
	const char *reaped;             /* says -w before a pid; NULL: pith's */
	const struct rule *rules;
	const char *rule_names;
	const struct variable *variables;
	unsigned char rule_count, variable_count;
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
