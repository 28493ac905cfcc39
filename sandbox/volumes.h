/* Mounts, directories and links that the command line adds to the root, in the
 * order of the command line: --volume --tmpfs --dir --symlink --file
 * --device. */
#ifndef PITH_SANDBOX_VOLUMES_H
#define PITH_SANDBOX_VOLUMES_H

#include <sys/stat.h>

#include "sandbox.h"

/* Parse the options, writing NULs into their values, and open their sources.
 * Changes nothing outside the process. Dies on a bad value, or if a source
 * without the flag "try" cannot be opened. */
void volumes_prepare(const struct sandbox *s);

/* Add a file with mode 0644 at path. Its content is read from fd, from the
 * current offset on. Call after volumes_prepare(). Dies with remedy if an
 * option of the command line already uses path. path has to stay valid. */
void volumes_add_file(int fd, const char *path, const char *remedy);

/* True if device nodes can be opened on one of the volumes (flag "dev"). */
bool volumes_have_nodes(void);

/* Iterate over the devices of --device that exist. Start with *next = 0; each
 * call fills in st. Returns false after the last device. */
bool volumes_device(int *next, struct stat *st);

/* In a launcher that is root: clone the volumes and devices, map their owners
 * to the user namespace of descriptor userns, and send the detached mounts to
 * init. Dies on failure. mount_setattr(2), MOUNT_ATTR_IDMAP */
void volumes_send(int userns);

/* In init: keep a mount that the launcher sent. number is the code of its
 * message. Takes over the descriptor. */
void volumes_receive(int number, int mount);

/* In init: add everything to the root, given as a directory descriptor. Dies on
 * failure. If the root is the tree of this host, first cover /run, /var/run and
 * /tmp with empty tmpfs: connect(2) reaches the host's services through the
 * sockets there, even on a read-only mount. */
void volumes_build(int root, bool this_host);

#endif
