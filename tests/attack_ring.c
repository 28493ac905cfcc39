/* Run a command that inherits an io_uring as descriptor N:
 *
 *	attack_ring N COMMAND     exit with 77 if the kernel has no io_uring
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SETUP = 425 };           /* io_uring_setup(2), on all architectures */

int
main(int argc, char **argv)
{
	uint32_t parameters[30] = { 0 };
	int n = argc > 2 ? atoi(argv[1]) : -1;
	int ring = syscall(SETUP, 4, parameters);

	if (n < 0)
		return 2;
	if (ring < 0)
		return 77;
	if (ring == n || dup2(ring, n) < 0 || close(ring) < 0)
		return 99;
	execvp(argv[2], argv + 2);
	perror("attack_ring");
	return 99;
}
