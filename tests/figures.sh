# The figures of a sandbox where there is cgroup v2 alone. Not in `make check`, as they
# want a machine of their own: make bench-machine.
# shellcheck shell=sh source=tests/lib.sh
. "${0%/*}/lib.sh"

# As systemd has it: our group is below one that hands on what limits take, and has none
# of that itself.
ours=/sys/fs/cgroup/${W##*/}
move() { sh -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$@"; }

it 'keeps to its figures beside the smallest and bwrap, and with --memory too' && {
	mkdir "$ours" "$ours/scope"
	echo '+cpu +memory +pids' >"$ours/cgroup.subtree_control"
	move "$ours/scope" "$B/bench_sandbox" "$PITH" "$B/floor_sandbox" "$B/true" >out
	code=$?
	rmdir "$ours/scope" "$ours"
	sed 's/^/#   /' out
	code_is 0
}

finish
