# What pith adds to an image, and that it serves there: the web server of examples/ as
# five kinds of image, and the Dockerfiles of examples/ as they are.
# shellcheck shell=sh source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/engines-lib.sh
. "$TESTS/engines-lib.sh"

KINDS='one-stage builder alpine busybox scratch'
MOST=65536

have_all() {
	have_docker && have go musl-gcc busybox curl
}

# The bases, once: the names are public ones, the contents are not (engines-lib.sh).
# In particular golang:1 is the host's compiler and not the 800 MB of the real one.
bases_made=
bases() {
	[ -z "$bases_made" ] || return 0
	bases_made=1
	make_httpd
	golang_root "$W/golang"
	image_of "$W/golang" golang:1 'ENV GOCACHE=/go-cache HOME=/tmp'
	debian_root "$W/debian"
	image_of "$W/debian" debian:stable-slim
	alpine_root "$W/alpine"
	image_of "$W/alpine" alpine:3
	busybox_root "$W/busybox"
	image_of "$W/busybox" busybox
	mkdir "$W/only-pith"
	cp "$PITH" "$W/only-pith/pith"
	# As examples/Dockerfile says.
	(cd "$W/only-pith" && tar -c pith | docker import - pith >/dev/null)
	# Further build contexts are not needed: all of it is copied from images.
	mkdir "$W/context"
	cp "$TOP/examples/httpd.go" "$W/context/"
}

# The instructions of a kind of image, with or without pith.
dockerfile() {
	compile='RUN CGO_ENABLED=0 go build -ldflags "-s -w" -o /httpd httpd.go'
	printf '%s\n' 'FROM golang:1 AS build' 'COPY httpd.go .' "$compile"
	case $1 in
	one-stage) ;;
	builder) echo 'FROM debian:stable-slim' ;;
	alpine) echo 'FROM alpine:3' ;;
	*) echo "FROM $1" ;;
	esac
	[ "$1" = one-stage ] || echo 'COPY --from=build /httpd /httpd'
	[ "$2" = without ] || printf '%s\n' 'COPY --from=pith /pith /pith' \
	    'ENTRYPOINT ["/pith", "--"]'
	echo 'CMD ["/httpd"]'
}

build() {
	dockerfile "$1" "$2" >"$W/Dockerfile"
	run docker build -q -t "$1:$2" -f "$W/Dockerfile" "$W/context"
	code_is 0
}

size_of() { docker image inspect --format '{{.Size}}' "$1"; }
process_of() { docker inspect --format '{{.State.Pid}}' "$1"; }

# Run an image as the container web, and ask it for its page.
serves() {
	run docker run --detach --name web --network none "$@"
	code_is 0
	process=$(process_of web)
	# It says that it listens before it does.
	eventually in_network_of "$process" curl -sf http://127.0.0.1:8080/
	is "$(in_network_of "$process" curl -s http://127.0.0.1:8080/)" \
	    'hello from 127.0.0.1:8080'
}

# TERM, and it ends by itself; docker would kill it after 10 seconds.
stops() {
	docker stop web >/dev/null
	is "$(docker logs web)" "http daemon start
  -> listen on port:8080
http daemon end"
	is "$(docker inspect --format '{{.State.ExitCode}}' web)" 0
	docker rm web >/dev/null
}

# docker insists on the column PID.
processes() {
	docker top web -eo pid,args | sed '1d; s/^[0-9]*[[:space:]]*//'
}

healthy() {
	[ "$(docker inspect --format '{{.State.Health.Status}}' web)" = healthy ]
}

# The files of all layers of an image, directories left out.
files_of() {
	rm -rf "$W/saved"
	mkdir "$W/saved"
	docker save "$1" | tar -C "$W/saved" -x
	sed 's/[],[]/\n/g' "$W/saved/manifest.json" |
	    sed -n 's/^"\(.*layer.tar\|blobs.*\)"$/\1/p' |
	    while read -r layer; do
		tar -tf "$W/saved/$layer"
	done | grep -v '/$' | sort
}

it 'adds at most 64 KiB to an image of any kind' && have_all && {
	bases
	printf '%-10s %12s %12s %11s\n' image without with difference
	for kind in $KINDS; do
		build "$kind" without
		build "$kind" with
		without=$(size_of "$kind:without")
		with=$(size_of "$kind:with")
		printf '%-10s %12d %12d %11d\n' "$kind" "$without" "$with" \
		    $((with - without))
		is $((with - without)) "$(stat -c %s "$PITH")"
		[ $((with - without)) -le $MOST ] || fail "more than $MOST bytes"
	done
}

for kind in $KINDS; do
	it "serves from a $kind image, and ends as well as without pith" &&
	    have_all && {
		bases
		build "$kind" without
		build "$kind" with
		serves "$kind:without"
		is "$(processes)" /httpd
		stops
		serves "$kind:with"
		is "$(processes)" '/pith -- /httpd
/httpd'
		stops
	}
done

it 'makes an image FROM scratch of exactly two files, pith and the program' &&
    have_all && {
	bases
	build scratch with
	is "$(files_of scratch:with)" 'httpd
pith'
}

it 'reaches an image byte for byte, beside a static program' && have_all && {
	bases
	build scratch with
	container=$(docker create scratch:with)
	docker cp "$container:/httpd" "$W/httpd"
	docker cp "$container:/pith" "$W/pith"
	docker rm "$container" >/dev/null
	cmp "$W/pith" "$PITH" || fail 'pith was altered on its way'
	readelf -l "$W/httpd" | grep INTERP && fail 'it is not static'
}

it 'runs a program of musl'"'"'s loader in the image that is as Alpine' && have_all && {
	bases
	run docker run --rm --network none --init alpine:3 hello-musl
	code_is 0
	out_is musl
	# It does need the loader: busybox has none.
	docker run --rm --network none -v "$W/alpine/usr/bin/hello-musl:/hello" \
	    busybox /hello >/dev/null 2>&1 && fail 'it is static'
}

it 'names the loader that a glibc program misses in the image that is as Alpine' &&
    have_all && {
	bases
	build alpine with
	run docker run --rm --network none -v /bin/true:/glibc-true:ro \
	    alpine:with /glibc-true
	code_is 126
	err_like '*loader*ld-linux*is missing*'
}

it 'builds and serves examples/Dockerfile as it is' && have_all && {
	bases
	run docker build -t httpd "$TOP/examples"
	code_is 0
	is "$(files_of httpd)" 'httpd
pith'
	serves httpd
	is "$(processes)" '/pith -- /httpd
/httpd'
	is "$(in_box ps -o uid= "$(process_of web)" | tr -d ' ')" 65534
	stops
}

it 'publishes the port of examples/Dockerfile as its comment says' && have_all && {
	bases
	run docker build -q -t httpd "$TOP/examples"
	run docker run --detach --name web -p 8080:8080 httpd
	code_is 0
	eventually in_box curl -sf http://127.0.0.1:8080/
	stops
}

it 'builds and serves examples/Dockerfile.alpine as it is' && have_all && {
	bases
	run docker build -t httpd:alpine -f "$TOP/examples/Dockerfile.alpine" \
	    "$TOP/examples"
	code_is 0
	serves --health-interval 1s httpd:alpine
	is "$(processes)" '/sbin/pith --grace 1s -- httpd
httpd'
	eventually healthy
	is "$(in_box ps -o user= "$(process_of web)")" nobody
	stops
	run docker run --rm --network none --entrypoint tini httpd:alpine --version
	out_like 'tini version *'
}

box_end
finish
