#include <string.h>

#include "values.h"
#include "values_boot.h"

enum { DEFAULT_SECONDS = 30, MOST_SECONDS = 3600 };

bool
value_watchdog(const char *text, struct watchdog_option *w)
{
	const char *colon = strrchr(text, ':');
	const size_t n = colon ? (size_t)(colon - text) : strlen(text);
	const int seconds = colon ? value_number(colon + 1, MOST_SECONDS) :
	    DEFAULT_SECONDS;

	if (n == 0 || n >= sizeof(w->device) || seconds <= 0)
		return false;
	*w = (struct watchdog_option){ .text = text, .seconds = seconds };
	memcpy(w->device, text, n);
	return true;
}
