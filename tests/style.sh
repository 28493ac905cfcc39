# Tests of the source tree and its style, as far as a program can check them.
# shellcheck shell=sh source=tests/lib.sh
. "${0%/*}/lib.sh"

product() {
	(cd "$TOP" && ls ./*.[ch] ./boot/*.[ch] ./cli/*.[ch] ./sandbox/*.[ch] | sed 's|^\./||')
}
sources() {
	(cd "$TOP" && ls Makefile ./*.[ch] ./boot/*.[ch] ./cli/*.[ch] ./sandbox/*.[ch] \
	    tests/*.[ch] tests/*.sh)
}
# Run awk over files of the project; fail if it prints anything.
finds_nothing() {
	# shellcheck disable=SC2086
	found=$(cd "$TOP" && awk "$1" $2)
	[ -z "$found" ] || fail "$found"
}

it 'has exactly the expected files at the top level' && {
	is "$(cd "$TOP" && ls -A | grep -vxE '\.git|build|dist|pith' | LC_ALL=C sort)" \
	    '.ci
.clang-tidy
.editorconfig
.gitignore
CHANGELOG.md
CONTRIBUTING.md
LICENSE
Makefile
README.md
architecture.h
boot
child.c
child.h
cli
examples
exec.c
exec.h
exec_error.c
exec_error.h
fds.c
fds.h
init.c
pith.8
reaper.c
reaper.h
sandbox
signals.c
signals.h
supervise.c
supervise.h
tests'
}

# Skip lines of a quoted text in C.
it 'has at most 80 columns in C and 100 elsewhere' && {
	finds_nothing '{
		line = $0
		n = 0
		while ((at = index(line, "\t")) > 0) {
			n += at - 1
			n += 8 - n % 8
			line = substr(line, at + 1)
		}
		n += length(line)
		if (n > (FILENAME ~ /\.[ch]$/ ? 80 : 100) && !/^"/)
			print FILENAME ":" FNR ": " n " columns"
	}' "$(sources)"
}

it 'indents with tabs and has no trailing blanks' && {
	finds_nothing '
		/[ \t]$/ { print FILENAME ":" FNR ": blanks at the end" }
		FILENAME ~ /\.[ch]$/ && /^        +[^ ]/ {
			print FILENAME ":" FNR ": blanks"
		}' "$(sources)"
}

it 'has no function longer than 50 lines' && {
	finds_nothing '
		/^\{/ { start = FNR }
		/^\}/ && start {
			if (FNR - start - 1 > 50)
				print FILENAME ":" start ": " FNR - start - 1 " lines"
			start = 0
		}' "$(sources | grep '\.c$')"
}

it 'has no preprocessor condition except header guards and architecture.h' && {
	finds_nothing '
		FNR == 1 { ifs = 0 }
		/^[ \t]*#[ \t]*(if|el)/ && FILENAME != "architecture.h" {
			if (FILENAME ~ /\.c$/ || ++ifs > 1 || $0 !~ /^#ifndef PITH_/)
				print FILENAME ":" FNR ": " $0
		}' "$(product)"
}

it 'has a comment for every function of a header' && {
	finds_nothing '
		/^[a-z_].*\(/ && !/^enum|^struct|^static/ {
			if (last !~ /\*\/$/ && last !~ /;$/ && last !~ /^enum/)
				print FILENAME ":" FNR ": no comment before " $0
		}
		{ last = $0 }' "$(product | grep '\.h$')"
}

# A clause without a noun is a riddle.
it 'opens no comment of the product with What, Who, Whoever, Whether, That or Of' && {
	finds_nothing '/\/\*+ *(What|Who|Whoever|Whether|That|Of)[^a-zA-Z]/ {
		print FILENAME ":" FNR ": " $0 }' "$(product)"
}

# A search for a function finds one function. The compiler adds a suffix to copies.
it 'has no two functions of one name in the product' && have nm && {
	product | sed -n 's/\.c$//p' | while read -r file; do
		nm "$B/$file.o" | awk '$2 ~ /^[tT]$/ { sub(/\..*/, "", $3); print $3 }' |
		    sort -u
	done | sort | uniq -d >twice
	[ ! -s twice ] || fail "$(cat twice)"
}

# State is passed as a struct: this number only goes down.
it 'has at most 42 mutable static objects in the product' && have objdump && {
	product | sed -n 's/\.c$//p' | while read -r file; do
		objdump -t "$B/$file.o" | awk -v file="$file" '
			/ O \.(bss|data)/ && !/rel\.ro/ { print file, $NF }'
	done >objects
	[ "$(wc -l <objects)" -le 42 ] || fail "$(cat objects)"
}

it 'has no TODO or similar note' && {
	finds_nothing '/TODO|FIXME|[^X]XXX[^X]|HACK/ { print FILENAME ":" FNR ": " $0 }' \
	    "$(sources | grep '\.[ch]$')"
}

it 'names every file of the product in CONTRIBUTING' && {
	product | grep '\.c$' | while read -r file; do
		grep -q "[\`/]${file##*/}\`" "$TOP/CONTRIBUTING.md" || echo "$file"
	done >unnamed
	[ ! -s unnamed ] || fail "$(cat unnamed)"
}

# ---- repeated facts agree ----------------------------------------------------

# Print the options of a text, as "-x" and "--word", one a line.
options_of() { grep -oE '(^|[ (`|])--?[a-zA-Z][a-z-]*' | grep -oE -- '--?[a-zA-Z].*' | sort -u; }

it 'describes in pith.8 exactly the options of --help' && {
	"$PITH" --help | options_of >help
	sed -n '/^\.Sh OPTIONS/,/^\.Sh [^O]/p' "$TOP/pith.8" | grep '^\.It Fl' |
	    tr ' ' '\n' | awk '
		last == "Fl" { print (length($0) > 1 ? "-" : "-") $0 }
		{ last = $0 }' | sort -u >manual
	# Skip "see pith(8)" and "-vv", which are not options.
	grep -vx -e -vv help | diff - manual >difference || fail "$(cat difference)"
}

it 'has one version number, which CHANGELOG names' && {
	version=$("$PITH" --version)
	version=${version#pith }
	grep -q "^## $version" "$TOP/CHANGELOG.md" || fail "$version is not in CHANGELOG"
}

it 'prints the text of LICENSE with --license' && {
	is "$("$PITH" --license)" "$(cat "$TOP/LICENSE")"
}

it 'has a manual without warnings of mandoc' && have mandoc && {
	run mandoc -T lint -W warning "$TOP/pith.8"
	out_is ''
	code_is 0
}

it 'names only existing tests in the tables of tests/README.md' && {
	# A test is written as `suite: name` in tests/README.md.
	grep -oE '`[a-z-]+: [^`]+`' "$TOP/tests/README.md" | tr -d '`' >named
	[ "$(wc -l <named)" -gt 40 ] || fail 'there are too few names'
	while IFS=: read -r suite test; do
		test=${test# }
		case $suite in
		unit | terminal | window | relay)
			grep -rqF "$test" "$TOP"/tests/*.c ;;
		*)
			grep -qF "$test" "$TOP/tests/$suite.sh" ;;
		esac || fail "no such test: $suite: $test"
	done <named
}

finish
