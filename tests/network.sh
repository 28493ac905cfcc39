# Network namespaces of sandboxes, ports published to the host, and names. With real
# servers, by root and by an ordinary user, in a network namespace of this suite.
# shellcheck shell=sh disable=SC2011,SC2016,SC2046,SC2086,SC2154,SC2164,SC3045
# shellcheck source=tests/lib.sh
[ "$(id -u)" != 0 ] || [ "${APART:-}" ] || APART=1 exec unshare --net sh "$0"
unset APART
. "${0%/*}/lib.sh"
# shellcheck source=tests/sandbox-lib.sh
. "$TESTS/sandbox-lib.sh"

[ "$(id -u)" != 0 ] || ip link set lo up

# ---- servers and clients -----------------------------------------------------

echo web >page

# Options for the tree of this machine. An ordinary user cannot have an overlay on it.
tree() {
	[ $who = as_root ] && echo --rootfs / || echo --rootfs / --read-only
}

# Start a sandbox of this machine's tree that serves $W/NAME on its port 80: web NAME
# OPTION ... Sets $launcher to the pid of its launcher.
web() {
	dir=$W/$1
	mkdir -p $dir
	echo "page of $1" >$dir/index.html
	shift
	# nginx changes its user only if the sandbox has several ids.
	[ $who = as_root ] && ids= || ids='--userns keep-id'
	$as "$PITH" $(tree) $ids --tmpfs /tmp --volume $dir:/srv:ro --file 3:/tmp/web.conf \
	    --env PITH_TEST "$@" -- nginx -e /tmp/errors -c /tmp/web.conf 3<"$TESTS/nginx.conf" \
	    2>"$W/.web" &
	launcher=$!
}
get() { curl -s --max-time 20 "$@"; }
answers() { get -o /dev/null http://$1/; }
page_is() { [ "$(get http://$1/)" = "page of $2" ] || fail "$1 answers '$(get http://$1/)'"; }
# End sandboxes that web() started: end_of PID ...
end_of() {
	for launcher; do
		kill $launcher
		wait $launcher
	done
}
# Print the children of a launcher: init, and the relay.
only_children() { cat /proc/$1/task/$1/children; }
init_of() { only_children $1 | xargs -n 1 | grep -vx "$(relay_of $1)"; }
relay_of() {
	for child in $(only_children $1); do
		[ "$(readlink /proc/$child/exe)" != "$PITH" ] ||
		    grep -q '^NSpid:	[0-9]*$' /proc/$child/status && echo $child
	done
}

# Start a sandbox with a server given by socat's arguments, and wait for it: serve
# PORT WORDS OPTION ...
serve() {
	port=$1 words=$2
	shift 2
	start $as "$PITH" $(tree) --env PITH_TEST "$@" -- sh -c "echo up; exec socat $words"
	hear_until up
	eventually has_port $(only_children $pid) $port
}
has_port() {
	while [ $# -gt 1 ]; do
		! cat /proc/$1/net/tcp* /proc/$1/net/udp* 2>/dev/null |
		    grep -q ":$(eval printf %04X \$$#) [0-9A-F]*:0000 0[A7] " || return 0
		shift
	done
	return 1
}
is_free() { ! grep -qi ":$(printf %04X $1) .* 0A " /proc/net/tcp /proc/net/tcp6; }
# List the interfaces of this network namespace, which /sys may not show.
interfaces() { ip -o link | awk -F': ' '{ print $2 }' | sort | xargs; }
BEFORE=$(interfaces 2>/dev/null)
no_link() { [ "$(interfaces)" = "$BEFORE" ]; }
no_process() { [ -z "$(ours_running)" ]; }

# ---- ports -------------------------------------------------------------------

it 'runs two web servers on port 80 behind two ports, beside a third on the host' &&
    have nginx curl ip && for who in $WHO; do
	be $who
	[ "$(id -u)" != 0 ] || {
		mkdir -p host
		echo 'page of host' >host/index.html
		busybox httpd -f -p 80 -h host &
		host=$!
		eventually answers 127.0.0.1:80
	}
	web one --publish 8081:80
	one=$launcher
	web two --publish 8082:80
	two=$launcher
	eventually answers 127.0.0.1:8081
	eventually answers 127.0.0.1:8082
	page_is 127.0.0.1:8081 one
	page_is 127.0.0.1:8082 two
	page_is '[::1]:8082' two
	[ "$(id -u)" != 0 ] || {
		page_is 127.0.0.1:80 host
		kill $host
		wait $host
	}
	end_of $one $two
	eventually is_free 8081
	eventually is_free 8082
done

it 'loses no request on 100 connections at once, kept alive and new' &&
    have nginx ab && for who in $WHO; do
	be $who
	web many --publish 8081:80
	eventually answers 127.0.0.1:8081
	for keep in '' -k; do
		count=$((10000 * N))
		run ab -q $keep -n $count -c 100 http://127.0.0.1:8081/
		code_is 0
		out_like "*Complete requests: *$count
Failed requests: *0
*"
	done
	end_of $launcher
done

it 'holds thousands of connections at once, with one process' && have nginx wrk && {
	most=$(($(ulimit -H -n) / 8))
	[ $most -lt 3000 ] || most=3000
	for who in $WHO; do
		be $who
		(ulimit -n $(ulimit -H -n)
		web crowd --publish 8081:80
		eventually answers 127.0.0.1:8081
		run wrk -t 1 -c $most -d 3s --timeout 30s http://127.0.0.1:8081/
		code_is 0
		out_like '*requests in*'
		case $out in *'Socket errors'*) fail "$out" ;; esac
		set -- $(only_children $launcher)
		is $# 2
		end_of $launcher)
	done
}

it 'transfers a gibibyte in both directions, with end of file on each side' &&
    have socat && {
	head -c 1073741824 /dev/urandom >big
	sum=$(sha256sum <big)
	for who in $WHO; do
		be $who
		serve 80 '-t 60 TCP-LISTEN:80 EXEC:sha256sum' --publish 8081:80
		is "$(socat -t 60 - TCP:127.0.0.1:8081 <big)" "$sum"
		ends
		serve 80 'TCP-LISTEN:80 OPEN:/srv/big,rdonly' --publish 8081:80 \
		    --volume $W:/srv:ro
		is "$(socat -u TCP:127.0.0.1:8081 - | sha256sum)" "$sum"
		ends
	done
	rm big
}

# The client reads nothing until init is gone; by then the relay holds most of the data.
it 'delivers the last output of a server that has ended' && have socat && for who in $WHO; do
	be $who
	head -c 4194304 /dev/urandom >said
	serve 80 'TCP-LISTEN:80 OPEN:/srv/said,rdonly' --publish 8081:80 --volume $W:/srv:ro
	init=$(init_of $pid)
	fifo last
	socat -u TCP:127.0.0.1:8081,rcvbuf=4096 PIPE:last 2>/dev/null &
	client=$!
	exec 8<>last
	eventually over $init
	# Our own open writer hides the end of file, so read up to socat's last byte.
	is "$(timeout 20 head -c 4194304 <&8 | sha256sum)" "$(sha256sum <said)"
	exec 8<&-
	wait $client
	ends
	code_is 0
done

it 'delivers urgent data, and the data after it' && have python3 && for who in $WHO; do
	be $who
	cat >urgent.py <<-'E'
		import socket, sys, time
		if sys.argv[1] == "ask":
		    c = socket.create_connection(("127.0.0.1", 8081))
		    for word, how in (b"before", 0), (b"!", socket.MSG_OOB), (b"after", 0):
		        c.send(word, how)
		        time.sleep(0.2)
		    c.shutdown(socket.SHUT_WR)
		    print(c.recv(100))
		    sys.exit()
		s = socket.socket()
		s.bind(("127.0.0.1", 80))
		s.listen()
		print("up", flush=True)
		c = s.accept()[0]
		c.settimeout(20)
		all = b""
		while word := c.recv(100):
		    all += word
		c.send(all)
	E
	start $as "$PITH" $(tree) --env PITH_TEST --volume $W:/srv:ro --publish 8081:80 -- \
	    python3 /srv/urgent.py serve
	hear_until up
	run python3 urgent.py ask
	out_is "b'beforeafter'"
	ends
done

# The client reads nothing, so neither the server nor the relay can write.
it 'ends even if a client does not read' && have socat &&
    for who in $WHO; do
	be $who
	serve 80 'TCP-LISTEN:80 OPEN:/dev/zero' --publish 8081:80
	fifo never
	sleep 1000 <>never &
	reader=$!
	socat -u TCP:127.0.0.1:8081 PIPE:never &
	client=$!
	eventually grep -q ':1F91 01 ' /proc/net/tcp
	kill $pid
	ends
	code_is 143
	eventually is_free 8081
	kill $client $reader
	wait $client $reader
done

cat >burst.py <<-'E'
	import os, signal, socket, sys
	relay = int(sys.argv[1])
	os.kill(relay, signal.SIGSTOP)
	ends = [socket.socket() for _ in range(500)]
	try:
	    for end in ends:
	        end.settimeout(0.9)
	        end.connect(("127.0.0.1", 8081))
	finally:
	    os.kill(relay, signal.SIGCONT)
E

it 'queues hundreds of clients that connect at once' && root && have socat python3 &&
    [ $(cat /proc/sys/net/core/somaxconn) -ge 512 ] && for who in $WHO; do
	be $who
	serve 80 'TCP-LISTEN:80,fork SYSTEM:cat' --publish 8081:80
	run python3 burst.py $(relay_of $pid)
	err_is ''
	kill $pid
	ends
done

it 'reaches a server that listens on ::1 only, and resets clients without a server' &&
    have socat curl && for who in $WHO; do
	be $who
	serve 80 'TCP6-LISTEN:80,bind=[::1],fork SYSTEM:cat' --publish 8081:80 --publish 8082:81
	is "$(echo hello | socat -t 5 - TCP:127.0.0.1:8081)" hello
	# curl may find the connection already reset when it checks it.
	run curl -sS http://127.0.0.1:8082/
	case $code in 7 | 56) ;; *) fail "curl ends with $code: $err" ;; esac
	kill $pid
	ends
done

# Clients may use two ports, of which one is the server's.
it 'never connects to itself if no server listens' && root && have socat && for who in $WHO; do
	be $who
	start $as "$PITH" $(tree) --env PITH_TEST \
	    --sysctl 'net.ipv4.ip_local_port_range=40000 40001' --publish 8081:40000 \
	    --publish 8082:40000/udp -- sh -c 'echo up; exec sleep 1000'
	hear_until up
	for turn in 1 2 3 4 5 6 7 8; do
		for port in TCP:127.0.0.1:8081 UDP:127.0.0.1:8082; do
			is "$(echo word | socat -t 0.1 - $port 2>/dev/null)" ''
		done
	done
	kill $pid
	ends
done

# The server has to answer each word in capitals, from the address that was asked.
cat >ask.py <<-'E'
	import socket, sys
	address, port = sys.argv[1], int(sys.argv[2])
	# Fifty senders at once, and one with long words.
	for word, senders in ("first", 50), ("second", 50), ("x" * 60000, 1):
	    family = socket.AF_INET6 if ":" in address else socket.AF_INET
	    ends = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(senders)]
	    for n, end in enumerate(ends):
	        end.settimeout(20)
	        end.connect((address, port))
	        end.send(b"%s %d" % (word.encode(), n))
	    for n, end in enumerate(ends):
	        answer = end.recv(65536)
	        assert answer == b"%s %d" % (word.upper().encode(), n), answer
E
cat >answer.py <<-'E'
	import socket, sys
	s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET,
	    socket.SOCK_DGRAM)
	s.bind((sys.argv[1], 53))
	print("up", flush=True)
	while True:
	    data, who = s.recvfrom(65536)
	    s.sendto(data.upper(), who)
E

it 'delivers datagrams, and each answer to its sender from the address it asked' &&
    have python3 && for who in $WHO; do
	be $who
	start $as "$PITH" $(tree) --env PITH_TEST --volume $W:/srv:ro \
	    --publish 127.0.0.2:5300:53/udp --publish 5301:53/udp -- \
	    python3 /srv/answer.py 0.0.0.0
	hear_until up
	for address in '127.0.0.2 5300' '127.0.0.3 5301' '::1 5301'; do
		run python3 ask.py $address
		code_is 0
		err_is ''
	done
	kill $pid
	ends
done

it 'answers a broadcast datagram from an address of ours' && have python3 && for who in $WHO; do
	be $who
	cat >all.py <<-'E'
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
		s.settimeout(10)
		s.sendto(b"word", ("127.255.255.255", 5301))
		print(*s.recvfrom(100))
	E
	start $as "$PITH" $(tree) --env PITH_TEST --volume $W:/srv:ro --publish 5301:53/udp -- \
	    python3 /srv/answer.py 0.0.0.0
	hear_until up
	run python3 all.py
	out_is "b'WORD' ('127.0.0.1', 5301)"
	kill $pid
	ends
done

# Stop the relay so that it reads two datagrams at once: it learns that the first was
# refused only when it sends the second.
cat >pairs.py <<-'E'
	import os, signal, socket, sys
	relay = int(sys.argv[1])
	end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	end.connect(("127.0.0.1", 5301))
	end.settimeout(1)
	for turn in range(5):
	    os.kill(relay, signal.SIGSTOP)
	    end.send(b"one")
	    end.send(b"two")
	    os.kill(relay, signal.SIGCONT)
	    try:
	        print(end.recv(100))
	        break
	    except TimeoutError:
	        pass
E

it 'delivers datagrams to a server on ::1 only, also two at once' && root &&
    have python3 && for who in $WHO; do
	be $who
	start $as "$PITH" $(tree) --env PITH_TEST --volume $W:/srv:ro --publish 5301:53/udp -- \
	    python3 /srv/answer.py ::1
	hear_until up
	run python3 pairs.py $(relay_of $pid)
	out_like "b'*'"
	kill $pid
	ends
done

cat >crowd.py <<-'E'
	import socket
	for n in range(1000):
	    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", ("127.0.0.1", 5301))
E

it 'accepts connections after more senders of datagrams than files' &&
    have python3 socat && for who in $WHO; do
	be $who
	(ulimit -n 200
	serve 80 'TCP-LISTEN:80,fork,reuseaddr EXEC:"echo here"' --publish 8081:80 \
	    --publish 5301:53/udp
	python3 crowd.py
	is "$(socat -u -T 5 TCP:127.0.0.1:8081 -)" here
	kill $pid
	ends)
done

it 'publishes on the given address only' && have socat &&
    for who in $WHO; do
	be $who
	serve 80 'TCP-LISTEN:80,fork,reuseaddr EXEC:"echo here"' --publish 127.0.0.2:8081:80 \
	    --publish [::1]:8082:80
	is "$(socat -u TCP:127.0.0.2:8081 -)" here
	is "$(socat -u 'TCP6:[::1]:8082' -)" here
	run socat -u TCP:127.0.0.1:8081 -
	err_like '*Connection refused*'
	run socat -u TCP:127.0.0.1:8082 -
	err_like '*Connection refused*'
	kill $pid
	ends
done

it 'has a relay without capabilities or our files, in the network of the sandbox' &&
    root && have socat && for who in $WHO; do
	be $who
	serve 80 'TCP-LISTEN:80,fork SYSTEM:cat' --publish 8081:80
	relay=$(relay_of $pid)
	init=$(init_of $pid)
	is "$(awk '/Cap(Inh|Prm|Eff|Amb)/ { print $2 }' /proc/$relay/status | sort -u)" \
	    0000000000000000
	is "$(awk '/NoNewPrivs/ { print $2 }' /proc/$relay/status)" 1
	is "$(readlink /proc/$relay/ns/net)" "$(readlink /proc/$init/ns/net)"
	is "$(readlink /proc/$relay/ns/user)" "$(readlink /proc/$init/ns/user)"
	[ $who = as_user ] || is "$(awk '/^Uid/ && $2 > 0 && $2 == $3 && $3 == $4 \
	    { print "mapped" }' /proc/$relay/status)" mapped
	for file in /proc/$relay/fd/*; do
		case $(readlink $file) in
		anon_inode:* | socket:* | pipe:*) ;;
		*) fail "it has $(readlink $file)" ;;
		esac
	done
	kill $pid
	ends
done

it 'hides the variables of pith and of the command from the relay' && root && for who in $WHO; do
	be $who
	start $as env PITH_CANARY=ours "$PITH" $(tree) --env CANARY=theirs --publish 8081:80 -- \
	    sh -c 'echo up; exec sleep 1000'
	hear_until up
	relay=$(relay_of $pid)
	for what in cmdline environ; do
		case $(tr '\0' ' ' </proc/$relay/$what) in
		*ours* | *theirs*) fail "they are in its $what" ;;
		esac
	done
	kill $pid
	ends
done

it 'continues without the relay, and says that the relay is gone' && root && have socat &&
    for who in $WHO; do
	be $who
	serve 80 'TCP-LISTEN:80,fork SYSTEM:cat' --publish 8081:80
	kill -9 $(relay_of $pid)
	eventually grep -q "no relay any more for 'the ports'" "$W/.err"
	kill $pid
	ends
	code_is 143
done

it 'ends even if the relay was stopped' && root && for who in $WHO; do
	be $who
	start $as "$PITH" $(tree) --env PITH_TEST --publish 8081:80 -- \
	    sh -c 'echo up; exec sleep 1000'
	hear_until up
	relay=$(relay_of $pid)
	kill -STOP $relay
	kill $pid
	eventually test ! -e /proc/$relay
	kill -CONT $relay 2>/dev/null
	ends
done

it 'leaves no listener, interface or process, whenever the launcher is killed' && have ip && {
	[ "$(id -u)" = 0 ] && extra='--network veth --ip 10.1.0.2/24 --gateway 10.1.0.1'
	for who in $WHO; do
		be $who
		[ $who = as_root ] || extra=
		i=0
		while [ $i -lt 100 ]; do
			i=$((i + 1))
			$as "$PITH" --rootfs $R --env PITH_TEST $extra --publish 8081:80 \
			    -- /bin/sleep 1000 2>/dev/null &
			launcher=$!
			# Kill at any moment, without waiting for a certain one.
			sleep 0.0$(printf %02d $((i % 30)))
			kill -9 $launcher
			wait $launcher
			eventually is_free 8081
		done
		eventually no_process
		eventually no_link
	done
}

# ---- interfaces --------------------------------------------------------------

# Try with ip(8) whether the machine has a kind of interface.
kind() {
	have ip || return
	ip link add t0 type $1 2>/dev/null || {
		skip "the kernel has no $1"
		return 1
	}
	ip link delete t0
}

it 'gives a sandbox an eth0 with addresses and routes of both families, by veth' && root &&
    kind veth && {
	be as_root
	run "$PITH" --rootfs / --network veth --ip 10.1.0.2/24 --ip fd01::2/64 \
	    --gateway 10.1.0.1 --gateway fd01::1 --info info --report report -- sh -c '
		ip -o addr show eth0 | sed "s/ *valid.*//; s/.*\(inet\)/\1/"
		ip route show default; ip -6 route show default
		ping -q -c 3 10.1.0.1 >ping4 && ping -q -c 3 fd01::1 >ping6; echo $?'
	code_is 0
	out_like 'inet 10.1.0.2/24*inet6 fd01::2/64*default via 10.1.0.1 dev eth0*
default via fd01::1 dev eth0*0'
	is "$(sed 's/.*"addresses"://' info)" '["10.1.0.2/24","fd01::2/64"]}'
	[ "$(json report net_rx_bytes)" -gt 300 ] || fail "$(cat report)"
	[ "$(json report net_tx_bytes)" -gt 300 ] || fail "$(cat report)"
	eventually no_link
}

# Send a false answer that looks like the kernel's and is longer. It has to arrive
# between the launcher's question and the answer, so many are sent, and often.
cat >answer_too.py <<-'E'
	import os, socket, struct, time
	init = os.getppid()
	with open("/proc/%d/stat" % init) as stat:
	    launcher = int(stat.read().rsplit(")", 1)[1].split()[1])
	answer = struct.pack("IHHII16xHH", 0x7fffffff, 16, 0, 0, 0, 0xffff, 1).ljust(8192)
	for sender in range(3):
	    if os.fork() == 0:
	        s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
	        end = time.time() + 2
	        if sender == 0:
	            time.sleep(0.1)
	            os.kill(init, 9)
	        while time.time() < end:
	            try:
	                s.sendto(answer, (launcher, 0))
	            except OSError:
	                pass
	        os._exit(0)
	time.sleep(1000)
E

it 'accepts traffic counters from the kernel only' && root && kind veth && have python3 && {
	be as_root
	for turn in 1 2 3 4 5 6 7 8 9 10; do
		run "$PITH" --rootfs / --pid host --cap-add NET_ADMIN --network veth \
		    --report report --volume $W:/srv:ro -- python3 /srv/answer_too.py
		code_is 137
	done
	eventually no_link
}

it 'connects two sandboxes by a bridge of the host, each with a server on port 80' && root &&
    kind bridge && have nginx curl && {
	be as_root
	ip link add br0 type bridge
	ip addr add 10.2.0.1/24 dev br0
	ip link set br0 up
	web one --network veth:br0 --ip 10.2.0.2/24 --gateway 10.2.0.1
	one=$launcher
	web two --network veth:br0 --ip 10.2.0.3/24 --gateway 10.2.0.1
	two=$launcher
	eventually answers 10.2.0.2
	eventually answers 10.2.0.3
	page_is 10.2.0.2 one
	page_is 10.2.0.3 two
	run "$PITH" --rootfs / --network veth:br0 --ip 10.2.0.4/24 -- curl -s http://10.2.0.3/
	out_is 'page of two'
	end_of $one $two
	ip link delete br0
	eventually no_link
}

it 'has an eth0 beside the eth0 of the host, by macvlan' && root &&
    kind bridge && {
	be as_root
	ip link add eth0 type veth peer name far0
	ip link set eth0 up
	ip netns list >/dev/null 2>&1
	unshare --net sh -c 'echo ready; exec sleep 1000' >ready &
	far=$!
	eventually grep -q ready ready
	ip link set far0 netns $far
	nsenter -t $far -n sh -c 'ip addr add 10.3.0.1/24 dev far0; ip link set far0 up'
	run "$PITH" --rootfs / --network macvlan:eth0 --ip 10.3.0.2/24 --gateway 10.3.0.1 -- \
	    ping -q -c 3 -W 5 10.3.0.1
	code_is 0
	kill $far
	wait $far
	eventually no_link
}

# Both sandboxes have an end in the network namespace of the router.
cat >router.sh <<-'E'
	forward() { echo $1 >/proc/sys/net/ipv4/ip_forward; }
	forward 0
	"$PITH" $1 --network veth --ip 10.4.1.2/24 --gateway 10.4.1.1 -- \
	    sh -c 'echo up; exec socat TCP-LISTEN:80,fork,reuseaddr EXEC:"echo through"' >up &
	one=$!
	until grep -q up up || ! kill -0 $one 2>/dev/null; do :; done
	tree=$1
	two() {
		"$PITH" $tree --network veth --ip 10.4.2.2/24 --gateway 10.4.2.1 -- \
		    socat -u TCP:10.4.1.2:80,connect-timeout=$1 - 2>/dev/null
		echo $?
	}
	two 1
	forward 1
	two 20
	kill $one
	wait $one
	echo $?
E

it 'routes between two sandboxes only if the host forwards packets' && root && kind veth &&
    have socat && for who in $WHO; do
	be $who
	within=
	[ $who = as_root ] || within='unshare --user --map-root-user'
	chmod 755 router.sh
	cd $H
	run $as $within unshare --net --mount sh $W/router.sh "$(tree)"
	cd $W
	out_is '1
through
0
143'
done

it 'gives the remedy if an interface is impossible, and leaves none [S43]' && have ip && {
	be as_user
	R=/
	refused "cannot make an interface for 'the sandbox': *permitted; run pith as root *" \
	    --rootfs / --network veth
	refused "cannot find the interface 'nosuch': No such device; create it with 'ip link *" \
	    --rootfs / --network veth:nosuch
	refused "bad interface name 'sixteen-bytes-16': *15 bytes*" \
	    --rootfs / --network veth:sixteen-bytes-16
	refused "bad interface name 'a/b': *" --rootfs / --network macvlan:a/b
	refused "bad interface name '': *" --rootfs / --network macvlan:
	[ "$(id -u)" != 0 ] || {
		be as_root
		refused "cannot make an interface for 'lo': *check that it is a bridge*" \
		    --rootfs / --network veth:lo
		refused "cannot make an interface for 'lo': *" --rootfs / --network macvlan:lo
		# At this point the pair exists.
		echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
		refused "cannot give the host's end the address 'fd05::1': *" --rootfs / \
		    --network veth --ip fd05::2/64 --gateway fd05::1
		echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6
	}
	eventually no_link
}

# ---- sockets that are handed over ---------------------------------------------

cat >accept.py <<-'E'
	import socket
	socket.socket(fileno=3).accept()[0].send(b"passed")
	print(socket.socket(fileno=4).recv(100))
E

it 'hands over sockets that the command may not open itself, like systemd' && root &&
    have socat python3 && {
	be as_root
	its="--rootfs / --volume $W/accept.py:$W/accept.py:ro"
	for words in '' "$its" "$its --report $W/report --info $W/info" \
	    '--unshare pid,mnt,net'; do
		start "$PITH" $words --user 33:33 --listen 127.0.0.1:80 --listen 81/udp -- \
		    sh -c 'echo $LISTEN_FDS $((LISTEN_PID - $$)); exec python3 '$W/accept.py
		hear
		is "$heard" '2 0'
		is "$(socat -u TCP:127.0.0.1:80 -)" passed
		printf datagram | socat -u - UDP:127.0.0.1:81
		hear
		is "$heard" "b'datagram'"
		ends
		code_is 0
	done
}

it 'hands over no socket in place of a descriptor in use, or without a command' && {
	be as_user
	run $as "$PITH" --listen 8081 --pause
	code_is 125
	err_like 'pith: --pause and --listen contradict each other; *'
	exec 3</dev/null
	refused "cannot listen on '8081': *another option names*" --listen 8081 --preserve-fd 3
	refused "cannot listen on '8081': *another option names*" --listen 8081 --block-fd 3
	exec 3<&-
}

it 'hands over no socket in place of its own report' && {
	be as_user
	(ulimit -n 64
	refused "cannot listen on '8082': its descriptor is in use; *" --report $H/report \
	    --listen 8081 --listen 8082
	refused "cannot listen on '8081': its descriptor is in use; *" --report-fd 7 \
	    --listen 8081 --listen 8082 7>report)
}

# ---- names -------------------------------------------------------------------

# Build one resolver for each libc.
resolvers() {
	have cc go dnsmasq || return
	mkdir -p libcs
	cc -o libcs/glibc "$TESTS/resolve.c"
	$MUSL_CC -static -o libcs/musl "$TESTS/resolve.c"
	CGO_ENABLED=0 GO111MODULE=off GOCACHE=$B/go go build -o libcs/go "$TESTS/resolve.go"
	ls libcs | xargs >libcs.all
	is "$(cat libcs.all)" 'glibc go musl'
}
MUSL_CC=cc
! command -v musl-gcc >/dev/null || MUSL_CC=musl-gcc

# Start a DNS server that knows one name, on an address of ours.
dns_at() {
	dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts \
	    --host-record=db.test,$2 --local=/test/ --listen-address=$1 --bind-interfaces \
	    --pid-file= --user=root --log-facility=- 2>"$W/.dns" &
	dns=$!
	eventually grep -q "^ *[0-9]*: $(hex $1):0035 " /proc/net/udp
}
hex() { echo $1 | awk -F. '{ printf "%02X%02X%02X%02X", $4, $3, $2, $1 }'; }

it 'resolves names of --add-host and --dns alike in glibc, musl and Go programs' &&
    root && resolvers && {
	be as_root
	for who in $WHO; do
		be $who
		for libc in glibc musl go; do
			box_of() {
				run $as "$PITH" $(tree) --volume $W/libcs:/srv:ro "$@"
			}
			box_of --add-host web.test:10.9.0.1 --add-host six.test:fd09::1 -- \
			    /srv/$libc web.test
			out_is 10.9.0.1
			box_of --add-host web.test:10.9.0.1 --add-host six.test:fd09::1 -- \
			    /srv/$libc six.test
			out_is fd09::1
			box_of --hostname box --add-host web.test:10.9.0.1 -- /srv/$libc box
			out_is 127.0.0.1
		done
	done
	be as_root
	dns_at 127.0.0.1 10.9.0.2
	for libc in glibc musl go; do
		for who in $WHO; do
			be $who
			box_of --network host --dns 127.0.0.1 -- /srv/$libc db.test
			out_is 10.9.0.2
		done
	done
	kill $dns
	wait $dns
	# The veth pair appears with the sandbox, so the server listens on all addresses.
	dns_at 0.0.0.0 10.9.0.3
	be as_root
	for libc in glibc musl go; do
		box_of --network veth --ip 10.9.1.2/24 --gateway 10.9.1.1 --dns 10.9.1.1 -- \
		    /srv/$libc db.test
		out_is 10.9.0.3
	done
	kill $dns
	wait $dns
}

it 'writes no names through a link of the root, and needs no file in it' && for who in $WHO; do
	be $who
	mkdir -p $H/linked/etc $H/linked/bin
	cp /bin/busybox* $H/linked/bin/
	[ -e $H/linked/bin/busybox ] || mv $H/linked/bin/busybox.static $H/linked/bin/busybox
	ln -sf ../run/systemd/resolve/stub-resolv.conf $H/linked/etc/resolv.conf
	echo canary >$H/canary
	ln -sf $H/canary $H/linked/etc/hosts
	chmod -R a+rX $H/linked
	run $as "$PITH" --rootfs $H/linked --dns 10.9.0.1 --dns fd09::1 --add-host a.b:10.9.0.2 \
	    -- /bin/busybox cat /etc/resolv.conf /etc/hosts
	code_is 0
	out_is 'nameserver 10.9.0.1
nameserver fd09::1
127.0.0.1	localhost pith
::1	localhost ip6-localhost ip6-loopback
10.9.0.2	a.b'
	is "$(cat $H/canary)" canary
	is "$(find $H/linked | wc -l)" 6
done

it 'lets the command read its names with any umask' && root && {
	be as_root
	mkdir -p $H/bare/bin
	cp /bin/busybox* $H/bare/bin/
	[ -e $H/bare/bin/busybox ] || mv $H/bare/bin/busybox.static $H/bare/bin/busybox
	chmod -R a+rX $H/bare
	(umask 077
	run "$PITH" --rootfs $H/bare --user 33:33 --dns 10.9.0.1 -- /bin/busybox sh -c \
	    'cat /etc/resolv.conf; umask'
	code_is 0
	out_is 'nameserver 10.9.0.1
0077')
}

# Each link leads through the next one, which is its first directory.
it 'refuses links of the root that lead through endless links' && {
	be as_user
	mkdir -p $H/deep/etc
	from=etc/resolv.conf
	for part in 1 2 3 4 5 6 7 8 9 a b c d e f g h i j k l m n o p q r s t u v w x y z; do
		ln -s $(printf /$part%.0s $(seq 120)) $H/deep/$from
		from=$part
	done
	chmod -R a+rX $H/deep
	R=$H/deep
	refused "cannot put a file at '/etc/resolv.conf': *link*" --rootfs $R --dns 10.9.0.1
}

# ---- bad input ----------------------------------------------------------------

it 'refuses invalid ports, addresses and names, and conflicting options' && {
	be as_user
	for value in 80 0:80 80:0 65536:1 1:65536 80: :80:80 a:1:2 1.2.3:1:2 '[::1:1:2' \
	    '[::g]:1:2' ::1:1:2 80:80/sctp 80:80/ ' 80:80' 80:80:; do
		refused "bad value '*': --publish takes *" --rootfs / --publish "$value"
	done
	for value in 0 65536 a: ::1:80 80/ 80/tcpp; do
		refused "bad value '$value': --listen takes *" --listen "$value"
	done
	for value in 10.0.0.1 10.0.0.1/0 10.0.0.1/33 fd::1/129 10.0.0/8 /8 10.0.0.1/8/ x; do
		refused "bad value '$value': --ip takes *" --rootfs / --network veth --ip "$value"
	done
	refused "bad value '1.1.1.1/8': --gateway takes *" --rootfs / --network veth \
	    --gateway 1.1.1.1/8
	refused "cannot reach the gateway '10.0.1.1': *" --rootfs / --network veth \
	    --ip 10.0.0.2/24 --gateway 10.0.1.1
	refused "cannot reach the gateway 'fd00::1': *" --rootfs / --network veth \
	    --ip 10.0.0.2/24 --gateway fd00::1
	refused "cannot set up '10.0.0.2/24': *--network veth*" --rootfs / --ip 10.0.0.2/24
	refused "bad value 'vet': --network takes *" --rootfs / --network vet
	for value in x 1.2.3 1.2.3.4.5 ''; do
		refused "bad value '$value': --dns takes *" --rootfs / --dns "$value"
	done
	refused "bad value '4.4.4.4': --dns takes *three*" --rootfs / --dns 1.1.1.1 \
	    --dns 2.2.2.2 --dns 3.3.3.3 --dns 4.4.4.4
	for value in a a: :1.1.1.1 'a b:1.1.1.1' a:1.1 a/b:1.1.1.1; do
		refused "bad value '$value': --add-host takes *" --rootfs / --add-host "$value"
	done
	refused "cannot use '--dns': it needs a --rootfs" --dns 1.1.1.1
	refused "cannot publish '80:80': the command is in the host's network; *" --rootfs / \
	    --network host --publish 80:80
	refused "cannot publish '80:80': the command is in the host's network; *" --publish 80:80
	refused "cannot listen on '9.9.9.9:8081:80': *choose an address of this host*" \
	    --rootfs / --publish 9.9.9.9:8081:80
}

it 'refuses a port in use, and one below 1024 without the privilege' && have socat && {
	be as_user
	start socat TCP-LISTEN:8081,fork,reuseaddr SYSTEM:true
	eventually grep -q ':1F91 .* 0A ' /proc/net/tcp
	refused "cannot listen on '8081:80': Address *in use; choose another port" \
	    --rootfs / --read-only --publish 8081:80
	refused "cannot listen on '8081': Address *in use; choose another port" --listen 8081
	kill $pid
	ends
	[ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -lt 80 ] ||
	    refused "cannot listen on '80:80': Permission denied; use port 1024 or higher*" \
	    --rootfs / --read-only --publish 80:80
}

finish
