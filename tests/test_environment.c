#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/log.h"
#include "cli/values_command.h"
#include "sandbox/environment.h"
#include "suites.h"

extern char **environ;

static const struct identity somebody = { .home = "/home/s" };

static void
clear_environment(void)
{
	static char *none[1];

	environ = none;
}

/* Set the caller's environment for a test. */
static void
set_caller_environment(void)
{
	static const char *const entries[] = {
		"A=1", "EMPTY=", "TERM=vt100", "LANG=de_DE.UTF-8", "A2=x=y",
		"PATH=/ours",
	};

	clear_environment();
	for (size_t i = 0; i < COUNT_OF(entries); i++)
		ck_assert_int_eq(putenv(strdup(entries[i])), 0);
}

/* Parse words such as "env:A=1 unset:B". The next call overwrites the
 * result. */
static const struct sandbox *
words_of(const char *text)
{
	enum { HOSTNAME = -1 };
	static const struct { const char *name; int option; } kinds[] = {
		{ "env:", ENV }, { "file:", ENV_FILE }, { "unset:", UNSETENV },
		{ "keep:", KEEP_ENV }, { "host:", HOSTNAME },
	};
	static char copy[512];
	static struct sandbox s;

	snprintf(copy, sizeof(copy), "%s", text);
	s = (struct sandbox){ .hostname = NULL };
	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		for (size_t i = 0; i < COUNT_OF(kinds); i++) {
			char *value = w + strlen(kinds[i].name);

			if (strncmp(w, kinds[i].name, value - w) != 0)
				continue;
			if (kinds[i].option == HOSTNAME)
				s.hostname = value;
			else
				command_set(&s, kinds[i].option, value);
		}
	return &s;
}

/* Return all of environ, separated by blanks. */
static const char *
joined_environment(void)
{
	static char text[4096];
	struct strbuf l = STRBUF(text);

	for (char **e = environ; *e; e++) {
		strbuf_add(&l, e == environ ? "" : " ");
		strbuf_add(&l, *e);
	}
	return text;
}

static void
build(const char *words, bool preset)
{
	const struct sandbox *s = words_of(words);

	environment_prepare(s, preset);
	environment_build(s, &somebody, preset, 0);
}

#define OURS "A=1 EMPTY= TERM=vt100 LANG=de_DE.UTF-8 A2=x=y PATH=/ours"
#define CLEAR "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:" \
	"/bin HOME=/home/s TERM=vt100 LANG=de_DE.UTF-8 "

static const struct {
	bool preset;
	const char *words, *environment;
} built[] = {
	{ false, "", OURS },
	{ false, "env:B=2", OURS " B=2" },
	{ false, "env:A=2", "EMPTY= TERM=vt100 LANG=de_DE.UTF-8 A2=x=y "
	    "PATH=/ours A=2" },
	{ false, "unset:A", "EMPTY= TERM=vt100 LANG=de_DE.UTF-8 A2=x=y "
	    "PATH=/ours" },
	{ false, "unset:NO", OURS },
	{ false, "env:NO", OURS },
	{ false, "env:A=", "EMPTY= TERM=vt100 LANG=de_DE.UTF-8 A2=x=y "
	    "PATH=/ours A=" },
	{ true, "", CLEAR "HOSTNAME=pith" },
	{ true, "host:box", CLEAR "HOSTNAME=box" },
	{ true, "env:A", CLEAR "HOSTNAME=pith A=1" },
	{ true, "env:A2 env:EMPTY env:NO", CLEAR
	    "HOSTNAME=pith A2=x=y EMPTY=" },
	{ true, "env:B=1 env:B=2=3", CLEAR "HOSTNAME=pith B=2=3" },
	{ true, "env:B=1 unset:B env:C=3", CLEAR "HOSTNAME=pith C=3" },
	{ true, "unset:B env:B=1", CLEAR "HOSTNAME=pith B=1" },
	{ true, "unset:HOSTNAME keep:A,NO,EMPTY", CLEAR "A=1 EMPTY=" },
	{ true, "unset:HOSTNAME keep:A,,EMPTY,", CLEAR "A=1 EMPTY=" },
	{ true, "unset:PATH unset:HOME unset:TERM unset:LANG unset:HOSTNAME",
	    "" },
	{ true, "unset:HOME unset:HOSTNAME keep:", OURS },
	{ true, "env:A=9 unset:HOME unset:HOSTNAME keep: env:A2=0",
	    "A=1 EMPTY= TERM=vt100 LANG=de_DE.UTF-8 PATH=/ours A2=0" },
};

START_TEST(the_last_option_wins)
{
	set_caller_environment();
	build(built[_i].words, built[_i].preset);
	ck_assert_str_eq(joined_environment(), built[_i].environment);
}
END_TEST

START_TEST(both_copies_of_a_duplicate_variable_are_replaced)
{
	static char a1[] = "A=1", a2[] = "A=2", b[] = "B=3", odd[] = "odd",
	    no_name[] = "=x";
	static char *twice[] = { a1, odd, b, no_name, a2, NULL };

	environ = twice;
	build("env:A=4", false);
	ck_assert_str_eq(joined_environment(), "B=3 A=4");
}
END_TEST

START_TEST(term_has_no_default_and_lang_is_c_by_default)
{
	clear_environment();
	build("unset:PATH", true);
	ck_assert_str_eq(joined_environment(),
	    "HOME=/home/s LANG=C.UTF-8 HOSTNAME=pith");
}
END_TEST

START_TEST(without_options_the_environment_is_unchanged)
{
	char **before = environ;

	build("", false);
	ck_assert_ptr_eq(environ, before);
}
END_TEST

/* ---- files -------------------------------------------------------------- */

static const struct { const char *text, *environment; } texts[] = {
	{ "", "A=1" },
	{ "B=2\n", "A=1 B=2" },
	{ "B=2", "A=1 B=2" },
	{ "# c\n\n  # d\n  B=2 \n\tC= x #y\r\nD=\n", "A=1 B=2  C= x #y D=" },
	{ "\r\n\n\n", "A=1" },
	{ "A\nNO\nEMPTY", "A=1 EMPTY=" },
	{ "A=2\nA=3\nB=\"q\"\n", "A=3 B=\"q\"" },
	{ "B==\n", "A=1 B==" },
};

START_TEST(a_file_is_parsed_as_by_docker)
{
	make_text("f", texts[_i].text, 0600);
	set_caller_environment();
	build("unset:HOME unset:PATH unset:TERM unset:LANG unset:HOSTNAME "
	    "env:A file:f", true);
	ck_assert_str_eq(joined_environment(), texts[_i].environment);
}
END_TEST

START_TEST(files_take_effect_in_command_line_order)
{
	make_text("f", "B=1\nC=1\n", 0600);
	make_text("g", "C=2\nD=2\n", 0600);
	make_text("e", "", 0600);
	set_caller_environment();
	build("unset:HOME unset:PATH unset:TERM unset:LANG unset:HOSTNAME "
	    "env:B=0 file:f unset:B file:e file:g env:D=3", true);
	ck_assert_str_eq(joined_environment(), "C=2 D=3");
}
END_TEST

START_TEST(a_file_may_be_a_pipe)
{
	int ends[2];
	char word[64];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(write(ends[1], "B=2\nC=3", 7), 7);
	close(ends[1]);
	snprintf(word, sizeof(word), "file:/dev/fd/%d", ends[0]);
	clear_environment();
	build(word, false);
	ck_assert_str_eq(joined_environment(), "B=2 C=3");
}
END_TEST

static void
prepare(const void *words)
{
	environment_prepare(words_of(words), true);
}

static const struct { const char *text, *line; } bad_texts[] = {
	{ "=x\n", "=x" }, { "B=1\nA B=2\n", "A B=2" }, { "A\tB", "A\tB" },
	{ "A =2", "A =2" },
};

START_TEST(a_line_without_a_valid_name_is_refused)
{
	struct outcome o;

	make_text("f", bad_texts[_i].text, 0600);
	outcome_of(&o, prepare, "file:f");
	ck_assert_int_eq(o.code, 125);
	ck_assert_ptr_nonnull(strstr(o.err, "bad variable '"));
	ck_assert_ptr_nonnull(strstr(o.err, "in --env-file; f\n"));
}
END_TEST

/* Seen to fail with a table of 64 KiB. */
START_TEST(files_may_have_16_mib_in_total)
{
	static char bytes[16 << 20];
	const size_t most = sizeof(bytes);

	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "BIG=", 4);
	make_file("f", bytes, most / 2 + 1, 0600);
	says(prepare, "file:f file:f", 125, "pith: cannot read 'f': %s",
	    strerror(EFBIG));
	make_file("f", "A=1\0\n", 5, 0600);
	says(prepare, "file:f", 125,
	    "pith: cannot read 'f': it is not a text file");
	says(prepare, "file:missing", 125, "pith: cannot read 'missing': %s",
	    strerror(ENOENT));
	says(prepare, "file:.", 125, "pith: cannot read '.': %s",
	    strerror(EISDIR));
	make_file("f", bytes, most, 0600);
	says(prepare, "file:f file:f", 125, "pith: cannot read 'f': %s",
	    strerror(EFBIG));
	clear_environment();
	build("file:f", false);
	ck_assert_uint_eq(strlen(environ[0]), most);
	says(prepare, "file:/dev/zero", 125, "pith: cannot read '/dev/zero': "
	    "%s", strerror(EFBIG));
}
END_TEST

/* ---- limits, errors and secrets ----------------------------------------- */

static const char *const bad_words[] = {
	"env:=x", "env:=", "unset:A=1", "unset:=", "keep:A,B=1", "env:",
};

START_TEST(an_option_without_a_valid_name_is_refused)
{
	says(prepare, bad_words[_i], 125, "pith: bad value '%s': not a "
	    "variable's name", strchr(bad_words[_i], ':') + 1);
}
END_TEST

/* Seen to fail with a table of 4,096. */
START_TEST(the_number_of_variables_is_unlimited)
{
	enum { MANY = 100 * 1000 };
	static char names[MANY][16];
	static char *many[MANY + 1];

	for (int i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "V%d=", i);
		many[i] = names[i];
	}
	environ = many;
	build("unset:V0 env:V1=new keep:V2", false);
	ck_assert_ptr_eq(environ[0], names[3]);
	ck_assert_ptr_eq(environ[MANY - 4], names[MANY - 1]);
	ck_assert_str_eq(environ[MANY - 3], "V1=new");
	ck_assert_ptr_eq(environ[MANY - 2], names[2]);
	ck_assert_ptr_null(environ[MANY - 1]);
}
END_TEST

START_TEST(secrets_are_wiped)
{
	static char text[] = "env:K=secret";
	const struct sandbox *s = words_of(text);
	char *a, *value = s->changes[0].text;

	set_caller_environment();
	a = environ[0];
	environment_prepare(s, true);
	environment_build(s, &somebody, true, 0);
	ck_assert_str_eq(value, "K=secret");
	environment_wipe(s);
	ck_assert_str_eq(value, "K");
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(value[2 + i], 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(a[i], 0);
}
END_TEST

Suite *
environment_suite(void)
{
	Suite *s = suite_create("environment");
	TCase *t = tcase_create("words");

	add_each(t, the_last_option_wins, built);
	tcase_add_test(t, both_copies_of_a_duplicate_variable_are_replaced);
	tcase_add_test(t, term_has_no_default_and_lang_is_c_by_default);
	tcase_add_test(t, without_options_the_environment_is_unchanged);
	add_each(t, an_option_without_a_valid_name_is_refused, bad_words);
	tcase_add_test(t, the_number_of_variables_is_unlimited);
	tcase_add_test(t, secrets_are_wiped);
	suite_add_tcase(s, t);
	t = case_with_files("files");
	add_each(t, a_file_is_parsed_as_by_docker, texts);
	tcase_add_test(t, files_take_effect_in_command_line_order);
	tcase_add_test(t, a_file_may_be_a_pipe);
	add_each(t, a_line_without_a_valid_name_is_refused, bad_texts);
	tcase_add_test(t, files_may_have_16_mib_in_total);
	suite_add_tcase(s, t);
	return s;
}
