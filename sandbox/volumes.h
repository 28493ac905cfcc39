/* What the command line puts into the root: --volume --tmpfs --dir --symlink
 * --file --device, in its order. */
#ifndef PITH_SANDBOX_VOLUMES_H
#define PITH_SANDBOX_VOLUMES_H

#include <sys/stat.h>

#include "sandbox.h"

/* Take the options apart, and open what they name, before anything is done;
 * what is wrong is refused. Their values are cut in place. */
void volumes_prepare(const struct sandbox *s);

/* After that: the rest of an open file is to be a file at path, for everyone to
 * read. Refused with that remedy where the command line puts something there
 * itself. */
void volumes_add_file(int fd, const char *path, const char *remedy);

/* Whether device nodes can be opened in one of them. */
bool volumes_have_nodes(void);

/* The device of each --device that is there, for a *next that begins at 0.
 * False after the last. */
bool volumes_device(int *next, struct stat *st);

/* In a launcher that is root: pass the mounts on to init, with owners as the
 * user namespace maps them; dies. */
void volumes_send(int userns);

/* In init: one that came, as the launcher numbered it. */
void volumes_take(int number, int mount);

/* In init: put them all into the root; dies. In a tree of this_host /run, /tmp
 * and /var/run are empty below them: connect(2) reaches the host's services by
 * the sockets there, however read-only the tree is. */
void volumes_build(int root, bool this_host);

#endif
