/* Explain why a program could not be executed. */
#ifndef PITH_EXEC_ERROR_H
#define PITH_EXEC_ERROR_H

#include "exec.h"

/* Print one line with the reason and a remedy: a missing loader or interpreter,
 * another architecture, permissions. Returns the exit code of a shell for that
 * failure: 127 not found, 126 found but not executable. */
int exec_explain(const char *command, const struct exec_error *failed);

#endif
