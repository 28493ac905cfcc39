/* What of a sandbox works on this machine for this user, and what to do about
 * the rest. */
#ifndef PITH_SANDBOX_DOCTOR_H
#define PITH_SANDBOX_DOCTOR_H

#include <stdbool.h>

/* Try everything that a sandbox needs, each in a process of its own that leaves
 * nothing behind, and print what comes of it on stdout: a line each, or one
 * JSON object. Returns the exit code: 0 where all works that --rootfs needs, 1
 * where something of it does not; dies where stdout cannot be written to. To be
 * called in place of sandbox_check(). */
int doctor_run(bool json);

#endif
