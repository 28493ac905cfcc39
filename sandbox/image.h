/* A file that holds a file system: squashfs or erofs. */
#ifndef PITH_SANDBOX_IMAGE_H
#define PITH_SANDBOX_IMAGE_H

#include <stdbool.h>

/* Whether the file begins as one of the two does. */
bool image_is(const char *path);

/* A detached read-only mount of it, through a loop device that goes with it;
 * dies. loop(4) */
int image_mount(const char *path);

#endif
