/* Values of options for the namespaces and the root of a sandbox. Each kind of
 * value has one parser; it returns false if the text is wrong. Values point
 * into the text that was parsed. */
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

enum bind_kind { VOLUME, TMPFS, DIR_AT, SYMLINK, FILE_AT, DEVICE };
enum {
	BIND_RO = 1,
	BIND_EXEC = 2,
	BIND_NOEXEC = 4,
	BIND_DEV = 8,
	BIND_TRY = 16
};

/* Value of --volume, --tmpfs, --dir, --symlink, --file or --device. */
struct bind_value {
	unsigned char kind;     /* enum bind_kind */
	unsigned char flags;    /* BIND_* */
	int fd;                 /* of FILE_AT; -1 if from is no number */
	int mode;               /* of a tmpfs or file; -1: the default */
	const char *from;       /* source, or target of a link; or NULL */
	const char *to;         /* absolute path inside */
	const char *size;       /* of a tmpfs, tmpfs(5); NULL: the default */
	const char *text;       /* for error messages */
};

/* Parse "FROM:TO:SETTING,...", or as much of it as the kind has. \: is a colon
 * in a path. Changes text, to which the value points then. If a setting is
 * wrong, sets *bad_setting to it. */
bool value_bind(struct bind_value *b, enum bind_kind kind, char *text,
    const char **bad_setting);

#endif
