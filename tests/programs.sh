# Tests of programs that people run in containers, as the command of pith. Signals must have
# the documented effect, and no process may be left.
# shellcheck shell=sh source=tests/lib.sh disable=SC2086

# Run in new namespaces: the ports are free there, and leftover processes and shared memory can
# be found.
# shellcheck disable=SC2016
[ -n "${APART:-}" ] || [ "$(id -u)" != 0 ] ||
    exec unshare --net --ipc --mount sh -c 'ip link set lo up &&
    mount -t tmpfs none /dev/shm && APART=1 exec sh "$0"' "$0"

. "${0%/*}/lib.sh"
trap end_others EXIT
trap 'exit 1' HUP INT TERM
umask 022
chmod 711 .                             # other users may pass through it
WAYS='as_1 as_any'
[ "$(id -u)" = 0 ] || WAYS=as_any

# Start a command as process 1 of a namespace or as an ordinary process; set $init to it.
as_1() {
	start $AS_1 "$@"
	eventually has_child "$pid"
	init=$(children_of "$pid")
}
as_any() {
	start "$@"
	init=$pid
}

# Wait for the exit, and kill after a timeout. No process may be left then.
await_end() { eventually over "$pid" || end_others; }
is_over() {
	await_end
	ends
	find_others
	[ -z "$others" ] ||
	    fail "still running: $(ps -o args= -p "${others# }")"
	end_others
}

children_of() { sed 's/ $//' "/proc/$1/task/$1/children"; }
children_are() { [ "$(children_of "$1" | wc -w)" = "$2" ]; }
has_child() { [ -n "$(children_of "$1")" ]; }
child_is() { [ "$(cat "/proc/$(children_of "$1")/comm")" = "$2" ]; }
# Return whether pith has a child with the name $1; set $adopted to it.
adopts() {
	for adopted in $(children_of "$init"); do
		[ "$(cat "/proc/$adopted/comm")" != "$1" ] || return 0
	done
	return 1
}
runs() { ! over "$1"; }
not() { ! "$@"; }

# Run a shell command in the PID namespace of pith, like `docker exec`.
inside() { nsenter --target "$init" --pid sh -c "$@"; }

# Set $others to the processes in our network namespace besides this shell. Use no subshell,
# which would be one more process.
# shellcheck disable=SC3013             # dash, bash and busybox have -ef
find_others() {
	others=
	[ -n "${APART:-}" ] || return 0
	for process in /proc/[0-9]*; do
		[ "$process" = /proc/$$ ] ||
		    ! [ "$process/ns/net" -ef /proc/$$/ns/net ] ||
		    others="$others ${process#/proc/}"
	done
}
end_others() {
	find_others
	[ -z "$others" ] || kill -KILL $others
}

# ---- requests that last until a test ends them -----------------------------------

URL=http://127.0.0.1:8080
get() { curl -sS --max-time 60 "$@"; }
serves() { [ "$(get $URL/)" = "$1" ]; }
refuses() { get $URL/; [ $? = 7 ]; }

# Begin an upload that is incomplete when the server receives the signal.
begin_upload() {
	rm -f body
	mkfifo body
	get -H Expect: -T - "$URL/$1" <body >answer 2>&1 &
	upload=$!
	exec 8>body
	printf '%4096s\n' begin >&8
}
end_upload() {
	echo end >&8
	exec 8>&-
	wait $upload
	is $? 0
}

# ---- nginx -------------------------------------------------------------------

have_nginx() { root && have nginx curl && configure_nginx one; }

# Write a configuration that serves the text $1. The workers are root, like the directory.
configure_nginx() {
	mkdir -p nginx
	cat >nginx/nginx.conf <<-C
		user root;
		worker_processes 2;
		pid nginx.pid;
		lock_file nginx.lock;
		error_log error.log notice;
		events { }
		http {
			access_log access.log;
			client_body_temp_path body;
			proxy_temp_path proxy;
			fastcgi_temp_path fastcgi;
			uwsgi_temp_path uwsgi;
			scgi_temp_path scgi;
			server {
				listen 127.0.0.1:8080;
				location / { return 200 $1\n; }
				location /upload/ {
					root .;
					dav_methods PUT;
					create_full_put_path on;
					client_body_buffer_size 1k;
				}
			}
		}
	C
}

# Use the path: nginx executes itself again for an upgrade.
NGINX="$(command -v nginx) -p $W/nginx -e error.log -c nginx.conf"

upload_is_under_way() { [ -n "$(find nginx/body -type f -size +0)" ]; }
masters() { cat nginx/nginx.pid nginx/nginx.pid.oldbin; }

it 'lets nginx finish a request when -r turns TERM into QUIT' &&
    have_nginx && {
	as_1 "$PITH" -r TERM:QUIT -- $NGINX -g 'daemon off;'
	eventually serves one
	begin_upload upload/file
	eventually upload_is_under_way
	kill -TERM "$init"
	eventually refuses
	runs "$init" || fail 'it exited before the request was done'
	end_upload
	is_over
	code_is 0
	is "$(tail -n 1 nginx/upload/file)" end
}

it 'makes nginx reload its configuration with new workers on HUP' &&
    have_nginx && {
	for how in $WAYS; do
		configure_nginx one
		$how "$PITH" -- $NGINX -g 'daemon off;'
		eventually serves one
		master=$(children_of "$init")
		workers=$(children_of "$master")
		configure_nginx two
		kill -HUP "$init"
		eventually serves two
		for worker in $workers; do
			eventually over "$worker"
		done
		is "$(children_of "$init")" "$master"
		eventually children_are "$master" 2
		kill -TERM "$init"
		is_over
		code_is 0
	done
}

# The master opens the new file before it tells the workers.
workers_log_after() { get $URL/after; grep /after nginx/access.log; }

it 'makes nginx reopen its logs on USR1' && have_nginx && {
	as_1 "$PITH" -- $NGINX -g 'daemon off;'
	eventually serves one
	get $URL/before >answer
	mv nginx/access.log nginx/access.old
	kill -USR1 "$init"
	eventually [ -e nginx/access.log ]
	eventually workers_log_after
	kill -QUIT "$init"
	is_over
	code_is 0
	grep -q /before nginx/access.old || fail 'the old log lacks the request'
}

# Request the page repeatedly; each answer is a line.
ask_on() {
	until [ -e enough ]; do
		get -f $URL/ || echo "failed: $?"
	done
}
asked_more() {
	asked=$(wc -l <answers)
	eventually more_answers
}
more_answers() { [ "$(wc -l <answers)" -gt $((asked + 2)) ]; }

# Upgrade nginx until only the new master runs.
upgrade_nginx() {
	configure_nginx one
	rm -f enough
	: >answers
	$1 "$PITH" --wait -- $NGINX
	eventually serves one
	ask_on >answers 2>&1 &
	asker=$!
	asked_more
	configure_nginx two
	eventually child_is "$init" nginx
	old=$(children_of "$init")
	kill -USR2 "$init"
	eventually masters
	asked_more
	inside 'kill -QUIT "$(cat nginx/nginx.pid.oldbin)"'
	eventually over "$old"
	eventually serves two
	asked_more
	touch enough
	wait $asker
	is "$(sort -u answers)" 'one
two'
	eventually child_is "$init" nginx
	[ "$(children_of "$init")" != "$old" ] || fail 'it is the old master'
}

it 'waits with --wait for an upgraded nginx without interrupting its service' &&
    have_nginx && {
	for how in $WAYS; do
		upgrade_nginx $how
		begin_upload upload/file
		eventually upload_is_under_way
		inside 'kill -QUIT "$(cat nginx/nginx.pid)"'
		eventually refuses
		runs "$init" || fail 'it exited before the new master did'
		end_upload
		is_over
		code_is 0
	done
}

it 'forwards TERM with --wait to the nginx that took over' && have_nginx && {
	for how in $WAYS; do
		upgrade_nginx $how
		new=$(children_of "$init")
		kill -TERM "$init"
		is_over
		code_is 0
		over "$new" || fail 'the new master still runs'
	done
}

# ---- redis -------------------------------------------------------------------

REDIS="redis-server --bind 127.0.0.1 --dir $W/redis"

it 'loses no data of redis, which saves on TERM' &&
    root && have redis-server redis-cli && {
	mkdir redis
	value=
	for how in $WAYS; do
		$how "$PITH" -- $REDIS --save '3600 1'
		eventually redis-cli ping
		is "$(redis-cli get who)" "$value"
		value="set as $how"
		is "$(redis-cli set who "$value")" OK
		kill -TERM "$init"
		is_over
		code_is 0
	done
	as_any "$PITH" -- $REDIS --save ''
	eventually redis-cli ping
	is "$(redis-cli get who)" "$value"
	kill -TERM "$init"
	is_over
	code_is 0
}

# ---- PostgreSQL --------------------------------------------------------------

# Debian has these programs outside PATH, where psql is a script that selects a version.
for dir in /usr/lib/postgresql/*/bin /usr/libexec/postgresql*; do
	PATH=$dir:$PATH
done
NOBODY='setpriv --reuid 65534 --regid 65534 --clear-groups'

have_postgres() {
	root && have initdb postgres psql pg_isready setpriv && make_database
}
make_database() {
	[ ! -e pg ] || return 0
	mkdir pg
	chown 65534:65534 pg
	$NOBODY initdb --no-sync --auth trust --username me --locale C \
	    -D "$W/pg" >initdb.log 2>&1 || fail "$(cat initdb.log)"
}

# Start PostgreSQL in the way $1.
start_postgres() {
	$1 "$PITH" -- $NOBODY postgres -F -D "$W/pg" \
	    -c listen_addresses=127.0.0.1 -c unix_socket_directories=
	eventually pg_isready -h 127.0.0.1 -U me
	[ -n "$(shared_memory)" ] || fail 'its shared memory cannot be seen'
}
shared_memory() { sed 1d /proc/sysvipc/shm; ls /dev/shm; }
postgres_is_over() {
	is_over
	code_is 0
	is "$(shared_memory)" ''
}
logged() { grep -q "$1" .err; }
sql() { psql -h 127.0.0.1 -U me -d postgres -qAtX "$@"; }

# Open a session that lasts until descriptor 8 is closed.
open_session() {
	rm -f queries answers
	mkfifo queries
	sql <queries >answers 2>&1 &
	session=$!
	exec 8>queries
	answers_to_session open
}
answers_to_session() {
	echo "select '$1';" >&8
	eventually grep -x "$1" answers
}
close_session() {
	exec 8>&-
	wait $session
}

it 'lets PostgreSQL wait for its sessions on TERM, the smart shutdown' &&
    have_postgres && {
	for how in $WAYS; do
		start_postgres $how
		open_session
		kill -TERM "$init"
		eventually logged 'received smart shutdown request'
		eventually not sql -c 'select 1'
		answers_to_session still
		runs "$init" || fail 'it exited before the session ended'
		close_session
		postgres_is_over
	done
}

it 'stops PostgreSQL at once on INT, the fast shutdown, without a recovery' &&
    have_postgres && {
	start_postgres as_1
	sql -c 'create table fast as select 42 as n'
	open_session
	kill -INT "$init"
	await_end
	close_session
	postgres_is_over
	logged 'received fast shutdown request' || fail 'it was not a fast shutdown'

	start_postgres as_any
	is "$(sql -c 'select n from fast')" 42
	logged 'database system was shut down' || fail 'it was not shut down'
	! logged 'not properly shut down' || fail 'it had to recover'
	kill -INT "$init"
	postgres_is_over
}

it 'forwards QUIT to PostgreSQL, which then needs a recovery' &&
    have_postgres && {
	start_postgres as_any
	sql -c 'create table immediate as select 43 as n'
	kill -QUIT "$init"
	postgres_is_over
	start_postgres as_1
	is "$(sql -c 'select n from immediate')" 43
	logged 'not properly shut down' || fail 'it had nothing to recover'
	kill -INT "$init"
	postgres_is_over
}

# ---- sshd --------------------------------------------------------------------

have_sshd() { root && have sshd ssh ssh-keygen && configure_sshd; }
configure_sshd() {
	[ ! -e ssh ] || return 0
	mkdir ssh
	ssh-keygen -q -t ed25519 -N '' -f ssh/host
	ssh-keygen -q -t ed25519 -N '' -f ssh/guest
	cp /etc/passwd ssh/passwd
	echo "guest:*:54321:54321:guest:$W:/bin/sh" >>ssh/passwd
	echo "[127.0.0.1]:2222 $(cat ssh/host.pub)" >ssh/known_hosts
	cat >ssh/sshd_config <<-C
		ListenAddress 127.0.0.1:2222
		HostKey $W/ssh/host
		AuthorizedKeysFile $W/ssh/guest.pub
		StrictModes no
		UsePAM no
		PidFile none
	C
}

# Prepare a user to log in as, and a directory that sshd needs.
# shellcheck disable=SC2016
SSHD_SETUP='mount --bind ssh/passwd /etc/passwd && mount -t tmpfs none /run &&
    mkdir /run/sshd && exec "$@"'

# Start sshd in the way $1.
start_sshd() {
	$1 unshare --mount sh -c "$SSHD_SETUP" sh "$PITH" -- \
	    "$(command -v sshd)" -D -e -f "$W/ssh/sshd_config"
	eventually logged 'Server listening'
}
login() {
	run ssh -F none -i ssh/guest -o UserKnownHostsFile=ssh/known_hosts \
	    -o BatchMode=yes -o IdentitiesOnly=yes -o ConnectTimeout=20 \
	    -p 2222 guest@127.0.0.1 "$@"
}
is_listening_only() {
	child_is "$init" sshd && ! has_child "$(children_of "$init")"
}

it 'lets sshd run a command and return its exit code after a login by key' &&
    have_sshd && {
	for how in $WAYS; do
		start_sshd $how
		login 'id -u; exit 7'
		code_is 7
		out_is 54321
		eventually is_listening_only
		kill -TERM "$init"
		is_over
		code_is 0
		err_like '*Received signal 15; terminating.*'
	done
}

it 'adopts and reaps a daemon that outlives its login through sshd' &&
    have_sshd && {
	for how in $WAYS; do
		start_sshd $how
		login 'setsid sleep 1000 >/dev/null 2>&1 </dev/null &'
		code_is 0
		eventually adopts sleep
		kill "$adopted"
		eventually is_listening_only
		kill -TERM "$init"
		is_over
		code_is 0
	done
}

# ---- a service script --------------------------------------------------------

# Write a script whose daemon forks twice, into its own session, and exits slowly.
make_service() {
	rm -f daemon.log
	cat >run.sh <<-'S'
		#!/bin/sh
		cd "$W" || exit 1
		case $1 in
		start)
			(
				setsid "$PROBE" polite 300 >daemon.log 2>&1 &
				echo $! >daemon.pid
			)
			until grep -qs ready daemon.log; do sleep 0.01; done
			echo started
			exit 3 ;;
		stop)
			kill "$(cat daemon.pid)" ;;
		esac
	S
	chmod +x run.sh
}

# Start the service in the way $1.
start_service() {
	make_service
	$1 "$PITH" --wait -- ./run.sh start
	hear_until started
	eventually child_is "$init" probe
	daemon=$(children_of "$init")
}
service_is_over() {
	is_over
	code_is 3
	over "$daemon" || fail 'the daemon still runs'
	is "$(tail -n 1 daemon.log)" cleaned
}

it 'waits with --wait for the daemon of a script and forwards TERM to it' && {
	for how in $WAYS; do
		start_service $how
		kill -TERM "$init"
		service_is_over
	done
}

it 'exits with --wait after the script has stopped its daemon' && root && {
	for how in $WAYS; do
		start_service $how
		inside './run.sh stop'
		service_is_over
	done
}

# ---- Go ----------------------------------------------------------------------

# Build like examples/Dockerfile.
make_httpd() {
	GOCACHE=$B/go-cache CGO_ENABLED=0 go build -ldflags '-s -w' \
	    -o "$B/httpd" "$TOP/examples/httpd.go"
}

sockets_are() {
	[ "$(find "/proc/$1/fd" -lname 'socket:*' | wc -l)" = "$2" ]
}

it 'lets a Go server finish its request and shut down on TERM' &&
    root && have go curl && {
	make_httpd
	for how in $WAYS; do
		$how "$PITH" --report "$W/report" -- "$B/httpd"
		eventually serves 'hello from 127.0.0.1:8080'
		server=$(children_of "$init")
		! grep -qx 'Threads:	1' "/proc/$server/status" ||
		    fail 'it has only one thread'
		eventually sockets_are "$server" 1
		begin_upload slow
		eventually sockets_are "$server" 2
		# Send the signal with which the Go runtime preempts its own threads.
		kill -URG "$init"
		kill -TERM "$init"
		eventually refuses
		runs "$init" || fail 'it exited before the request was done'
		end_upload
		is "$(cat answer)" 'hello from 127.0.0.1:8080'
		await_end
		hear_until 'http daemon end'
		is_over
		code_is 0
		is "$(json report reason)" '"exited"'
		is "$(json report exit_code)" 0
	done
}

# ---- languages ---------------------------------------------------------------

it 'runs the TERM trap of a shell and ends its background process with --grace' && {
	cat >program.sh <<-'S'
		trap 'echo trapped; exit 5' TERM
		sleep 1000 >/dev/null 2>&1 &
		# Wait for the exec: before it the child has the signal handler of the shell.
		until read -r running </proc/$!/comm && [ "$running" = sleep ]; do
			:
		done
		echo ready
		wait
	S
	for how in $WAYS; do
		$how "$PITH" --grace 1h -- sh program.sh
		hear_until ready
		kill -TERM "$init"
		await_end
		hear; is "$heard" trapped
		is_over
		code_is 5
	done
}

it 'runs the signal handler of a Python program and leaves its child to it' &&
    have python3 && {
	cat >program.py <<-'P'
		import signal, subprocess, sys, time

		child = subprocess.Popen(["sleep", "1000"])

		def stop(number, frame):
		    child.terminate()
		    print(signal.Signals(number).name, child.wait(), flush=True)
		    sys.exit(4)

		signal.signal(signal.SIGTERM, stop)
		print("ready", flush=True)
		while True:
		    time.sleep(0.1)
	P
	for how in $WAYS; do
		$how "$PITH" -- python3 program.py
		hear_until ready
		kill -TERM "$init"
		await_end
		hear; is "$heard" 'SIGTERM -15'
		is_over
		code_is 4
	done
}

it 'leaves a Perl program its own alarms and forwards sent ones' &&
    have perl && {
	cat >program.pl <<-'P'
		$| = 1;
		$SIG{ALRM} = sub { print "alarm ", ++$n, "
"; exit 6 if $n == 2 };
		print "ready
";
		alarm 1;
		select undef, undef, undef, 0.1 for 1..200;
	P
	for how in $WAYS; do
		$how "$PITH" -- perl program.pl
		hear_until ready
		hear; is "$heard" 'alarm 1'
		kill -ALRM "$init"
		await_end
		hear; is "$heard" 'alarm 2'
		is_over
		code_is 6
	done
}

finish
