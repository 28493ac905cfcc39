#include <linux/capability.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#include "log.h"
#include "values.h"
#include "values_command.h"

/* Names of the capabilities by their numbers, capabilities(7). */
static const char cap_names[][19] = {
	[CAP_CHOWN] = "CHOWN", [CAP_DAC_OVERRIDE] = "DAC_OVERRIDE",
	[CAP_DAC_READ_SEARCH] = "DAC_READ_SEARCH", [CAP_FOWNER] = "FOWNER",
	[CAP_FSETID] = "FSETID", [CAP_KILL] = "KILL", [CAP_SETGID] = "SETGID",
	[CAP_SETUID] = "SETUID", [CAP_SETPCAP] = "SETPCAP",
	[CAP_LINUX_IMMUTABLE] = "LINUX_IMMUTABLE",
	[CAP_NET_BIND_SERVICE] = "NET_BIND_SERVICE",
	[CAP_NET_BROADCAST] = "NET_BROADCAST", [CAP_NET_ADMIN] = "NET_ADMIN",
	[CAP_NET_RAW] = "NET_RAW", [CAP_IPC_LOCK] = "IPC_LOCK",
	[CAP_IPC_OWNER] = "IPC_OWNER", [CAP_SYS_MODULE] = "SYS_MODULE",
	[CAP_SYS_RAWIO] = "SYS_RAWIO", [CAP_SYS_CHROOT] = "SYS_CHROOT",
	[CAP_SYS_PTRACE] = "SYS_PTRACE", [CAP_SYS_PACCT] = "SYS_PACCT",
	[CAP_SYS_ADMIN] = "SYS_ADMIN", [CAP_SYS_BOOT] = "SYS_BOOT",
	[CAP_SYS_NICE] = "SYS_NICE", [CAP_SYS_RESOURCE] = "SYS_RESOURCE",
	[CAP_SYS_TIME] = "SYS_TIME", [CAP_SYS_TTY_CONFIG] = "SYS_TTY_CONFIG",
	[CAP_MKNOD] = "MKNOD", [CAP_LEASE] = "LEASE",
	[CAP_AUDIT_WRITE] = "AUDIT_WRITE",
	[CAP_AUDIT_CONTROL] = "AUDIT_CONTROL", [CAP_SETFCAP] = "SETFCAP",
	[CAP_MAC_OVERRIDE] = "MAC_OVERRIDE",
	[CAP_MAC_ADMIN] = "MAC_ADMIN", [CAP_SYSLOG] = "SYSLOG",
	[CAP_WAKE_ALARM] = "WAKE_ALARM", [CAP_BLOCK_SUSPEND] = "BLOCK_SUSPEND",
	[CAP_AUDIT_READ] = "AUDIT_READ", [CAP_PERFMON] = "PERFMON",
	[CAP_BPF] = "BPF", [CAP_CHECKPOINT_RESTORE] = "CHECKPOINT_RESTORE",
};

enum { CAP_NAMES = sizeof(cap_names) / sizeof(cap_names[0]) };

/* Resource limits, prlimit(2). Their numbers differ between architectures. */
static const struct limit_type {
	char name[11];
	unsigned char number;
} limit_types[] = {
	{ "core", RLIMIT_CORE }, { "cpu", RLIMIT_CPU }, { "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE }, { "locks", RLIMIT_LOCKS },
	{ "memlock", RLIMIT_MEMLOCK }, { "msgqueue", RLIMIT_MSGQUEUE },
	{ "nice", RLIMIT_NICE }, { "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC }, { "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO }, { "rttime", RLIMIT_RTTIME },
	{ "sigpending", RLIMIT_SIGPENDING }, { "stack", RLIMIT_STACK },
	{ "as", RLIMIT_AS },
};

enum { LIMIT_TYPES = sizeof(limit_types) / sizeof(limit_types[0]) };

static bool
is_word(const char *word, const char *text, size_t size)
{
	return strncasecmp(word, text, size) == 0 && !word[size];
}

/* ---- users and groups --------------------------------------------------- */

/* Parse a part of an option, of size bytes. */
static void
parse_account(struct account *a, const char *option, const char *part,
    size_t size)
{
	a->name = part;
	a->size = size;
	a->is_number = value_id(part, size, &a->id);
	if (!a->is_number && strspn(part, "0123456789") >= size)
		diex("bad value", option, "an id is a number from 0 to "
		    "4294967294, or a name", NULL);
}

static void
set_user(struct sandbox *s, const char *text)
{
	const size_t n = strcspn(text, ":");

	s->user = text;
	parse_account(&s->user_account, text, text, n);
	s->has_group = text[n];
	if (s->has_group)
		parse_account(&s->group_account, text, text + n + 1,
		    strlen(text + n + 1));
}

static void
add_group_option(struct sandbox *s, const char *text)
{
	struct account a;

	parse_account(&a, text, text, strlen(text));
	s->groups = memory_append(&s->memory.groups, &s->group_count, &a,
	    sizeof(a));
}

/* ---- limits ------------------------------------------------------------- */

/* Parse a limit of size bytes. */
static bool
parse_limit_value(const char *text, size_t size, uint64_t *limit)
{
	const char *end = text;

	if (is_word("unlimited", text, size) || is_word("-1", text, size)) {
		*limit = UINT64_MAX;            /* RLIM64_INFINITY */
		return true;
	}
	return text_number(&end, INT64_MAX, limit) && end == text + size;
}

/* Return the number of a resource limit; -1 if there is none of that name. */
static int
ulimit_number(const char *name, size_t size)
{
	for (int i = 0; i < LIMIT_TYPES; i++)
		if (is_word(limit_types[i].name, name, size))
			return limit_types[i].number;
	return -1;
}

static _Noreturn void
refuse_ulimit(const char *text, bool list_names)
{
	char array[128];
	struct strbuf names = STRBUF(array);

	for (int i = 0; i < LIMIT_TYPES; i++) {
		strbuf_add(&names, i > 0 ? " " : "");
		strbuf_add(&names, limit_types[i].name);
	}
	diex("bad value", text, "--ulimit takes NAME=SOFT[:HARD], numbers or "
	    "unlimited", list_names ? array : NULL);
}

static void
add_ulimit(struct sandbox *s, const char *text)
{
	const size_t n = strcspn(text, "=");
	const char *soft = text + n + (text[n] != '\0');
	const size_t m = strcspn(soft, ":");
	const char *hard = soft[m] ? soft + m + 1 : soft;
	const int number = ulimit_number(text, n);
	struct ulimit new = { .text = text }, *old;

	if (number < 0 || !parse_limit_value(soft, m, &new.soft) ||
	    !parse_limit_value(hard, hard == soft ? m : strlen(hard),
	    &new.hard))
		refuse_ulimit(text, number < 0);
	if (new.soft > new.hard)
		diex("bad value", text, "the soft limit is above the hard "
		    "one", NULL);
	old = &s->ulimits[number];
	if (old->text && (old->soft != new.soft || old->hard != new.hard))
		diex("cannot take", text, "--ulimit has another value for it "
		    "already", "give it once");
	*old = new;
}

/* ---- capabilities ------------------------------------------------------- */

/* Return the number of a capability. */
static int
parse_cap(const char *text)
{
	const char *name = strncasecmp(text, "CAP_", 4) == 0 ? text + 4 : text;

	for (int i = 0; i < CAP_NAMES; i++)
		if (is_word(cap_names[i], name, strlen(name)))
			return i;
	diex("no such capability", text, NULL,
	    "use ALL, default or a name of capabilities(7)");
}

static void
add_caps(struct sandbox *s, bool drop, const char *text)
{
	struct caps *c = drop ? &s->cap_drop : &s->cap_add;
	const size_t size = strlen(text);

	if (is_word("ALL", text, size))
		c->all = true;
	else if (is_word("default", text, size))
		c->docker = true;
	else
		c->names |= UINT64_C(1) << parse_cap(text);
	if ((s->cap_add.all && s->cap_drop.all) ||
	    (s->cap_add.docker && s->cap_drop.docker) ||
	    (s->cap_add.names & s->cap_drop.names))
		diex("--cap-add contradicts --cap-drop", text, NULL,
		    "give one of them");
}

/* ---- filters ------------------------------------------------------------ */

static void
add_filter(struct sandbox *s, const char *text)
{
	struct seccomp_filter f = { text, NULL };

	if (strcmp(text, "off") == 0) {
		s->seccomp_off = true;
		return;
	}
	if (strncmp(text, "bpf:", 4) == 0)
		f.path = text + 4;
	else if (strcmp(text, "default") != 0)
		diex("bad value", text, "--seccomp takes default, off or "
		    "bpf:FILE", NULL);
	s->filters = memory_append(&s->memory.filters, &s->filter_count, &f,
	    sizeof(f));
}

static void
add_rule(struct sandbox *s, const char *text)
{
	static const struct {
		char prefix[9];
		unsigned char right;
	} types[] = {
		{ "ro:", LANDLOCK_READ }, { "rw:", LANDLOCK_WRITE },
		{ "bind:", LANDLOCK_BIND }, { "connect:", LANDLOCK_CONNECT },
	};
	struct landlock_rule r = { .text = text };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const size_t n = strlen(types[i].prefix);

		if (strncmp(text, types[i].prefix, n) == 0) {
			r.right = types[i].right;
			r.path = text + n;
		}
	}
	if (r.path && r.right >= LANDLOCK_BIND)
		r.port = value_number(r.path, UINT16_MAX);
	if (!r.path || !*r.path || r.port < 0)
		diex("bad value", text, "--landlock takes ro:PATH, rw:PATH, "
		    "bind:PORT or connect:PORT", NULL);
	s->rules = memory_append(&s->memory.rules, &s->rule_count, &r,
	    sizeof(r));
}

/* ---- environment -------------------------------------------------------- */

static void
add_change(struct sandbox *s, enum change_kind kind, const char *text,
    size_t size)
{
	const struct variable_change c = { kind, (char *)text, size };

	s->changes = memory_append(&s->memory.changes, &s->change_count, &c,
	    sizeof(c));
}

/* Add the changes of --env, --unsetenv and --keep-env. */
static void
add_changes(struct sandbox *s, enum command_option option, const char *text)
{
	size_t n = strcspn(text, "=");
	const bool has_value = text[n];

	if (option == ENV ? n == 0 : has_value)
		diex("bad value", text, "not a variable's name", NULL);
	if (option != KEEP_ENV || n == 0)
		add_change(s, option == UNSETENV ? VARIABLE_UNSET :
		    has_value ? VARIABLE_SET : VARIABLE_KEPT, text, n);
	for (; option == KEEP_ENV && *text; text += n + (text[n] == ',')) {
		n = strcspn(text, ",");
		if (n > 0)
			add_change(s, VARIABLE_KEPT, text, n);
	}
}

bool
command_set(struct sandbox *s, enum command_option option, const char *text)
{
	switch (option) {
	case USER:
		set_user(s, text);
		break;
	case GROUP_ADD:
		add_group_option(s, text);
		break;
	case ULIMIT:
		add_ulimit(s, text);
		break;
	case CAP_ADD:
	case CAP_DROP:
		add_caps(s, option == CAP_DROP, text);
		break;
	case SECCOMP:
		add_filter(s, text);
		break;
	case LANDLOCK:
		add_rule(s, text);
		break;
	case ENV_FILE:
		add_change(s, VARIABLE_FILE, text, 0);
		break;
	case ENV:
	case UNSETENV:
	case KEEP_ENV:
		add_changes(s, option, text);
	}
	return true;
}

