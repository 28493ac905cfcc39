# Escapes through the root of a sandbox: links, names that change between check and
# use, directories beside it, sockets of the host. Root and an ordinary user make
# every attempt, and the test checks that it was made. The comment of each says how it
# succeeded, or failed, on the previous code.
# shellcheck shell=sh source=tests/lib.sh disable=SC2034,SC2086,SC2154

# Mounts of the tests are private to the suite.
[ "$(id -u)" != 0 ] || [ "${APART:-}" ] ||
    APART=1 exec unshare --mount --propagation private sh "$0"
. "${0%/*}/lib.sh"
. "${0%/*}/sandbox-lib.sh"
unset APART PITH_OPTIONS
umask 022

ATTACK=$B/attack_roots

# Copy the attacking programs to a directory where every user may execute them.
cp "$ATTACK" "$W/attack"
chmod 755 "$W/attack"
for who in $WHO; do
	be $who
	cp "$ATTACK" $R/bin/attack
done

# Make the canary $C, which has to stay unchanged. The user who starts the sandbox owns it.
canary() {
	C=$H/canary
	rm -rf $C
	$as mkdir -p $C/work
	$as touch $C/work/file $C/file
	$as chmod 755 $C/work
	canary_was=$(canary_is)
}
canary_is() { (cd $C && stat -c '%n %a %u %g %i' . && find . -exec stat -c '%n %a %u' {} +); }
unharmed() { [ "$(canary_is)" = "$canary_was" ] || fail "the canary is harmed: $(canary_is)"; }

# ---- the directory beside --upper --------------------------------------------

# Run a command that sees the parent of its own --upper through a volume. It runs the
# given words, in which $work is the work directory and $C the canary on the host.
beside() {
	canary
	$as mkdir -p $H/shared
	box --upper $H/shared/upper --volume $H/shared:/v --env C=$C -- sh -ec '
	    cd /v; for work in .pith-work.*; do :; done
	    '"$1"'
	    echo planted; exit 7'
	code_is 7
	out_is planted
	unharmed
	err_like "pith: cannot remove the work directory beside '*': *"
	one_line
	[ "$(find $H/shared -path '*/.pith-work.*' -type l)" ] ||
	    fail 'the link is gone'
	rm -rf $H/shared
}

# On the previous code the canary's work had mode 700 and no file.
it 'does not clean up a directory behind a link of the command' && for who in $WHO; do
	be $who
	beside 'mv $work moved; ln -s $C $work'
	beside 'mv $work/work $work/w; ln -s $C/work $work/work'
done

# On the previous code root removed another user's files in the directory of that name.
it 'refuses a work directory that another user has made or linked' && root && {
	be as_root
	for how in 'mkdir -m 777 $work $work/work && touch $work/work/file' \
	    'ln -s $C $work' 'touch $work'; do
		canary
		mkdir -p $H/shared/upper
		chmod 777 $H/shared
		work=$H/shared/.pith-work.$(stat -c %i $H/shared/upper)
		C=$C work=$work $AS_USER sh -c "$how" || fail "not planted: $how"
		planted=$(find $work -exec stat -c '%n %a %u' {} +)
		box --upper $H/shared/upper -- true
		code_is 125
		one_line
		err_like "pith: cannot * the work directory beside '$H/shared/upper': *remove*"
		is "$(find $work -exec stat -c '%n %a %u' {} +)" "$planted"
		unharmed
		rm -rf $H/shared
	done
}

# A local user's program waits for the directory and then puts the link in its place; at the start
# the link exists, too. On the previous code the command wrote to the canary within ten starts.
it 'does not write to a directory that another user puts in place of a new --upper' && root && {
	be as_root
	canary
	mkdir -m 777 $H/shared
	start $AS_USER $W/attack swap $H/shared/upper $C
	swapped=0 made=0
	for n in $(seq $((100 * N))); do
		box --upper $H/shared/upper --env n=$n -- touch /escaped
		case $code in
		# A directory that is removed under the sandbox cannot be written to.
		0 | 1) made=$((made + 1)) ;;
		125) swapped=$((swapped + 1)) ;;
		*) fail "exit code $code: $err" ;;
		esac
		[ ! -e $C/escaped ] || break
		rm -rf $H/shared/upper
	done
	kill $pid
	# On an emulated processor every start may find the link.
	[ $swapped -gt 0 ] || fail "swapped $swapped times, and $made not"
	ends 2>/dev/null
	unharmed
	rm -rf $H/shared
}

# A sandbox that loses its machine leaves its work directory. When two sandboxes start
# at once, one may remove the directory before the other has locked it.
it 'shares an upper directory with no other sandbox, and continues at once' && for who in $WHO; do
	be $who
	start $as "$PITH" --rootfs $R --upper $H/one -- sh -c 'echo ready; exec sleep 60'
	hear_until ready
	box --upper $H/one/ -- true
	code_is 125
	err_is "pith: cannot use as the upper directory '$H/one/': another sandbox uses it"
	kill $pid
	ends 2>/dev/null
	for n in 1 2 3 4 5 6 7 8; do
		$as "$PITH" --rootfs $R --upper $H/one -- true 2>$W/$n.err &
	done
	wait
	for n in 1 2 3 4 5 6 7 8; do
		case $(cat $W/$n.err) in
		'' | *': another sandbox uses it') ;;
		*) fail "$(cat $W/$n.err)" ;;
		esac
	done
	is "$(find $H -maxdepth 1 -name '.pith*')" ''
	rm -rf $H/one $W/?.err
done

# Setuid files in it have effect on the host. On the previous code its mode was always 755.
it 'creates an --upper that no other user can enter' && for who in $WHO; do
	be $who
	$as mkdir -m 711 $H/open
	$as mkdir -m 700 $H/closed
	$as mkdir $H/closed/in
	for upper in open/upper closed/in/upper; do
		box --upper $H/$upper -- sh -c 'cp /bin/busybox /suid; chmod 4755 /suid'
		code_is 0
		[ -u $H/$upper/suid ] || fail 'no setuid file'
		[ $who = as_user ] || ! $AS_USER test -x $H/$upper/suid ||
		    fail "others may execute what is in $upper"
	done
	is "$(stat -c %a $H/open/upper $H/closed/in/upper)" '700
755'
	# All users inside need to enter it, because it is their /.
	[ $who = as_user ] || {
		box --upper $H/closed/in/upper --user 33:33 -- cat /etc/motd
		out_is "$MOTD"
	}
	# An existing directory keeps its mode, and a link is not followed.
	$as mkdir -m 750 $H/open/there
	$as ln -s there $H/open/link
	box --upper $H/open/there -- true
	is "$(stat -c %a $H/open/there)" 750
	for link in link link/ link//; do
		box --upper $H/open/$link -- true
		code_is 125
		one_line
		err_like "*upper directory '$H/open/$link': Not a directory; *"
	done
	rm -rf $H/open $H/closed
done

# On the previous code data went below the mount, where the next start did not see it.
it 'refuses a mount point for an --upper' && root && {
	be as_root
	mkdir $H/point
	mount -t tmpfs tmpfs $H/point
	box --upper $H/point -- touch /written
	code_is 125
	one_line
	err_like "*upper directory '$H/point': it is a mount point; *"
	box --upper $H/point/in -- touch /written
	[ ! -e $H/point/in ] || { code_is 0; [ -e $H/point/in/written ] || fail 'it is not kept'; }
	umount $H/point
	is "$(find $H/point)" $H/point
}

# ---- images ------------------------------------------------------------------

# Another user exchanges two images all the time. On the previous code pith opened the image
# three times and mounted it as the type of the other one: "Invalid argument", in 8 of 20 starts.
it 'opens an image once, and ignores later changes of its name' && root &&
    have mksquashfs mkfs.erofs && {
	be as_root
	mkdir $H/images
	mksquashfs $R $H/images/squashfs -quiet -no-progress >/dev/null
	mkfs.erofs --quiet $H/images/erofs $R >/dev/null
	chmod 777 $H/images
	start $AS_USER $W/attack exchange $H/images/squashfs $H/images/erofs
	hear_until ready
	: >types
	for n in $(seq $((20 * N))); do
		run "$PITH" --rootfs $H/images/erofs --read-only -- sh -c 'cat /etc/motd
		    sed -n "s,^.* / \([a-z]*\) .*,\1,p" /proc/mounts >&2'
		code_is 0
		out_is "$MOTD"
		echo "$err" >>types
	done
	kill $pid
	ends 2>/dev/null
	is "$(sort -u types)" 'erofs
squashfs'
	rm -rf $H/images types
}

# ---- the tree of this host ---------------------------------------------------

# Start a service of the host at $1, and run a sandbox that connects to it.
serve() {
	start $W/attack serve $1
	hear_until ready
	chmod 777 $1
}
reach() {
	socket=$1
	shift
	run $as "$PITH" "$@" --volume $W/attack:/tmp/attack:ro -- /tmp/attack connect $socket
}

# Runs in a mount namespace of the suite. On the previous code: "ESCAPED: host",
# except with the overlay. Before Linux 6.3 the owners of a tmpfs cannot be mapped,
# nor those of a virtual machine's root on it.
maps_root() { "$PITH" --rootfs / -- true 2>/dev/null; }

it 'reaches no socket of the host in /run, /var/run or /tmp, with --rootfs /' && root && {
	mount -t tmpfs -o mode=755 tmpfs /run
	mount -t tmpfs -o mode=755 tmpfs /var
	mkdir -p /run/service /var/run/service
	below_tmp=$(mktemp -d /tmp/pith-test.XXXXXX)
	chmod 755 $below_tmp
	for socket in /run/service/sock /var/run/service/sock $below_tmp/sock; do
		serve $socket
		for who in $WHO; do
			be $who
			for root in / // /. /proc/self/root $W/../..; do
				reach $socket --rootfs $root --read-only
				out_is 'held: No such file or directory'
			done
			[ $who = as_user ] || ! maps_root || for words in '--rootfs /' '--layer /' \
			    '--rootfs / --userns host --writable' \
			    "--rootfs / --upper $H/up"; do
				reach $socket $words
				out_is 'held: No such file or directory'
			done
			rm -rf $H/up
			# A volume makes the socket reachable.
			reach $socket --rootfs / --read-only --volume $socket:$socket:ro
			out_is 'ESCAPED: host'
			reach $socket --rootfs / --read-only \
			    --volume ${socket%/*}:${socket%/*}:ro
			out_is 'ESCAPED: host'
		done
		kill $pid
		ends 2>/dev/null
		rm $socket
	done
	# If /var/run is a link to /run, one mount is enough.
	rm -r /var/run
	ln -s ../run /var/run
	be as_root
	run "$PITH" --rootfs / --read-only -- grep -cE ' (/run|/var/run|/tmp) tmpfs ' /proc/mounts
	out_is $((2 + $(grep -cE ' (/run|/tmp) tmpfs ' /proc/mounts)))
	umount /run /var
	rm -r $below_tmp
}

it 'mounts volumes and --workdir on top of the empty directories' && for who in $WHO; do
	be $who
	$as mkdir -p $H/there/in
	echo there | $as tee $H/there/in/file >/dev/null
	run $as "$PITH" --rootfs / --read-only --volume $H/there:$H/there:ro --workdir $H/there/in \
	    --dir /run/made --file 5:/run/lock/text -- sh -c \
	    'pwd; cat file /run/lock/text; ls /run; echo x >/tmp/x && echo x >/run/made/x &&
	    stat -c %a /tmp /run' \
	    5<$H/there/in/file
	code_is 0
	out_is "$H/there/in
there
there
lock
made
1777
755"
	run $as "$PITH" --rootfs / --read-only --tmpfs /tmp:mode=700 --volume $H/there:/run -- \
	    sh -c 'stat -c %a /tmp; ls /run'
	out_is '700
in'
	# Files below /tmp of the host are not visible.
	below_tmp=$(mktemp -d /tmp/pith-test.XXXXXX)
	chmod 755 $below_tmp
	run $as "$PITH" --rootfs / --read-only --workdir $below_tmp -- true
	code_is 125
	one_line
	rmdir $below_tmp
	[ ! -e /run/made ] || fail 'it is made on the host'
	rm -rf $H/there
done

# ---- mounts below the root ---------------------------------------------------

# On the previous code root saw "under" and an ordinary user "over".
it 'shows mounts below the root, and never the files under them' && root && {
	for who in $WHO; do
		be $who
		mkdir $R/below
		echo under >$R/below/file
		mkdir $H/over
		cp -r $R/bin $R/etc $H/over
		echo over >$H/over/file
		chmod 600 $H/over/file
		[ $who = as_root ] || chown -R 65534:65534 $H/over
		for mode in --read-only --writable; do
			mount --bind $H/over $R/below
			box $mode -- sh -c 'cat /below/file; umount /below 2>/dev/null
			    cat /below/file; stat -c %u /bin /below/file'
			out_is 'over
over
0
0'
			# Owners of this mount cannot be mapped, so all other files belong to
			# nobody.
			mount -t proc proc $R/below/etc
			box $mode -- sh -c 'ls -d /below/etc/1; stat -c %u / /below/file
			    cat /below/file'
			[ $who = as_user ] && out_is '/below/etc/1
0
0
over' || out_is '/below/etc/1
0
65534'
			umount $R/below/etc $R/below
		done
		# An overlay covers only one file system.
		mount --bind $H/over $R/below
		box -- cat /below/file
		[ $who = as_user ] && err_like '*mounts below it; add --read-only' || out_is under
		umount $R/below
		rm -r $R/below $H/over
	done
}

# ---- --landlock --------------------------------------------------------------

# On the previous code the rule was for /data or for /proc, and --best-effort dropped all rules.
it 'grants no access by --landlock through a link of the root' && for who in $WHO; do
	be $who
	$as "$PITH" --landlock ro:/ -- true || { skip 'no Landlock here'; break; }
	$as mkdir -p $R/data/in $R/real
	$as ln -s /data $R/lnk
	$as ln -s ../data $R/real/lnk
	$as ln -s lnk $R/again
	$as ln -s /proc/self/root/data $R/magic
	for path in /lnk /lnk/ /lnk/in /real/lnk/in /again /magic /proc/self/root/data \
	    /proc/self/cwd /data/../lnk; do
		for option in --env=A=B --best-effort --new-privs; do
			box $option --landlock ro:/bin --landlock rw:$path -- \
			    sh -c 'echo ran >/data/written'
			code_is 125
			one_line
			err_like "pith: cannot follow a link for --landlock 'rw:$path': *"
		done
	done
	run $as "$PITH" --chroot $R --unshare user --landlock ro:/bin --landlock rw:/lnk -- \
	    /bin/true
	code_is 125
	# A missing path is not the kernel's fault either.
	box --best-effort --landlock ro:/none -- true
	code_is 125
	err_like "pith: cannot apply --landlock 'ro:/none': No such file*"
	# The directory itself is granted, also with dots in the path.
	box --landlock ro:/bin --landlock rw:/real/../data/ -- \
	    sh -c 'echo x >/data/in/x && cat /data/in/x'
	out_is x
	# Links of the host are trusted.
	$as ln -s root $H/link
	run $as "$PITH" --landlock ro:/ --landlock rw:$H/link/data -- sh -c 'echo y >$R/data/y'
	code_is 0
	rm -rf $R/data $R/lnk $R/real $R/again $R/magic $H/link
done

finish
