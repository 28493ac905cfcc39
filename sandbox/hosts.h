/* How names become addresses in a sandbox: /etc/hosts and /etc/resolv.conf. */
#ifndef PITH_SANDBOX_HOSTS_H
#define PITH_SANDBOX_HOSTS_H

#include "sandbox.h"

/* Take --add-host and --dns apart; what is wrong is refused. Where there is one
 * the file that it makes is put into the root after what --volume and the like
 * put there, on a file system of its own; one of those on the file itself is
 * refused. After volumes_prepare(). hosts(5), resolv.conf(5) */
void hosts_prepare(const struct sandbox *s);

#endif
