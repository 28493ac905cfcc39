# Tests of what processes beside the command write to a container's log: cron jobs, hooks,
# probes, programs of supervisord and links of images use /proc/1/fd/1. Needs root.
# shellcheck shell=sh source=tests/lib.sh disable=SC2016,SC2086,SC2154
. "${0%/*}/lib.sh"
# shellcheck source=tests/engines-lib.sh
. "$TESTS/engines-lib.sh"

# Make a root of busybox with pith, a crontab, and log files that are links, as in many images.
roots() {
	[ ! -d "$W/shell" ] || return 0
	busybox_root "$W/shell"
	cp "$PITH" "$W/shell/pith"
	mkdir -p "$W/shell/var/spool/cron/crontabs" "$W/shell/var/log" "$W/shell/usr" \
	    "$W/shell/lib" "$W/shell/lib64" "$W/shell/proc"
	echo '* * * * * echo job of cron >/proc/1/fd/1; echo its error >/proc/1/fd/2' \
	    >"$W/shell/var/spool/cron/crontabs/root"
	ln -s /proc/1/fd/1 "$W/shell/var/log/access.log"
	ln -s /proc/1/fd/2 "$W/shell/var/log/error.log"
	cat >"$W/shell/etc/supervisord.conf" <<-'E2'
		[supervisord]
		nodaemon=true
		user=root
		logfile=/dev/null
		logfile_maxbytes=0
		pidfile=/tmp/supervisord.pid
		[program:one]
		command=/bin/sh -c "echo of supervisord; exec sleep 1000"
		stdout_logfile=/proc/1/fd/1
		stdout_logfile_maxbytes=0
		stderr_logfile=/proc/1/fd/2
		stderr_logfile_maxbytes=0
	E2
}
ready() {
	"have_$engine" || return 1
	[ ! -e "$W/ready-$engine" ] || return 0
	touch "$W/ready-$engine"
	roots
	image_of "$W/shell" shell 'ENTRYPOINT ["/pith", "--"]'
	image_of "$W/shell" bare
}

# Set $way to the options that make pith process 1 in one of two ways.
way_of() {
	case $engine,$1 in
	docker,init) way='--init bare' ;;
	podman,init) way="--init --init-path $PITH bare" ;;
	*) way=shell ;;
	esac
}
begin() {
	background $way sh -c "$1"
	eventually said ready
}

# Wait up to two minutes, as cron works by the minute. The cron containers start first and are
# checked last.
in_two_minutes() {
	for part in 1 2 3 4 5; do
		for try in $(seq 50); do
			"$@" && return
			sleep 0.5
		done
	done
	fail "never became true: $*"
}
start_cron() {
	for how in entrypoint init; do
		way_of $how
		"$engine" rm --force cron-$how >/dev/null 2>&1
		run "$engine" run --detach --name cron-$how $ALONE $way crond -f
		code_is 0
	done
}

for engine in docker podman; do
	it "starts a container with cron as its command, in $engine" && ready && start_cron
done

for engine in docker podman; do
	for how in entrypoint init; do
		# Seen to fail where init closed 1: "cannot create /proc/1/fd/1".
		it "logs what $engine exec writes to /proc/1/fd/1, as $how" &&
		    ready && {
			way_of $how
			begin 'echo ready; exec sleep 1000'
			run "$engine" exec one sh -c 'echo of a hook >/proc/1/fd/1
			    echo of a probe >/proc/1/fd/2'
			code_is 0
			eventually said 'of a hook'
			eventually said 'of a probe'
			stops_with 143
		}

		it "logs what is written to links to /proc/1/fd, in $engine as $how" &&
		    ready && {
			way_of $how
			begin 'echo ready; echo request >>/var/log/access.log
			    echo failure >>/var/log/error.log; exec sleep 1000'
			eventually said request
			eventually said failure
			stops_with 143
			background --user 65534:65534 $way sh -c 'echo ready
			    echo request >>/var/log/access.log; exec sleep 1000'
			eventually said request
			stops_with 143
		}

		it "logs the output of a program of supervisord, in $engine as $how" &&
		    have supervisord && ready && {
			way_of $how
			background -v /usr:/usr:ro -v /lib:/lib:ro -v /lib64:/lib64:ro $way \
			    /usr/bin/supervisord -c /etc/supervisord.conf
			eventually said 'of supervisord'
			stops_with 0
		}
	done

	# Seen to fail without stdfiles.c: "cannot create /dev/stdout: Permission denied".
	it "lets a command of --user write to /dev/stdout and /dev/stderr, in $engine" && ready && {
		for terminal in '' --tty; do
			once $terminal -e 'PITH_OPTIONS=--user 33:33' shell sh -c \
			    'echo out >/dev/stdout; echo err >/dev/stderr; id -u'
			is "$terminal: $(cat "$W/.out" "$W/.err" | tr -d '\r' | sort | xargs)" \
			    "$terminal: 33 err out"
		done
	}
done

for engine in docker podman; do
	for how in entrypoint init; do
		it "logs the output of a cron job, in $engine as $how" && ready && {
			in_two_minutes said 'job of cron' cron-$how
			said 'its error' cron-$how || fail "$($engine logs cron-$how 2>&1)"
			$engine rm --force cron-$how >/dev/null 2>&1
		}
	done
done

box_end
finish
