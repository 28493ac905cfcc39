/* Checks which features of a sandbox work on this machine for this user, with a
 * remedy for each that does not. */
#ifndef PITH_SANDBOX_DOCTOR_H
#define PITH_SANDBOX_DOCTOR_H

#include <stdbool.h>

/* Try each feature in a process of its own, which leaves nothing behind. Print
 * the results on stdout: one line for each, or one JSON object. Returns the
 * exit code: 0 if everything works that --rootfs needs, else 1. Dies if writing
 * to stdout fails. Call it instead of sandbox_check(). */
int doctor_run(bool json);

#endif
