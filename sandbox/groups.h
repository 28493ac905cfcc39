/* Operations on one control group, which is an open directory; cgroups(7). The
 * outer groups of pith are named pith-PID. */
#ifndef PITH_SANDBOX_GROUPS_H
#define PITH_SANDBOX_GROUPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Directories in the outer group. */
#define GROUP_INNER "pay"               /* the command and its init */
#define GROUP_JOINED "joined"           /* processes of --cgroup-join */
#define GROUP_RELAY "relay"             /* the port relay */

/* Mode bit of an outer group whose command outlives a killed launcher. */
#define GROUP_OUTLIVES S_ISVTX

/* Write the name of our outer group into name and return it. attempt: 1 for the
 * first try, and one more for each name that was taken. 0: the name of the
 * group that a launcher moves itself to. NULL after 100 attempts. */
enum { GROUP_NAME = 48 };
const char *groups_name(char name[GROUP_NAME], int attempt);

/* Open the directory of a group below another one. -1 with errno. */
int groups_open(int group, const char *which);

/* True if a process is in the group. */
bool groups_contains(int group, pid_t pid);

/* Send SIGKILL to each process in a group except the caller. groups_kill_list()
 * takes an open cgroup.procs, for callers without the directory. False if there
 * was no process to kill. */
bool groups_kill(int group);
bool groups_kill_list(int list);

/* Freeze all processes of a group, or thaw them. Errors are ignored. */
void groups_freeze(int group, bool frozen);

/* The functions below stop at until, a moment of signals_clock(). */

/* Move joined processes, and all that they have started, to another group.
 * False if the time was over, or if the kernel refused to move one. */
bool groups_move_joined(int group, int to, int64_t until);

/* True if the open group is still the directory of that name in its parent. */
bool groups_is_same_dir(int parent, const char *which, int group);

/* Remove a group, whose name is which, and all groups below it. kill: kill the
 * processes of the groups below it, except joined ones. False if something is
 * left; the caller may retry. */
bool groups_remove(int group, const char *which, bool kill, int64_t until);

/* Sleep for a millisecond before the next attempt. */
void groups_wait(void);

/* Remove groups of killed launchers in a directory, which must have been opened
 * for this call because it is read to its end. True if there were any. */
bool groups_remove_stale(int dir, int64_t until);

#endif
