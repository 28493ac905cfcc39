/* Keys of the user who starts a sandbox, and a command inside that seeks them.
 *
 *  attack_key have COMMAND   run COMMAND with a new session keyring. It has a
 *                            key that only its possessor may use. The
 *                            argument SERIAL is replaced by its number
 *  attack_key fill COMMAND   run COMMAND when the user's key quota is used up
 *  attack_key use SERIAL     print ESCAPED if the key can be read or used to
 *                            sign, or is listed as one that we possess
 *
 * Static, so that it needs no library. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From linux/keyctl.h and linux/if_alg.h; older headers lack some of them. */
enum { JOIN_SESSION = 1, SET_PERM = 5, READ = 11, SESSION = -3 };
enum { POSSESSOR_ALL = 0x3f000000, SET_KEY_BY_SERIAL = 7, SOL_OF_ALG = 279 };
struct address {
	unsigned short family;
	char type[14];
	unsigned feature, mask;
	char name[64];
};

static const char NAME[] = "pith-canary";
static const char SECRET[] = "0123456789abcdef";

static _Noreturn void
broken(const char *what)
{
	fprintf(stderr, "attack_key: %s: %s\n", what, strerror(errno));
	exit(99);
}

static long
new_key(const char *name)
{
	return syscall(SYS_add_key, "user", name, SECRET, sizeof(SECRET) - 1,
	    SESSION);
}

static _Noreturn void
have(char **command)
{
	char serial[24];
	long key;

	if (syscall(SYS_keyctl, JOIN_SESSION, NULL) < 0)
		broken("join");
	key = new_key(NAME);
	if (key < 0 || syscall(SYS_keyctl, SET_PERM, key, POSSESSOR_ALL) < 0)
		broken("key");
	snprintf(serial, sizeof(serial), "%ld", key);
	for (char **word = command; *word; word++)
		if (strcmp(*word, "SERIAL") == 0)
			*word = serial;
	execvp(command[0], command);
	broken(command[0]);
}

static _Noreturn void
fill(char **command)
{
	char name[24];
	int i = 0;

	if (syscall(SYS_keyctl, JOIN_SESSION, NULL) < 0)
		broken("join");
	do
		snprintf(name, sizeof(name), "%d", i++);
	while (i < 100000 && new_key(name) >= 0);
	if (errno != EDQUOT)
		broken("quota");
	execvp(command[0], command);
	broken(command[0]);
}

/* Sign with the key by AF_ALG, which works without keyctl(2). */
static int
signs(int key)
{
	const struct address a = { .family = AF_ALG, .type = "hash",
	    .name = "hmac(sha256)" };
	int s = socket(AF_ALG, SOCK_SEQPACKET, 0);

	return s >= 0 && bind(s, (const void *)&a, sizeof(a)) == 0 &&
	    setsockopt(s, SOL_OF_ALG, SET_KEY_BY_SERIAL, &key,
	    sizeof(key)) == 0;
}

static int
is_listed(void)
{
	static char text[65536];
	int fd = open("/proc/keys", O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	return n > 0 && strstr(text, NAME);
}

static int
use(int key)
{
	char value[sizeof(SECRET)];

	if (syscall(SYS_keyctl, READ, key, value, sizeof(value)) >= 0)
		puts("ESCAPED: read");
	else if (signs(key))
		puts("ESCAPED: signs");
	else if (is_listed())
		puts("ESCAPED: possessed");
	else
		puts("held: no key");
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "have") == 0)
		have(argv + 2);
	if (argc > 2 && strcmp(argv[1], "fill") == 0)
		fill(argv + 2);
	if (argc == 3 && strcmp(argv[1], "use") == 0)
		return use(atoi(argv[2]));
	fputs("usage: attack_key have|fill COMMAND, use SERIAL\n", stderr);
	return 2;
}
