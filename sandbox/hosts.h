/* Name resolution in a sandbox: /etc/hosts and /etc/resolv.conf. */
#ifndef PITH_SANDBOX_HOSTS_H
#define PITH_SANDBOX_HOSTS_H

#include "sandbox.h"

/* Add the files of --add-host and --dns to the binds, after those of --volume
 * and similar options; a bind on the same file is refused. Each file is a mount
 * of its own. Call it after volumes_prepare(); hosts(5), resolv.conf(5). */
void hosts_prepare(const struct sandbox *s);

#endif
