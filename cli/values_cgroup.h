/* Values of the options that limit the command by a control group. */
#ifndef PITH_VALUES_CGROUP_H
#define PITH_VALUES_CGROUP_H

#include "../sandbox/sandbox.h"

/* Parse the value of a limit. False if it is wrong. */
bool value_limit(enum group_limit which, const char *text,
    struct limit_value *l);

/* The valid form of a limit, for error messages. */
const char *value_limit_form(enum group_limit which);

/* Parse the value of an option in the range READ_BPS to CGROUP_JOIN. False if
 * it is wrong. */
bool value_setting(enum group_setting_kind which, const char *text,
    struct group_setting *g);

/* The valid form of that value, for error messages. */
const char *value_setting_form(enum group_setting_kind which);

#endif
