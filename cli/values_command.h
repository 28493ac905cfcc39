/* Typed values of the options that describe the command: its user, limits,
 * capabilities, filters and environment. */
#ifndef PITH_VALUES_COMMAND_H
#define PITH_VALUES_COMMAND_H

#include "../sandbox/sandbox.h"

enum command_option {
	USER,                   /* USER[:GROUP] */
	GROUP_ADD,              /* GROUP */
	ULIMIT,                 /* NAME=SOFT[:HARD] */
	CAP_ADD, CAP_DROP,      /* ALL, default or a name, "CAP_" is optional */
	SECCOMP,                /* default, off or bpf:FILE */
	LANDLOCK,               /* ro:PATH, rw:PATH, bind:PORT, connect:PORT */
	ENV,                    /* NAME[=VALUE] */
	ENV_FILE,
	UNSETENV,               /* NAME */
	KEEP_ENV                /* NAME,NAME, or "" for all names */
};

/* Add the value of one use of an option to a sandbox, which keeps pointers into
 * text. Returns true. Dies if text has none of these forms, if a user or group
 * is empty or a number above 4294967294, if one limit gets two values, or if
 * one name or set of capabilities is both added and dropped. */
bool command_set(struct sandbox *s, enum command_option option,
    const char *text);

#endif
