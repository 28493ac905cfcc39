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
void fds_close_input_and_output(int except);

/* Processes that keep a descriptor: pith outside of a sandbox, the init of a
 * sandbox, and that init until the command runs. */
enum { FDS_OUTSIDE = 1, FDS_INIT = 2, FDS_SETUP = 4 };

/* Keep count descriptors open in these processes. The array must stay valid and
 * may change; negative numbers are skipped. Dies if there are too many arrays,
 * which is a bug. */
void fds_keep(const int *fds, int count, unsigned int processes);

/* Close all descriptors from first on, except those that these processes keep.
 */
void fds_close_others(unsigned int processes, unsigned int first);

#endif
