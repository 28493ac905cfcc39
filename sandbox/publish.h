/* Between the host's network and that of a sandbox: a process that takes
 * connections and datagrams on the ports of --publish and passes them on to the
 * same port of 127.0.0.1, or else ::1, inside. */
#ifndef PITH_SANDBOX_PUBLISH_H
#define PITH_SANDBOX_PUBLISH_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether there is a port to relay. */
bool publish_wanted(void);

/* In the launcher, which holds all signals: start it. own_user and own_net:
 * init is in such a namespace of its own, which the process enters, and then
 * has no capability. It ends with the launcher; and when init has ended and
 * what was sent by then has been passed on, a second later at most. The caller
 * reaps it. Dies where it cannot be started; setns(2), splice(2), epoll(7). */
pid_t publish_start(pid_t init, bool own_user, bool own_net);

#endif
