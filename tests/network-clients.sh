# Many clients, clients that reset or disappear; sandboxes that share a gateway; names
# beside volumes. In a network namespace of this suite.
# shellcheck shell=sh source=tests/lib.sh disable=SC2046,SC2086,SC2154,SC3045
[ "$(id -u)" != 0 ] || [ "${APART:-}" ] || APART=1 exec unshare --net sh "$0"
unset APART
. "${0%/*}/lib.sh"
# shellcheck source=tests/sandbox-lib.sh
. "$TESTS/sandbox-lib.sh"
[ "$(id -u)" != 0 ] || ip link set lo up

tree() {
	[ $who = as_root ] && echo --rootfs / || echo --rootfs / --read-only
}
# Start a server of clients.py in a sandbox: serve MODE OPTION ... Sets the pid of its relay.
serve() {
	mode=$1
	shift
	start $as "$PITH" $(tree) --env PITH_TEST --volume "$W:/srv:ro" --info "$H/info" "$@" -- \
	    python3 /srv/clients.py "$mode"
	hear_until up
	for child in $(cat /proc/$pid/task/$pid/children); do
		[ $child = $(json $H/info init) ] || relay=$child
	done
}
ask() { run python3 clients.py "$@"; }
sockets_of_relay() { ls -l /proc/$relay/fd | grep -c socket:; }
has_sockets() { [ "$(sockets_of_relay)" = "$1" ]; }

cat >clients.py <<'E2'
import selectors, socket, struct, sys, time

what = sys.argv[1]
words = sys.argv[2:]

def udp():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()

# ---- servers, inside ----------------------------------------------------------

if what == "echo":                      # datagrams; "stat" asks how many ports changed
    s = udp()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    s.bind(("0.0.0.0", 53))
    print("up", flush=True)
    seen, changed = {}, 0
    while True:
        data, sender = s.recvfrom(2000)
        if data == b"stat":
            s.sendto(b"%d clients, %d ports changed" % (len(seen), changed), sender)
            continue
        name = data.split()[0]
        changed += seen.get(name, sender) != sender
        seen[name] = sender
        s.sendto(data, sender)
elif what in ("unread", "full"):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("0.0.0.0", 80))
    s.listen(0 if what == "full" else 10)
    print("up", flush=True)
    if what == "unread":                # reads nothing until the client has reset
        connection, _ = s.accept()
        print("accepted", flush=True)
        while True:
            error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                print("reset" if error == 104 else error, flush=True)
                break
            time.sleep(0.01)
    else:
        time.sleep(1000)

# ---- clients, outside ---------------------------------------------------------

elif what == "crowd":                   # PORT CLIENTS ROUNDS: "lost N, ..." of the server
    port, count, rounds = map(int, words)
    clients = [udp() for _ in range(count)]
    poll = selectors.DefaultSelector()
    for c in clients:
        c.connect(("127.0.0.1", port))
        c.setblocking(False)
        poll.register(c, selectors.EVENT_READ)
    lost = 0
    for r in range(rounds):
        missing = set(range(count))
        for first in range(0, count, 50):
            some = range(first, min(count, first + 50))
            for n in some:
                clients[n].send(b"c%d %d" % (n, r))
            end = time.time() + 20
            while missing & set(some) and time.time() < end:
                for key, _ in poll.select(0.1):
                    missing.discard(int(key.fileobj.recv(2000).split()[0][1:]))
        lost += len(missing)
    clients[0].setblocking(True)
    clients[0].send(b"stat")
    print("lost %d, %s" % (lost, clients[0].recv(100).decode()))
elif what == "flood":                   # PORT: fill all buffers of a connection, reset it
    s = socket.create_connection(("127.0.0.1", int(words[0])))
    s.settimeout(1)
    try:
        while True:
            s.send(b"x" * 65536)
    except TimeoutError:
        pass
    reset(s)
elif what == "gone":                    # PORT CLIENTS: connect, reset, say "gone"
    clients = [socket.create_connection(("127.0.0.1", int(words[0])))
               for _ in range(int(words[1]))]
    input()
    for c in clients:
        reset(c)
    print("gone", flush=True)
elif what == "patient":                 # PORT CLIENTS: how each of them ends
    clients = [socket.create_connection(("127.0.0.1", int(words[0])))
               for _ in range(int(words[1]))]
    ends = set()
    for c in clients[int(words[2]):]:
        try:
            ends.add(c.recv(1))
        except ConnectionResetError:
            ends.add("reset")
    print(*ends)
E2

# ---- datagrams ---------------------------------------------------------------

# The previous code kept at most four senders with the same hash.
it 'keeps one port for each of 2,400 senders of datagrams, in five rounds, without loss' &&
    have python3 && for who in $WHO; do
	be $who
	most=$(($(ulimit -H -n) / 8))
	[ $most -lt 2400 ] || most=2400
	serve echo --publish 127.0.0.1:5301:53/udp
	(ulimit -n $(ulimit -H -n); python3 clients.py crowd 5301 $most 5) >answer
	is "$(cat answer)" "lost 0, $most clients, 0 ports changed"
	kill $pid
	ends
done

it 'forgets the sender that was silent for the longest time if there are too many' &&
    have python3 && for who in $WHO; do
	be $who
	(ulimit -n 400                  # 50 senders
	serve echo --publish 127.0.0.1:5301:53/udp
	ask crowd 5301 50 5
	out_is 'lost 0, 50 clients, 0 ports changed'
	ask crowd 5301 150 2
	out_like 'lost 0, 150 clients, *'
	kill $pid
	ends)
done

# ---- connections -------------------------------------------------------------

# On the previous code the server never got the reset.
it 'passes a reset on to a server that does not read, with all buffers full' &&
    have python3 && for who in $WHO; do
	be $who
	serve unread --publish 127.0.0.1:8081:80
	ask flood 8081
	hear_until accepted
	hear
	is "$heard" reset
	kill $pid
	ends
done

# On the previous code the sockets stay for two minutes.
it 'closes sockets of disconnected clients while the server accepts no connection' &&
    have python3 && for who in $WHO; do
	be $who
	serve full --publish 127.0.0.1:8081:80
	before=$(sockets_of_relay)
	mkfifo "$H/go"
	python3 clients.py gone 8081 20 <"$H/go" >gone &
	client=$!
	exec 8>"$H/go"
	eventually has_sockets $((before + 40))
	echo >&8
	wait $client
	exec 8>&-
	# The server's queue takes complete connections: two at most.
	few() { [ "$(sockets_of_relay)" -le $((before + 4)) ]; }
	eventually few
	kill $pid
	ends
	rm "$H/go"
done

# On the previous code the clients wait for two minutes.
it 'resets clients of a server that does not accept them in time' && have python3 && {
	be ${WHO%% *}
	serve full --publish 127.0.0.1:8081:80
	run timeout 60 python3 clients.py patient 8081 20 10
	out_is reset
	kill $pid
	ends
}

# ---- one gateway for many sandboxes -------------------------------------------

kind() {
	ip link add pith-kind type "$1" 2>/dev/null || { skip "the kernel has no $1"; return 1; }
	ip link del pith-kind
}

# On the previous code only the first sandbox can be reached.
it 'reaches ten sandboxes behind one gateway that the host has elsewhere too' && root &&
    kind veth && have ping && {
	be as_root
	ip addr add 10.5.0.1/32 dev lo
	pids=
	for n in 2 3 4 5 6 7 8 9 10 11; do
		fifo up.$n
		"$PITH" --rootfs "$R" --network veth --ip 10.5.0.$n/24 --gateway 10.5.0.1 \
		    --ip fd05::$n/64 --gateway fd05::1 -- \
		    sh -c 'echo up; exec nc -ll -p 80 -e echo '$n >up.$n &
		pids="$pids $!"
		read -r up <up.$n
		is "$up" up
	done
	for n in 2 3 4 5 6 7 8 9 10 11; do
		is "$(busybox nc -w 5 10.5.0.$n 80 </dev/null)" $n
		ping -q -c 1 -W 5 fd05::$n >ping || fail "$n: $(cat ping)"
	done
	# Without is_taken() a sandbox without a network starts.
	refused "cannot take the address '10.5.0.4/24': the host or another *; give --ip another" \
	    --rootfs "$R" --network veth --ip 10.5.0.4/24 --gateway 10.5.0.1
	refused "cannot take the address '10.5.0.1/24': *" \
	    --rootfs "$R" --network veth --ip 10.5.0.1/24 --gateway 10.5.0.1
	kill $pids
	wait $pids
	# The address is free as soon as its sandbox has ended.
	for n in 1 2 3; do
		run "$PITH" --rootfs "$R" --network veth --ip 10.5.0.2/24 --gateway 10.5.0.1 -- \
		    sh -c 'exit 7'
		code_is 7
	done
	ip addr del 10.5.0.1/32 dev lo
}

# ---- names -------------------------------------------------------------------

# On the previous code: the names of the volume.
it 'mounts its names over those of a volume or tmpfs' && for who in $WHO; do
	be $who
	mkdir -p "$W/names"
	echo 'nameserver 192.0.2.1' >"$W/names/resolv.conf"
	echo '192.0.2.2 old' >"$W/names/hosts"
	chmod -R a+rX "$W/names"
	for words in "--volume $W/names:/etc:ro" '--tmpfs /etc'; do
		run $as "$PITH" --rootfs "$R" $words --dns 10.0.0.1 --add-host new:10.0.0.2 -- \
		    cat /etc/resolv.conf /etc/hosts
		out_like 'nameserver 10.0.0.1
*10.0.0.2	new'
	done
	is "$(cat "$W/names/resolv.conf")" 'nameserver 192.0.2.1'
	refused "cannot put a file at '/etc/hosts': another option * omit --add-host" \
	    --rootfs "$R" --volume "$W/names/hosts:/etc//./hosts" --add-host new:10.0.0.2
	refused "cannot put a file at '/etc/resolv.conf': another option * omit --dns" \
	    --rootfs "$R" --volume "$W/names/hosts:/etc/resolv.conf" --dns 10.0.0.1
done

finish
