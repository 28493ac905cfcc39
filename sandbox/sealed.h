/* Our own program as a copy that nobody can write. */
#ifndef PITH_SANDBOX_SEALED_H
#define PITH_SANDBOX_SEALED_H

/* Become a copy of ourselves, called again with argv and environ, in a sealed
 * file that is nowhere in the file system; comes back in the copy. Who can
 * trace process 1 inside could else write to the program of the host
 * (CVE-2019-5736). Dies. memfd_create(2), F_ADD_SEALS of fcntl(2) */
void sealed_become(char **argv);

#endif
