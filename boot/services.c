#include <signal.h>
#include <sys/wait.h>

#include "../cli/log.h"
#include "boot.h"
#include "services.h"

enum {
	FIRST_DELAY_MS = 1000,          /* between two starts of one line */
	MAX_DELAY_MS = 60 * 1000,
	SHORT_LIFE_MS = 10 * 1000,
	MANY_SHORT_LIVES = 5            /* in a row: the service is failing */
};

/* Return whether an entry runs or can be restarted. Without one the machine
 * would be unreachable: the caller starts a shell. */
static bool
can_continue(const struct inittab *t)
{
	for (int i = 0; i < t->count; i++) {
		const struct entry *e = &t->entries[i];
		const bool fails = e->ended && WIFEXITED(e->wait_status) &&
		    WEXITSTATUS(e->wait_status) >= 126 &&
		    e->short_lives >= MANY_SHORT_LIVES;

		if (e->pid > 0 || (services_include(e) && !fails))
			return true;
	}
	return false;
}

/* Return the stopped service with the earliest start; NULL if all run. */
static struct entry *
earliest_service(const struct inittab *t)
{
	struct entry *earliest = NULL;

	for (int i = 0; i < t->count; i++) {
		struct entry *e = &t->entries[i];

		if (e->pid == 0 && services_include(e) &&
		    (!earliest || e->next_start < earliest->next_start))
			earliest = e;
	}
	return earliest;
}

int64_t
services_next_start(const struct inittab *t)
{
	const struct entry *e = earliest_service(t);

	return e ? e->next_start : BOOT_NEVER;
}

struct entry *
services_next(struct inittab *t, int64_t now)
{
	if (services_next_start(t) > now && !can_continue(t))
		inittab_add_console(t, ASKFIRST, "-/bin/sh", NULL);
	return services_next_start(t) > now ? NULL : earliest_service(t);
}

void
services_schedule(struct entry *e, int64_t now)
{
	int64_t delay = FIRST_DELAY_MS;

	if (now - e->started >= SHORT_LIFE_MS)
		e->short_lives = 0;
	else if (e->short_lives < UINT8_MAX)
		e->short_lives++;
	for (int i = 2; i < e->short_lives && delay < MAX_DELAY_MS; i++)
		delay *= 2;
	if (delay > MAX_DELAY_MS)
		delay = MAX_DELAY_MS;
	/* The first delay is counted from the last start, later ones from the
	 * exit. */
	e->next_start = e->short_lives < 2 ? e->started + delay : now + delay;
	if (e->short_lives == MANY_SHORT_LIVES)
		warnx("cannot keep running", e->command,
		    "it ends again and again",
		    "pith restarts it less and less often");
}

bool
services_healthy(const struct inittab *t)
{
	for (int i = 0; i < t->count; i++) {
		const struct entry *e = &t->entries[i];

		if (e->critical && services_include(e) &&
		    e->short_lives >= MANY_SHORT_LIVES)
			return false;
	}
	return true;
}

void
services_take_over(struct inittab *t, const struct inittab *old_table)
{
	for (int i = 0; i < old_table->count; i++) {
		const struct entry *old = &old_table->entries[i];
		struct entry *e = inittab_find(t, old);

		if (e) {
			e->pid = old->pid;
			e->started = old->started;
			e->restarts = old->restarts;
			e->ended = old->ended;
			e->wait_status = old->wait_status;
		} else if (old->pid > 0 && services_include(old)) {
			kill(old->pid, SIGTERM);
		}
	}
}
