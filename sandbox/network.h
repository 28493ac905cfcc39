/* An interface for a sandbox, by rtnetlink(7): a veth(4) pair, or a macvlan
 * beside an interface of the host. Inside it is eth0. It goes with the network
 * namespace that it is in, and the host's end of a pair with it. */
#ifndef PITH_SANDBOX_NETWORK_H
#define PITH_SANDBOX_NETWORK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox.h"

/* Take --network, --ip and --gateway apart, before anything is done; what is
 * wrong is refused. */
void network_prepare(const struct sandbox *s);

/* Whether there is to be an interface. */
bool network_wanted(void);

/* In the launcher: make it in the network namespace that init was born in; the
 * host's end is called pith and the pid of init, and goes into the bridge, or
 * without one has the addresses of the gateways. Dies, and nothing is left. */
void network_provide(pid_t init);

/* In init, as root of the namespace: addresses and routes; dies. */
void network_set(void);

/* In init: a socket that sees the interface, and keeps it; -1 where there is
 * none. In the launcher: the bytes that went in and out so far, by that socket;
 * -1 where they cannot be known. */
int network_open(void);
void network_count(int fd, int64_t *in, int64_t *out);

#endif
