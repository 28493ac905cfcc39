#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/values_command.h"
#include "sandbox/users.h"
#include "suites.h"

/* Make a root with two files and chroot(2) into it; false if we may not. */
static bool
enter_root(const char *passwd, const char *group)
{
	if (!be_root()) {
		skip("users", "no chroot(2)");
		return false;
	}
	ck_assert_int_eq(mkdir("etc", 0755), 0);
	if (passwd)
		make_text("etc/passwd", passwd, 0644);
	if (group)
		make_text("etc/group", group, 0644);
	ck_assert_int_eq(chroot("."), 0);
	return true;
}

/* Look up --user, or NULL, and up to 70 --group-add, separated by blanks. */
static void
look_up(struct identity *id, const char *user, const char *groups)
{
	static char text[1024];
	struct sandbox s = { .rootfs = "/" };

	snprintf(text, sizeof(text), "%s", groups);
	for (char *g = strtok(text, " "); g; g = strtok(NULL, " "))
		command_set(&s, GROUP_ADD, g);
	if (user)
		command_set(&s, USER, user);
	memset(id, 0x5a, sizeof(*id));
	users_find(id, &s);
}

static const char passwd[] =
    "root:x:0:0:root:/root:/bin/sh\n"
    "# www:x:1:1::/wrong:\n"
    "#old:x:77:77::/wrong:\n"
    "www:x:33:34:,,,:/var/www:/bin/sh\n"
    "www:x:1:1::/wrong:\n"
    "wwwx:x:35:35::/x:\n"
    "big:x:4294967294:3000000000::relative:\n"
    "bare:x:40:41\n"
    "1000:x:50:50::/fifty:\n"
    "numbered:x:1000:1001::/home/n:\n"
    "last:x:60:61::/last";
static const char group[] =
    "root:x:0:root\n"
    "adm:x:4:www,last\n"
    "#gone:x:5:www\n"
    "tape:x:26:wwwx,www\n"
    "none:x:27:wwwx,xwww\n"
    "again:x:26:www,www\n"
    "huge:x:3000000001:last\n"
    "num:x:28:numbered\n"
    "www:x:34:";

static const struct {
	const char *user, *groups;
	uid_t uid;
	gid_t gid;
	const char *supplementary, *home;
} found[] = {
	{ "root", "", 0, 0, " 0", "/root" },
	{ "www", "", 33, 34, " 4 26", "/var/www" },
	{ "www:adm", "", 33, 4, "", "/var/www" },
	{ "www:7", "", 33, 7, "", "/var/www" },
	{ "33", "", 33, 34, " 4 26", "/var/www" },
	{ "33:34", "", 33, 34, "", "/var/www" },
	{ "33:huge", "", 33, 3000000001, "", "/var/www" },
	{ "99", "", 99, 0, "", "/" },
	{ "99:98", "", 99, 98, "", "/" },
	{ "77", "", 77, 0, "", "/" },
	{ "0", "", 0, 0, " 0", "/root" },
	{ "00", "", 0, 0, " 0", "/root" },
	{ "1000", "", 1000, 1001, " 28", "/home/n" },
	{ "4294967294", "", 4294967294, 3000000000, "", "/" },
	{ "big", "", 4294967294, 3000000000, "", "/" },
	{ "3000000000:4294967294", "", 3000000000, 4294967294, "", "/" },
	{ "bare", "", 40, 41, "", "/" },
	{ "last", "", 60, 61, " 4 3000000001", "/last" },
	{ "last", "adm 9 root", 60, 61, " 0 4 9 3000000001", "/last" },
	{ "5:6", "tape 7 7", 5, 6, " 7 26", "/" },
};

static const char *
groups_of(const struct identity *id)
{
	static char text[1024];
	size_t n = 0;

	text[0] = '\0';
	for (int i = 0; i < id->group_count; i++)
		n += snprintf(text + n, sizeof(text) - n, " %u",
		    id->groups[i]);
	return text;
}

START_TEST(a_user_is_looked_up_as_by_docker)
{
	struct identity id;

	if (!enter_root(passwd, group))
		return;
	look_up(&id, found[_i].user, found[_i].groups);
	ck_assert_uint_eq(id.uid, found[_i].uid);
	ck_assert_uint_eq(id.gid, found[_i].gid);
	ck_assert_str_eq(groups_of(&id), found[_i].supplementary);
	ck_assert_str_eq(id.home, found[_i].home);
	ck_assert(id.uid_given);
	ck_assert_int_eq(id.groups_given, found[_i].groups[0] != '\0');
}
END_TEST

START_TEST(without_a_user_the_ids_do_not_change)
{
	char line[64];
	struct identity id;
	uid_t uid;
	gid_t gid;

	ck_assert(be_root());
	uid = getuid();
	gid = getgid();
	snprintf(line, sizeof(line), "me:x:%u:7::/me:\n", uid);
	if (!enter_root(line, NULL))
		return;
	look_up(&id, NULL, "");
	ck_assert_uint_eq(id.uid, uid);
	ck_assert_uint_eq(id.gid, gid);
	ck_assert(!id.uid_given && !id.groups_given);
	ck_assert_int_eq(id.group_count, 0);
	ck_assert_str_eq(id.home, "/me");
	look_up(&id, NULL, "5");
	ck_assert(!id.uid_given && id.groups_given);
	ck_assert_str_eq(groups_of(&id), " 5");
}
END_TEST

START_TEST(a_root_without_passwd_takes_numeric_ids)
{
	struct identity id;

	if (!enter_root(NULL, NULL))
		return;
	ck_assert_int_eq(rmdir("etc"), 0);
	look_up(&id, "5:6", "7");
	ck_assert_uint_eq(id.uid, 5);
	ck_assert_uint_eq(id.gid, 6);
	ck_assert_str_eq(groups_of(&id), " 7");
	ck_assert_str_eq(id.home, "/");
}
END_TEST

/* ---- errors ------------------------------------------------------------- */

static void
check_user(const void *user)
{
	struct sandbox s = { .user = NULL };

	command_set(&s, USER, user);
}

static void
check_group(const void *group_)
{
	struct sandbox s = { .user = NULL };

	command_set(&s, GROUP_ADD, group_);
}

static const char *const no_ids[] = {
	"", "4294967295", "4294967296", "18446744073709551616",
	"99999999999999999999999999999999",
};

START_TEST(an_invalid_id_is_refused)
{
	static const char why[] =
	    "an id is a number from 0 to 4294967294, or a name";
	char user[64];

	says(check_user, no_ids[_i], 125, "pith: bad value '%s': %s",
	    no_ids[_i], why);
	says(check_group, no_ids[_i], 125, "pith: bad value '%s': %s",
	    no_ids[_i], why);
	snprintf(user, sizeof(user), "0:%s", no_ids[_i]);
	says(check_user, user, 125, "pith: bad value '%s': %s", user, why);
	snprintf(user, sizeof(user), "%s:0", no_ids[_i]);
	says(check_user, user, 125, "pith: bad value '%s': %s", user, why);
}
END_TEST

static void
find_user(const void *user)
{
	struct identity id;

	look_up(&id, user, "");
}

static void
find_group(const void *group_)
{
	struct identity id;

	look_up(&id, "5:6", group_);
}

/* Names that begin with a number, or that other parsers take for a number. */
static const char *const no_names[] = {
	"-1", "0x0", " 0", "1000abc", "+0", "0 ", "nobody", "w", "wwwxx",
	"www,adm", "#old", "x", "/",
};

START_TEST(an_unknown_name_is_refused)
{
	if (!enter_root(passwd, group))
		return;
	says(find_user, no_names[_i], 125,
	    "pith: no such user '%s': not in /etc of the root", no_names[_i]);
	if (!strchr(no_names[_i], ' '))
		says(find_group, no_names[_i], 125, "pith: no such group '%s': "
		    "not in /etc of the root", no_names[_i]);
}
END_TEST

static const char *const bad_ids[] = {
	"-1", "4294967295", "0x0", " 0", "0 ", "1000abc", "", "+1",
	"4294967296", "18446744073709551617", "1\r",
};

START_TEST(an_invalid_id_in_a_file_is_refused)
{
	char users_[128], groups_[128];

	snprintf(users_, sizeof(users_), "u:x:%s:5::/:\ng:x:5:%s::/:\n",
	    bad_ids[_i], bad_ids[_i]);
	snprintf(groups_, sizeof(groups_), "g:x:%s:m\n", bad_ids[_i]);
	if (!enter_root(users_, groups_))
		return;
	says(find_user, "u", 125,
	    "pith: bad id in /etc of the root for 'u'");
	says(find_user, "g", 125,
	    "pith: bad id in /etc of the root for 'g'");
	says(find_user, "5", 125,
	    "pith: bad id in /etc of the root for '5'");
	says(find_group, "g", 125,
	    "pith: bad id in /etc of the root for 'g'");
}
END_TEST

/* Make a file of size bytes, a text and repetitions of a filler, and an end. */
static void
make_large(const char *path, const char *begin, const char *filler,
    size_t size, const char *end)
{
	char *bytes = malloc(size + strlen(end) + 1);
	size_t n = strlen(begin);

	ck_assert_ptr_nonnull(bytes);
	memcpy(bytes, begin, n);
	for (size_t i = 0; n < size; i++)
		bytes[n++] = filler[i % strlen(filler)];
	strcpy(bytes + size, end);
	make_file(path, bytes, size + strlen(end), 0644);
	free(bytes);
}

START_TEST(lines_after_a_line_of_one_megabyte_are_found)
{
	struct identity id;

	if (!enter_root(NULL, NULL))
		return;
	make_large("etc/passwd", "a:x:1:1::/:\n", "x:", 1000000,
	    "\nb:x:2:3::/b:\n");
	look_up(&id, "a", "");
	ck_assert_uint_eq(id.uid, 1);
	look_up(&id, "b", "");
	ck_assert_uint_eq(id.uid, 2);
	ck_assert_str_eq(id.home, "/b");
}
END_TEST

START_TEST(only_the_first_16_mib_are_read)
{
	const size_t most = 16 << 20;

	if (!enter_root(NULL, NULL))
		return;
	make_large("etc/passwd", "a:x:1:1::/:\n", "z\n", most,
	    "b:x:2:3::/b:\n");
	says(find_user, "b", 125,
	    "pith: no such user 'b': not in /etc of the root");
	/* An incomplete line is ignored. */
	make_large("etc/passwd", "a:x:1:1::/:\n", "z\n", most - 10,
	    "\nc:x:2:3000::/b:\n");
	says(find_user, "c", 125,
	    "pith: no such user 'c': not in /etc of the root");
	make_large("etc/passwd", "", "x:", 2 * most, "");
	says(find_user, "c", 125,
	    "pith: no such user 'c': not in /etc of the root");
}
END_TEST

START_TEST(a_home_that_is_too_long_becomes_the_root)
{
	char line[600];
	struct identity id;

	snprintf(line, sizeof(line), "a:x:1:1::/%0254d:\nb:x:2:1::/%0255d:\n",
	    0, 0);
	if (!enter_root(line, NULL))
		return;
	look_up(&id, "a", "");
	ck_assert_uint_eq(strlen(id.home), 255);
	look_up(&id, "b", "");
	ck_assert_str_eq(id.home, "/");
}
END_TEST

/* Seen to fail with a table of 64. */
START_TEST(more_groups_than_the_kernel_allows_are_refused)
{
	enum { KERNEL = 65536 };
	static char text[KERNEL * 40];
	size_t n = 0;
	struct identity id;

	/* In descending order, and each twice. */
	for (int i = KERNEL; i >= 0; i--)
		n += snprintf(text + n, sizeof(text) - n, "g%d:x:%d:%s\n", i,
		    i + 100, i < KERNEL ? "a,a,b" : "b");
	if (!enter_root("a:x:1:1::/:\nb:x:2:2::/:\n", text))
		return;
	look_up(&id, "a", "");
	ck_assert_int_eq(id.group_count, KERNEL);
	ck_assert_uint_eq(id.groups[0], 100);
	ck_assert_uint_eq(id.groups[KERNEL - 1], 100 + KERNEL - 1);
	says(find_user, "b", 125, "pith: more than 65536 groups");
}
END_TEST

START_TEST(a_passwd_that_is_no_regular_file_is_refused)
{
	if (!enter_root(NULL, NULL))
		return;
	ck_assert_int_eq(mkfifo("etc/passwd", 0666), 0);
	says(find_user, "5", 125,
	    "pith: cannot read '/etc/passwd': not a regular file");
	ck_assert_int_eq(unlink("etc/passwd"), 0);
	ck_assert_int_eq(mkdir("etc/passwd", 0755), 0);
	says(find_user, "5", 125,
	    "pith: cannot read '/etc/passwd': not a regular file");
	ck_assert_int_eq(rmdir("etc/passwd"), 0);
	ck_assert_int_eq(symlink("passwd", "etc/passwd"), 0);
	says(find_user, "5", 125, "pith: cannot read '/etc/passwd': %s",
	    strerror(ELOOP));
}
END_TEST

START_TEST(a_symlink_cannot_leave_the_root)
{
	struct identity id;

	make_text("passwd", "a:x:1:1::/:\n", 0644);
	if (!enter_root(NULL, NULL))
		return;
	ck_assert_int_eq(symlink("../../../../passwd", "etc/passwd"), 0);
	look_up(&id, "a", "");
	ck_assert_uint_eq(id.uid, 1);
}
END_TEST

/* A hostile image may have such a link; chroot(2) alone does not stop it. */
START_TEST(a_magic_link_of_proc_is_not_followed)
{
	char link[64];
	int fd;

	make_text("outside", "a:x:1:1::/:\n", 0644);
	fd = open("outside", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ck_assert_int_eq(mkdir("root", 0755), 0);
	ck_assert_int_eq(mkdir("root/proc", 0755), 0);
	ck_assert_int_eq(chdir("root"), 0);
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("/proc", "proc", NULL, MS_BIND | MS_REC, NULL) < 0) {
		skip("a link of /proc is not followed", "no mounts");
		return;
	}
	if (!enter_root(NULL, NULL))
		return;
	ck_assert_int_eq(symlink(link, "etc/passwd"), 0);
	ck_assert_int_eq(access("/etc/passwd", R_OK), 0);
	says(find_user, "a", 125, "pith: cannot read '/etc/passwd': %s",
	    strerror(ELOOP));
}
END_TEST

Suite *
users_suite(void)
{
	Suite *s = suite_create("users");
	TCase *t = case_with_files("found");

	add_each(t, a_user_is_looked_up_as_by_docker, found);
	tcase_add_test(t, without_a_user_the_ids_do_not_change);
	tcase_add_test(t, a_root_without_passwd_takes_numeric_ids);
	tcase_add_test(t, a_symlink_cannot_leave_the_root);
	suite_add_tcase(s, t);
	t = case_with_files("hostile");
	add_each(t, an_invalid_id_is_refused, no_ids);
	add_each(t, an_unknown_name_is_refused, no_names);
	add_each(t, an_invalid_id_in_a_file_is_refused, bad_ids);
	tcase_add_test(t, lines_after_a_line_of_one_megabyte_are_found);
	tcase_add_test(t, only_the_first_16_mib_are_read);
	tcase_add_test(t, a_home_that_is_too_long_becomes_the_root);
	tcase_add_test(t, more_groups_than_the_kernel_allows_are_refused);
	tcase_add_test(t, a_passwd_that_is_no_regular_file_is_refused);
	tcase_add_test(t, a_magic_link_of_proc_is_not_followed);
	suite_add_tcase(s, t);
	return s;
}
