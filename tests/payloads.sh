# Programs that people run in containers, in a sandbox of pith: by root, by an
# ordinary user with subordinate ids, and by one without.
# shellcheck shell=sh source=tests/lib.sh disable=SC2086

. "${0%/*}/lib.sh"
trap end_all EXIT
trap 'exit 1' HUP INT TERM
umask 022
chmod 711 .                             # let the ordinary user pass through
mkdir -m 1777 boxes                     # for --info files of every user

# ---- roots -------------------------------------------------------------------

# Build a root of tests/roots.sh, and set $R.
rooted() {
	R=$B/roots/$1
	B=$B sh "$TESTS/roots.sh" "$1" >roots.log 2>&1 ||
	    { skip "no root '$1': $(tail -n 1 roots.log)"; return 1; }
}
musl() { have busybox readelf && rooted musl; }
ffmpeg() { root && have ffmpeg ldd && rooted ffmpeg; }
debian() { root && have mmdebstrap nsenter && rooted debian; }
legacy() {
	have gcc && { [ -e /usr/lib32/crt1.o ] || {
		skip 'libc6-dev-i386 is not installed (make deps-all)'
		false
	}; } && rooted i386 && runs_i386
}
# Some kernels run no 32-bit programs; then pith has to name the type of the file.
runs_i386() {
	"$R/lib/ld-linux.so.2" --version >/dev/null 2>&1 && return
	run "$PITH" --chroot "$R" -- /bin/legacy
	code_is 126
	err_like '*Exec format error, it is for i386 machines*'
	false
}

# ---- users who start a sandbox -----------------------------------------------

# The ordinary user exists only in files of a mount namespace.
USER_ID=54320
mkdir etc
cp /etc/passwd etc
echo "payload:x:$USER_ID:$USER_ID::/:/bin/sh" >>etc/passwd
echo payload:300000:65536 >etc/subuid
cp etc/subuid etc/subgid
cat >user.sh <<-S
	for file in passwd subuid subgid; do
		mount --bind $W/etc/\$file /etc/\$file || exit 99
	done
	exec setpriv --reuid $USER_ID --regid $USER_ID --clear-groups "\$@"
S

# Select root, user, or single, a user without subordinate ids: $BY goes before
# "$PITH", and $MAPS after it. For both users, files of root in the tree belong to
# nobody, so they write to $PLACES. Without root the caller is single.
by() {
	BY= MAPS= PLACES=
	[ "$1" != root ] || return 0
	PLACES='--tmpfs /tmp:exec --tmpfs /run:mode=755'
	[ "$(id -u)" = 0 ] || return 0
	have newuidmap setpriv || return
	BY="unshare --mount sh $W/user.sh"
	[ "$1" != user ] || MAPS='--userns subid'
}
if [ "$(id -u)" = 0 ]; then
	ALL='root user single'
else
	ALL=single
fi

# Make a directory that the selected user owns.
directory() {
	mkdir "$1"
	[ -z "$BY" ] || chown $USER_ID:$USER_ID "$1"
}

# ---- sandboxes in the background ----------------------------------------------

# Like eventually(), but do not wait if the test has failed already.
awaits() { [ ! -e "$W/.bad" ] && eventually "$@"; }

# Start a sandbox with a name and with output in NAME.out and NAME.err: box NAME ...
box() {
	box=$1
	shift
	rm -f "boxes/$box"
	$BY "$PITH" --info "$W/boxes/$box" $MAPS "$@" >"$box.out" \
	    2>"$box.err" </dev/null &
	echo $! >"$box.pid"
	awaits started "$box"
	[ -s "boxes/$box" ] || not_started "$box"
}
not_started() {
	fail "$1 did not start: $(cat "$1.err")"
	kill -KILL "$(cat "$1.pid")" 2>/dev/null
	rm "$1.pid"
	return 1
}
started() { [ -s "boxes/$1" ] || over "$(cat "$1.pid")"; }

# Print the pid of a sandbox's launcher, init or child, from its --info.
of() { json "boxes/$1" "$2" 2>/dev/null; }
says() { awaits grep -qs -- "$2" "$1.out" "$1.err"; }
runs() { ! over "$1"; }
not() { ! "$@"; }
children_of() { sed 's/ $//' "/proc/$1/task/$1/children"; }

# Run a command in the network of a sandbox, or in all its namespaces, like `docker exec`.
net() {
	net=/proc/$(of "$1" child)/ns/net
	shift
	nsenter --net="$net" "$@"
}
inside() {
	target=$(of "$1" child)
	shift
	nsenter --target "$target" --all "$@"
}
serves() { [ "$(net "$1" curl -sS --max-time 20 "$2")" = "$3" ]; }

# Check that a sandbox has ended, by itself or after a signal, with a given code, and
# left nothing.
gone() {
	pid=$(cat "$1.pid")
	eventually over "$pid" || kill -KILL "$pid"
	wait "$pid"
	code=$?
	rm "$1.pid"
	err=$(cat "$1.err")
	code_is "$2"
	over "$(of "$1" init)" || fail 'init is left'
	over "$(of "$1" child)" || fail 'the child is left'
}
stop() {
	kill -"$2" "$(cat "$1.pid")"
	gone "$1" "$3"
}
end_all() {
	for file in "$W"/*.pid; do
		[ ! -s "$file" ] || kill -KILL "$(cat "$file")" 2>/dev/null
	done
	[ ! -e "$W/tmux" ] || tmux -S "$W/tmux" kill-server 2>/dev/null
}

# ---- a command ---------------------------------------------------------------

it 'runs a command in a musl root like Alpine, for root and ordinary users' && musl && {
	for who in $ALL; do
		by $who || break
		run $BY "$PITH" --rootfs "$R" $MAPS -- hello
		code_is 0
		out_is /bin/hello
		err_is ''
		run $BY "$PITH" --rootfs "$R" $MAPS \
		    -- sh -c 'id -u; echo $$; hostname; exit 3'
		code_is 3
		out_is '0
2
pith'
	done
}

it "runs echo 'hello world' in a Debian root" && debian && {
	for who in $ALL; do
		by $who || break
		run $BY "$PITH" --rootfs "$R" $MAPS -- echo 'hello world'
		code_is 0
		out_is 'hello world'
		err_is ''
	done
}

it 'runs Debian out of a squashfs image' && debian && have mksquashfs &&
    rooted image && {
	run "$PITH" --rootfs "$R" -- python3 -c 'print(6 * 7)'
	code_is 0
	out_is 42
	err_is ''
}

it 'returns from -d while the command runs in a Debian root' && debian && {
	for who in $ALL; do
		by $who || break
		rm -f boxes/detached boxes/pid
		run $BY "$PITH" --detach --info "$W/boxes/detached" \
		    --pidfile "$W/boxes/pid" --rootfs "$R" $MAPS \
		    -- sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done'
		code_is 0
		out_is ''
		err_is ''
		cp boxes/pid detached.pid
		runs "$(of detached child)" || fail 'the command does not run'
		is "$(cat boxes/pid)" "$(of detached launcher)"
		kill "$(cat boxes/pid)"
		for process in launcher init child; do
			eventually over "$(of detached $process)"
		done
		rm detached.pid
	done
	run "$PITH" -d --rootfs "$R" -- /no/such/program
	code_is 127
	one_line
}

it 'writes the pids to --info that ps and nsenter need' && debian && have ps python3 && {
	for who in $ALL; do
		by $who || break
		box told --rootfs "$R" -- sleep 1000 || break
		run python3 -c 'import json, sys
print(*sorted(json.load(open(sys.argv[1]))))' boxes/told
		out_is 'addresses cgroup child init launcher namespaces'
		is "$(of told launcher)" "$(cat told.pid)"
		is "$(ps -o ppid= -p "$(of told child)" | tr -d ' ')" \
		    "$(of told init)"
		is "$(ps -o ppid= -p "$(of told init)" | tr -d ' ')" \
		    "$(of told launcher)"
		is "$(ps -o args= -p "$(of told child)")" 'sleep 1000'
		for ns in user mnt pid net ipc uts cgroup; do
			is "$(of told $ns)" \
			    "$(stat -Lc %i "/proc/$(of told child)/ns/$ns")"
		done
		is "$(nsenter --target "$(of told child)" --pid --mount \
		    ps -o pid=,comm= -p 1,2 | tr -s ' ')" " 1 ${PITH##*/}
 2 sleep"
		is "$(net told ls /sys/class/net)" "$(ls /sys/class/net)"
		is "$(inside told ls /sys/class/net)" lo
		stop told TERM 143
	done
}

it 'runs glibc and musl programs at once, on one kernel' && debian && {
	glibc=$R
	if musl; then
		box glibc --rootfs "$glibc" -- sleep 1000
		box musl --rootfs "$R" -- hello stay
		says musl /bin/hello
		grep -q /libc.so.6 "/proc/$(of glibc child)/maps" ||
		    fail 'no glibc in the one'
		grep -q /lib/libc.so "/proc/$(of musl child)/maps" ||
		    fail 'no musl in the other'
		stop glibc TERM 143
		stop musl TERM 143
	fi
}

# Each sandbox writes to a new file and to $1, reports this, and reads both files when
# all sandboxes have written.
# shellcheck disable=SC2016
CROWD='echo $0 >/mark && echo $0 >>$1 && : >"/at/$0" && read -r go </at/go &&
    tail -n 1 $1 | cmp - /mark && exec cat /mark'

it 'runs 100 sandboxes at once from one root, and keeps their writes apart' && musl && {
	crowd=100
	written=/etc/passwd
	[ "$(id -u)" = 0 ] || written=/mine     # an ordinary user may not change passwd
	mkdir -m 777 at
	mkfifo at/go
	before=$(cksum <"$R/etc/passwd")
	crowd_pids=
	for i in $(seq $crowd); do
		"$PITH" --rootfs "$R" --volume "$W/at:/at" -- sh -c "$CROWD" \
		    $i $written >"crowd.$i" 2>&1 </dev/null &
		crowd_pids="$crowd_pids $!"
	done
	all_written() { [ "$(ls at | wc -l)" = $((crowd + 1)) ]; }
	eventually all_written || kill -KILL $crowd_pids 2>/dev/null
	exec 8<>at/go
	seq $crowd | tr -cd '\n' >&8
	codes=
	for process in $crowd_pids; do
		eventually over "$process" || kill -KILL "$process"
		wait "$process"
		codes="$codes$?"
	done
	exec 8>&-
	is "$(printf %s "$codes" | tr -d 0)" ''
	is "$(cat crowd.* | sort -n | tr '\n' ' ')" \
	    "$(seq $crowd | tr '\n' ' ')"
	is "$(cksum <"$R/etc/passwd")" "$before"
	[ ! -e "$R/mark" ] || fail 'it is in the root itself'
	rm -rf at
}

# ---- web servers -------------------------------------------------------------

it 'runs two web servers on port 80, each in its own sandbox' &&
    root && have curl nsenter && musl && {
	for who in $ALL; do
		by $who || break
		for page in one two; do
			mkdir $page
			echo "page $page" >$page/index.html
			box $page --rootfs "$R" --volume "$W/$page:/www:ro" \
			    -- busybox httpd -f -p 80 -h /www || break
		done
		for page in one two; do
			awaits serves $page http://127.0.0.1/ "page $page"
		done
		for page in one two one; do
			serves $page http://127.0.0.1/ "page $page" ||
			    fail "it is not page $page"
			is "$(inside $page wget -qO- http://127.0.0.1/)" \
			    "page $page"
		done
		stop one TERM 143
		serves two http://127.0.0.1/ 'page two' ||
		    fail 'it ended with the other'
		stop two TERM 143
		rm -r one two
	done
}

make_nginx() {
	cat >nginx.conf <<-'C'
		user www-data;
		worker_processes 2;
		daemon off;
		pid /run/nginx.pid;
		error_log stderr notice;
		events { }
		http {
			access_log off;
			client_body_temp_path /tmp/body;
			proxy_temp_path /tmp/proxy;
			fastcgi_temp_path /tmp/fastcgi;
			uwsgi_temp_path /tmp/uwsgi;
			scgi_temp_path /tmp/scgi;
			server {
				listen 80;
				location / { return 200 "nginx\n"; }
			}
		}
	C
}
workers() { inside nginx ps -C nginx -o user=,args= | sort | tr -s ' '; }
two_workers() { [ "$(workers | grep -c 'www-data nginx: worker')" = 2 ]; }

it 'runs nginx on port 80 with workers of another user, and stops it gracefully' &&
    debian && have curl && {
	make_nginx
	for who in root user; do
		by $who || break
		box nginx -r TERM:QUIT --rootfs "$R" --cap-add default $PLACES \
		    --volume "$W/nginx.conf:/nginx.conf:ro" \
		    -- nginx -e stderr -c /nginx.conf || break
		awaits serves nginx http://127.0.0.1/ nginx
		two_workers || fail "these run: $(workers)"
		worker=$(children_of "$(of nginx child)")
		kill -HUP "$(cat nginx.pid)"
		for process in $worker; do
			awaits over "$process"
		done
		awaits two_workers
		serves nginx http://127.0.0.1/ nginx || fail 'it is silent'
		stop nginx TERM 0
		grep -q 'signal 3 (SIGQUIT) received' nginx.err ||
		    fail "it was not graceful: $err"
	done
}

# Build the server like examples/Dockerfile.
make_httpd() {
	mkdir -p two
	GOCACHE=$B/go-cache CGO_ENABLED=0 go build -ldflags '-s -w' \
	    -o "$B/httpd" "$TOP/examples/httpd.go"
	cp "$B/httpd" two/
	cp "$PITH" two/pith
}
serves_go() {
	awaits serves go http://127.0.0.1:8080/ 'hello from 127.0.0.1:8080'
	is "$(children_of "$(of go init)")" "$(of go child)"
	stop go TERM 0
	is "$(tail -n 1 go.out)" 'http daemon end'
}

it 'runs a static Go server in a root without other files' &&
    root && have go curl nsenter && {
	make_httpd
	for who in $ALL; do
		by $who || break
		box go --rootfs none --volume "$B/httpd:/httpd:ro" -- /httpd || break
		serves_go
		box go --rootfs "$W/two" -- /pith -- /httpd || break
		awaits serves go http://127.0.0.1:8080/ \
		    'hello from 127.0.0.1:8080'
		stop go TERM 0
	done
	rm -r two
}

# ---- sshd --------------------------------------------------------------------

make_ssh() {
	rm -rf ssh
	directory ssh
	ssh-keygen -q -t ed25519 -N '' -f ssh/host
	ssh-keygen -q -t ed25519 -N '' -f ssh/guest
	cat >ssh/sshd_config <<-'C'
		HostKey /ssh/host
		AuthorizedKeysFile /ssh/guest.pub
		StrictModes no
		UsePAM no
		PidFile none
		MaxStartups 100
		Subsystem sftp /usr/lib/openssh/sftp-server
	C
	cp ssh/guest guest
	echo "127.0.0.1 $(cat ssh/host.pub)" >known_hosts
	[ -z "$BY" ] || chown $USER_ID:$USER_ID ssh/*
}
start_sshd() {
	make_ssh
	box sshd --rootfs "$R" --cap-add default $PLACES --dir /run/sshd \
	    --volume "$W/ssh:/ssh:ro" -- /usr/sbin/sshd -D -e -f /ssh/sshd_config ||
	    return
	says sshd 'Server listening'
}
SSH="-F none -i $W/guest -o UserKnownHostsFile=$W/known_hosts
    -o BatchMode=yes -o IdentitiesOnly=yes -o ConnectTimeout=20 -q"
login() { run net sshd ssh $SSH guest@127.0.0.1 "$@"; }
processes_of_sshd() { inside sshd ps -C sshd -o user=,args=; }

# Open a connection that has not logged in: sshd has one unprivileged process for it.
separated() {
	mkfifo hold
	net sshd bash -c 'exec 3<>/dev/tcp/127.0.0.1/22; read -r hello <&3
	    echo SSH-2.0-test >&3; read -r hold <hold' &
	held=$!
	awaits unprivileged
	: >hold
	wait $held
	rm hold
}
unprivileged() { processes_of_sshd | grep -q '^sshd .*\[net\]'; }

it 'lets sshd separate privileges, run a command, open a terminal and copy files' &&
    debian && have ssh scp ssh-keygen bash && {
	for who in root user; do
		by $who || break
		start_sshd || break
		separated
		login 'id -un; exit 7'
		code_is 7
		out_is guest
		run net sshd ssh $SSH -tt guest@127.0.0.1 \
		    'tty; stat -c %U "$(tty)"; stty -a | grep -o -w icanon'
		code_is 0
		is "$(printf '%s' "$out" | tr -d '\r')" '/dev/pts/0
guest
icanon'
		head -c 3000000 /dev/urandom >there
		for protocol in -s -O; do
			run net sshd scp $protocol $SSH there \
			    guest@127.0.0.1:/tmp/copy
			code_is 0
			run net sshd scp $protocol $SSH \
			    guest@127.0.0.1:/tmp/copy back
			code_is 0
			cmp there back || fail 'the copy differs'
			rm -f back
		done
		stop sshd TERM 0
		grep -q 'Received signal 15; terminating' sshd.err ||
		    fail "it says: $err"
	done
}

it 'lets 24 users log in by sshd at once, and ends it by TERM during a login' &&
    debian && have ssh ssh-keygen && {
	for who in root user; do
		by $who || break
		start_sshd || break
		logins=
		for i in $(seq 24); do
			net sshd ssh $SSH guest@127.0.0.1 "echo $i; exit $i" \
			    >"login.$i" 2>&1 </dev/null &
			logins="$logins $!"
		done
		i=0
		for process in $logins; do
			i=$((i + 1))
			wait "$process"
			is "$? $(cat "login.$i")" "$i $i"
		done
		net sshd ssh $SSH guest@127.0.0.1 'echo in; sleep 1000' \
		    >login.25 2>&1 </dev/null &
		last=$!
		awaits grep -qx in login.25
		stop sshd TERM 0
		# The client ends with 255, or with 1 if part of sshd could still send the status.
		! wait $last || fail 'the login that went on has ended well'
	done
}

# ---- PostgreSQL --------------------------------------------------------------

# Find the programs of PostgreSQL in the root.
postgres_dir() { PG=$(cd "$R" && echo /usr/lib/postgresql/*/bin); }

# Start a server with options and arguments: start_postgres NAME OPTIONS ...
start_postgres() {
	server=$1
	shift
	box $server --rootfs "$R" $PLACES --volume "$W/kept/data:/data" "$@" \
	    --user postgres -- $PG/postgres -F -D /data/db \
	    -c listen_addresses= -c unix_socket_directories=/tmp || return
	says $server 'ready to accept connections'
}
sql() { inside pg $PG/psql -h /tmp -U postgres -d postgres -qAtX "$@"; }
answers() { awaits grep -qx "$1" answers; }

it 'runs PostgreSQL with a slow shutdown, and keeps its data after the sandbox' &&
    debian && {
	postgres_dir
	for who in root user; do
		by $who || break
		directory kept
		mkdir kept/data kept/layer
		[ -z "$BY" ] || chown $USER_ID:$USER_ID kept/*
		run $BY "$PITH" --rootfs "$R" $MAPS --cap-add default \
		    --volume "$W/kept/data:/data" -- chown postgres /data
		code_is 0
		run $BY "$PITH" --rootfs "$R" $MAPS $PLACES \
		    --volume "$W/kept/data:/data" --user postgres -- $PG/initdb \
		    --no-sync --auth trust --locale C -D /data/db
		code_is 0
		start_postgres pg || break
		sql -c 'create table kept as select generate_series(1, 9) as n'
		is "$(sql -c 'select sum(n) from kept')" 45

		mkfifo queries
		inside pg $PG/psql -h /tmp -U postgres -d postgres -qAtX \
		    <queries >answers 2>&1 &
		session=$!
		exec 8>queries
		echo "select 'first';" >&8
		answers first
		kill -TERM "$(cat pg.pid)"
		says pg 'received smart shutdown request'
		awaits not sql -c 'select 1'
		echo "select 'still';" >&8
		answers still
		runs "$(of pg child)" || fail 'it did not wait for the session'
		exec 8>&-
		wait $session
		rm queries
		gone pg 0
		grep -q 'database system is shut down' pg.err || fail "$err"

		start_postgres pg --upper "$W/kept/layer" || break
		grep -q 'database system was shut down at' pg.err ||
		    fail 'it had to recover'
		is "$(sql -c 'select sum(n) from kept')" 45
		stop pg INT 0
		is "$(find kept/layer -name PG_VERSION)" ''
		rm -rf kept
	done
}

it 'keeps data written beside a volume in the layer, and data in it in the volume' &&
    musl && {
	for who in $ALL; do
		by $who || break
		directory kept
		mkdir kept/data kept/layer
		[ -z "$BY" ] || chown $USER_ID:$USER_ID kept/*
		run $BY "$PITH" --rootfs "$R" --upper "$W/kept/layer" $MAPS \
		    --volume "$W/kept/data:/data" \
		    -- sh -c 'echo in >/data/file; echo beside >/srv'
		code_is 0
		is "$(cat kept/data/file)" in
		is "$(cat kept/layer/srv)" beside
		is "$(find kept/layer -name file)" ''
		[ ! -e "$R/srv" ] || fail 'it is in the root itself'
		rm -rf kept
	done
}

# ---- languages ---------------------------------------------------------------

it 'runs a Java machine and its shutdown hook, in a root with only its libraries' &&
    root && debian && rooted jre && {
	cat >Hook.java <<-'J'
		public class Hook {
			static void end() { System.out.println("hook"); }
			public static void main(String[] words) throws Exception {
				Runtime.getRuntime().addShutdownHook(
				    new Thread(Hook::end));
				System.out.println("ready");
				Thread.sleep(1000000);
			}
		}
	J
	for who in $ALL; do
		by $who || break
		box java --rootfs "$R" $PLACES --volume "$W/Hook.java:/Hook.java" \
		    -- /java /Hook.java || break
		says java ready
		stop java TERM 143
		is "$(tail -n 1 java.out)" hook
	done
}

it 'compiles a program with gcc, and runs the program' && debian && {
	printf '%s\n' '#include <stdio.h>' '#include <pthread.h>' \
	    'static void *f(void *x) { puts("compiled"); return x; }' \
	    'int main(void) { pthread_t t; pthread_create(&t, 0, f, 0);' \
	    'pthread_join(t, 0); return 9; }' >program.c
	for who in $ALL; do
		by $who || break
		run $BY "$PITH" --rootfs "$R" $MAPS $PLACES \
		    --volume "$W/program.c:/program.c:ro" --workdir /tmp -- \
		    sh -c 'gcc -O2 -Wall -o program /program.c && ./program'
		code_is 9
		out_is compiled
		err_is ''
	done
}

it 'runs Python with processes, threads, files, sockets and signals' && debian && {
	cat >program.py <<-'P'
		import os, signal, subprocess, sys, threading, time

		def stop(number, frame):
		    child.terminate()
		    print("stop", number, child.wait(), flush=True)
		    sys.exit(4)

		print(subprocess.run(["sh", "-c", "exit 3"]).returncode)
		threads = [threading.Thread(target=time.sleep, args=(0.01,))
		    for i in range(20)]
		for t in threads: t.start()
		for t in threads: t.join()
		for path in "/tmp/file", "/dev/shm/file":
		    with open(path, "w") as f: f.write("x" * 100000)
		    print(os.stat(path).st_size, os.stat(path).st_uid)
		pid = os.fork()
		if pid == 0: os._exit(5)
		print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
		child = subprocess.Popen(["sleep", "1000"])
		signal.signal(signal.SIGTERM, stop)
		print("ready", flush=True)
		while True: time.sleep(0.1)
	P
	for who in root user; do
		by $who || break
		box python --rootfs "$R" $PLACES --user guest \
		    --volume "$W/program.py:/program.py:ro" \
		    -- python3 /program.py || break
		says python ready
		stop python TERM 4
		is "$(cat python.out)" '3
100000 54321
100000 54321
5
ready
stop 15 -15'
	done
}

# ---- limits ------------------------------------------------------------------

# Run pith with limits, and write its report to `verdict`.
limited() { run "$PITH" --report "$W/verdict" "$@"; }
verdict() { json verdict "$1"; }

# Check that a number is between the least and the most permitted value.
between() {
	awk "BEGIN { exit !($1 >= $2 && $1 <= $3) }" ||
	    fail "it is $1, not $2 to $3; $(cat verdict)"
}

# Print one processor that we may use. Check that there are several.
processor() { sed -n 's/^Cpus_allowed_list:[^0-9]*\([0-9]*\).*/\1/p' /proc/self/status; }
several() {
	[ "$(nproc)" -gt 1 ] || { skip 'there is one processor'; return 1; }
}

# Print the heap and the processors of a Java machine; with an argument, fill the heap.
make_limits() {
	cat >Limits.java <<-'J'
		public class Limits {
			public static void main(String[] words) {
				Runtime r = Runtime.getRuntime();
				System.out.println((r.maxMemory() >> 20) + " " +
				    r.availableProcessors());
				try {
					var kept = new java.util.ArrayList<byte[]>();
					while (words.length > 0 &&
					    r.maxMemory() < 1 << 30)
						kept.add(new byte[1 << 20]);
				} catch (OutOfMemoryError full) {
					System.out.println("full");
				}
			}
		}
	J
}
java() {
	limited --rootfs "$R" --volume "$W/Limits.java:/Limits.java:ro" "$@"
}

it 'adapts heap and processors of a Java machine to the limits, with --cgroupfs' &&
    debian && rooted jre && several && {
	make_limits
	java --memory 256m --cpus 1 --cgroupfs -- /java /Limits.java fill
	code_is 0
	is "$(verdict reason) $(verdict oom_kills)" '"exited" 0'
	between "${out%% *}" 64 128
	is "${out#* }" '1
full'
	java --memory 1g --cpuset-cpus "$(processor)" --cgroupfs \
	    -- /java /Limits.java
	between "${out% *}" 240 256
	is "${out#* }" 1
}

it 'kills a Java machine whose heap exceeds the memory limit' &&
    debian && rooted jre && {
	make_limits
	java --memory 256m -- /java -Xmx512m /Limits.java fill
	code_is 137
	is "$(verdict reason)" '"oom"'
}

it 'shows a Go program the processors of --cpuset-cpus' && root &&
    have go && several && {
	printf '%s\n' 'package main' 'import "runtime"' \
	    'func main() { println(runtime.NumCPU(), runtime.GOMAXPROCS(0)) }' \
	    >processors.go
	GOCACHE=$B/go-cache CGO_ENABLED=0 go build processors.go
	for words in '' "--rootfs none --volume $W/processors:$W/processors"; do
		limited $words --cpuset-cpus "$(processor)" -- "$W/processors"
		err_is '1 1'
		limited $words -- "$W/processors"
		err_is "$(nproc) $(nproc)"
	done
}

# Run three encoders that give the same output every time, with several threads.
FILM='-nostdin -v error -f lavfi -i testsrc2=d=3:s=320x240:r=25 -f lavfi -i sine=d=3
    -map 0:v -map 0:v -map 1:a -c:v:0 libx264 -threads:v:0 1
    -c:v:1 mpeg4 -threads:v:1 2 -c:a flac -f streamhash -hash md5 -'

it 'runs ffmpeg in a root of its libraries, with the same output at half a processor' &&
    ffmpeg && {
	run command ffmpeg $FILM
	code_is 0
	film=$out
	limited --rootfs "$R" --cpus 0.5 --memory 128m -- ffmpeg $FILM
	code_is 0
	out_is "$film"
	is "$(verdict reason)" '"exited"'
	between "$(verdict throttled_ms)" 1 100000
	between "$(verdict memory_peak_bytes)" 1 $((128 << 20))
}

# Mailer: four processes that send to a sink on port 25 for ever, or one that has some
# GiB in its queue and sends one mail.
cat >mailer.py <<-'P'
	import os, smtplib, socketserver, sys

	class Sink(socketserver.StreamRequestHandler):
	    def say(self, line): self.wfile.write(line + b"\r\n")
	    def handle(self):
	        self.say(b"220 sink")
	        for line in self.rfile:
	            word = line.strip().upper()
	            if word == b"DATA":
	                self.say(b"354 go on")
	                while self.rfile.readline() != b".\r\n": pass
	            self.say(b"221 bye" if word == b"QUIT" else b"250 well")

	def send(text):
	    with smtplib.SMTP("127.0.0.1", 25) as mta:
	        mta.sendmail("a@box", ["b@box"], "Subject: mail\n\n" + text)

	sink = socketserver.TCPServer(("127.0.0.1", 25), Sink)
	if os.fork() == 0: os.fork(), sink.serve_forever()
	if len(sys.argv) > 1:
	    queue = b"x" * int(float(sys.argv[1]) * (1 << 30))
	    send(str(len(queue)))
	    print("sent", len(queue))
	    sys.exit()
	os.fork(), os.fork()
	for n in range(1 << 30):
	    send("text " * 200)
	    if n == 20: print("sent", flush=True)
P
mailer() {
	limited --rootfs / --read-only --memory 1g --cpus 0.5 "$@"
}

it 'limits a mailer to half a processor' && root && have python3 && {
	# On a busy machine the mailer may get less than half of a processor, so try again.
	for try in 1 2 3 4 5; do
		mailer --timeout 2s -- python3 -c "$(cat mailer.py)"
		code_is 124
		is "$(verdict reason)" '"timeout"'
		share=$(((100 * ($(verdict user_ms) + $(verdict system_ms))) / $(verdict wall_ms)))
		[ $share -lt 45 ] || break
	done
	is "$(echo $out)" 'sent sent sent sent'
	between $share 45 55
	between "$(verdict throttled_ms)" 100 8000
}

it 'lets a mailer use 0.9 GiB of its 1 GiB, and kills one that wants 1.2' &&
    root && have python3 && {
	mailer -- python3 -c "$(cat mailer.py)" 0.9
	code_is 0
	out_is 'sent 966367641'
	is "$(verdict reason) $(verdict oom_kills)" '"exited" 0'
	between "$(verdict memory_peak_bytes)" 966367641 $((1 << 30))
	mailer -- python3 -c "$(cat mailer.py)" 1.2
	code_is 137
	out_is ''
	is "$(verdict reason) $(verdict oom_kills)" '"oom" 1'
}

# ---- chroot ------------------------------------------------------------------

# Mount a writable tree of Debian, and /dev, in a mount namespace.
cat >tree.sh <<-'S'
	mkdir -p low/upper low/work low/root && mount -t overlay overlay -o \
	    "lowerdir=$1,upperdir=low/upper,workdir=low/work" low/root &&
	    mount --rbind /dev low/root/dev && shift && exec "$@"
S
IN_TREE='unshare --mount sh tree.sh'

# Escape from a chroot(2) in the classic way: keep a directory outside open.
cat >walk.py <<-'P'
	import os, sys
	os.makedirs("/tmp/j", exist_ok=True)
	os.chroot("/tmp/j")
	for i in range(64): os.chdir("..")
	os.chroot(".")
	print(open(sys.argv[1]).read(), end="")
P

it 'runs 32-bit legacy software and a database at once, with --chroot' &&
    debian && {
	postgres_dir
	database=$R
	legacy && {
		start "$PITH" --chroot "$R" -- /bin/legacy
		legacy=$pid
		hear; is "$heard" '32 bits: legacy of 32 bits'
		hear_until ready
		$IN_TREE "$database" sh -c 'mkdir low/root/data &&
		    chroot low/root chown postgres /data && exec "$@"' sh "$PITH" \
		    --chroot low/root --user postgres -- sh -c "$PG/initdb \
		    --no-sync --auth trust --locale C -D /data/db >/dev/null &&
		    exec $PG/postgres -F -D /data/db -c listen_addresses= \
		    -c unix_socket_directories=/tmp" >chroot.out \
		    2>chroot.err &
		echo $! >chroot.pid
		says chroot 'ready to accept connections'
		is "$(nsenter --target "$(cat chroot.pid)" --mount \
		    chroot "$W/low/root" $PG/psql -h /tmp -U postgres -qAtX \
		    -d postgres -c "select 'database'")" database
		runs "$legacy" || fail 'the legacy does not run'
		kill -TERM "$(cat chroot.pid)"
		eventually over "$(cat chroot.pid)"
		wait "$(cat chroot.pid)"
		is $? 0
		rm chroot.pid
		kill -TERM "$legacy"
		hear; is "$heard" ends
		pid=$legacy
		ends
		code_is 6
		rm -rf low
	}
}

it 'runs a 32-bit program in a sandbox, and ends it by TERM' &&
    legacy && {
	for who in $ALL; do
		by $who || break
		box legacy --rootfs "$R" -- legacy || break
		says legacy ready
		stop legacy TERM 6
		is "$(cat legacy.out)" '32 bits: legacy of 32 bits
ready
ends'
	done
}

it 'does not confine root with --chroot, as the manual says, but with --rootfs' && debian && {
	echo canary >canary
	cp walk.py "$W/boxes"
	mkdir low
	$IN_TREE "$R" sh -c 'cp walk.py low/root/walk.py && exec "$@"' sh "$PITH" \
	    --chroot low/root -- python3 /walk.py "$W/canary" >walked 2>&1
	is "$(cat walked)" canary
	rm -rf low
	for who in $ALL; do
		by $who || break
		run $BY "$PITH" --rootfs "$R" $MAPS $PLACES --cap-add SYS_CHROOT \
		    --volume "$W/walk.py:/walk.py:ro" \
		    -- python3 /walk.py "$W/canary"
		code_is 1
		err_like "*No such file or directory: '$W/canary'*"
	done
}

# ---- a terminal --------------------------------------------------------------

terminal() { tmux -S "$W/tmux" -f /dev/null "$@"; }
keys() { terminal send-keys "$@"; }
shows() {
	awaits on_screen "$1" ||
	    fail "the screen: $(terminal capture-pane -p)"
}
on_screen() { terminal capture-pane -p | grep -q -e "$1"; }
not_on_screen() { ! on_screen "$1"; }
job_is() {
	job=$(children_of "$(of shell child)")
	[ -n "$job" ] && [ "$(cat "/proc/$job/comm")" = "$1" ] &&
	    grep -q "^State:	[$2]" "/proc/$job/status"
}
vim_fills() { [ "$(terminal capture-pane -p | grep -c '^~')" -ge 27 ]; }
type_line() { keys -l "$1"; keys Enter; }

it 'runs a shell in a terminal: jobs, vim, top, window size, exit code' &&
    debian && have tmux && {
	for who in $ALL; do
		by $who || break
		rm -f boxes/shell
		terminal new-session -d -x 80 -y 24 "$BY '$PITH' \
		    --info '$W/boxes/shell' --rootfs '$R' $MAPS $PLACES \
		    --env 'PS1=box> ' -- bash --norc; echo ended \$?; cat"
		terminal set-option -g window-size manual
		awaits [ -s boxes/shell ]
		shows '^box>'
		type_line 'tty; stty size'
		shows '^/dev/pts/0'
		shows '^24 80'
		type_line 'sleep 1000'
		awaits job_is sleep S
		keys C-z
		shows '\[1\]+  Stopped  *sleep 1000'
		awaits job_is sleep T
		type_line 'jobs; echo $((40 + 2))'
		shows '^42'
		type_line fg
		awaits job_is sleep S
		keys C-c
		type_line 'echo "code $?"'
		shows '^code 130'

		type_line 'vim.tiny /tmp/note'
		shows '"/tmp/note" \[New\]'
		terminal resize-window -x 100 -y 30
		keys i
		keys -l 'typed in vim'
		keys Escape
		awaits vim_fills ||
		    fail "the screen: $(terminal capture-pane -p)"
		type_line ':wq'
		shows '^box> vim'
		type_line 'clear; cat /tmp/note; stty size'
		shows '^typed in vim'
		shows '^30 100'

		type_line 'clear; top'
		shows 'load average'
		shows ' PID USER'
		keys q
		# top discards input that is typed before it has ended.
		shows '^box>'
		type_line 'clear; echo back'
		shows '^back'
		type_line 'exit 7'
		shows '^ended 7'
		server=$(terminal display-message -p '#{pid}')
		terminal kill-server
		eventually over "$server"
		rm -f tmux
	done
}
finish
