#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"
#include "memory.h"

void
memory_reserve(struct memory *m, size_t size)
{
	const size_t page = getpagesize();
	void *block;

	if (size <= m->size)
		return;
	if (size < m->size * 2)
		size = m->size * 2;
	size = (size + page - 1) & -page;
	block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);
	if (block == MAP_FAILED)
		die("cannot allocate", "memory");
	if (m->block) {
		memcpy(block, m->block, m->size);
		munmap(m->block, m->size);
	}
	m->block = block;
	m->size = size;
}

void *
memory_append(struct memory *m, int *count, const void *row, size_t size)
{
	memory_reserve(m, (*count + 1) * size);
	memcpy((char *)m->block + *count * size, row, size);
	++*count;
	return m->block;
}

void
memory_release(struct memory *m)
{
	if (m->block)
		munmap(m->block, m->size);
	*m = (struct memory){ NULL, 0 };
}
