# Tests of images with pith: its size and its service, with the web server of examples/ in five
# kinds of image, and with the examples unchanged.
# shellcheck shell=sh source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/engines-lib.sh
. "$TESTS/engines-lib.sh"

EXAMPLES=$TOP/examples
KINDS='one-stage debian-like alpine-like busybox scratch'
MOST=196608                             # bytes that pith may add
engine=docker

# ---- bases -------------------------------------------------------------------

# Make a root like Debian's, as far as a glibc program can see.
debian_root() {
	busybox_root "$1"
	copy_with_libraries "$1" /bin/true
}

# Make a root like Alpine's: busybox beside musl's loader, and a program that needs the loader.
alpine_root() {
	busybox_root "$1"
	mkdir -p "$1/lib" "$1/usr/bin" "$1/sbin"
	cp -L /lib/ld-musl-*.so.1 "$1/lib/"
	printf '#include <stdio.h>\nint main(void) { return puts("musl") < 0; }\n' |
	    musl-gcc -Os -s -x c - -o "$1/usr/bin/hello-musl"
}

# Make a root with the host's Go compiler and the parts of the standard library that httpd.go
# needs. A build cache saves compiling the library in each image build.
golang_root() {
	export GOCACHE="$B/go-cache" CGO_ENABLED=0
	go build -o "$W/httpd" -ldflags '-s -w' "$EXAMPLES/httpd.go"
	goroot=$(go env GOROOT)
	busybox_root "$1"
	{
		go list -deps -f '{{if .Standard}}{{.Dir}}{{end}}' \
		    "$EXAMPLES/httpd.go" | while read -r dir; do
			find "$dir/" -maxdepth 1 -type f ! -name '*_test.go'
		done
		# Skip compiled packages where there are none, from Go 1.20 on.
		go list -deps -f '{{if .Standard}}{{.Target}}{{end}}' \
		    "$EXAMPLES/httpd.go" | grep /
		find "$goroot/pkg/include/" -type f
		for tool in asm buildid compile link; do
			ls "$goroot"/pkg/tool/*/$tool
		done
		echo "$goroot/VERSION"
	} | xargs cp -L --parents -t "$1"
	copy_with_libraries "$1" "$goroot/bin/go"
	ln -s "$goroot/bin/go" "$1/bin/go"
	cp -r "$GOCACHE" "$1/go-cache"
}

copy_with_libraries() {
	{
		echo "$2"
		ldd "$2" | grep -o '/[^ ]*'
	} | xargs cp -L --parents -t "$1"
}

# Prepare bases with public names, bases of each kind, and the image that holds only pith.
ready() {
	have go musl-gcc curl && have_docker || return 1
	[ ! -d "$W/context" ] || return 0
	golang_root "$W/golang"
	image_of "$W/golang" golang:1 'ENV GOCACHE=/go-cache HOME=/tmp'
	debian_root "$W/debian"
	image_of "$W/debian" debian-like
	alpine_root "$W/alpine"
	image_of "$W/alpine" alpine-like
	docker tag alpine-like alpine:3
	busybox_root "$W/busybox"
	image_of "$W/busybox" busybox
	# Make the image pith like the comment in examples/Dockerfile.
	(cd "${PITH%/*}" && tar -c pith | docker import - pith >/dev/null)
	mkdir "$W/context"
	cp "$EXAMPLES/httpd.go" "$W/context/"
}

# ---- kinds of image ----------------------------------------------------------

# Print the instructions of a kind of image, with or without pith.
dockerfile() {
	echo 'FROM golang:1 AS build'
	echo 'COPY httpd.go .'
	echo 'RUN CGO_ENABLED=0 go build -ldflags "-s -w" -o /httpd httpd.go'
	[ "$1" = one-stage ] || {
		echo "FROM $1"
		echo 'COPY --from=build /httpd /httpd'
	}
	[ "$2" = without ] || {
		echo 'COPY --from=pith /pith /pith'
		echo 'ENTRYPOINT ["/pith", "--"]'
	}
	echo 'CMD ["/httpd"]'
}

# build NAME OPTION ... CONTEXT
build() {
	run docker build -q -t "$@"
	code_is 0
}
build_kind() {
	dockerfile "$1" "$2" >"$W/Dockerfile"
	build "$1:$2" -f "$W/Dockerfile" "$W/context"
}

size_of() { docker image inspect --format '{{.Size}}' "$1"; }

# List the files of all layers of an image, without directories.
files_of() {
	rm -rf "$W/saved"
	mkdir "$W/saved"
	docker save "$1" | tar -C "$W/saved" -x
	grep -o '[^"]*/layer.tar\|blobs[^"]*' "$W/saved/manifest.json" |
	    while read -r layer; do
		tar -tf "$W/saved/$layer" 2>/dev/null
	done | grep -v '/$' | sort
}

# ---- the server --------------------------------------------------------------

# Fetch the page of the server $process in its network namespace.
page() {
	in_box nsenter --target "$process" --net \
	    curl -sf http://127.0.0.1:8080/
}

# Check that an image serves with exactly these processes: serves PROCESSES RUN-ARGUMENT ...
serves() {
	processes=$1
	shift
	background "$@"
	process=$(process_of one)
	# Retry: the server prints its message before it listens.
	eventually page
	is "$(page)" 'hello from 127.0.0.1:8080'
	is "$(docker top one -eo pid,args | awk 'NR > 1 { $1 = ""; print }')" \
	    "$processes"
}

shuts_down() {
	stops_with 0
	is "$(docker logs one)" 'http daemon start
  -> listen on port:8080
http daemon end'
}

# ---- tests -------------------------------------------------------------------

it 'adds at most 192 KiB to an image of any kind' && ready && {
	echo '# bytes; bases are stand-ins for the real ones'
	format='# %-11s %11s %11s %11s\n'
	# shellcheck disable=SC2059
	printf "$format" image without with pith
	for kind in $KINDS; do
		build_kind "$kind" without
		build_kind "$kind" with
		without=$(size_of "$kind:without")
		with=$(size_of "$kind:with")
		added=$((with - without))
		# shellcheck disable=SC2059
		printf "$format" "$kind" "$without" "$with" "$added"
		is $added "$(stat -c %s "$PITH")"
		[ $added -le $MOST ] || fail "more than $MOST bytes"
	done
}

for kind in $KINDS; do
	it "serves from a $kind image and shuts down as well as without pith" &&
	    ready && {
		build_kind "$kind" without
		serves ' /httpd' "$kind:without"
		shuts_down
		build_kind "$kind" with
		serves ' /pith -- /httpd
 /httpd' "$kind:with"
		shuts_down
	}
done

it 'is the same file in an image FROM scratch, beside a static program' &&
    ready && {
	build_kind scratch with
	is "$(files_of scratch:with | xargs)" 'httpd pith'
	container=$(docker create scratch:with)
	docker cp "$container:/httpd" "$W/copy-of-httpd"
	docker cp "$container:/pith" "$W/copy-of-pith"
	cmp "$W/copy-of-pith" "$PITH" || fail 'pith was altered on its way'
	readelf -l "$W/copy-of-httpd" | grep INTERP && fail 'it is not static'
}

it 'runs a program with the loader of musl in an image like Alpine' && ready && {
	once --init alpine-like hello-musl
	code_is 0
	out_is musl
	# Check that the program needs the loader: it fails in the image without one.
	once -v "$W/alpine/usr/bin/hello-musl:/hello" busybox /hello
	[ "$code" != 0 ] || fail 'it is static'
}

it 'names the missing loader of a glibc program in an image like Alpine' &&
    ready && {
	build_kind alpine-like with
	once -v /bin/true:/glibc-true:ro alpine-like:with /glibc-true
	code_is 126
	err_like '*loader*ld-linux*is missing*'
}

it 'builds and serves examples/Dockerfile unchanged' && ready && {
	build httpd "$EXAMPLES"
	is "$(files_of httpd | xargs)" 'httpd pith'
	serves ' /pith -- /httpd
 /httpd' httpd
	is "$(in_box ps -o uid= "$process" | xargs)" 65534
	shuts_down
}

healthy() {
	[ "$(docker inspect --format '{{.State.Health.Status}}' one)" = healthy ]
}

it 'builds and serves examples/Dockerfile.alpine unchanged' && ready && {
	build httpd:alpine -f "$EXAMPLES/Dockerfile.alpine" "$EXAMPLES"
	serves ' /sbin/pith --grace 1s -- httpd
 httpd' --health-interval 1s httpd:alpine
	is "$(in_box ps -o user= "$process")" nobody
	eventually healthy
	shuts_down
	once --entrypoint tini httpd:alpine --version
	out_like 'tini version *'
}

# Print the lines of compose.yaml as options of `docker run`, which saves installing compose.
# An unknown line is printed unchanged, and docker refuses it.
compose_options() {
	sed '
	/^ *#/d
	/^services:$/d
	/^  httpd:$/d
	/^    build: \.$/d
	/^    image: httpd$/d
	/^    environment:$/d
	s/^    ports: \["\(.*\)"\]$/--publish=\1/
	s/^    init: /--init=/
	s/^      PITH_OPTIONS: /--env=PITH_OPTIONS=/
	s/^    read_only: /--read-only=/
	s/^    cap_drop: \[\(.*\)\]$/--cap-drop=\1/
	s/^    security_opt: \["\(.*\)"\]$/--security-opt=\1/
	s/^    stop_grace_period: \(.*\)s$/--stop-timeout=\1/' \
	    "$EXAMPLES/compose.yaml"
}

it 'serves with the settings of examples/compose.yaml on its published port' &&
    ready && {
	build httpd "$EXAMPLES"
	docker rm --force one >/dev/null 2>&1
	compose_options >"$W/options"
	set --
	while IFS= read -r option; do
		set -- "$@" "$option"
	done <"$W/options"
	run docker run --detach --name one "$@" httpd
	code_is 0
	eventually in_box curl -sf http://127.0.0.1:8080/
	is "$(docker inspect --format '{{.HostConfig.ReadonlyRootfs}}' one)" true
	shuts_down
}

it 'serves from examples/pod.yaml and is its pause container' && ready && have_podman && {
	build httpd "$EXAMPLES"
	docker save httpd | podman load >/dev/null 2>&1
	podman tag httpd localhost/httpd
	cp "$PITH" "$W/busybox/pith"
	engine=podman
	image_of "$W/busybox" shell
	run podman play kube "$EXAMPLES/pod.yaml"
	code_is 0
	pod=$(podman pod inspect --format '{{.ID}}' web)
	process=$(process_of web-httpd)
	eventually page
	is "$(podman exec web-shell /bin/ps -o args | sed 1d | LC_ALL=C sort)" \
	    '/bin/ps -o args
/catatonit -P
/httpd
/pith -- /httpd
/pith --pause'
	podman stop -t 60 web-shell web-httpd >/dev/null
	for container in web-shell web-httpd; do
		is "$(podman inspect --format '{{.State.ExitCode}}' $container)" 0
	done
	said 'http daemon end' web-httpd || fail 'its own shutdown did not run'
	podman play kube --down "$EXAMPLES/pod.yaml" >/dev/null
}

it 'runs the layers of a docker image with --layer, deletions included' && ready && {
	busybox_root "$W/layered"
	tar -C "$W/layered" -c . | docker import - layered >/dev/null
	cat >"$W/Dockerfile" <<-'E'
		FROM layered
		RUN mkdir -p /d && echo one >/d/one && echo x >/gone
		RUN rm /gone && rm -r /d && mkdir /d && echo two >/d/two
	E
	mkdir -p "$W/nothing"
	build stacked -f "$W/Dockerfile" "$W/nothing"
	dirs=$(docker image inspect --format \
	    '{{.GraphDriver.Data.UpperDir}}:{{.GraphDriver.Data.LowerDir}}' stacked)
	layers=
	for dir in $(echo "$dirs" | tr : ' '); do layers="--layer $dir $layers"; done
	# shellcheck disable=SC2086
	run "$PITH" $layers -- sh -c 'ls /d; test -e /gone || echo gone; echo x >/new'
	out_is 'two
gone'
	is "$(echo $layers | wc -w)" 6
}

box_end
finish
