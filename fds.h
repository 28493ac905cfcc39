/* Descriptors 0 to 2 of pith itself, which may be closed when it starts. */
#ifndef PITH_FDS_H
#define PITH_FDS_H

/* Occupy each closed one of the descriptors 0 to 2, before anything is opened:
 * open(2) takes the lowest free number, and a file of ours there would be the
 * command's standard input, output or error. Reading from or writing to an
 * O_PATH placeholder fails with EBADF; the eventfd used without /dev/null never
 * blocks. Placeholders close on exec, so that the command finds the number
 * closed. Dies where no placeholder can be had. */
void fds_occupy(void);

/* Close the placeholders from 0 to last again: for the init of a device, which
 * opens its console there, and for a process 1 that keeps what it was given. */
void fds_release(int last);

#endif
