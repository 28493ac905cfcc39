# The main job, to look at: the same little service as process 1 of a PID namespace,
# alone and under pith. demo.sh PITH
# shellcheck shell=sh
set -u
exec 2>&1
PITH=$(realpath "$1")
verdict=$(mktemp)
trap 'rm -f "$verdict"' EXIT

# It leaves three orphans that end soon, then serves.
SERVICE='for n in 1 2 3; do (sleep 0.2 &); done; exec sleep 1000'

# Anybody may have a PID namespace with a user namespace around it.
as_user=
[ "$(id -u)" = 0 ] || as_user='--user --map-root-user'
as_process_1() {
	# shellcheck disable=SC2086
	exec unshare $as_user --pid --fork --mount-proc --kill-child "$@"
}

tree() { ps -o pid=,ppid=,stat=,args= --ppid "$unshare" --ppid "$first"; }
zombies() { tree | awk '$3 ~ /^Z/' | wc -l; }
# The service is there, and what is to come of its orphans has come.
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
	echo "  $(zombies) zombies. Now it is asked to end by SIGTERM:"
	kill -TERM "$first"
	[ "$expected" = 0 ] && until_true gone
	if gone; then
		wait $unshare
		echo "  it has ended, exit code $?."
	else
		kill -KILL "$unshare"
		wait $unshare 2>/dev/null
		echo '  nothing happens, it had to be killed.'
	fi
	echo
}

echo 'A service as process 1, alone. The kernel shields process 1 from signals that it'
echo 'has no handler for, and hands it every orphan:'
show 3

echo 'The same service under pith:'
show 0 "$PITH" -v --

echo 'And what its caller learns:'
as_process_1 "$PITH" -e 3:0 -- sh -c 'exit 3' &
wait $!
echo "  pith -e 3:0 -- sh -c 'exit 3'                      exit code $?"
as_process_1 "$PITH" --timeout 200ms --report "$verdict" -- sleep 1000 &
wait $!
echo "  pith --timeout 200ms --report FILE -- sleep 1000   exit code $?"
sed 's/,"/, "/g' "$verdict" | fold -s -w 76 | sed 's/^/  /'
echo
