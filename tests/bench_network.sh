# Measure the cost of a published port beside a direct connection, docker's proxy and socat:
# bench_network.sh ROUNDS. All serve one nginx in a sandbox and take turns. The figures are
# ratios to the direct connection, medians over the rounds. Then measure the cost of a network
# at the start of a sandbox.
# shellcheck shell=sh disable=SC2086
[ "$(id -u)" = 0 ] || {
	echo 'networks: not measured, it needs root'
	exit 0
}
[ "${APART:-}" ] || APART=1 exec unshare --net sh "$0" "$@"
unset APART
set -u
TESTS=$(cd "$(dirname "$0")" && pwd)
ROUNDS=${1:-3}
W=$(mktemp -d "${TMPDIR:-/tmp}/pith-bench.XXXXXX")
chmod 755 "$W"
cd "$W" || exit 1
trap 'kill $started 2>/dev/null; wait; rm -rf "$W"' EXIT
trap 'exit 1' HUP INT TERM
started=
ip link set lo up

for program in nginx wrk curl; do
	command -v $program >/dev/null || {
		echo "networks: not measured, $program is not installed"
		exit 0
	}
done

echo page >index.html
head -c 268435456 /dev/zero >big
"$PITH" --rootfs / --tmpfs /tmp --volume "$W:/srv:ro" --file 3:/tmp/web.conf \
    --network veth --ip 10.1.0.2/24 --gateway 10.1.0.1 --publish 8081:80 -- \
    nginx -e /tmp/errors -c /tmp/web.conf 3<"$TESTS/nginx.conf" &
started=$!
WAYS='direct=10.1.0.2:80 pith=127.0.0.1:8081'
if command -v docker-proxy >/dev/null; then
	docker-proxy -proto tcp -host-ip 127.0.0.1 -host-port 8082 -container-ip 10.1.0.2 \
	    -container-port 80 3>/dev/null &
	started="$started $!" WAYS="$WAYS docker-proxy=127.0.0.1:8082"
fi
if command -v socat >/dev/null; then
	socat TCP-LISTEN:8083,fork,reuseaddr TCP:10.1.0.2:80 2>/dev/null &
	started="$started $!" WAYS="$WAYS socat=127.0.0.1:8083"
fi
for way in $WAYS; do
	tries=0
	until curl -s -o /dev/null "http://${way#*=}/"; do
		tries=$((tries + 1))
		[ $tries -lt 500 ] || { echo "networks: $way does not answer"; exit 1; }
		sleep 0.01
	done
done

# Print the median of numbers on stdin, one a line.
median() { sort -g | awk '{ n[NR] = $1 } END { print n[int((NR + 1) / 2)] }'; }
# Convert a time of wrk to microseconds.
microseconds() {
	awk '{ t = $1 + 0; if ($1 ~ /ms$/) t *= 1000; else if ($1 ~ /[0-9]s$/) t *= 1e6; print t }'
}

round=0
while [ $round -lt "$ROUNDS" ]; do
	round=$((round + 1))
	for way in $WAYS; do
		name=${way%%=*} url=http://${way#*=}
		wrk -t 1 -c 1 -d 1s --latency $url/ | awk '$1 == "50%" { print $2 }' |
		    microseconds >>latency.$name
		wrk -t 1 -c 100 -d 2s $url/ | awk '/^Requests/ { print $2 }' >>kept.$name
		wrk -t 1 -c 100 -d 2s -H 'Connection: close' $url/ |
		    awk '/^Requests/ { print $2 }' >>new.$name
		curl -s -o /dev/null -w '%{speed_download}\n' $url/big |
		    awk '{ print $1 / 1e6 }' >>bytes.$name
	done
done

printf '\n%-14s %12s %16s %16s %12s\n' 'way' 'latency us' 'requests/s, kept' \
    'requests/s, new' 'MB/s'
for way in $WAYS; do
	name=${way%%=*}
	printf '%-14s' $name
	for what in latency kept new bytes; do
		of=$(median <$what.$name) direct=$(median <$what.direct)
		printf ' %8.0f %5s' $of "$(awk "BEGIN { printf \"%.2fx\", $of / $direct }")"
	done
	echo
done
kill $started
wait
started=

command -v hyperfine >/dev/null || exit 0
printf '\n%-34s %10s\n' 'sandbox, start to exit' 'ms, median'
box="$PITH --rootfs / --tmpfs /tmp"
for words in '' '--publish 8084:80' '--network veth --ip 10.2.0.2/24 --gateway 10.2.0.1'; do
	hyperfine -N --warmup 20 --runs 300 --export-csv times.csv --style none \
	    "$box $words -- $B/true" >/dev/null 2>&1
	printf '%-34s %10s\n' "${words%% --ip*}" \
	    "$(awk -F, 'NR == 2 { printf "%.2f", $6 * 1000 }' times.csv)"
done
