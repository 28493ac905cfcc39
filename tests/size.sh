# Print the bytes of pith, of its sections, and of every other installed init:
#	tests/size.sh PITH
# shellcheck shell=sh
set -u
pith=${1:-./pith}
most=196608

bytes() { stat -L -c %s "$1"; }

# NAME FILE
row() {
	libraries=$(readelf -d "$2" | grep -c NEEDED)
	size=$(bytes "$2")
	printf '%-12s %8d bytes %2d.%02dx  %d libraries\n' "$1" "$size" \
	    $((size / own)) $((size % own * 100 / own)) "$libraries"
}

own=$(bytes "$pith") || exit 2
row pith "$pith"
readelf -SW "$pith" | awk '
	function hex(digits,   n, i) {
		n = 0
		for (i = 1; i <= length(digits); i++)
			n = n * 16 + index("0123456789abcdef", substr(digits, i, 1)) - 1
		return n
	}
	/^ *\[ *[0-9]+\] \./ {
		sub(/^ *\[ *[0-9]+\] /, "")
		printf "  %-12s %6d\n", $1, hex($5)
	}'
for name in tini tini-static docker-init dumb-init catatonit; do
	for dir in /usr/local/bin /usr/bin /bin /usr/sbin /sbin \
	    /usr/libexec/podman; do
		[ -x "$dir/$name" ] || continue
		row "$name" "$dir/$name"
		continue 2
	done
	echo "skip - $name # not installed (make deps-all)"
done
if [ "$own" -gt $most ]; then
	echo "pith is larger than $most bytes"
	exit 1
fi
