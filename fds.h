/* Descriptors of pith itself: 0 to 2 at the start, and those that stay open. */
#ifndef PITH_FDS_H
#define PITH_FDS_H

/* Occupy each closed descriptor from 0 to 2 before anything is opened: open(2)
 * takes the lowest free number, and a file of pith there would be the command's
 * standard input, output or error. Reading from or writing to an O_PATH
 * placeholder fails with EBADF; the eventfd used without /dev/null never
 * blocks. Placeholders close on exec, so the command finds the number closed.
 * Dies if no placeholder can be opened. */
void fds_occupy(void);

/* Close the placeholders, which alone are close-on-exec, from 0 to last: for
 * the init of a device, which opens its console there, and for a process 1 that
 * keeps its standard files.
 */
void fds_release(int last);

/* Close standard input and output, so that a process that reads until
 * end-of-file does not wait for us. The descriptor kept stays open; -1: none.
 */
void fds_close_input_and_output(int kept);

/* Close all descriptors from a number to another one, both included.
 * Does nothing if from is above to. close_range(2), Linux 5.9; before that up
 * to 65535, one by one. */
void fds_close_range(unsigned int from, unsigned int to);

#endif
