# Canaries, volumes and checks of attempts, shared by the two suites of public
# reports. Sourced after lib.sh.
# shellcheck shell=sh source=tests/lib.sh disable=SC2034,SC2086,SC2154

. "$TESTS/sandbox-lib.sh"
unset PITH_OPTIONS APART
umask 022
chmod 755 "$W"

ESCAPE=$W/escape ATTACK=$W/attack
cp "$B/escape" "$B/attack_cves" "$W" && mv "$W/attack_cves" "$ATTACK"
UP=/../../../../../../../../../../../../../../../../../../../..

# Make the targets of a hostile root's links, which every user may write to, and a volume.
for who in $WHO; do
	be $who
	mkdir -p "$H/canary/dir" "$H/vol" "$H/other"
	for file in secret dir/secret dir/ptmx dir/null dir/console dir/b dir/hosts; do
		echo secret >"$H/canary/$file"
	done
	echo volume >"$H/vol/file"
	echo other >"$H/other/file"
	cp "$ESCAPE" "$ATTACK" "$R/bin"
	chmod -R a+rwX "$H/canary"
	[ -z "$as" ] || chown -R 65534:65534 "$H"
done

prepare() {
	be $1
	C=$H/canary V=$H/vol
	before=$(sum_of "$C")
}

unharmed() {
	[ "$(sum_of "$C")" = "$before" ] || fail "the canary is not what it was: $*"
	before=$(sum_of "$C")
}

# Check that the command ran and reported its attempt, or that pith refused to start it.
tried() {
	case $code:$out in
	*ESCAPED*) fail "$out" ;;
	0:*tried* | 0:held:*) ;;
	125:) one_line ;;
	*) fail "not tried: $code, $out, $err" ;;
	esac
}

# Check that the command ran, and that its attempt failed.
held() {
	case $out in
	*ESCAPED*) fail "$*: $out" ;;
	*held:*) ;;
	*) fail "not tried, $*: $code, $out, $err" ;;
	esac
}

# Run "$@" repeatedly while a local user exchanges two of their own names.
race() {
	start $as "$ESCAPE" swap "$1" "$2"
	hear_until ready
	shift 2
	count=0
	while [ $count -lt $((20 * N)) ]; do
		count=$((count + 1))
		"$@"
	done
	kill $pid
	ends
}

# Move a part of the root away, and back.
aside() { mv "$R/$1" "$R/$1.real"; }
back() { rm -rf "${R:?}/$1" && mv "$R/$1.real" "$R/$1"; }
