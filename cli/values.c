#include <arpa/inet.h>
#include <string.h>

#include "../signals.h"
#include "values.h"

bool
text_number(const char **text, uint64_t most, uint64_t *number)
{
	const char *t = *text;
	uint64_t n = 0;

	for (; *t >= '0' && *t <= '9' && n <= most; t++) {
		if (n > (UINT64_MAX - 9) / 10)
			return false;
		n = n * 10 + *t - '0';
	}
	*number = n;
	if (t == *text || n > most)
		return false;
	*text = t;
	return true;
}

int64_t
value_number(const char *text, int64_t most)
{
	uint64_t n;

	return text_number(&text, most, &n) && !*text ? (int64_t)n : -1;
}

bool
value_id(const char *text, size_t size, uint32_t *id)
{
	const char *end = text;
	uint64_t n;

	if (!text_number(&end, UINT32_MAX - 1, &n) || end != text + size)
		return false;
	*id = n;
	return true;
}

int64_t
value_time(const char *text)
{
	static const struct { char name[3]; int32_t ms; } units[] = {
		{ "", 1000 }, { "ms", 1 }, { "s", 1000 },
		{ "m", 60 * 1000 }, { "h", 60 * 60 * 1000 },
	};
	/* 30 years: the sum of two times does not overflow. */
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

int64_t
value_size(const char *text)
{
	static const char units[] = "bkmgt";
	const uint64_t most = UINT64_C(1) << 52;
	const char *unit = units;
	uint64_t n;

	if (!text_number(&text, most, &n) || n == 0)
		return -1;
	if (*text && !(unit = strchr(units, *text++ | 0x20)))
		return -1;
	/* docker accepts "mb" and "mib", too. */
	if (unit > units && *text == 'i' && (text[1] | 0x20) == 'b')
		text++;
	if (unit > units && (*text | 0x20) == 'b')
		text++;
	if (*text)
		return -1;
	for (; unit > units && n <= most; unit--)
		n *= 1024;
	return n > most ? -1 : (int64_t)n;
}

size_t
value_address(const char *text, unsigned char bytes[16])
{
	if (inet_pton(AF_INET, text, bytes) == 1)
		return 4;
	return inet_pton(AF_INET6, text, bytes) == 1 ? 16 : 0;
}

int
value_exit_code(const char *text)
{
	int n = value_number(text, 255);

	if (n < 0 && signal_number(text))
		n = 128 + signal_number(text);
	return n;
}

int
value_forwarded_signal(const char *name)
{
	int sig = signal_number(name);

	return sig == SIGKILL || sig == SIGSTOP || sig == SIGCHLD ? 0 : sig;
}

int
value_mode(const char *text)
{
	int n = 0;

	if (!*text)
		return -1;
	for (; *text >= '0' && *text <= '7' && n <= 0777; text++)
		n = n * 8 + *text - '0';
	return *text || n > 0777 ? -1 : n;
}

int
value_choice(const struct choices *choices, const char *text)
{
	for (int i = 0; i < CHOICES_MAX && choices->words[i][0]; i++)
		if (strcmp(choices->words[i], text) == 0)
			return i;
	return -1;
}
