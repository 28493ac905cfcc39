# Tests with entry scripts in the form of popular images, under pith and under tini: output and
# exit code must be the same for every signal. Runs as process 1.
# shellcheck shell=sh source=tests/lib.sh disable=SC2016,SC2046,SC2086,SC2154
. "${0%/*}/lib.sh"

mkdir scripts
chmod 755 "$W"
# Write a script from stdin: script NAME. It prints "ready" when it accepts a signal. Its
# output before and after that and its exit code are compared.
script() {
	{ echo '#!/bin/sh'; cat; } >"scripts/$1"
	chmod 755 "scripts/$1"
}

# Write a server that prints the signal it received and takes some time for its shutdown.
cat >server <<'S'
#!/bin/sh
for sig in TERM INT QUIT HUP USR1; do
	trap "trap '' TERM INT QUIT HUP USR1; echo server: \$(id -u) got $sig
	    sleep 0.05; echo server: over; exit ${1:-0}" $sig
done
echo ready
while :; do sleep 0.02; done
S
chmod 755 server

# ---- the scripts ---------------------------------------------------------------

# A database: prepares a directory as root, then runs again as another user, then the server.
script database <<'S'
set -e
if [ "$(id -u)" = 0 ]; then
	mkdir -p "$TMP/data" && chown 33 "$TMP/data" && chmod 700 "$TMP/data"
	echo "as root: $(stat -c %u "$TMP/data")"
	exec setpriv --reuid 33 --regid 33 --clear-groups "$0" "$@"
fi
echo "as $(id -u)"
exec "$W/server"
S

# A database that is set up by a temporary server before the real one starts.
script setup <<'S'
sleep 1000 & temporary=$!
for i in 30 29 28; do kill -0 $temporary && break; sleep 0.01; done
kill -TERM $temporary
wait $temporary
echo "temporary server: $?"
exec "$W/server" 3
S

# A web server: runs the scripts of a directory, fills in a template, starts workers.
script web <<'S'
set -eu
mkdir -p "$TMP/entry.d"
echo 'echo "first: $1"' >"$TMP/entry.d/10-first.sh"
echo 'echo second; exit 0' >"$TMP/entry.d/20-second.sh"
find "$TMP/entry.d" -name '*.sh' | sort | while read -r part; do sh "$part" word; done
echo 'listen ${PORT};' | sed "s/\${PORT}/${PORT:-80}/"
"$W/server" >/dev/null & worker=$!
for sig in TERM INT QUIT HUP USR1; do
	trap "echo master got $sig; kill -TERM $worker; wait $worker; echo worker: \$?; exit 7" $sig
done
echo ready
while :; do sleep 0.02; done
S

# A shell that waits for its server and passes signals on with a trap.
script trap <<'S'
"$W/server" 5 & pid=$!
for sig in TERM INT QUIT HUP USR1; do trap "echo passed $sig on; kill -TERM $pid" $sig; done
while kill -0 $pid 2>/dev/null; do wait $pid; code=$?; done
echo "shell: it ended with $code"
exit $code
S

# A shell that waits without a trap.
script shell <<'S'
echo ready
sleep 5 & wait $!
echo 'not reached'
S

# A program without a signal handler.
script plain <<'S'
echo ready
exec sleep 1000
S

# Log files that are links to the standard files, and a program that opens them by name.
script logs <<'S'
mkdir -p "$TMP/log"
ln -sf /dev/stdout "$TMP/log/access.log"
ln -sf /proc/self/fd/2 "$TMP/log/error.log"
echo request >>"$TMP/log/access.log"
echo failure >>"$TMP/log/error.log"
sh -c 'echo "error of a pool" >>/proc/self/fd/2'
(echo 'of another process' >/proc/1/fd/1) 2>&1
exec "$W/server"
S

# A process manager: two programs, one of which exits, and zombies of grandchildren.
script manager <<'S'
(sleep 0.01; exit 4) & short=$!
"$W/server" >/dev/null & long=$!
(sleep 0.02 & sleep 0.02 & exit 0)
wait $short; echo "short program: $?"
for sig in TERM INT QUIT HUP USR1; do
	trap "kill -TERM $long; wait $long; echo manager: long program: \$?; exit 6" $sig
done
echo ready
while :; do sleep 0.02; done
S

# Cron in the foreground: its jobs are orphans that print output.
script cron <<'S'
for job in 1 2 3; do (sh -c "echo job $job" & ); sleep 0.1; done
exec "$W/server"
S

# A pipe for the output, to a program that outlives the shell of the script.
script tee <<'S'
mkfifo "$TMP/pipe"
sed 's/^/[log] /' <"$TMP/pipe" &
exec >"$TMP/pipe" 2>&1
echo ready
sleep 0.05
echo 'last words'
exec >&- 2>&-
sleep 0.2
exit 9
S

# Scripts that fail.
script missing <<'S'
set -e
exec /nowhere/server "$@"
S
script failing <<'S'
set -e
false
echo 'not reached'
S
script killed <<'S'
sh -c 'kill -KILL $$'
echo "code $?"
kill -SEGV $$
S
script arguments <<'S'
# Pass an option on to the server; run any other first word as a command.
[ "${1#-}" = "${1:-}" ] || set -- server "$@"
printf '<%s>' "$@"
echo " $# $0" | sed "s|$W|.|"
exec sh -c 'exit 11'
S
script stdin <<'S'
read -r line
echo "read $line"
cat
exit 2
S

# ---- comparison ----------------------------------------------------------------

# Run a script under an init, and send it a signal when it is ready: under INIT SCRIPT SIG. Its
# output and its exit code go to $result.
under() {
	TMP=$W/tmp.$$
	export TMP
	mkdir -p "$TMP"
	chmod 777 "$TMP"
	rm -f .fifo
	mkfifo .fifo
	# Reset these signals: background processes of a shell ignore INT and QUIT.
	(echo typed; echo more) | env --default-signal=INT,QUIT timeout -s KILL 30 $AS_1 $1 \
	    "scripts/$2" -a 'b c' >.fifo 2>&1 &
	pid=$!
	exec 9<.fifo
	result=
	while IFS= read -r line <&9; do
		# Skip what a shell prints about a program killed by a signal to the group.
		case $line in
		Terminated|Hangup|Quit|Interrupt|'User defined signal 1') continue ;;
		esac
		result="$result$line
"
		[ "$line" = ready ] && [ $3 != none ] && {
			one=$(only_child $(only_child $pid))
			kill -$3 $one
		}
	done
	exec 9<&-
	wait $pid
	result="$result$?"
	rm -rf "$TMP"
}

same() {
	under "$@"
	[ "$result" = "$expected" ] || fail "$2, $3, under $1:
$result
under tini:
$expected"
}

idiom() {
	for sig in $2; do
		under "tini --" $1 $sig
		expected=$result
		same "$PITH --" $1 $sig
		same "$W/tini --" $1 $sig
		# Use -g only with scripts without a trap: a trap would forward the signal a
		# second time.
		case $1 in
		database|plain|logs|cron)
			under "tini -g --" $1 $sig
			expected=$result
			same "$PITH -g --" $1 $sig ;;
		esac
	done
}

ln -s "$PITH" tini
ALL='TERM INT QUIT HUP USR1'
while read -r script signals; do
	[ "$signals" != all ] || signals=$ALL
	it "runs an entry script like tini: $script ($signals)" && root && have tini setpriv &&
	    idiom $script "$signals"
done <<-'E2'
	database all
	setup all
	web all
	trap all
	shell all
	plain all
	logs all
	manager all
	cron all
	tee none
	missing none
	failing none
	killed none
	arguments none
	stdin none
E2

finish
