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

/* One that is relayed. */
struct port {
	const char *word;       /* the option's, for errors */
	int fd;                 /* bound and listening, does not wait */
	bool datagrams;         /* UDP, else TCP */
	uint16_t inner;         /* the port in the sandbox, of this machine's
	                         * byte order */
	unsigned char nth;      /* it is on 127.0.0.1 inside, plus that */
};

/* Take the words apart and open all that they name, before anything is done;
 * what is wrong, and what others have, is refused. Those of --listen are files
 * 3 and on from now, so nothing may be there that is still needed. With own the
 * sandbox has another network than we: then these files become sockets by
 * ports_open_inner(), and what is opened here is relayed to them: a socket
 * stays in its network namespace, and connect(2) can aim it anew. socket(7),
 * ip(7), ipv6(7) */
void ports_prepare(const struct sandbox *s, bool own);

/* In the network of the sandbox, with lo up: open the command's own sockets of
 * --listen, where they are still to be opened; dies. */
void ports_open_inner(void);

/* The end of a pipe that hangs up once init has opened them; -1 where none are
 * to be opened. Every other process that was there before ports_open_inner()
 * has to give up its writing end by ports_leave_inner(). */
int ports_opening(void);
void ports_leave_inner(void);

/* Those to be relayed, and how many. */
const struct port *ports_published(int *count);

/* How many files there are from 3 on by --listen, to be kept open for the
 * command; sd_listen_fds(3). */
int ports_listening(void);

#endif
