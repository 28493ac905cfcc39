#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/dropin.h"
#include "suites.h"

/* ---- names -------------------------------------------------------------- */

static const struct { const char *argv0, *name; } names[] = {
	{ "tini", "tini" }, { "tini-static", "tini" },
	{ "docker-init", "tini" }, { "/sbin/docker-init", "tini" },
	{ "dumb-init", "dumb-init" }, { "/usr/bin/dumb-init", "dumb-init" },
	{ "catatonit", "catatonit" }, { "./catatonit", "catatonit" },
	{ "podman-init", "catatonit" }, { "//podman-init", "catatonit" },
	{ "pith", NULL }, { "/sbin/pith", NULL }, { "", NULL }, { "/", NULL },
	{ "tini/", NULL }, { "tini/pith", NULL }, { "tini2", NULL },
	{ "xtini", NULL }, { "Tini", NULL }, { "-tini", NULL },
	{ "tini-amd64", "tini" }, { "dumb-init_1.2.5_x86_64", "dumb-init" },
	{ "catatonit.x86_64", "catatonit" }, { "tini-static-arm64", "tini" },
	{ "dumb-ini", NULL }, { "dumb-init ", NULL }, { "init", NULL },
};

START_TEST(a_program_is_recognized_by_its_name_in_any_directory)
{
	const struct dialect *d = dropin_find(names[_i].argv0);

	if (names[_i].name) {
		ck_assert_ptr_nonnull(d);
		ck_assert_str_eq(d->name, names[_i].name);
	} else
		ck_assert_ptr_null(d);
}
END_TEST

/* ---- options ------------------------------------------------------------ */

enum { PITH, TINI, DUMB_INIT, CATATONIT };

static const char *const programs[] = { "pith", "tini", "dumb-init",
    "catatonit" };

static void
set_dialect_defaults(struct options *o, int program)
{
	static const struct setting group[] = { IS(run.group, true),
	    IS(run.ends_group, true), IS(run.signals.rewrite[SIGTSTP], SIGSTOP),
	    IS(run.signals.rewrite[SIGTTIN], SIGSTOP),
	    IS(run.signals.rewrite[SIGTTOU], SIGSTOP) };

	set_as_documented(o);
	o->dies_of_signal = program == PITH;
	o->is_dropin = program != PITH;
	if (program == TINI)
		o->run.orphan_text = "Reaped zombie process with pid=";
	if (program == DUMB_INIT)
		set(o, group, COUNT_OF(group));
	o->exec_code = (int[]){ 0, 0, 2, 1 }[program];
}

/* Words and an environment variable, and the only members that they set. */
static const struct {
	int program;
	const char *words, *variable;
	struct setting set[5];
} accepted[] = {
	{ TINI, "--", NULL, { { 0 } } },
	{ TINI, "-s", NULL, { { 0 } } },
	{ TINI, "-g", NULL, { IS(run.group, true) } },
	{ TINI, "-w", NULL, { IS(run.warn_orphans, true) } },
	{ TINI, "-v", NULL, { IS(run.verbosity, 1) } },
	{ TINI, "-vvv", NULL, { IS(run.verbosity, 3) } },
	{ TINI, "-p SIGKILL", NULL, { IS(parent_death_signal, SIGKILL) } },
	{ TINI, "-pTERM", NULL, { IS(parent_death_signal, SIGTERM) } },
	{ TINI, "-e 143", NULL, { IS(exit_codes[143], 0) } },
	{ TINI, "-e 1 -e 2", NULL,
	    { IS(exit_codes[1], 0), IS(exit_codes[2], 0) } },
	{ TINI, "-sgvw -p 9 --", NULL,
	    { IS(run.group, true), IS(run.verbosity, 1),
		IS(run.warn_orphans, true), IS(parent_death_signal, 9) } },
	{ TINI, "--timeout 5", NULL, { IS(run.timeout, 5000) } },
	{ TINI, "--group", NULL, { IS(run.group, true) } },
	{ TINI, "--rewrite 15:3", NULL, { IS(run.signals.rewrite[15], 3) } },
	{ TINI, "--", "TINI_SUBREAPER=", { { 0 } } },
	{ TINI, "--", "TINI_KILL_PROCESS_GROUP=", { IS(run.group, true) } },
	{ TINI, "--", "TINI_KILL_PROCESS_GROUP=0", { IS(run.group, true) } },
	{ TINI, "--", "TINI_VERBOSITY=0", { IS(run.verbosity, -1) } },
	{ TINI, "--", "TINI_VERBOSITY=1", { { 0 } } },
	{ TINI, "--", "TINI_VERBOSITY=3", { IS(run.verbosity, 2) } },
	{ TINI, "-v", "TINI_VERBOSITY=2", { IS(run.verbosity, 2) } },
	{ TINI, "--", "PITH_OPTIONS=--wait", { IS(run.wait, true) } },
	{ TINI, "--", "DUMB_INIT_DEBUG=1", { { 0 } } },
	{ DUMB_INIT, "--", NULL, { { 0 } } },
	{ DUMB_INIT, "-v", NULL, { IS(run.verbosity, 1) } },
	{ DUMB_INIT, "--verbose", NULL, { IS(run.verbosity, 1) } },
	{ DUMB_INIT, "-r 15:3", NULL, { IS(run.signals.rewrite[15], 3) } },
	{ DUMB_INIT, "--rewrite=15:0", NULL,
	    { IS(run.signals.rewrite[15], 0) } },
	{ DUMB_INIT, "--rewrite 1:2 -r2:1", NULL,
	    { IS(run.signals.rewrite[1], 2), IS(run.signals.rewrite[2], 1) } },
	{ DUMB_INIT, "-r TSTP:0", NULL,
	    { IS(run.signals.rewrite[SIGTSTP], 0) } },
	{ DUMB_INIT, "-r TTIN:TERM -r TTOU:INT", NULL,
	    { IS(run.signals.rewrite[SIGTTIN], SIGTERM),
		IS(run.signals.rewrite[SIGTTOU], SIGINT) } },
	{ DUMB_INIT, "--grace 1", NULL, { IS(run.grace, 1000) } },
	{ DUMB_INIT, "--", "DUMB_INIT_DEBUG=1", { IS(run.verbosity, 1) } },
	{ DUMB_INIT, "--", "DUMB_INIT_DEBUG=0", { { 0 } } },
	{ DUMB_INIT, "--", "DUMB_INIT_DEBUG=11", { { 0 } } },
	{ DUMB_INIT, "--", "DUMB_INIT_DEBUG=", { { 0 } } },
	{ DUMB_INIT, "--", "DUMB_INIT_SETSID=1", { { 0 } } },
	{ DUMB_INIT, "--", "DUMB_INIT_SETSID=", { { 0 } } },
	{ CATATONIT, "--", NULL, { { 0 } } },
	{ CATATONIT, "-g", NULL, { IS(run.group, true) } },
	{ CATATONIT, "--wait", NULL, { IS(run.wait, true) } },
	{ CATATONIT, "--", "CATATONIT_DEBUG=", { IS(run.verbosity, 1) } },
	{ CATATONIT, "--", "CATATONIT_DEBUG=x", { IS(run.verbosity, 1) } },
	{ CATATONIT, "--", "TINI_VERBOSITY=3", { { 0 } } },
};

static void
set_variable(const char *variable)
{
	char text[64], *value;

	if (!variable)
		return;
	strcpy(text, variable);
	value = strchr(text, '=');
	*value++ = '\0';
	setenv(text, value, 1);
}

START_TEST(options_and_variables_work_as_in_the_other_init)
{
	struct options is, expected;
	char words[64];

	set_dialect_defaults(&expected, accepted[_i].program);
	set(&expected, accepted[_i].set, COUNT_OF(accepted[_i].set));
	set_variable(accepted[_i].variable);
	snprintf(words, sizeof(words), "%s run", accepted[_i].words);
	parse(&is, programs[accepted[_i].program], words);
	are_same(&is, &expected);
}
END_TEST

static const struct { const char *words, *variable; } single[] = {
	{ "-c run", NULL }, { "--single-child run", NULL },
	{ "-cc -- run", NULL }, { "run", "DUMB_INIT_SETSID=0" },
};

START_TEST(dumb_init_forwards_to_one_process_with_single_child)
{
	struct options is, expected;

	set_as_documented(&expected);
	expected.dies_of_signal = false;
	expected.exec_code = 2;
	expected.is_dropin = true;
	set_variable(single[_i].variable);
	parse(&is, "dumb-init", single[_i].words);
	are_same(&is, &expected);
}
END_TEST

static const struct { const char *name, *words; } pauses[] = {
	{ "podman-init", "-P" }, { "catatonit", "-gP --" },
	{ "tini", "--pause -s" }, { "dumb-init", "--pause" },
	{ "pith", "--pause -s" }, { "pith", "-g --pause --" },
};

START_TEST(a_pause_needs_no_command)
{
	struct options o;

	parse(&o, pauses[_i].name, pauses[_i].words);
	ck_assert(o.run.pause);
	ck_assert_ptr_null(o.command);
}
END_TEST

/* ---- help, version and errors -------------------------------------------- */

/* text is the beginning of the output if code is 0, and the error otherwise. */
static const struct ending {
	int program;
	const char *words;
	int code;
	const char *text;
} endings[] = {
	{ PITH, "-V x", 0, "pith " PITH_VERSION "\n" },
	{ PITH, "--version", 0, "pith " PITH_VERSION "\n" },
	{ PITH, "-gh -x", 0, "usage: pith " },
	{ PITH, "--help", 0, "usage: pith " },
	{ PITH, "-l", 0, "MIT License\n" },
	{ PITH, "--license", 0, "MIT License\n" },
	{ TINI, "--version", 0, "tini version 0.19.0" },
	{ TINI, "-h", 0, "usage: tini " },
	{ TINI, "--help", 0, "usage: tini " },
	{ TINI, "-l", 0, "MIT License\n" },
	{ TINI, "-V x", 1, "tini: unknown option '-V'; see --help" },
	{ TINI, "-r 1:2 x", 1, "tini: unknown option '-r'; see --help" },
	{ TINI, "-s", 1, "tini: no command given; see --help" },
	{ TINI, "-p x y", 1, "tini: bad value 'x': -p takes a signal such as "
	    "TERM, SIGUSR1, RTMIN+3 or 15" },
	{ TINI, "-e 256 y", 1, "tini: bad value '256': -e takes exit codes "
	    "FROM[:TO] such as 143:0 or SIGTERM:0" },
	{ DUMB_INIT, "-V", 0, "dumb-init v1.2.5\n" },
	{ DUMB_INIT, "--version", 0, "dumb-init v1.2.5\n" },
	{ DUMB_INIT, "-h", 0, "usage: dumb-init " },
	{ DUMB_INIT, "--help", 0, "usage: dumb-init " },
	{ DUMB_INIT, "--license", 0, "MIT License\n" },
	{ DUMB_INIT, "-g x", 1, "dumb-init: unknown option '-g'; see --help" },
	{ DUMB_INIT, "", 1, "dumb-init: empty command; see --help" },
	{ DUMB_INIT, "-r 1 x", 1, "dumb-init: bad value '1': -r takes signals "
	    "FROM:TO such as TERM:QUIT, FROM:0 drops" },
	{ CATATONIT, "-V", 0, "tini version 0.2.1_catatonit" },
	{ CATATONIT, "--version", 0, "tini version 0.2.1_catatonit" },
	{ CATATONIT, "-h", 0, "usage: catatonit " },
	{ CATATONIT, "-L", 0, "MIT License\n" },
	{ CATATONIT, "-l x", 1, "catatonit: unknown option '-l'; see --help" },
	{ CATATONIT, "-P x", 1, "catatonit: --pause takes no command 'x'" },
	{ CATATONIT, "--", 1, "catatonit: no command given; see --help" },
};

static void
parse_ending(const void *with)
{
	const struct ending *e = with;
	struct options o;

	parse(&o, programs[e->program], e->words);
}

START_TEST(help_version_and_errors_match_the_other_init)
{
	const struct ending *e = &endings[_i];
	const bool on_stderr = e->program == DUMB_INIT;
	struct outcome o;
	char *text = on_stderr ? o.err : o.out;

	if (e->code != 0) {
		says(parse_ending, e, e->code, "%s", e->text);
		return;
	}
	outcome_of(&o, parse_ending, e);
	ck_assert_int_eq(o.code, 0);
	ck_assert_int_eq(strncmp(text, e->text, strlen(e->text)), 0);
	ck_assert_str_eq(on_stderr ? o.out : o.err, "");
	ck_assert_int_eq(text[strlen(text) - 1], '\n');
}
END_TEST

static void
print_to_full_device(const void *with)
{
	dup2(open("/dev/full", O_WRONLY), STDOUT_FILENO);
	parse_ending(with);
}

START_TEST(a_failed_write_to_stdout_is_an_error)
{
	says(print_to_full_device, &endings[0], 125,
	    "pith: cannot write to 'stdout': No space left on device");
}
END_TEST

static const char *const help_texts[] = {
	"-g, --group ", "--all ", "-r, --rewrite FROM:TO ", "--delay SIG:T ",
	"-e, --exit FROM[:TO] ", "-p, --parent-death-signal SIG\n",
	"--timeout T ", "--stop-timeout T ", "--stop-signal SIG ",
	"--grace T ", "--wait ", "--pause ", "--report FILE ", "--report-fd N ",
	"-s, --subreaper ", "-w ", "-v ", "-h, --help ", "-V, --version ",
	"-l, --license\n",
};

START_TEST(help_names_every_option)
{
	const struct ending help = { PITH, "--help", 0, "" };
	struct outcome o;

	outcome_of(&o, parse_ending, &help);
	for (size_t i = 0; i < COUNT_OF(help_texts); i++)
		ck_assert_ptr_nonnull(strstr(o.out, help_texts[i]));
}
END_TEST

Suite *
dropin_suite(void)
{
	Suite *s = suite_create("dropin");
	TCase *t = tcase_create("dropin");

	add_each(t, a_program_is_recognized_by_its_name_in_any_directory,
	    names);
	add_each(t, options_and_variables_work_as_in_the_other_init, accepted);
	add_each(t, dumb_init_forwards_to_one_process_with_single_child,
	    single);
	add_each(t, a_pause_needs_no_command, pauses);
	add_each(t, help_version_and_errors_match_the_other_init, endings);
	tcase_add_test(t, a_failed_write_to_stdout_is_an_error);
	tcase_add_test(t, help_names_every_option);
	suite_add_tcase(s, t);
	return s;
}
