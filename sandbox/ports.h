/* Ports of the host that a sandbox answers: --publish and --listen. */
#ifndef PITH_SANDBOX_PORTS_H
#define PITH_SANDBOX_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox.h"

enum {
	PORTS = 64,             /* of each option; more are refused */
	PORTS_FIRST = 3         /* the first file by --listen */
};

/* One that is published. */
struct port {
	int fd;                 /* bound and listening, does not wait */
	bool datagrams;         /* UDP, else TCP */
	uint16_t inner;         /* the port in the sandbox, of this machine's
	                         * byte order */
};

/* Take the words apart and open all that they name, before anything is done;
 * what is wrong, and what others have, is refused. Those of --listen are files
 * 3 and on from now, so nothing may be there that is still needed. With own the
 * sandbox has another network than we. socket(7), ip(7), ipv6(7) */
void ports_prepare(const struct sandbox *s, bool own);

/* Those of --publish, and how many. */
const struct port *ports_published(int *count);

/* How many files there are from 3 on by --listen, to be kept open for the
 * command; sd_listen_fds(3). */
int ports_listening(void);

#endif
