#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../cli/log.h"
#include "image.h"
#include "mounts.h"

/* File systems of an image, and the four bytes that identify them. */
static const struct { char type[12]; short at; char magic[5]; } types[] = {
	{ .type = "squashfs", .at = 0, .magic = "hsqs" },
	{ .type = "erofs", .at = 1024, .magic = "\xe2\xe1\xf5\xe0" },
};

const char *
image_type(int image)
{
	char magic[4];

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (pread(image, magic, sizeof(magic), types[i].at) ==
		    sizeof(magic) &&
		    memcmp(magic, types[i].magic, sizeof(magic)) == 0)
			return types[i].type;
	return NULL;
}

/* Attach the image to a free loop device, and write the path of the device.
 * Retry, as another process may take the device first. Return a descriptor, or
 * -1 with errno. */
static int
attach_loop_device(int image, char *path, size_t size)
{
	const struct loop_config c = { .fd = image,
	    .info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR };
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

	for (int tries = 0; control >= 0 && tries < 64; tries++) {
		struct strbuf l = { path, size, 0 };
		int number = ioctl(control, LOOP_CTL_GET_FREE), loop;

		if (number < 0)
			return -1;
		strbuf_add(&l, "/dev/loop");
		strbuf_number(&l, number);
		loop = open(path, O_RDONLY | O_CLOEXEC);
		if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &c) == 0) {
			close(control);
			return loop;
		}
		if (loop < 0 || errno != EBUSY)
			return -1;
		close(loop);
	}
	return -1;
}

int
image_mount(int image, const char *type, const char *path)
{
	char device[24], text[48];
	struct strbuf options = STRBUF(text);
	int loop = attach_loop_device(image, device, sizeof(device));
	int mount;

	if (loop < 0)
		die_with("cannot attach to a loop device", path,
		    "use a directory: images need root and "
		    "/dev/loop-control");
	strbuf_add(&options, "source=");
	strbuf_add(&options, device);
	strbuf_add(&options, ",ro");
	mount = mounts_new(type, text, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
	    MOUNT_ATTR_NODEV);
	if (mount < 0)
		die("cannot mount the image", path);
	close(loop);
	return mount;
}
