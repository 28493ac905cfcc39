#include <string.h>

#include "dropin.h"

#define AT(member) offsetof(struct options, member)
#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

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
	{ "TINI_VERBOSITY",          "", NUMBER,  AT(verbosity) },
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
"usage: tini [OPTION ...] COMMAND -- [ARGUMENT ...] | --version\n",
	.version = "tini version 0.19.0_pith-" PITH_VERSION "\n",
	.rules = tini_rules,
	.rule_count = COUNT_OF(tini_rules),
	.variables = tini_variables,
	.variable_count = COUNT_OF(tini_variables),
	.failure_code = 1,
};

static const struct dialect dumb_init = {
	.name = "dumb-init",
	.usage = "usage: dumb-init\n",
	.version = "dumb-init v1.2.5\n",
	.rules = dumb_init_rules,
	.rule_count = COUNT_OF(dumb_init_rules),
	.variables = dumb_init_variables,
	.variable_count = COUNT_OF(dumb_init_variables),
	.failure_code = 1,
	.exec_code = 2,
	.group = true,
	.on_stderr = true,
};

static const struct dialect catatonit = {
	.name = "catatonit",
	.usage = "usage: catatonit\n",
	.version = "tini version 0.2.1_pith-" PITH_VERSION "\n",
	.rules = catatonit_rules,
	.rule_count = COUNT_OF(catatonit_rules),
	.variables = catatonit_variables,
	.variable_count = COUNT_OF(catatonit_variables),
	.failure_code = 1,
};

static const struct { char name[12]; const struct dialect *dialect; } names[] = {
	{ "tini",        &tini },
	{ "tini-static", &tini },
	{ "docker-init", &tini },
	{ "dumb-init",   &dumb_init },
	{ "catatonit",   &catatonit },
	{ "podman-init", &catatonit },
};

const struct dialect *
dropin_find(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');
	const char *name = slash ? slash + 1 : argv0;

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(name, names[i].name) == 0)
			return names[i].dialect;
	return NULL;
}
