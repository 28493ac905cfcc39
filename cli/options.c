#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "options.h"

extern char **environ;

#define AT(member) offsetof(struct options, member)

/* Names take a fixed room: a pointer would cost a relocation at every start. */
static const struct rule rules[] = {
	{ "group",               'g', ON,      AT(group) },
	{ "subreaper",           's', NOTHING, 0 },
	{ "parent-death-signal", 'p', SIGNAL,  AT(parent_death_signal) },
	{ "exit",                'e', EXIT,    0 },
	{ "rewrite",             'r', REWRITE, 0 },
	{ "delay",                0,  DELAY,   0 },
	{ "all",                  0,  ON,      AT(all) },
	{ "",                    'w', ON,      AT(warn_orphans) },
	{ "",                    'v', COUNT,   AT(verbosity) },
	{ "stop-timeout",         0,  TIME,    AT(stop_timeout) },
	{ "stop-signal",          0,  SIGNAL,  AT(stop_signal) },
	{ "grace",                0,  TIME,    AT(grace) },
	{ "wait",                 0,  ON,      AT(wait) },
	{ "timeout",              0,  TIME,    AT(timeout) },
	{ "report",               0,  TEXT,    AT(report) },
	{ "report-fd",            0,  NUMBER,  AT(report_fd) },
	{ "pause",                0,  ON,      AT(pause) },
	{ "help",                'h', HELP,    0 },
	{ "version",             'V', VERSION, 0 },
	{ "license",             'l', LICENSE, 0 },
};

static const struct dialect native = {
	.name = "pith",
	.failure_code = 125,
	.version = "pith " PITH_VERSION "\n",
	.rules = rules,
	.rule_count = sizeof(rules) / sizeof(rules[0]),
	.usage =
"usage: pith [OPTION ...] [--] COMMAND [ARGUMENT ...]\n"
"Run COMMAND as a good process 1: forward signals, reap zombies, end with its\n"
"exit code. T is a time: 1.5, 500ms, 90s, 2m, 1h. SIG is a name or a number.\n"
"\n"
"  -g, --group              forward to the child's whole process group\n"
"      --all                forward to every process of the PID namespace\n"
"  -r, --rewrite FROM:TO    forward TO where FROM came; 0 drops it\n"
"      --delay SIG:T        forward SIG after T; a second SIG goes at once\n"
"  -e, --exit FROM[:TO]     exit with TO (0) where the command's code is FROM\n"
"  -p, --parent-death-signal SIG\n"
"                           get SIG when the parent of pith dies\n"
"      --timeout T          stop the command after T, exit with 124\n"
"      --stop-timeout T     SIGKILL when it lives T after being told to stop\n"
"      --stop-signal SIG    what --timeout stops it with (TERM)\n"
"      --grace T            end what the command leaves: TERM, T, KILL\n"
"      --wait               end only when every process has ended\n"
"      --pause              no command: reap until TERM or INT\n"
"      --report FILE        write how it ended, as JSON\n"
"      --report-fd N        the same to an open file\n"
"  -s, --subreaper          accepted; pith does it by itself\n"
"  -w                       warn of reaped orphans\n"
"  -v                       say what is done; -vv says more\n"
"  -h, --help   -V, --version   -l, --license\n"
"\n"
"PITH_OPTIONS holds further options. Exit codes: the command's; 128+n signal n;\n"
"124 timeout; 125 pith failed; 126 not executable; 127 not found. See pith(8).\n",
};

static const char license[] =
"MIT License\n"
"\n"
"Copyright (c) 2026 the pith authors\n"
"\n"
"Permission is hereby granted, free of charge, to any person obtaining a copy\n"
"of this software and associated documentation files (the \"Software\"), to deal\n"
"in the Software without restriction, including without limitation the rights\n"
"to use, copy, modify, merge, publish, distribute, sublicense, and/or sell\n"
"copies of the Software, and to permit persons to whom the Software is\n"
"furnished to do so, subject to the following conditions:\n"
"\n"
"The above copyright notice and this permission notice shall be included in all\n"
"copies or substantial portions of the Software.\n"
"\n"
"THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR\n"
"IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,\n"
"FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE\n"
"AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER\n"
"LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,\n"
"OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE\n"
"SOFTWARE.\n";

/* What to write for a kind that takes a value. */
static const char takes[][64] = {
	[TEXT - TEXT] = "a file name",
	[NUMBER - TEXT] = "the number of an open file",
	[TIME - TEXT] = "a time such as 1.5, 500ms, 90s, 2m or 1h",
	[SIGNAL - TEXT] = "a signal such as TERM, SIGUSR1, RTMIN+3 or 15",
	[EXIT - TEXT] = "exit codes FROM[:TO] such as 143:0 or SIGTERM:0",
	[REWRITE - TEXT] = "signals FROM:TO such as TERM:QUIT, FROM:0 drops",
	[DELAY - TEXT] = "a signal and a time, such as TERM:5s",
};

static const char SEE_HELP[] = "see --help";

/* ---- values ------------------------------------------------------------- */

/* A decimal number from 0 to most; -1 where it is none. */
static int64_t
number(const char *digits, int64_t most)
{
	int64_t n = 0;

	if (!*digits)
		return -1;
	for (; *digits >= '0' && *digits <= '9' && n <= most; digits++)
		n = n * 10 + *digits - '0';
	return *digits || n > most ? -1 : n;
}

/* Milliseconds of "1.5", "500ms", "2m"; -1 where it is no time. What is finer
 * than a millisecond counts as a whole one. */
static int64_t
duration(const char *text)
{
	static const struct { char name[3]; int32_t ms; } units[] = {
		{ "", 1000 }, { "ms", 1 }, { "s", 1000 },
		{ "m", 60 * 1000 }, { "h", 60 * 60 * 1000 },
	};
	/* 30 years, so that no sum of two overflows. */
	const int64_t most = INT64_C(30) * 365 * 24 * 3600 * 1000;
	int64_t whole = 0, part = 0, scale = 1;
	const char *t = text;

	for (; *t >= '0' && *t <= '9' && whole <= most; t++)
		whole = whole * 10 + *t - '0';
	if (*t == '.')
		for (t++; *t >= '0' && *t <= '9' && scale < 1000000000; t++) {
			part = part * 10 + *t - '0';
			scale *= 10;
		}
	if (t == text || t[-1] == '.' || whole > most)
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(t, units[i].name) == 0) {
			whole = whole * units[i].ms +
			    (part * units[i].ms + scale - 1) / scale;
			return whole > most ? -1 : whole;
		}
	return -1;
}

/* Cut "FROM:TO" in two; TO is NULL where there is no colon. False where FROM is
 * longer than any signal's name or number. */
static bool
cut(const char *value, char from[SIGNAL_NAME], const char **to)
{
	size_t n = strchrnul(value, ':') - value;

	if (n >= SIGNAL_NAME)
		return false;
	memcpy(from, value, n);
	from[n] = '\0';
	*to = value[n] ? value + n + 1 : NULL;
	return true;
}

/* An exit code: a number, or the name of a signal for what it ends with. */
static int
code(const char *text)
{
	int n = number(text, 255);

	if (n < 0 && signal_number(text))
		n = 128 + signal_number(text);
	return n;
}

/* A signal that can come to us and be passed on. */
static int
forwardable(const char *name)
{
	int sig = signal_number(name);

	return sig == SIGKILL || sig == SIGSTOP || sig == SIGCHLD ? 0 : sig;
}

static bool
set_exit(struct options *o, const char *value)
{
	char text[SIGNAL_NAME];
	const char *to;
	int from, target;

	if (!cut(value, text, &to))
		return false;
	from = code(text);
	target = to ? code(to) : 0;
	if (from < 0 || target < 0)
		return false;
	o->exit_codes[from] = target;
	return true;
}

static bool
set_rewrite(struct options *o, const char *value)
{
	char text[SIGNAL_NAME];
	const char *to;
	int from;

	if (!cut(value, text, &to) || !to)
		return false;
	from = forwardable(text);
	if (from == 0 || (signal_number(to) == 0 && number(to, 0) != 0))
		return false;
	o->signals.rewrite[from] = signal_number(to);
	return true;
}

static bool
set_delay(struct options *o, const char *value)
{
	char text[SIGNAL_NAME];
	const char *to;
	int from;
	int64_t ms;

	if (!cut(value, text, &to) || !to)
		return false;
	from = forwardable(text);
	ms = duration(to);
	if (from == 0 || ms < 0 || ms > INT32_MAX)
		return false;
	o->signals.delay[from] = ms;
	return true;
}

/* False where the value is not of its kind. */
static bool
set_value(struct options *o, const struct rule *r, const char *value)
{
	void *member = (char *)o + r->at;

	switch (r->kind) {
	case TEXT:
		*(const char **)member = value;
		return *value != '\0';
	case NUMBER:
		return (*(int *)member = number(value, INT32_MAX)) >= 0;
	case TIME:
		return (*(int64_t *)member = duration(value)) >= 0;
	case SIGNAL:
		return (*(int *)member = signal_number(value)) > 0;
	case EXIT:
		return set_exit(o, value);
	case REWRITE:
		return set_rewrite(o, value);
	case DELAY:
		return set_delay(o, value);
	case LEVEL:
		/* Of tini, whose 1 is to say nothing but warnings. */
		o->verbosity = number(value, 9) - 1;
		return true;
	default:
		return false;
	}
}

/* ---- options ------------------------------------------------------------ */

static _Noreturn void
print(const char *text, const struct dialect *d)
{
	size_t n = strlen(text);
	int fd = d->on_stderr ? STDERR_FILENO : STDOUT_FILENO;

	if (write(fd, text, n) != (ssize_t)n)
		die("cannot write to", d->on_stderr ? "stderr" : "stdout");
	_exit(0);
}

/* "--word" or "-letter", as it was written, for the user to find again. */
static void
option_name(struct line *l, const struct rule *r, bool is_long)
{
	const char letter[] = { '-', r->letter, '\0' };

	line_add(l, is_long ? "--" : letter);
	if (is_long)
		line_add(l, r->name);
}

static void
take_value(struct options *o, const struct rule *r, const char *value,
    bool is_long)
{
	char text[128];
	struct line why = LINE(text);

	if (value && set_value(o, r, value))
		return;
	option_name(&why, r, is_long);
	if (!value)
		refuse("missing value for", text, takes[r->kind - TEXT],
		    SEE_HELP);
	line_add(&why, " takes ");
	line_add(&why, takes[r->kind - TEXT]);
	refuse("bad value", value, text, NULL);
}

static void
take_flag(struct options *o, const struct rule *r, const struct dialect *d)
{
	void *member = (char *)o + r->at;

	switch (r->kind) {
	case ON:
		*(bool *)member = true;
		break;
	case OFF:
		*(bool *)member = false;
		break;
	case COUNT:
		++*(int *)member;
		break;
	case HELP:
		print(d->usage, d);
	case VERSION:
		print(d->version, d);
	case LICENSE:
		print(license, d);
	}
}

/* A long name of n bytes, or with n 0 a letter; the dialect's own meaning
 * first, and any long name of pith's besides. */
static const struct rule *
find(const struct dialect *d, const char *name, size_t n)
{
	for (size_t i = 0; i < d->rule_count; i++) {
		const struct rule *r = &d->rules[i];

		if (n == 0 ? r->letter == *name : strlen(r->name) == n &&
		    memcmp(r->name, name, n) == 0)
			return r;
	}
	return d == &native || n == 0 ? NULL : find(&native, name, n);
}

/* Where words come from: argv, or the text of PITH_OPTIONS. */
struct words {
	char **argv;            /* the next one; NULL: from text */
	char *text;
};

/* Cut the next word off a text at blanks and commas; \ takes the next character
 * as it is. The word stands where it stood. */
static char *
cut_word(char **text)
{
	static const char between[] = " \t\n,";
	char *from = *text;
	char *to, *word;

	while (*from && strchr(between, *from))
		from++;
	if (!*from)
		return NULL;
	to = word = from;
	for (; *from && !strchr(between, *from); *to++ = *from++)
		if (*from == '\\' && from[1])
			from++;
	*text = *from ? from + 1 : from;
	*to = '\0';
	return word;
}

static char *
next_word(struct words *w)
{
	if (!w->argv)
		return cut_word(&w->text);
	return *w->argv ? *w->argv++ : NULL;
}

static void
parse_long(struct options *o, const struct dialect *d, char *word,
    struct words *w)
{
	size_t n = strchrnul(word + 2, '=') - (word + 2);
	const struct rule *r = find(d, word + 2, n);
	char *value = word[2 + n] ? word + 2 + n + 1 : NULL;

	if (!r)
		refuse("unknown option", word, NULL, SEE_HELP);
	if (r->kind >= TEXT)
		take_value(o, r, value ? value : next_word(w), true);
	else if (value)
		refuse("unexpected value", word, "this option takes none",
		    SEE_HELP);
	else
		take_flag(o, r, d);
}

static void
parse_letters(struct options *o, const struct dialect *d, char *word,
    struct words *w)
{
	for (char *letter = word + 1; *letter; letter++) {
		const struct rule *r = find(d, letter, 0);

		if (!r)
			refuse("unknown option", word, NULL, SEE_HELP);
		if (r->kind >= TEXT) {
			take_value(o, r, letter[1] ? letter + 1 : next_word(w),
			    false);
			return;
		}
		take_flag(o, r, d);
	}
}

/* Parse options up to the first word that is none, which is returned. */
static char *
parse_words(struct options *o, const struct dialect *d, struct words *w)
{
	char *word;

	while ((word = next_word(w)) && word[0] == '-' && word[1]) {
		if (strcmp(word, "--") == 0)
			return next_word(w);
		if (word[1] == '-')
			parse_long(o, d, word, w);
		else
			parse_letters(o, d, word, w);
	}
	return word;
}

/* ---- all together ------------------------------------------------------- */

static void
set_defaults(struct options *o, const struct dialect *d)
{
	memset(o, 0, sizeof(*o));
	o->group = d->whole_group;
	o->reaped = d->reaped ? d->reaped : "reaped orphan process ";
	o->exec_code = d->exec_code;
	o->dies_of_signal = d == &native;
	o->stop_signal = SIGTERM;
	o->stop_timeout = o->grace = o->timeout = UNSET;
	o->report_fd = UNSET;
	for (int i = 0; i < 256; i++)
		o->exit_codes[i] = i;
	for (int i = 0; i < SIGNALS; i++)
		o->signals.rewrite[i] = i;
}

static void
parse_variables(struct options *o, const struct dialect *d)
{
	for (size_t i = 0; i < d->variable_count; i++) {
		const struct variable *v = &d->variables[i];
		const char *value = getenv(v->name);
		const struct rule r = { .kind = v->kind, .at = v->at };

		if (!value || (v->value[0] && strcmp(value, v->value) != 0))
			continue;
		if (r.kind >= TEXT)
			set_value(o, &r, value);
		else
			take_flag(o, &r, d);
	}
}

/* PITH_OPTIONS, for engines that pass no options (docker run --init). */
static void
parse_environment(struct options *o, const struct dialect *d)
{
	static const char NAME[] = "PITH_OPTIONS=";
	struct words w = { NULL, NULL };
	char **to = environ;
	char *word;

	for (char **e = environ; *e; e++)
		if (strncmp(*e, NAME, sizeof(NAME) - 1) != 0)
			*to++ = *e;
		else if (!w.text)
			w.text = *e + sizeof(NAME) - 1;
	*to = NULL;
	if (!w.text)
		return;
	/* Whoever reads of a mistake has to know where to look. */
	log_as("pith: PITH_OPTIONS", d->failure_code);
	word = parse_words(o, &native, &w);
	if (word)
		refuse("not an option", word, NULL,
		    "the command goes on the command line");
	log_as(d->name, d->failure_code);
}

/* As dumb-init has it: at the end the child's group gets SIGTERM, and to
 * suspend us suspends all of it, whatever its programs make of the terminal's
 * signals. */
static void
mind_group(struct options *o)
{
	static const unsigned char suspend[] = { SIGTSTP, SIGTTIN, SIGTTOU };

	o->ends_group = true;
	for (size_t i = 0; i < sizeof(suspend); i++)
		if (o->signals.rewrite[suspend[i]] == suspend[i])
			o->signals.rewrite[suspend[i]] = SIGSTOP;
}

/* What cannot be meant together. */
static void
check(const struct options *o)
{
	if (o->pause && o->command)
		refuse("--pause takes no command", o->command[0], NULL, NULL);
	if (!o->pause && (!o->command || !o->command[0][0]))
		refuse(o->command ? "empty command" : "no command given", NULL,
		    NULL, SEE_HELP);
	if (o->report && o->report_fd != UNSET)
		refuse("--report and --report-fd contradict each other", NULL,
		    NULL, SEE_HELP);
}

void
options_parse(struct options *o, const struct dialect *dialect, char **argv)
{
	const struct dialect *d = dialect ? dialect : &native;
	struct words w = { argv + (*argv != NULL), NULL };

	log_as(d->name, d->failure_code);
	set_defaults(o, d);
	parse_variables(o, d);
	parse_environment(o, d);
	if (parse_words(o, d, &w))
		o->command = w.argv - 1;
	if (d->whole_group && o->group)
		mind_group(o);
	check(o);
}
