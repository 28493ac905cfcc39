#include <linux/sched.h>
#include <string.h>

#include "values.h"
#include "values_root.h"

bool
text_id(const char **text, char stop, uint32_t *id)
{
	uint64_t value;

	if (!text_number(text, UINT32_MAX, &value) || **text != stop)
		return false;
	*id = value;
	*text += stop != '\0';
	return true;
}

bool
value_id_map(struct id_map *map, const char *text, bool of_groups)
{
	struct extent *e = &map->extent;

	map->of_groups = of_groups;
	map->text = text;
	return text_id(&text, ':', &e->inside) &&
	    text_id(&text, ':', &e->outside) &&
	    text_id(&text, '\0', &e->count) && e->count > 0 &&
	    (uint64_t)e->inside + e->count <= UINT32_MAX &&
	    (uint64_t)e->outside + e->count <= UINT32_MAX;
}

const struct namespace namespaces[NAMESPACES] = {
	{ .name = "cgroup", .flag = CLONE_NEWCGROUP },
	{ .name = "ipc", .flag = CLONE_NEWIPC },
	{ .name = "mnt", .flag = CLONE_NEWNS },
	{ .name = "net", .flag = CLONE_NEWNET },
	{ .name = "pid", .flag = CLONE_NEWPID },
	{ .name = "time", .flag = CLONE_NEWTIME },
	{ .name = "user", .flag = CLONE_NEWUSER },
	{ .name = "uts", .flag = CLONE_NEWUTS },
};

bool
value_namespaces(int *flags, const char *text)
{
	for (size_t n; *text; text += n + (text[n] == ',')) {
		int i = 0;

		n = strchrnul(text, ',') - text;
		while (i < NAMESPACES && (strlen(namespaces[i].name) != n ||
		    memcmp(namespaces[i].name, text, n) != 0))
			i++;
		if (i == NAMESPACES)
			return false;
		*flags |= namespaces[i].flag;
	}
	return true;
}

int
value_clock(struct clock_offset *offset, const char *text)
{
	const bool of_boot = strncmp(text, "boot=", 5) == 0;
	const char *digits = text + (of_boot ? 5 : 10);
	int64_t seconds;
	bool negative;

	if (!of_boot && strncmp(text, "monotonic=", 10) != 0)
		return -1;
	negative = *digits == '-';
	digits += negative || *digits == '+';
	seconds = value_number(digits, INT64_MAX / 10);
	if (seconds < 0)
		return -1;
	offset->text = text;
	offset->seconds = negative ? -seconds : seconds;
	return of_boot ? CLOCK_OF_BOOT : MONOTONIC_CLOCK;
}

bool
value_sysctl(struct sysctl *sysctl, const char *text)
{
	const size_t n = strcspn(text, "=/");

	sysctl->text = text;
	sysctl->value = text + n + 1;
	return n > 0 && n <= 200 && text[n] == '=';
}

/* Cut off the field up to the next colon. A backslash quotes the next
 * character. Returns NULL if no field is left. */
static char *
cut_field(char **text)
{
	char *field = *text, *to = field, *from = field;

	if (!field)
		return NULL;
	for (; *from && *from != ':'; *to++ = *from++)
		if (*from == '\\' && from[1])
			from++;
	*text = *from ? from + 1 : NULL;
	*to = '\0';
	return field;
}

/* An octal mode of one to four digits; -1 if text is none. */
static int
parse_mode(const char *text)
{
	const size_t n = strspn(text, "01234567");
	int mode = 0;

	if (n == 0 || n > 4 || text[n])
		return -1;
	while (*text)
		mode = mode * 8 + *text++ - '0';
	return mode;
}

static bool
parse_setting(struct bind_value *b, const char *word)
{
	static const struct {
		char name[8];
		unsigned char kinds, flags;
	} known[] = {
		{ .name = "ro", .flags = BIND_RO,
		    .kinds = 1 << VOLUME | 1 << FILE_AT },
		{ .name = "rw", .kinds = 1 << VOLUME },
		{ .name = "exec", .flags = BIND_EXEC,
		    .kinds = 1 << VOLUME | 1 << TMPFS },
		{ .name = "noexec", .flags = BIND_NOEXEC,
		    .kinds = 1 << VOLUME | 1 << TMPFS },
		{ .name = "dev", .flags = BIND_DEV, .kinds = 1 << VOLUME },
		{ .name = "try", .flags = BIND_TRY,
		    .kinds = 1 << VOLUME | 1 << DEVICE },
	};

	if (b->kind == TMPFS && strncmp(word, "size=", 5) == 0) {
		b->size = word + 5;
		return !strchr(b->size, ',');
	}
	if ((b->kind == TMPFS || b->kind == FILE_AT) &&
	    strncmp(word, "mode=", 5) == 0) {
		b->mode = parse_mode(word + 5);
		return b->mode >= 0;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if ((known[i].kinds & 1 << b->kind) &&
		    strcmp(word, known[i].name) == 0) {
			b->flags |= known[i].flags;
			return true;
		}
	return false;
}

bool
value_bind(struct bind_value *b, enum bind_kind kind, char *text,
    const char **bad_setting)
{
	char *next;

	*b = (struct bind_value){ .kind = kind, .fd = -1, .mode = -1 };
	*bad_setting = NULL;
	if (kind != TMPFS && kind != DIR_AT)
		b->from = cut_field(&text);
	b->to = kind == DEVICE && !text ? b->from : cut_field(&text);
	if (!b->to || b->to[0] != '/' || (b->from && !*b->from))
		return false;
	if (kind == FILE_AT)
		b->fd = value_number(b->from, INT32_MAX);
	for (; text; text = next) {
		next = strchr(text, ',');
		if (next)
			*next++ = '\0';
		if (!parse_setting(b, text)) {
			*bad_setting = text;
			return false;
		}
	}
	return true;
}
