#include <string.h>

#include "dropin.h"

#define AT(member) offsetof(struct options, member)
#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

static const struct option tini_options[] = {
	{ .name = "version", .type = VERSION },
	{ .letter = 'h', .type = HELP },
	{ .letter = 's', .type = NOTHING },
	{ .letter = 'p', .type = SIGNAL, .scope = SCOPE_COMMAND,
	    .at = AT(parent_death_signal) },
	{ .letter = 'v', .type = COUNT, .scope = SCOPE_COMMAND,
	    .at = AT(run.verbosity) },
	{ .letter = 'w', .type = ON, .scope = SCOPE_COMMAND,
	    .at = AT(run.warn_orphans) },
	{ .letter = 'g', .type = ON, .scope = SCOPE_COMMAND,
	    .at = AT(run.group) },
	{ .letter = 'e', .type = EXIT },
	{ .letter = 'l', .type = LICENSE },
};

static const struct variable tini_variables[] = {
	{ "TINI_SUBREAPER",          "", NOTHING, 0 },
	{ "TINI_KILL_PROCESS_GROUP", "", ON,      AT(run.group) },
	{ "TINI_VERBOSITY",          "", LEVEL,   AT(run.verbosity) },
};

static const struct option dumb_init_options[] = {
	{ .name = "single-child", .letter = 'c', .type = OFF,
	    .scope = SCOPE_COMMAND, .at = AT(run.group) },
	{ .name = "rewrite", .letter = 'r', .type = REWRITE },
	{ .name = "verbose", .letter = 'v', .type = COUNT,
	    .scope = SCOPE_COMMAND, .at = AT(run.verbosity) },
	{ .name = "help", .letter = 'h', .type = HELP },
	{ .name = "version", .letter = 'V', .type = VERSION },
};

static const struct variable dumb_init_variables[] = {
	{ "DUMB_INIT_DEBUG",  "1", COUNT, AT(run.verbosity) },
	{ "DUMB_INIT_SETSID", "0", OFF,   AT(run.group) },
};

static const struct option catatonit_options[] = {
	{ .letter = 'g', .type = ON, .scope = SCOPE_COMMAND,
	    .at = AT(run.group) },
	{ .letter = 'P', .type = ON, .scope = SCOPE_COMMAND,
	    .at = AT(run.pause) },
	{ .letter = 'h', .type = HELP },
	{ .letter = 'L', .type = LICENSE },
	{ .name = "version", .letter = 'V', .type = VERSION },
};

static const struct variable catatonit_variables[] = {
	{ "CATATONIT_DEBUG", "", COUNT, AT(run.verbosity) },
};

enum { TINI, DUMB_INIT, CATATONIT };

static const struct dialect dialects[] = {
	[TINI] = {
		.name = "tini",
		.usage =
"  -s  -g  -w  -v  -p SIG  -e CODE  -l  -h  --version\n"
"and TINI_SUBREAPER, TINI_KILL_PROCESS_GROUP and TINI_VERBOSITY.\n",
		.version = "tini version 0.19.0_pith-" PITH_VERSION "\n",
		.reaped = "Reaped zombie process with pid=",
		.options = tini_options,
		.option_count = COUNT_OF(tini_options),
		.variables = tini_variables,
		.variable_count = COUNT_OF(tini_variables),
		.failure_code = 1,
	},
	[DUMB_INIT] = {
		.name = "dumb-init",
		.usage =
"  -c, --single-child  -r, --rewrite S:R  -v, --verbose  -h, --help\n"
"  -V, --version\n"
"and DUMB_INIT_SETSID and DUMB_INIT_DEBUG.\n",
		/* Scripts compare this text: add nothing to the number. */
		.version = "dumb-init v1.2.5\n",
		.options = dumb_init_options,
		.option_count = COUNT_OF(dumb_init_options),
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
"  -g  -P  -L  -h  -V, --version\n"
"and CATATONIT_DEBUG.\n",
		/* podman and dockerd look for "tini version". */
		.version = "tini version 0.2.1_catatonit_pith-" PITH_VERSION
		    "\n",
		.options = catatonit_options,
		.option_count = COUNT_OF(catatonit_options),
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

/* True if name is program, alone or followed by what releases append:
 * tini-amd64, dumb-init_1.2.5_x86_64. */
static bool
is_program_name(const char *name, const char *program)
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
		if (is_program_name(name, names[i].name))
			return &dialects[names[i].dialect];
	return NULL;
}
