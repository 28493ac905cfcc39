# Show the main job of pith: the same small service as process 1 of a PID namespace, alone and
# under pith. Usage: demo.sh PITH
# shellcheck shell=sh
set -u
exec 2>&1
PITH=$(realpath "$1")
verdict=$(mktemp)
trap 'rm -f "$verdict"' EXIT

# Run a service that leaves three short-lived orphans.
SERVICE='for n in 1 2 3; do (sleep 0.2 &); done; exec sleep 1000'

# An ordinary user can make a PID namespace inside a user namespace.
as_user=
[ "$(id -u)" = 0 ] || as_user='--user --map-root-user'
as_process_1() {
	# shellcheck disable=SC2086
	exec unshare $as_user --pid --fork --mount-proc --kill-child "$@"
}

tree() { ps -o pid=,ppid=,stat=,args= --ppid "$unshare" --ppid "$first"; }
zombies() { tree | awk '$3 ~ /^Z/' | wc -l; }
# Return whether the service runs and its orphans are gone or zombies.
settled() {
	first=$(pgrep -P "$unshare") && tree | grep -q ' sleep 1000' &&
	    ! tree | grep -q ' sleep 0' && [ "$(zombies)" = "$1" ]
}
until_true() {
	for _ in $(seq 100); do
		"$@" && return
		sleep 0.05
	done
}
gone() { ! kill -0 "$unshare" 2>/dev/null; }

# show ZOMBIES COMMAND ...
show() {
	expected=$1
	shift
	as_process_1 "$@" sh -c "$SERVICE" &
	unshare=$!
	until_true settled "$expected"
	echo '      PID    PPID STAT COMMAND'
	tree | cut -c1-76 | sed 's/^/  /'
	echo "  $(zombies) zombies. Sending SIGTERM:"
	kill -TERM "$first"
	[ "$expected" = 0 ] && until_true gone
	if gone; then
		wait $unshare
		echo "  it exited with code $?."
	else
		kill -KILL "$unshare"
		wait $unshare 2>/dev/null
		echo '  nothing happens; SIGKILL was needed.'
	fi
	echo
}

echo 'A service as process 1, alone. The kernel shields process 1 from signals that it'
echo 'has no handler for, and hands it every orphan:'
show 3

echo 'The same service under pith:'
show 0 "$PITH" -v --

echo 'Exit codes and reports for the caller:'
as_process_1 "$PITH" -e 3:0 -- sh -c 'exit 3' &
wait $!
echo "  pith -e 3:0 -- sh -c 'exit 3'                      exit code $?"
as_process_1 "$PITH" --timeout 200ms --report "$verdict" -- sleep 1000 &
wait $!
echo "  pith --timeout 200ms --report FILE -- sleep 1000   exit code $?"
sed 's/,"/, "/g' "$verdict" | fold -s -w 76 | sed 's/^/  /'
echo
