/* Growing tables for options that may be repeated without a limit. */
#ifndef PITH_MEMORY_H
#define PITH_MEMORY_H

#include <stddef.h>

/* A block of anonymous pages, mmap(2). A zeroed struct is an empty block. */
struct memory {
	void *block;
	size_t size;            /* bytes at block */
};

/* Grow the block to at least size bytes; a growing block at least doubles. The
 * contents stay and new bytes are 0. The address changes. Dies
 * if there is no memory. */
void memory_reserve(struct memory *m, size_t size);

/* Append a row of size bytes to the array in the block, which has *count rows,
 * and count it. Returns the array, which may have moved. Dies if there is no
 * memory. */
void *memory_append(struct memory *m, int *count, const void *row, size_t size);

/* Unmap the pages and leave an empty block. */
void memory_release(struct memory *m);

#endif
