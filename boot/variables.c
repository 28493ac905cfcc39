#include <stddef.h>
#include <string.h>

#include "variables.h"

extern char **environ;

/* The kernel gives us 32 of its own at most (MAX_INIT_ENVS). */
enum { VARIABLES = 64 };

/* Where a variable of that name stands, or is to. */
static size_t
place(const char *variable)
{
	const size_t n = strchrnul(variable, '=') - variable + 1;
	size_t i = 0;

	while (environ[i] && strncmp(environ[i], variable, n) != 0)
		i++;
	return i;
}

void
variables_set(const char *variable)
{
	const size_t i = place(variable);

	if (i == VARIABLES)
		return;
	if (!environ[i])
		environ[i + 1] = NULL;
	environ[i] = (char *)variable;
}

void
variables_unset(const char *variable)
{
	for (size_t i = place(variable); environ[i]; i++)
		environ[i] = environ[i + 1];
}

void
variables_begin(void)
{
	static char *room[VARIABLES + 1];

	for (size_t i = 0; i < VARIABLES && environ[i]; i++)
		room[i] = environ[i];
	environ = room;
	variables_set("HOME=/");
	variables_set("PATH=/sbin:/usr/sbin:/bin:/usr/bin");
	variables_set("SHELL=/bin/sh");
	variables_set("USER=root");
}
