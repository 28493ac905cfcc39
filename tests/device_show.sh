#!/bin/sh
# In a device: `show NAME` prints a line about how it was started.
# shellcheck shell=sh disable=SC2046
name=$*
set -- $(cat /proc/$$/stat)
echo
echo "ran $1 $name | parent $4, session $(($6 == $1)), group $(($5 == $1))," \
    "stdin $(stat -L -c %t:%T /proc/$$/fd/0), terminal $7, foreground $(($8 == $1))," \
    "files $(ls /proc/$$/fd | grep -vx 10 | tr '\n' ' '), directory $(readlink /proc/$$/cwd)," \
    "ignored $(sed -n 's/^SigIgn:.//p' /proc/$$/status)," \
    "$(tr '\0' '\n' </proc/$$/environ | sort | grep -vE '^(PWD|SHLVL|OLDPWD|_)=' | tr '\n' ' ')"
