/* Explain why a program could not be executed. */
#ifndef PITH_EXEC_ERROR_H
#define PITH_EXEC_ERROR_H

#include "exec.h"

/* Print one line with the reason and a remedy: a missing loader or interpreter,
 * another architecture, permissions. Call with the working directory, root and
 * PATH of the exec, and with failed->what NULL. Returns the exit code of a
 * shell for that failure: 127 if no file was found, otherwise 126. */
int exec_explain(const char *command, const struct exec_error *failed);

#endif
