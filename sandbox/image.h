/* Images: files that hold a squashfs or erofs file system. */
#ifndef PITH_SANDBOX_IMAGE_H
#define PITH_SANDBOX_IMAGE_H

/* Return the type of the file system in the file of descriptor image, by its
 * magic number: "squashfs" or "erofs", else NULL. */
const char *image_type(int image);

/* Mount the file of descriptor image, read-only. Returns a detached mount. Its
 * loop device is detached with the mount. Dies on failure, with path in the
 * error. loop(4) */
int image_mount(int image, const char *type, const char *path);

#endif
