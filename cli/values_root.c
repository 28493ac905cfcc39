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
	uint64_t seconds;
	bool negative;

	if (!of_boot && strncmp(text, "monotonic=", 10) != 0)
		return -1;
	negative = *digits == '-';
	digits += negative || *digits == '+';
	if (!text_number(&digits, INT64_MAX / 10, &seconds) || *digits)
		return -1;
	offset->text = text;
	offset->seconds = negative ? -(int64_t)seconds : (int64_t)seconds;
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
