# What the entry scripts of popular images do, written anew in their shape, under pith and
# under tini: the same output, the same exit code, whatever signal comes. As process 1.
# shellcheck shell=sh source=tests/lib.sh disable=SC2016,SC2046,SC2086,SC2154
. "${0%/*}/lib.sh"

mkdir scripts
chmod 755 "$W"
# A script from stdin: script NAME. It says "ready" when a signal may come; what it says
# before and after is compared, and how it ends.
script() {
	{ echo '#!/bin/sh'; cat; } >"scripts/$1"
	chmod 755 "scripts/$1"
}

# A server: says which signal ends it, and takes some time for its shutdown.
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

# A database: root's part, then itself once more as another user, then the server.
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

# A database that is set up by a server of its own, which is stopped before the real one.
script setup <<'S'
sleep 1000 & temporary=$!
for i in 30 29 28; do kill -0 $temporary && break; sleep 0.01; done
kill -TERM $temporary
wait $temporary
echo "temporary server: $?"
exec "$W/server" 3
S

# A web server: scripts of a directory, a template that is filled in, then workers.
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

# A shell that stays, and passes signals on by a trap.
script trap <<'S'
"$W/server" 5 & pid=$!
for sig in TERM INT QUIT HUP USR1; do trap "echo passed $sig on; kill -TERM $pid" $sig; done
while kill -0 $pid 2>/dev/null; do wait $pid; code=$?; done
echo "shell: it ended with $code"
exit $code
S

# A shell that stays and knows of no signal.
script shell <<'S'
echo ready
sleep 5 & wait $!
echo 'not reached'
S

# A program that has no handler at all.
script plain <<'S'
echo ready
exec sleep 1000
S

# Logs that are links to the standard files, and a program that opens them by name.
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

# A process manager: two programs, one of which ends, zombies of grandchildren.
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

# Cron in the foreground: jobs that are orphans, and their output.
script cron <<'S'
for job in 1 2 3; do (sh -c "echo job $job" & ); sleep 0.1; done
exec "$W/server"
S

# Output through a pipe to a program that outlives the script's shell.
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

# The end of scripts that go wrong.
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
# The first word is an option: it goes to the server; else it is a command.
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

# ---- both --------------------------------------------------------------------

# Run a script under an init, and send it a signal when it is ready: under INIT SCRIPT SIG.
# Its output and its end are in $result.
under() {
	TMP=$W/tmp.$$
	export TMP
	mkdir -p "$TMP"
	chmod 777 "$TMP"
	rm -f .fifo
	mkfifo .fifo
	# A shell's background ignores INT and QUIT.
	(echo typed; echo more) | env --default-signal=INT,QUIT timeout -s KILL 30 $AS_1 $1 \
	    "scripts/$2" -a 'b c' >.fifo 2>&1 &
	pid=$!
	exec 9<.fifo
	result=
	while IFS= read -r line <&9; do
		# What a shell says of a program that the group's signal ended, too.
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
		# A group's signal comes twice where a trap passes it on.
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
	it "runs an entry script as tini does: $script ($signals)" && root && have tini setpriv &&
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
