#include <stddef.h>
#include <string.h>

#include "variables.h"

extern char **environ;

/* The kernel passes at most 32 of its own (MAX_INIT_ENVS). */
enum { MAX_VARIABLES = 64 };

/* Return the index of the variable with that name, or of the final NULL. */
static size_t
variable_index(const char *variable)
{
	const size_t n = strchrnul(variable, '=') - variable + 1;
	size_t i = 0;

	while (environ[i] && strncmp(environ[i], variable, n) != 0)
		i++;
	return i;
}

bool
variables_set(const char *variable)
{
	const size_t i = variable_index(variable);

	if (i == MAX_VARIABLES)
		return false;
	if (!environ[i])
		environ[i + 1] = NULL;
	environ[i] = (char *)variable;
	return true;
}

void
variables_unset(const char *variable)
{
	for (size_t i = variable_index(variable); environ[i]; i++)
		environ[i] = environ[i + 1];
}

void
variables_begin(void)
{
	static char *variables[MAX_VARIABLES + 1];

	for (size_t i = 0; i < MAX_VARIABLES && environ[i]; i++)
		variables[i] = environ[i];
	environ = variables;
	variables_set("HOME=/");
	variables_set("PATH=/sbin:/usr/sbin:/bin:/usr/bin");
	variables_set("SHELL=/bin/sh");
	variables_set("USER=root");
}
