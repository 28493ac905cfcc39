/* What the services of a device do, for those who ask, and for the init that
 * takes over: a text with one line for each. */
#ifndef PITH_BOOT_STATUS_H
#define PITH_BOOT_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "inittab.h"

#define STATUS_DIR "/run/pith"
#define STATUS_FILE STATUS_DIR "/status"

/* Write it to an open file. */
void status_write(int fd, const struct inittab *t);

/* Put it where others find it, whole. That may fail. */
void status_publish(const struct inittab *t);

/* Find entries again in what another init has written to a file, and take over
 * their processes. False where it is none. */
bool status_read(int fd, struct inittab *t, int64_t now);

/* Whether a program file is of an init that does: it says in time that it is
 * pith. Complains where not. */
bool status_answers_as_pith(const char *file);

/* Print the published one. Returns the exit code. */
int status_show(void);

#endif
