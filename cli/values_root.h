/* Values of options for the namespaces and the root of a sandbox. Each kind of
 * value has one parser; it returns false if the text is wrong. Pointers to text
 * remain valid with the text that was parsed, which is not changed. */
#ifndef PITH_VALUES_ROOT_H
#define PITH_VALUES_ROOT_H

#include <stdbool.h>
#include <stdint.h>

/* A range of user or group ids, user_namespaces(7). */
struct extent { uint32_t inside, outside, count; };

/* An extent from --uidmap or --gidmap. */
struct id_map {
	struct extent extent;
	bool of_groups;
	const char *text;       /* for error messages */
};

/* Parse an id and skip it and the character stop after it. False if the text is
 * no number up to 2^32 - 1 followed by stop. */
bool text_id(const char **text, char stop, uint32_t *id);

/* Parse "INSIDE:OUTSIDE:COUNT". */
bool value_id_map(struct id_map *map, const char *text, bool of_groups);

/* All types of namespaces, with their names in /proc/PID/ns and CLONE_NEW*. */
enum { NAMESPACES = 8 };
struct namespace { char name[8]; int flag; };
extern const struct namespace namespaces[NAMESPACES];

/* Parse a list of namespaces such as "user,mnt", and add their CLONE_NEW* to
 * *flags. */
bool value_namespaces(int *flags, const char *text);

/* Clocks of a time namespace, time_namespaces(7). */
enum clock { CLOCK_OF_BOOT, MONOTONIC_CLOCK, CLOCKS };
struct clock_offset {
	const char *text;       /* for error messages; NULL: not given */
	int64_t seconds;
};

/* Parse "boot=+N" or "monotonic=-N". Returns the enum clock; -1 if text is
 * neither. */
int value_clock(struct clock_offset *offset, const char *text);

/* A kernel parameter "NAME=VALUE" of --sysctl. */
struct sysctl {
	const char *text;       /* starts with the name */
	const char *value;      /* within text, after "=" */
};

/* Parse "NAME=VALUE". The name holds no slash. */
bool value_sysctl(struct sysctl *sysctl, const char *text);

#endif
