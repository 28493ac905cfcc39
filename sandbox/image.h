/* A file that holds a file system: squashfs or erofs. */
#ifndef PITH_SANDBOX_IMAGE_H
#define PITH_SANDBOX_IMAGE_H

/* The type of the file system in an open file, by its first bytes; NULL where
 * it is neither of the two. */
const char *image_type(int image);

/* A detached read-only mount of the same open file, as that type, through a
 * loop device that goes with it; dies, naming path. loop(4) */
int image_mount(int image, const char *type, const char *path);

#endif
