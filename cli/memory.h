/* Memory for what a user can have any number of. */
#ifndef PITH_MEMORY_H
#define PITH_MEMORY_H

#include <stddef.h>

/* A block of anonymous pages, mmap(2). All zeros is an empty block. */
struct memory {
	void *block;
	size_t size;            /* bytes at block */
};

/* Make the block at least size bytes large, at least doubling it. The contents
 * stay, new bytes are 0, and the address may change: mremap(2). A failure ends
 * in die() with ENOMEM. */
void memory_reserve(struct memory *m, size_t size);

/* Give the pages back; the block is empty then. */
void memory_release(struct memory *m);

#endif
