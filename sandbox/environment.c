#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../cli/memory.h"
#include "../cli/startup.h"
#include "environment.h"

extern char **environ;

enum {
	FILES_MOST = 16 << 20,          /* execve(2) allows only 6 MiB */
	FIRST_SIZE = 128                /* entries of a new table */
};

/* Entries NAME=VALUE in order, and a hash table to find them by name. The
 * number of slots is a power of two and twice the size of entries, so that a
 * free slot ends every search. */
struct variables {
	struct memory memory;
	char **entries;                 /* NULL where one was removed */
	uint32_t *slots;                /* index of an entry plus 1, or 0 */
	size_t used, size;              /* elements of entries */
};

static struct environment {
	char **inherited;               /* environment of the caller */
	struct variables known;         /* inherited, found by name */
	struct variables table;         /* environment of the command */
	/* Lines of all --env-file, as strings. An empty string ends each
	 * file. */
	struct memory files;
	size_t files_used;
	/* Entries of the table that pith makes. */
	char home[5 + HOME_MAX], host[9 + 65];
	char listen_fds[11 + 12], listen_pid[11 + 12];
} environment;

/* ---- checking ----------------------------------------------------------- */

/* Append a file to files, as a string. */
static void
read_env_file(struct environment *v, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	size_t n;

	if (fd < 0)
		die("cannot read", path);
	/* The file may be a pipe of a shell, <(...), or a FIFO that has no
	 * writer yet. */
	n = startup_read(&v->files, v->files_used, fd, FILES_MOST, path);
	if (n > FILES_MOST) {
		errno = EFBIG;
		die("cannot read", path);
	}
	close(fd);
	if (memchr((char *)v->files.block + v->files_used, '\0',
	    n - v->files_used))
		diex("cannot read", path, "it is not a text file", NULL);
}

/* Read a file and keep its variables, in place. As in docker, skip blanks
 * before a name and the \r at the end of a DOS line. */
static void
parse_env_file(struct environment *v, const char *path)
{
	char *line, *to, *next;

	read_env_file(v, path);
	line = to = (char *)v->files.block + v->files_used;
	for (; *line; line = next) {
		size_t n;

		line += strspn(line, " \t");
		n = strcspn(line, "\n");
		next = line + n + (line[n] != '\0');
		n -= n > 0 && line[n - 1] == '\r';
		if (n == 0 || *line == '#')
			continue;
		line[n] = '\0';
		if (strcspn(line, "= \t") == 0 ||
		    strcspn(line, " \t") < strcspn(line, "="))
			diex("bad variable", line, "in --env-file", path);
		memmove(to, line, n + 1);
		to += n + 1;
	}
	*to++ = '\0';
	v->files_used = to - (char *)v->files.block;
}

void
environment_prepare(const struct sandbox *s, bool has_rootfs)
{
	(void)has_rootfs;
	environment.inherited = environ;
	for (int i = 0; i < s->change_count; i++)
		if (s->changes[i].kind == VARIABLE_FILE)
			parse_env_file(&environment, s->changes[i].text);
}

/* ---- building ----------------------------------------------------------- */

/* True if an entry has a name and a "=", and that name unless size is 0. */
static bool
entry_has_name(const char *entry, const char *name, size_t size)
{
	const size_t n = strcspn(entry, "=");

	return n > 0 && entry[n] && (size == 0 ||
	    (n == size && memcmp(entry, name, n) == 0));
}

/* FNV-1a */
static uint32_t
hash_name(const char *name, size_t size)
{
	uint32_t h = 2166136261;

	for (size_t i = 0; i < size; i++)
		h = (h ^ (unsigned char)name[i]) * 16777619;
	return h;
}

/* Return the slot of the entry with that name, or a free slot. */
static uint32_t *
find_slot(const struct variables *v, const char *name, size_t size)
{
	const size_t mask = 2 * v->size - 1;
	size_t i = hash_name(name, size) & mask;

	for (; v->slots[i]; i = (i + 1) & mask) {
		const char *entry = v->entries[v->slots[i] - 1];

		if (entry && entry_has_name(entry, name, size))
			break;
	}
	return &v->slots[i];
}

/* Append NAME=VALUE and remove the entry that had the name. The caller makes
 * room. */
static void
append_entry(struct variables *v, char *entry)
{
	uint32_t *slot = find_slot(v, entry, strcspn(entry, "="));

	if (*slot)
		v->entries[*slot - 1] = NULL;
	v->entries[v->used++] = entry;
	*slot = v->used;
}

/* Move the remaining entries to a table that is at most half full. */
static void
grow_table(struct variables *v)
{
	struct variables larger = { .size = FIRST_SIZE };
	size_t left = 0;

	for (size_t i = 0; i < v->used; i++)
		left += v->entries[i] != NULL;
	while (larger.size < 2 * left)
		larger.size *= 2;
	memory_reserve(&larger.memory, larger.size *
	    (sizeof(char *) + 2 * sizeof(uint32_t)));
	larger.entries = larger.memory.block;
	larger.slots = (void *)(larger.entries + larger.size);
	for (size_t i = 0; i < v->used; i++)
		if (v->entries[i])
			append_entry(&larger, v->entries[i]);
	memory_release(&v->memory);
	*v = larger;
}

static void
set_variable(struct variables *v, char *entry)
{
	if (v->used == v->size)
		grow_table(v);
	append_entry(v, entry);
}

static void
unset_variable(struct variables *v, const char *name, size_t size)
{
	const uint32_t slot = v->size > 0 ? *find_slot(v, name, size) : 0;

	if (slot > 0)
		v->entries[slot - 1] = NULL;
}

/* Copy the caller's variable of that name to the table, or all if size is 0. */
static void
keep_variable(struct environment *v, const char *name, size_t size)
{
	struct variables *known = &v->known;
	uint32_t slot;

	if (known->size == 0)
		for (char **e = v->inherited; *e; e++)
			if (entry_has_name(*e, NULL, 0))
				set_variable(known, *e);
	for (size_t i = 0; i < known->used && size == 0; i++)
		if (known->entries[i])
			set_variable(&v->table, known->entries[i]);
	slot = size > 0 && known->size > 0 ? *find_slot(known, name, size) : 0;
	if (slot > 0)
		set_variable(&v->table, known->entries[slot - 1]);
}

/* Apply NAME=VALUE, or NAME for our own value. */
static void
apply_entry(struct environment *v, char *entry)
{
	const size_t n = strcspn(entry, "=");

	if (entry[n])
		set_variable(&v->table, entry);
	else
		keep_variable(v, entry, n);
}

/* Set the variables of a sandbox with a root. */
static void
set_base_variables(struct environment *v, const struct sandbox *s)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
	    "/usr/bin:/sbin:/bin";
	static char lang[] = "LANG=C.UTF-8";
	struct strbuf n = STRBUF(v->host);

	strbuf_add(&n, "HOSTNAME=");
	strbuf_add(&n, s->hostname ? s->hostname : "pith");
	set_variable(&v->table, path);
	set_variable(&v->table, v->home);
	keep_variable(v, "TERM", 4);
	set_variable(&v->table, lang);
	keep_variable(v, "LANG", 4);
	set_variable(&v->table, v->host);
}

static void
apply_changes(struct environment *v, const struct sandbox *s)
{
	char *file = v->files.block;

	for (int i = 0; i < s->change_count; i++) {
		const struct variable_change *c = &s->changes[i];

		switch (c->kind) {
		case VARIABLE_SET:
			set_variable(&v->table, c->text);
			break;
		case VARIABLE_KEPT:
			keep_variable(v, c->text, c->size);
			break;
		case VARIABLE_UNSET:
			unset_variable(&v->table, c->text, c->size);
			break;
		case VARIABLE_FILE:
			for (; *file; file += strlen(file) + 1)
				apply_entry(v, file);
			file++;
		}
	}
}

static void
write_listen_pid(struct environment *v, pid_t pid)
{
	struct strbuf l = STRBUF(v->listen_pid);

	strbuf_add(&l, "LISTEN_PID=");
	strbuf_number(&l, pid);
}

/* Set the variables of socket activation, sd_listen_fds(3). Remove ours that
 * describe the sockets of another process. */
static void
set_listen_fds(struct environment *v, int count)
{
	struct strbuf l = STRBUF(v->listen_fds);

	strbuf_add(&l, "LISTEN_FDS=");
	strbuf_number(&l, count);
	write_listen_pid(v, 0);         /* environment_pid() sets it */
	unset_variable(&v->table, "LISTEN_FDNAMES", 14);
	unset_variable(&v->table, "LISTEN_PIDFDID", 14);
	set_variable(&v->table, v->listen_fds);
	set_variable(&v->table, v->listen_pid);
}

/* Return the entries without gaps, as an array that NULL ends. */
static char **
compact_table(struct variables *v)
{
	size_t n = 0;

	if (v->used == v->size)
		grow_table(v);
	for (size_t i = 0; i < v->used; i++)
		if (v->entries[i])
			v->entries[n++] = v->entries[i];
	v->entries[n] = NULL;
	return v->entries;
}

void
environment_build(const struct sandbox *s, const struct identity *id,
    bool has_rootfs, int listening)
{
	struct environment *v = &environment;
	struct strbuf h = STRBUF(v->home);

	if (!has_rootfs && !id->uid_given && listening == 0 &&
	    s->change_count == 0)
		return;
	strbuf_add(&h, "HOME=");
	strbuf_add(&h, id->home);
	if (has_rootfs)
		set_base_variables(v, s);
	else
		keep_variable(v, NULL, 0);
	if (!has_rootfs && id->uid_given)
		set_variable(&v->table, v->home);
	apply_changes(v, s);
	if (listening > 0)
		set_listen_fds(v, listening);
	environ = compact_table(&v->table);
}

void
environment_pid(pid_t pid)
{
	write_listen_pid(&environment, pid);
}

/* ---- wiping ------------------------------------------------------------- */

static void
wipe_string(char *text)
{
	memset(text, 0, strlen(text));
}

void
environment_wipe(const struct sandbox *s)
{
	static char *empty[1];
	struct environment *v = &environment;

	for (char **e = v->inherited; *e; e++)
		wipe_string(*e);
	for (int i = 0; i < s->change_count; i++)
		if (s->changes[i].kind == VARIABLE_SET)
			wipe_string(s->changes[i].text + s->changes[i].size);
	if (v->files.block)
		memset(v->files.block, 0, v->files_used);
	environ = empty;
	memory_release(&v->files);
	memory_release(&v->known.memory);
	memory_release(&v->table.memory);
}
