# Make root trees for the suites, once: sh tests/roots.sh NAME makes $B/roots/NAME if it is
# missing or was made by another recipe. B comes from the Makefile. Needs root, and the package
# sources of apt.
# shellcheck shell=sh
set -eu
ROOTS=${B:-$(cd "$(dirname "$0")/.." && pwd)/build}/roots
umask 022

# Print the files of apt's sources, for mmdebstrap.
sources() {
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
	    /etc/apt/sources.list.d/*.sources; do
		[ ! -s "$file" ] || echo "$file"
	done
}

# Print Debian's newest suite as a line for mmdebstrap, with the mirror and the keys that apt
# uses for this release.
newest() {
	# shellcheck disable=SC1091
	. /etc/os-release
	for file in $(sources); do
		cat "$file"
		echo
	done | awk -v "suite=$VERSION_CODENAME" '
		function found() {
			print "deb" options, uri, "sid main"
			exit
		}
		/^#/ { next }
		$1 == "deb" {
			options = ""
			for (i = 2; i < NF; i++) {
				if ($i ~ /^http/)
					uri = $i
				else if (!uri)
					options = options " " $i
				if ($i == suite)
					found()
			}
			uri = ""
		}
		$1 == "URIs:" { uri = $2 }
		$1 == "Signed-By:" { options = " [signed-by=" $2 "]" }
		$1 == "Suites:" {
			for (i = 2; i <= NF; i++)
				ours = ours || $i == suite
		}
		/^$/ && ours && uri { found() }
		/^$/ { ours = 0; uri = options = "" }'
}

# Install packages into directory $1; the other arguments are options of mmdebstrap.
packages() {
	into=$1
	shift
	# shellcheck disable=SC1091,SC2046
	mmdebstrap --quiet --mode=root --format=directory \
	    --skip=check/empty,output/dev,output/mknod \
	    --dpkgopt=force-unsafe-io --aptopt='Acquire::Languages "none"' \
	    "$@" "$(. /etc/os-release && echo "$VERSION_CODENAME")" \
	    "$into" $(sources)
}

# Install the host's busybox, which must be static, and links for its applets.
put_busybox() {
	cp "$(command -v busybox)" "$1/bin/busybox"
	if readelf -l "$1/bin/busybox" | grep -q 'interpreter: /.*ld-linux'
	then
		echo 'busybox is not static (Debian: busybox-static)' >&2
		return 1
	fi
	for applet in $("$1/bin/busybox" --list); do
		[ -e "$1/bin/$applet" ] || ln -s busybox "$1/bin/$applet"
	done
}

# Make the users and directories that every root has.
furnish() {
	mkdir -p "$1/bin" "$1/etc" "$1/proc" "$1/sys" "$1/dev" "$1/tmp" \
	    "$1/root" "$1/run" "$1/usr" "$1/var/www"
	chmod 1777 "$1/tmp"
	ln -sfn ../bin "$1/usr/bin"
	printf '%s\n' root:x:0:0:root:/root:/bin/sh \
	    www:x:80:80:www:/var/www:/bin/sh >"$1/etc/passwd"
	printf '%s\n' root:x:0: www:x:80: >"$1/etc/group"
}

# ---- the roots ---------------------------------------------------------------

# Make a root like Alpine's: musl's loader, a program linked with it, busybox.
root_musl() {
	furnish "$1"
	mkdir "$1/lib"
	cp "$(readlink -f /lib/ld-musl-*.so.1)" "$1/lib/libc.so"
	ln -s libc.so "$1/lib/$(basename /lib/ld-musl-*.so.1)"
	put_busybox "$1"
	printf '%s\n' '#include <stdio.h>' '#include <unistd.h>' \
	    'int main(int n, char **words) { (void)words;' \
	    'char link[64] = "";' \
	    'puts(readlink("/proc/self/exe", link, 63) > 0 ? link : "?");' \
	    'fflush(stdout); return n > 1 ? pause() : 0; }' >"$1/tmp/hello.c"
	"$(command -v musl-gcc || command -v cc)" -o "$1/bin/hello" \
	    "$1/tmp/hello.c"
	rm "$1/tmp/hello.c"
	readelf -l "$1/bin/hello" | grep -q 'interpreter: /lib/ld-musl-'
}

# Make a Debian with servers and languages.
root_debian() {
	packages "$1" --variant=minbase \
	    --setup-hook='mkdir -p "$1/usr/share/man/man1"' \
	    --dpkgopt='path-exclude=/usr/share/doc/*' \
	    --dpkgopt='path-exclude=/usr/share/locale/*' \
	    --include=openssh-server,nginx-light,postgresql,busybox-static \
	    --include=python3-minimal,gcc,libc6-dev,default-jre-headless \
	    --include=vim-tiny,procps
	rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/*
	rm -f "$1"/etc/ssh/ssh_host_*
	echo guest:x:54321:54321:guest:/home/guest:/bin/sh >>"$1/etc/passwd"
	echo guest:x:54321: >>"$1/etc/group"
	echo 'guest:*:19000:0:99999:7:::' >>"$1/etc/shadow"
	mkdir "$1/home/guest"
	chown 54321:54321 "$1/home/guest"
}

# Make a Debian with make alone, and with the apt settings of this machine.
root_fresh() {
	packages "$1" --variant=minbase --include=make,ca-certificates
	rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/*
	cp -a /etc/apt/. "$1/etc/apt/"
	cp -L /etc/resolv.conf /etc/hosts "$1/etc/"
	mkdir -p "$1/src"
}

# Make a root with other sandboxes of Debian's newest suite.
root_peers() {
	# A mirror that stands still is one that this machine's apt has been told to take.
	apt-config dump Acquire | grep '^Acquire::Check-' >"$1.conf" || :
	# Nothing is set up, as newer packages may need a newer dpkg.
	mmdebstrap --quiet --mode=root --format=directory --variant=extract \
	    --skip=check/empty,output/dev,output/mknod --aptopt="$1.conf" \
	    --setup-hook='cd "$1" && for dir in bin sbin lib lib64; do
	        mkdir -p usr/$dir && ln -s usr/$dir $dir; done' \
	    --aptopt='Acquire::Languages "none"' --include=bubblewrap,crun,runc \
	    --include=util-linux,mount,dash,coreutils sid "$1" "$(newest)"
	rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1.conf"
	mkdir -p "$1/proc" "$1/sys" "$1/dev" "$1/run" "$1/mnt" "$1/tmp"
}

# Make a root with legacy software: a 32-bit program, its loader and its libc. The program
# prints what it sees and exits on TERM.
root_i386() {
	furnish "$1"
	mkdir "$1/lib" "$1/lib32"
	cp /lib/ld-linux.so.2 "$1/lib"
	cp /lib32/libc.so.6 "$1/lib32"
	echo 'legacy of 32 bits' >"$1/etc/motd"
	cat >"$1/tmp/legacy.c" <<-'C'
		#include <signal.h>
		#include <stdio.h>
		static void end(int n) { puts("ends"); fflush(0); _Exit(n); }
		int main(void) {
			char line[80] = "?";
			FILE *f = fopen("/etc/motd", "r");
			int n;
			sigset_t term;
			sigemptyset(&term);
			sigaddset(&term, SIGTERM);
			sigprocmask(SIG_BLOCK, &term, 0);
			if (f)
				fgets(line, sizeof(line), f);
			printf("%d bits: %s", 8 * (int)sizeof(void *), line);
			puts("ready");
			fflush(0);
			sigwait(&term, &n);
			end(n - 9);
		}
	C
	gcc -m32 -nostartfiles -nodefaultlibs -o "$1/bin/legacy" \
	    /usr/lib32/crt1.o /usr/lib32/crti.o "$1/tmp/legacy.c" -lc \
	    /usr/lib32/crtn.o
	rm "$1/tmp/legacy.c"
}

# Make a root with a Java runtime and its libraries, and nothing else.
root_jre() {
	sh "$0" debian
	furnish "$1"
	rmdir "$1/bin"
	rm "$1/usr/bin"
	ln -s usr/lib "$1/lib"
	ln -s usr/lib64 "$1/lib64"
	chroot "$ROOTS/debian" sh -c 'find /usr/lib/jvm /etc/java-*
		for program in /usr/lib/jvm/*/bin/java $(find /usr/lib/jvm \
		    -name "*.so"); do
			ldd "$program" 2>/dev/null
		done | sed -n "s/^[^\/]*\(\/[^ ]*\) (0x.*/\1/p" |
		sort -u | grep -v ^/usr/lib/jvm/ | while read -r library; do
			echo "$library"
			readlink -f "$library"
		done' >"$1/tmp/files"
	# Through the links lib and lib64, as Debian has them.
	while read -r file; do
		echo "${file#/}"
	done <"$1/tmp/files" | sed 's/^lib\(64\)*\//usr\/&/' | sort -u |
	    (cd "$ROOTS/debian" && cpio -pdlm --quiet "$1")
	rm "$1/tmp/files"
	ln -s usr/lib/jvm/default-java/bin/java "$1/java"
}

# Make a root with the host's ffmpeg and its two hundred libraries.
root_ffmpeg() {
	furnish "$1"
	mkdir "$1/usr/lib" "$1/usr/lib64"
	ln -s usr/lib usr/lib64 "$1"
	cp "$(command -v ffmpeg)" "$1/bin"
	ldd "$1/bin/ffmpeg" | sed -n 's/^[^\/]*\(\/[^ ]*\) (0x.*/\1/p' |
	    xargs cp -L --parents -t "$1"
}

# Make an image file of the same Debian.
root_image() {
	sh "$0" debian
	rmdir "$1"
	mksquashfs "$ROOTS/debian" "$1" -quiet -no-progress -comp lz4
}

# ---- making a root ------------------------------------------------------------

recipe() { sed -n "/^root_$1() {/,/^}/p" "$0"; }

wanted=$ROOTS/$1
if [ ! -e "$wanted" ] || ! recipe "$1" | cmp -s - "$wanted.recipe"; then
	mkdir -p "$ROOTS"
	fresh=$(mktemp -d "$ROOTS/new.XXXXXX")
	trap 'rm -rf --one-file-system "$fresh"' EXIT
	trap 'exit 1' HUP INT TERM
	chmod 755 "$fresh"
	"root_$1" "$fresh"
	rm -rf --one-file-system "$wanted"
	mv "$fresh" "$wanted"
	recipe "$1" >"$wanted.recipe"
fi
