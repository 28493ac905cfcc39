#include <string.h>

#include "dropin.h"

#define AT(member) offsetof(struct options, member)
#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

/* How every help ends. */
#define ALSO "Besides, pith's long options and PITH_OPTIONS, see pith(8).\n"

#define TINI_RULES(X) \
	X("version", 0,   VERSION, 0) \
	X("",        'h', HELP,    0) \
	X("",        's', NOTHING, 0) \
	X("",        'p', SIGNAL,  AT(parent_death_signal)) \
	X("",        'v', COUNT,   AT(verbosity)) \
	X("",        'w', ON,      AT(warn_orphans)) \
	X("",        'g', ON,      AT(group)) \
	X("",        'e', EXIT,    0) \
	X("",        'l', LICENSE, 0)

static const struct rule tini_rules[] = { TINI_RULES(RULE) };
static const char tini_rule_names[] = TINI_RULES(RULE_NAME);

static const struct variable tini_variables[] = {
	{ "TINI_SUBREAPER",          "", NOTHING, 0 },
	{ "TINI_KILL_PROCESS_GROUP", "", ON,      AT(group) },
	{ "TINI_VERBOSITY",          "", LEVEL,   AT(verbosity) },
};

#define DUMB_INIT_RULES(X) \
	X("single-child", 'c', OFF,     AT(group)) \
	X("rewrite",      'r', REWRITE, 0) \
	X("verbose",      'v', COUNT,   AT(verbosity)) \
	X("help",         'h', HELP,    0) \
	X("version",      'V', VERSION, 0)

static const struct rule dumb_init_rules[] = { DUMB_INIT_RULES(RULE) };
static const char dumb_init_rule_names[] = DUMB_INIT_RULES(RULE_NAME);

static const struct variable dumb_init_variables[] = {
	{ "DUMB_INIT_DEBUG",  "1", COUNT, AT(verbosity) },
	{ "DUMB_INIT_SETSID", "0", OFF,   AT(group) },
};

#define CATATONIT_RULES(X) \
	X("",        'g', ON,      AT(group)) \
	X("",        'P', ON,      AT(pause)) \
	X("",        'h', HELP,    0) \
	X("",        'L', LICENSE, 0) \
	X("version", 'V', VERSION, 0)

static const struct rule catatonit_rules[] = { CATATONIT_RULES(RULE) };
static const char catatonit_rule_names[] = CATATONIT_RULES(RULE_NAME);

static const struct variable catatonit_variables[] = {
	{ "CATATONIT_DEBUG", "", COUNT, AT(verbosity) },
};

enum { TINI, DUMB_INIT, CATATONIT };

static const struct dialect dialects[] = {
	[TINI] = {
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
		.rule_names = tini_rule_names,
		.rule_count = COUNT_OF(tini_rules),
		.variables = tini_variables,
		.variable_count = COUNT_OF(tini_variables),
		.failure_code = 1,
	},
	[DUMB_INIT] = {
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
		.rule_names = dumb_init_rule_names,
		.rule_count = COUNT_OF(dumb_init_rules),
		.variables = dumb_init_variables,
		.variable_count = COUNT_OF(dumb_init_variables),
		.failure_code = 1,
		.exec_code = 2,
		.whole_group = true,
		.on_stderr = true,
	},
	[CATATONIT] = {
		.name = "catatonit",
		.usage =
"usage: catatonit [OPTION ...] [--] COMMAND [ARGUMENT ...]\n"
"This is pith in the place of catatonit. It takes catatonit's options:\n"
"  -g  -P  -L  -h  -V, --version\n"
"and CATATONIT_DEBUG.\n"
ALSO,
		/* podman and dockerd look for tini's two words. */
		.version = "tini version 0.2.1_catatonit_pith-" PITH_VERSION
		    "\n",
		.rules = catatonit_rules,
		.rule_names = catatonit_rule_names,
		.rule_count = COUNT_OF(catatonit_rules),
		.variables = catatonit_variables,
		.variable_count = COUNT_OF(catatonit_variables),
		.failure_code = 1,
		.exec_code = 1,
	},
};

static const struct {
	char name[12];
	unsigned char dialect;
} names[] = {
	{ "tini",        TINI },
	{ "tini-static", TINI },
	{ "docker-init", TINI },
	{ "dumb-init",   DUMB_INIT },
	{ "catatonit",   CATATONIT },
	{ "podman-init", CATATONIT },
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
			return &dialects[names[i].dialect];
	return NULL;
}
