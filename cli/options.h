/* Command-line options of pith and of the inits that it replaces. */
#ifndef PITH_OPTIONS_H
#define PITH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../boot/boot.h"
#include "../sandbox/sandbox.h"
#include "../supervise.h"
#include "memory.h"

#define PITH_VERSION "0.1.0"

enum { UNSET = -1 };

/* All options. Filled once, constant afterwards. */
struct options {
	char **command;                 /* argv of the child; NULL: --pause */
	int doctor;                     /* 0: no, 1: text, 2: JSON */
	struct boot boot;
	struct supervision run;
	bool for_command;               /* an option for a command was given */
	/* Die of the signal that killed the child, unless we are process 1. */
	bool dies_of_signal;
	bool is_dropin;                 /* run by the name of another init */
	int parent_death_signal;        /* 0: none */
	const char *report;             /* NULL: none */
	int report_fd;                  /* UNSET: none */
	int exec_code;                  /* if exec fails; 0: 126 or 127 */
	unsigned char exit_codes[256];  /* indexed by the child's exit code */
	struct sandbox sandbox;
	struct memory args_files;       /* array of struct args_file */
	int args_file_count;
};

/* How an option uses its value. Types before OPTIONAL_SIZE take no value. Types
 * from OPTIONAL_SIZE to before STRING take a value only after "=". If an option
 * is repeated, EXIT, REWRITE, DELAY, SETTING, COMMAND_VALUE, IP to ADD_HOST,
 * UID_MAP, GID_MAP, NAMESPACE_LIST, PASSED_FD, LAYER and BIND accumulate. The
 * last value of PLAIN, TIME, SIGNAL, SIZE, MASK and DOCTOR wins. All others and
 * --user reject a different value. */
enum value_type {
	NOTHING, ON, OFF, COUNT, HELP, VERSION, LICENSE, READ_ONLY_ROOT,
	WRITABLE_ROOT,
	OPTIONAL_SIZE, TTY, DOCTOR, OPTIONAL_LIST,
	STRING, PLAIN, NUMBER, TIME, TIME_LIMIT, SIGNAL, EXIT, REWRITE, DELAY,
	WATCHDOG,
	LEVEL, SIZE, MASK, PTYS, HOST, CHOICE_USERNS, CHOICE_PROC,
	CHOICE_SYS, CHOICE_OOM, CHOICE_CGROUPS, CHOICE_ON_EXIT, LIMIT, SETTING,
	COMMAND_VALUE, ARGS, NETWORK, IP, GATEWAY, PUBLISH, LISTEN, DNS,
	ADD_HOST, UID_MAP, GID_MAP, NAMESPACE_LIST, CLOCK, PARAMETER, PASSED_FD,
	LAYER, BIND,
	/* Types whose value is one of a list of words. */
	FIRST_CHOICE = HOST, LAST_CHOICE = CHOICE_ON_EXIT
};

/* Use of pith that an option belongs to. --boot rejects options for a command;
 * those of a sandbox are for a command as well. */
enum scope { SCOPE_ANY, SCOPE_COMMAND, SCOPE_SANDBOX };

/* One option. It has a name, a letter, or both. */
struct option {
	char name[20];
	char letter;                    /* 0: none */
	unsigned char type;             /* enum value_type */
	unsigned char scope;            /* enum scope */
	union {
		unsigned char list;     /* group_setting_kind, command_option
		                         * or bind_kind */
		unsigned char limit;    /* enum group_limit, for limits */
	};
	unsigned short at;              /* offset in struct options */
};

/* An environment variable of another init that acts as an option. It is ignored
 * unless it has this value; "" matches any value. Types that take a value take
 * the variable's. */
struct variable {
	char name[24];
	char value[4];
	unsigned char type;             /* enum value_type */
	unsigned short at;              /* offset in struct options */
};

/* The command line of pith, or of another init that pith replaces. */
struct dialect {
	char name[12];
	const char *usage;              /* text of --help, of its options */
	const char *version;            /* text of --version */
	const char *reaped;             /* -w: text before pid; NULL: pith's */
	const struct option *options;
	const struct variable *variables;
	unsigned char option_count, variable_count;
	unsigned char failure_code;
	unsigned char exec_code;        /* if exec fails; 0: 126 or 127 */
	bool whole_group;               /* --group is the default */
	bool on_stderr;                 /* print help and version to stderr */
};

/* Return the string "PITH_OPTIONS=..." of the environment; NULL if it was not
 * set. Valid after options_parse(). */
char *options_variable(void);

/* Contents of the file of an --args-fd. */
struct args_file {
	int fd;                         /* descriptor; closed if above 2 */
	const char *text;               /* words, each NUL-terminated */
	size_t size;                    /* bytes at text */
};

/* Return the file of the --args-fd with this index, from 0; NULL after the
 * last. */
const struct args_file *options_args(const struct options *o, int number);

/* Parse the environment (the dialect's variables, then PITH_OPTIONS, which is
 * removed) and argv into o. dialect is NULL for pith's own.
 *
 * --help, --version and --license print and exit. Invalid options exit with the
 * dialect's failure code. Dies before it reads options if AT_SECURE is set: for
 * a set-ID program and for file capabilities, getauxval(3).
 *
 * boots: we are the init of a device, started by the kernel. AT_SECURE is
 * ignored then, because process 1 must not exit. A command is taken only with
 * --boot: other words are left over from the kernel's command line. */
void options_parse(struct options *o, const struct dialect *dialect,
    char **argv, bool boots);

#endif
