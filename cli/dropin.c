#include <string.h>

#include "dropin.h"

#define AT(member) offsetof(struct options, member)
#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

/* How every help ends. */
#define ALSO "Besides, pith's long options and PITH_OPTIONS, see pith(8).\n"

static const struct rule tini_rules[] = {
	{ "version", 0,   VERSION, 0 },
	{ "",        'h', HELP,    0 },
	{ "",        's', NOTHING, 0 },
	{ "",        'p', SIGNAL,  AT(parent_death_signal) },
	{ "",        'v', COUNT,   AT(verbosity) },
	{ "",        'w', ON,      AT(warn_orphans) },
	{ "",        'g', ON,      AT(group) },
	{ "",        'e', EXIT,    0 },
	{ "",        'l', LICENSE, 0 },
};

static const struct variable tini_variables[] = {
	{ "TINI_SUBREAPER",          "", NOTHING, 0 },
	{ "TINI_KILL_PROCESS_GROUP", "", ON,      AT(group) },
	{ "TINI_VERBOSITY",          "", LEVEL,   AT(verbosity) },
};

static const struct rule dumb_init_rules[] = {
	{ "single-child", 'c', OFF,     AT(group) },
	{ "rewrite",      'r', REWRITE, 0 },
	{ "verbose",      'v', COUNT,   AT(verbosity) },
	{ "help",         'h', HELP,    0 },
	{ "version",      'V', VERSION, 0 },
};

static const struct variable dumb_init_variables[] = {
	{ "DUMB_INIT_DEBUG",  "1", COUNT, AT(verbosity) },
	{ "DUMB_INIT_SETSID", "0", OFF,   AT(group) },
};

static const struct rule catatonit_rules[] = {
	{ "",        'g', ON,      AT(group) },
	{ "",        'P', ON,      AT(pause) },
	{ "",        'h', HELP,    0 },
	{ "",        'L', LICENSE, 0 },
	{ "version", 'V', VERSION, 0 },
};

static const struct variable catatonit_variables[] = {
	{ "CATATONIT_DEBUG", "", COUNT, AT(verbosity) },
};

static const struct dialect tini = {
	.name = "tini",
	.usage =
"usage: tini [OPTION ...] [--] COMMAND [ARGUMENT ...]\n"
"This is pith in the place of tini. It takes tini's options:\n"
"  -s  -g  -w  -v  -p SIG  -e CODE  -l  -h  --version\n"
"and TINI_SUBREAPER, TINI_KILL_PROCESS_GROUP and TINI_VERBOSITY.\n"
ALSO,
	.version = "tini version 0.19.0_pith-" PITH_VERSION "\n",
	.reaped = "Reaped zombie process with pid=",
	.rules = tini_rules,
	.rule_count = COUNT_OF(tini_rules),
	.variables = tini_variables,
	.variable_count = COUNT_OF(tini_variables),
	.failure_code = 1,
};

static const struct dialect dumb_init = {
	.name = "dumb-init",
	.usage =
"usage: dumb-init [OPTION ...] [--] COMMAND [ARGUMENT ...]\n"
"This is pith in the place of dumb-init. It takes dumb-init's options:\n"
"  -c, --single-child  -r, --rewrite S:R  -v, --verbose  -h, --help\n"
"  -V, --version\n"
"and DUMB_INIT_SETSID and DUMB_INIT_DEBUG.\n"
ALSO,
	/* The number alone, as its users' scripts compare it. */
	.version = "dumb-init v1.2.5\n",
	.rules = dumb_init_rules,
	.rule_count = COUNT_OF(dumb_init_rules),
	.variables = dumb_init_variables,
	.variable_count = COUNT_OF(dumb_init_variables),
	.failure_code = 1,
	.exec_code = 2,
	.whole_group = true,
	.on_stderr = true,
};

static const struct dialect catatonit = {
	.name = "catatonit",
	.usage =
"usage: catatonit [OPTION ...] [--] COMMAND [ARGUMENT ...]\n"
"This is pith in the place of catatonit. It takes catatonit's options:\n"
"  -g  -P  -L  -h  -V, --version\n"
"and CATATONIT_DEBUG.\n"
ALSO,
	/* podman and dockerd look for tini's two words. */
	.version = "tini version 0.2.1_catatonit_pith-" PITH_VERSION "\n",
	.rules = catatonit_rules,
	.rule_count = COUNT_OF(catatonit_rules),
	.variables = catatonit_variables,
	.variable_count = COUNT_OF(catatonit_variables),
	.failure_code = 1,
	.exec_code = 1,
};

static const struct {
	char name[12];
	const struct dialect *dialect;
} names[] = {
	{ "tini",        &tini },
	{ "tini-static", &tini },
	{ "docker-init", &tini },
	{ "dumb-init",   &dumb_init },
	{ "catatonit",   &catatonit },
	{ "podman-init", &catatonit },
};

/* Also with what releases append: tini-amd64, dumb-init_1.2.5_x86_64. */
static bool
named(const char *name, const char *program)
{
	size_t n = strlen(program);

	return strncmp(name, program, n) == 0 &&
	    (!name[n] || strchr("-_.", name[n]));
}

const struct dialect *
dropin_find(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');
	const char *name = slash ? slash + 1 : argv0;

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (named(name, names[i].name))
			return names[i].dialect;
	return NULL;
}
