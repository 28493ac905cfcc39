/* Replacement for tini, dumb-init and catatonit, chosen by the name in argv[0].
 */
#ifndef PITH_DROPIN_H
#define PITH_DROPIN_H

#include "options.h"

/* Return the dialect of the program that argv[0] names, with or without a
 * directory; NULL if pith does not replace that program. */
const struct dialect *dropin_find(const char *argv0);

#endif
