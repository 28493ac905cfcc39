/* The names of other inits that pith takes the place of. */
#ifndef PITH_DROPIN_H
#define PITH_DROPIN_H

#include "options.h"

/* The dialect of the program that argv[0] names (with or without a directory),
 * or NULL where it names none that we stand in for. */
const struct dialect *dropin_find(const char *argv0);

#endif
