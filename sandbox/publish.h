/* Relay of published ports. A process accepts connections and datagrams on the
 * host's side of --publish and forwards them to 127.0.0.1 in the sandbox, or
 * to ::1 if 127.0.0.1 refuses them. */
#ifndef PITH_SANDBOX_PUBLISH_H
#define PITH_SANDBOX_PUBLISH_H

#include <stdbool.h>
#include <sys/types.h>

/* Return whether there is a port to relay. */
bool publish_wanted(void);

/* In the launcher, with all signals blocked: start the relay and return its
 * pid. own_user and own_net say that init has its own user or network
 * namespace. The relay enters these namespaces and drops all capabilities. It
 * exits with the launcher. After init has exited it forwards pending data for
 * at most one second. The caller reaps it. Dies if the relay cannot be started;
 * setns(2), splice(2), epoll(7). */
pid_t publish_start(pid_t init, bool own_user, bool own_net);

#endif
