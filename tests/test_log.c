#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/log.h"
#include "cli/values.h"
#include "suites.h"

/* ---- strings ------------------------------------------------------------ */

static const struct { const char *first, *second, *text; } added[] = {
	{ "", "", "" },
	{ "one", "", "one" },
	{ "one", "two", "onetwo" },
	{ "1234567", "", "1234567" },
	{ "12345678", "", "1234..." },
	{ "1234567", "8", "1234..." },
	{ "123", "45678", "1234..." },
	{ "", "a text that is much longer", "a te..." },
	{ "12345678", "9", "1234..." },
	{ "12345678", "", "1234..." },
};

START_TEST(a_string_that_does_not_fit_ends_in_dots)
{
	struct { char text[8], after[8]; } room = { "", "after" };
	struct strbuf l = STRBUF(room.text);

	strbuf_add(&l, added[_i].first);
	strbuf_add(&l, added[_i].second);
	ck_assert_str_eq(room.text, added[_i].text);
	ck_assert_uint_eq(l.used, strlen(added[_i].text));
	ck_assert_str_eq(room.after, "after");
}
END_TEST

START_TEST(the_smallest_string_holds_only_dots)
{
	char text[4];
	struct strbuf l = STRBUF(text);

	strbuf_add(&l, "abc");
	ck_assert_str_eq(text, "abc");
	strbuf_add(&l, "d");
	ck_assert_str_eq(text, "...");
}
END_TEST

static const struct { int64_t number; const char *text; } numbers[] = {
	{ 0, "0" }, { 7, "7" }, { 10, "10" }, { -1, "-1" },
	{ 1234567890, "1234567890" }, { -90, "-90" },
	{ INT64_MAX, "9223372036854775807" },
	{ INT64_MIN, "-9223372036854775808" },
};

START_TEST(a_number_is_decimal)
{
	char text[32];
	struct strbuf l = STRBUF(text);

	strbuf_number(&l, numbers[_i].number);
	ck_assert_str_eq(text, numbers[_i].text);
}
END_TEST

/* ---- printable characters ------------------------------------------------ */

/* Encode a code point in UTF-8, RFC 3629, section 3. */
static size_t
encode(uint32_t c, char text[5])
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	memset(text, 0, 5);
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		text[i] = 0x80 | (c & 0x3f);
	text[0] = n == 1 ? c : (0xf0 << (4 - n) & 0xff) | c;
	return n;
}

START_TEST(all_characters_but_controls_and_surrogates_are_printable)
{
	for (uint32_t c = 0; c < 0x200000; c++) {
		char text[5];
		size_t n = encode(c, text);
		bool good = c >= 0x20 && !(c >= 0x7f && c <= 0x9f) &&
		    !(c >= 0xd800 && c <= 0xdfff) && c <= 0x10ffff;

		if (text_printable(text) != (good ? n : 0))
			ck_abort_msg("U+%04X: %zu", c, text_printable(text));
	}
}
END_TEST

static const char not_utf8[][8] = {
	"",                                     /* empty */
	"\x80", "\xbf", "\x9b" "31m",           /* no first byte */
	"\xc3", "\xc3(", "\xe2\x82", "\xe2(\xa1", "\xe2\x82(",
	"\xf0\x9f\x98", "\xf0\x9f(\x80", "\xf0(\x98\x80", /* incomplete */
	"\xc3\xc3", "\xe2\x82\xe2", "\xc3\xff",
	"\xc0\x80", "\xc0\xaf", "\xc1\xbf",     /* overlong */
	"\xe0\x80\x80", "\xe0\x9f\xbf", "\xe0\x81\x9b",
	"\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf0\x80\x80\x9b",
	"\xed\xa0\x80", "\xed\xbf\xbf",         /* surrogates */
	"\xf4\x90\x80\x80", "\xf7\xbf\xbf\xbf", /* beyond Unicode */
	"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80", "\xfe", "\xff",
};

START_TEST(an_invalid_utf8_sequence_is_not_printable)
{
	ck_assert_uint_eq(text_printable(not_utf8[_i]), 0);
}
END_TEST

static const struct { const char *name, *text; } quoted[] = {
	{ "plain 'name' \"x\" \\ ~", "plain 'name' \"x\" \\ ~" },
	{ "\n\r\t\001\037\177", "\\x0a\\x0d\\x09\\x01\\x1f\\x7f" },
	{ "\033[31mred", "\\x1b[31mred" },
	{ "\x9b" "31m", "\\x9b31m" },
	{ "\xc2\x9b" "31m", "\\xc2\\x9b31m" },
	{ "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
	    "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
	{ "\xc2\xa0\xed\xa0\x80", "\xc2\xa0\\xed\\xa0\\x80" },
	{ "a\xff\xc3z\xe2\x82", "a\\xff\\xc3z\\xe2\\x82" },
};

START_TEST(a_quoted_name_has_no_control_characters)
{
	char text[128];
	struct strbuf l = STRBUF(text);

	strbuf_quote(&l, quoted[_i].name);
	ck_assert_str_eq(text, quoted[_i].text);
}
END_TEST

/* ---- lines --------------------------------------------------------------- */

/* Redirect stderr to a socket that preserves the boundaries of writes. */
static void
capture_writes(int ends[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
}

START_TEST(a_line_is_one_write_and_begins_with_the_name)
{
	char text[64] = "";
	int ends[2];

	capture_writes(ends);
	say("words");
	log_set_name("tini", 1);
	say("more words");
	close(STDERR_FILENO);
	ck_assert_int_eq(recv(ends[0], text, sizeof(text) - 1, 0), 12);
	ck_assert_str_eq(text, "pith: words\n");
	ck_assert_int_eq(recv(ends[0], text, sizeof(text) - 1, 0), 17);
	ck_assert_str_eq(text, "tini: more words\n");
	ck_assert_int_eq(recv(ends[0], text, sizeof(text), 0), 0);
}
END_TEST

static const struct { const char *part[4], *text; } warnings[] = {
	{ { "what" }, "pith: what\n" },
	{ { "what", "which" }, "pith: what 'which'\n" },
	{ { "what", NULL, "why" }, "pith: what: why\n" },
	{ { "what", NULL, NULL, "do" }, "pith: what; do\n" },
	{ { "what", "", "why", "do" }, "pith: what '': why; do\n" },
	{ { "what", "\033[2J\n", "why", NULL },
	    "pith: what '\\x1b[2J\\x0a': why\n" },
};

START_TEST(a_warning_has_what_which_why_and_remedy)
{
	const char *const *part = warnings[_i].part;
	char text[64] = "";
	int ends[2];

	capture_writes(ends);
	warnx(part[0], part[1], part[2], part[3]);
	ck_assert_int_gt(recv(ends[0], text, sizeof(text) - 1, 0), 0);
	ck_assert_str_eq(text, warnings[_i].text);
}
END_TEST

START_TEST(a_long_line_is_cut_to_what_a_pipe_takes_at_once)
{
	char name[3 * PIPE_BUF] = "", text[sizeof(name)] = "";
	int ends[2];

	memset(name, '\033', sizeof(name) - 1);
	capture_writes(ends);
	warnx("cannot find", name, "why", "remedy");
	ck_assert_int_gt(recv(ends[0], text, sizeof(text) - 1, 0), 1000);
	ck_assert_uint_lt(strlen(text), PIPE_BUF);
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
	ck_assert_str_eq(text + strlen(text) - 4, "...\n");
}
END_TEST

START_TEST(a_full_stderr_does_not_block)
{
	char text[PIPE_BUF] = "";
	int ends[2];
	ssize_t n, full = 0, left = 0;

	ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
	while ((n = write(ends[1], text, sizeof(text))) > 0)
		full += n;
	fcntl(ends[1], F_SETFL, 0);
	dup2(ends[1], STDERR_FILENO);
	say("not read");
	while ((n = read(ends[0], text, sizeof(text))) > 0)
		left += n;
	ck_assert_int_eq(left, full);
}
END_TEST

START_TEST(a_closed_stderr_is_no_error)
{
	close(STDERR_FILENO);
	errno = 0;
	say("lost");
	warn("nor", "this");
	ck_assert_int_lt(fcntl(STDERR_FILENO, F_GETFD), 0);
}
END_TEST

/* ---- warnings and errors ------------------------------------------------ */

enum { WARNX, WARN, DIE, DIEX };

static void
print_hook(const char *line, int code)
{
	printf("%d %s", code, line);
	fflush(stdout);
}

static void
report_with(const void *how)
{
	log_set_hook(print_hook);
	errno = ENOENT;
	switch (*(const int *)how) {
	case WARNX:
		warnx("what", "which", "why", "do");
		break;
	case WARN:
		warn("what", "which");
		break;
	case DIE:
		die("what", "which");
	case DIEX:
		log_set_name("other", 3);
		diex("what", NULL, "why", NULL);
	}
}

static const struct { int how, code; const char *out, *err; } endings[] = {
	{ WARNX, 0, "0 what 'which': why; do",
	    "pith: what 'which': why; do\n" },
	{ WARN, 0, "0 what 'which': No such file or directory",
	    "pith: what 'which': No such file or directory\n" },
	{ DIE, 125, "125 what 'which': No such file or directory",
	    "pith: what 'which': No such file or directory\n" },
	{ DIEX, 3, "3 what: why", "other: what: why\n" },
};

START_TEST(the_hook_gets_the_line_and_the_exit_code)
{
	struct outcome o;

	outcome_of(&o, report_with, &endings[_i].how);
	ck_assert_str_eq(o.out, endings[_i].out);
	ck_assert_str_eq(o.err, endings[_i].err);
	ck_assert_int_eq(o.code, endings[_i].code);
}
END_TEST

static void
say_and_die(const void *none)
{
	(void)none;
	say("a line");
	diex("what", NULL, NULL, NULL);
}

START_TEST(the_hook_is_optional)
{
	says(say_and_die, NULL, 125,
	    "pith: a line\npith: what");
}
END_TEST

static void
check_address(const char *text)
{
	const int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	unsigned char theirs[16], ours[16];
	const size_t n = value_address(text, ours);

	if (inet_pton(family, text, theirs) == 1) {
		ck_assert_msg(n == (family == AF_INET ? 4 : 16), "%s", text);
		ck_assert_mem_eq(ours, theirs, n);
	} else {
		ck_assert_msg(n == 0, "%s", text);
	}
}

START_TEST(an_address_is_parsed_as_by_libc)
{
	static const char *const texts[] = {
		"", ":", "::", ":::", "::1", "1::", ":1", "1:", "1::2::3",
		"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "::ffff:1.2.3.4",
		"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3",
		"::1.2.3.4:5", "fFfF::AbCd", "fffff::", "::g", "1.2.3.4",
		"01.2.3.4", "0.0.0.0", "256.1.1.1", "1.2.3", "1.2.3.4.5",
		"1.2.3.", ".1.2.3", "1..2.3", " 1.2.3.4", "1.2.3.4 ", "::\x10",
	};
	static const char of[] = "0123456789abcdefF::::....x";
	char text[24];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_address(texts[i]);
	srand(1);
	for (int i = 0; i < 300000; i++) {
		int n = rand() % (int)(sizeof(text) - 1);

		text[n] = '\0';
		while (n-- > 0)
			text[n] = of[rand() % (int)(sizeof(of) - 1)];
		check_address(text);
	}
}
END_TEST

Suite *
log_suite(void)
{
	Suite *s = suite_create("log");
	TCase *t = tcase_create("line");

	add_each(t, a_string_that_does_not_fit_ends_in_dots, added);
	tcase_add_test(t, the_smallest_string_holds_only_dots);
	add_each(t, a_number_is_decimal, numbers);
	tcase_add_test(t, an_address_is_parsed_as_by_libc);
	tcase_add_test(t,
	    all_characters_but_controls_and_surrogates_are_printable);
	add_each(t, an_invalid_utf8_sequence_is_not_printable, not_utf8);
	add_each(t, a_quoted_name_has_no_control_characters, quoted);
	suite_add_tcase(s, t);
	t = tcase_create("say");
	tcase_add_test(t, a_line_is_one_write_and_begins_with_the_name);
	add_each(t, a_warning_has_what_which_why_and_remedy, warnings);
	tcase_add_test(t, a_long_line_is_cut_to_what_a_pipe_takes_at_once);
	tcase_add_test(t, a_full_stderr_does_not_block);
	tcase_add_test(t, a_closed_stderr_is_no_error);
	add_each(t, the_hook_gets_the_line_and_the_exit_code, endings);
	tcase_add_test(t, the_hook_is_optional);
	suite_add_tcase(s, t);
	return s;
}
