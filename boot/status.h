/* Status of a device's entries, for --status and for the init that takes over
 * after --reexec: a text with a title and one line for each entry. */
#ifndef PITH_BOOT_STATUS_H
#define PITH_BOOT_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "inittab.h"

#define STATUS_DIR "/run/pith"
#define STATUS_FILE STATUS_DIR "/status"

/* Write the status to an open file. Errors are ignored. */
void status_write(int fd, const struct inittab *t);

/* Replace STATUS_FILE atomically. Errors are ignored. */
void status_publish(const struct inittab *t);

/* Read a status that another init has written, and set pid, restarts and start
 * time of the entries that match it; now is the start time, in milliseconds.
 * Returns false if the file is not a status. */
bool status_read(int fd, struct inittab *t, int64_t now);

/* Execute a program file with --version and return whether it answers as pith
 * within two seconds. Returns false after a message otherwise. */
bool status_answers_as_pith(const char *file);

/* Print STATUS_FILE. Returns the exit code 0; dies on failure. */
int status_show(void);

#endif
