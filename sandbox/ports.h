/* Ports of the host that lead to a sandbox: --publish and --listen. */
#ifndef PITH_SANDBOX_PORTS_H
#define PITH_SANDBOX_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox.h"

enum {
	PORTS = 64,             /* at most, of each option */
	PORTS_FIRST = 3         /* first descriptor of --listen */
};

/* A port that is relayed. */
struct port {
	const char *word;       /* value of the option, for errors */
	int fd;                 /* bound, listening and non-blocking */
	bool datagrams;         /* UDP, else TCP */
	uint16_t inner;         /* port in the sandbox, in host byte order */
	unsigned char nth;      /* offset to 127.0.0.1 of the inner address */
};

/* Open all sockets of --publish and --listen, before anything is changed. Dies
 * if a port is in use. The sockets of --listen
 * become descriptors 3 and up; the caller must not use these numbers any more.
 * Set own if the sandbox has its own network namespace. A socket stays in the
 * namespace where it was made, and connect(2) can redirect it. So the sockets
 * opened here are then relayed to those that ports_open_inner() opens inside;
 * socket(7), ip(7), ipv6(7). */
void ports_prepare(const struct sandbox *s, bool own);

/* In init, in the sandbox's network namespace with lo up: open the command's
 * sockets of --listen if ports_prepare() got own. Dies on failure. */
void ports_open_inner(void);

/* Return the read end of a pipe that hangs up once init has opened these
 * sockets; -1 if there are none. */
int ports_opening(void);

/* Close our ends of that pipe. Call it in every other process that exists
 * before ports_open_inner(), or the pipe does not hang up. */
void ports_leave_inner(void);

/* Return the ports to relay; their number is stored in *count. */
const struct port *ports_published(int *count);

/* Return the number of descriptors of --listen, from 3 up, that must be kept
 * open for the command; sd_listen_fds(3). */
int ports_listening(void);

#endif
