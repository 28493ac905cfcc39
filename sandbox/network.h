/* Network interface of a sandbox, made by rtnetlink(7): a veth(4) pair, or a
 * macvlan on an interface of the host. Inside it is called eth0. The kernel
 * removes it with its network namespace, and also the host's end of a pair. */
#ifndef PITH_SANDBOX_NETWORK_H
#define PITH_SANDBOX_NETWORK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox.h"

/* Check --network, --ip and --gateway, before anything is changed. Dies if they
 * do not fit together or the host's interface does not exist. */
void network_prepare(const struct sandbox *s);

/* Return whether an interface is to be made. */
bool network_wanted(void);

/* In the launcher: make the interface in init's network namespace. The host's
 * end of a pair is named "pith" and init's pid. It is added to the bridge, or
 * gets the gateways' addresses without one. Dies on failure; the interface is
 * then removed with init's namespace. */
void network_provide(pid_t init);

/* In init, as root of the namespace: set addresses and routes and bring the
 * interface up. Dies on failure. */
void network_set(void);

/* In init: open a netlink(7) socket, which keeps the network namespace alive.
 * Returns -1 if there is no interface, or with errno on failure. */
int network_open(void);

/* In the launcher: store the bytes received and sent so far, read through the
 * socket of network_open(); -1 for both if they cannot be read. */
void network_count(int fd, int64_t *in, int64_t *out);

#endif
