# Filters, keys, privileges of the program file, and options that are given twice: what a
# hostile command or a second option must not take away. Every test is run by root and by
# an ordinary user; of each the comment says how it was seen to fail.
# shellcheck shell=sh source=tests/lib.sh disable=SC2086,SC2154

# What is mounted in here goes with this suite.
[ "$(id -u)" != 0 ] || [ "${APART:-}" ] ||
    APART=1 exec unshare --mount --propagation private sh "$0"
. "${0%/*}/lib.sh"
. "${0%/*}/sandbox-lib.sh"
unset PITH_OPTIONS APART

for who in $WHO; do
	be $who
	cp "$B/attack_key" "$B/escape_calls" "$R/bin/"
done
cp "$B/attack_key" "$W/attack_key"
chmod 755 "$W/attack_key"

held() {
	case $out in
	*ESCAPED*) fail "$out" ;;
	held:*) ;;
	*) fail "not tried: $out (exit code $code; stderr: $err)" ;;
	esac
}

# ---- keys --------------------------------------------------------------------

# Seen to fail with --new-privs where the filter came before the new keyring.
it 'takes the keys of its caller away, in whatever order filters and privileges come' &&
    for who in $WHO; do
	be $who
	for words in '' --new-privs '--new-privs --proc full' '--proc full' \
	    '--seccomp off' '--seccomp off --new-privs --proc full' '--userns host --new-privs --proc full'; do
		case $who$words in as_user*userns*) continue ;; esac
		run $as "$W/attack_key" have "$PITH" --rootfs "$R" --env PITH_TEST $words -- \
		    /bin/attack_key use SERIAL
		held
	done
	# The test sees what it is about.
	run $as "$W/attack_key" have "$W/attack_key" use SERIAL
	out_like 'ESCAPED*'
done

# Another user's keys are counted apart: this one has none. Seen to fail where the result of
# keyctl(2) was not looked at.
it 'starts no command with the keys of its caller where no keyring is to be had' && root &&
    have setpriv && {
	be as_user
	chmod 711 "$H"
	as='setpriv --reuid 61917 --regid 61917 --clear-groups'
	run $as "$PITH" --rootfs "$R" -- /bin/echo started
	out_is started
	for words in '' --new-privs '--seccomp off'; do
		run $as "$W/attack_key" fill "$PITH" --rootfs "$R" $words -- /bin/echo started
		code_is 125
		out_is ''
		one_line
		err_like 'pith: cannot leave the session keyring: *uota exceeded'
	done
}

finish
