/* What there is to do with one control group, an open directory; cgroups(7).
 * Those of ours are named pith-PID; what runs is in "pay" of it. */
#ifndef PITH_SANDBOX_GROUPS_H
#define PITH_SANDBOX_GROUPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define GROUP_INNER "pay"                 /* what runs */
#define GROUP_JOINED "joined"           /* what --cgroup-join brought in */
#define GROUP_RELAY "relay"             /* what relays its ports */

/* Mode bit of a group whose processes go on when their launcher was killed. */
#define GROUP_STAYS S_ISVTX

/* The name of ours, by how often others were taken, from 1 on; 0 is where a
 * launcher goes that is in the way. In name, which is returned; NULL where
 * enough have been tried. */
enum { GROUP_NAME = 48 };
const char *groups_name(char name[GROUP_NAME], int attempt);

/* Whether a process is in it. */
bool groups_contains(int group, pid_t pid);

/* SIGKILL to each process in a group but ourselves, or of an open cgroup.procs
 * where there is no more than that. False where there was nobody. */
bool groups_kill(int group);
bool groups_kill_list(int list);

/* Stop all that is in it, or let it go on. */
void groups_freeze(int group, bool frozen);

/* Milliseconds of a clock that only goes forward: until is a moment of it, at
 * which the functions below give up. */
int64_t groups_clock(void);

/* What joined it goes to another group, with what it has started. False where
 * one is not taken there. */
bool groups_move_joined(int group, int to, int64_t until);

/* True if the open group still has that name in its parent directory. */
bool groups_is_still(int parent, const char *which, int group);

/* Remove group, named which, and all groups below it. With kill, kill the
 * processes of the groups below it, but for those that joined. False: try again
 * later. */
bool groups_remove(int group, const char *which, bool kill, int64_t until);

/* Wait until the next try: a millisecond. */
void groups_wait(void);

/* Remove what launchers that were killed have left in a directory that was
 * opened for that. True where there was something. */
bool groups_remove_stale(int dir, int64_t until);

#endif
