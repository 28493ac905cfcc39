# Tests of a Kubernetes pod, made by containerd as for the kubelet. pith is its pause image and
# the ENTRYPOINT of its containers, which share the pod's PID namespace. Needs root.
# shellcheck shell=sh source=tests/lib.sh disable=SC2086,SC2154
. "${0%/*}/lib.sh"
# shellcheck source=tests/engines-lib.sh
. "$TESTS/engines-lib.sh"

export CRI_SOCKET=$W/containerd.sock CRI_GROUP=$GROUP
cri() { in_box /usr/bin/python3 "$TESTS/cri.py" "$@"; }
ctr() { in_box ctr --address "$CRI_SOCKET" --namespace k8s.io "$@"; }

# Import a directory as an image in docker's format: archive_of DIR NAME ENTRYPOINT-WORDS
archive_of() {
	rm -rf archive
	mkdir archive
	tar -C "$1" -cf archive/layer.tar .
	sum=$(sha256sum <archive/layer.tar)
	printf '{"architecture":"%s","os":"linux","config":{"Entrypoint":[%s]},
	    "rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
	    "$(dpkg --print-architecture)" "$3" "${sum%% *}" >archive/config.json
	printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$2" \
	    >archive/manifest.json
	tar -C archive -cf image.tar manifest.json config.json layer.tar
	ctr images import "$W/image.tar" >import.log 2>&1 || fail "$(cat import.log)"
}

ready() {
	have_runc && have containerd ctr dpkg || return 1
	/usr/bin/python3 -c 'import grpc' 2>/dev/null || { skip 'no python3-grpcio'; return 1; }
	[ ! -e "$W/containerd.pid" ] || return 0
	cat >containerd.toml <<-E2
		version = 2
		root = "$W/containerd"
		state = "$W/containerd-state"
		[grpc]
		address = "$CRI_SOCKET"
		[plugins."io.containerd.grpc.v1.cri"]
		sandbox_image = "localhost/pause:1"
		restrict_oom_score_adj = true
		[plugins."io.containerd.grpc.v1.cri".containerd]
		snapshotter = "native"
	E2
	in_box containerd --config "$W/containerd.toml" >containerd.log 2>&1 &
	echo $! >containerd.pid
	eventually ctr version || { tail containerd.log | sed 's/^/#   /'; return 1; }
	mkdir mini
	cp "$PITH" mini/pith
	ln -s pith mini/pause
	archive_of mini localhost/pause:1 '"/pith","--pause"' || return 1
	busybox_root shell
	cp "$PITH" "$PROBE" shell/
	archive_of shell localhost/shell:1 '"/pith","--"'
}

# Return whether the log of a container has a line with this beginning, of either stream.
logged() { cut -d' ' -f4- "$W/logs/$1" | grep -q "^$2"; }
state_is() { [ "$(cri state "$1")" = "$2" ]; }

it 'is the pause container of a pod' && ready && {
	mkdir -p logs
	pod=$(cri pod pod "$W/logs")
	process=$(cri pid "$pod")
	in_box cmp "/proc/$process/exe" "$PITH" || fail 'the first process is not pith'
	is "$(in_box cat "/proc/$process/cmdline" | tr '\0' ' ')" '/pith --pause '
}

it 'reaps orphans of two containers that share the PID namespace of the pod' && ready && {
	one=$(cri create "$pod" one localhost/shell:1 one.log -- /pith -- /probe polite 100)
	two=$(cri create "$pod" two localhost/shell:1 two.log restricted -- /pith -- sh -c \
	    '/probe orphans 20 0; exec /probe polite 100')
	cri start "$one"
	cri start "$two"
	eventually logged one.log ready
	eventually logged two.log ready
	run cri exec "$one" sh -c 'tr "\0" " " </proc/1/cmdline'
	out_is '/pith --pause '
	run cri exec "$two" sh -c 'id -u; grep -E "^(CapEff|NoNewPrivs)" /proc/self/status'
	out_is '65534
CapEff:	0000000000000000
NoNewPrivs:	1'
	childless() { [ -z "$(in_box ps --ppid "$process" -o stat= | grep Z)" ]; }
	eventually childless
}

it 'returns the output and codes of probes and hooks' && ready && {
	run cri exec "$one" /probe exit 0
	code_is 0
	run cri exec "$one" /probe exit 3
	code_is 3
	run cri exec "$one" sh -c 'echo of a hook'
	out_is 'of a hook'
}

it 'lets a container shut down in its grace period, after its preStop hook' && ready && {
	run cri exec "$one" sh -c 'echo before >/hook'
	code_is 0
	cri stop "$one" 60
	logged one.log cleaned || fail 'its own shutdown did not run'
	state_is "$one" 'exited 0' || fail "it is $(cri state "$one")"
	cri stop "$two" 60
	logged two.log cleaned || fail 'the shutdown of the restricted container did not run'
	state_is "$two" 'exited 0' || fail "it is $(cri state "$two")"
	three=$(cri create "$pod" three localhost/shell:1 three.log -- /pith -- /probe stubborn)
	cri start "$three"
	eventually logged three.log ready
	cri stop "$three" 1
	state_is "$three" 'exited 137' || fail "it is $(cri state "$three")"
}

it 'exits with its pod' && ready && {
	cri stop-pod "$pod"
	[ ! -d "/proc/$box/root/proc/$process" ] || fail 'the pause process still exists'
	cri remove-pod "$pod"
}

box_end
[ ! -e containerd.pid ] || wait "$(cat containerd.pid)" 2>/dev/null
finish
