/* Init of a sandbox: its messages to the launcher, and its end with the
 * launcher. */
#ifndef PITH_SANDBOX_INSIDE_H
#define PITH_SANDBOX_INSIDE_H

#include "../supervise.h"

/* Role of init: it ends with its launcher, and a launcher that can freeze the
 * sandbox handles ^Z. */
extern const struct role inside_role, frozen_inside_role;

/* Report that the command runs. */
void inside_report_start(const struct supervisor *s);

/* Report that the exec of the command has failed, with pith's exit code. */
void inside_report_exec_error(int code);

/* Report how the command has ended. */
void inside_report_end(const struct supervisor *s);

#endif
