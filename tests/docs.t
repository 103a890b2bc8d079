#!/bin/sh
# SPDX-License-Identifier: MIT
# The documents say what is so. Every display in README.md, compiler/README.md
# and the manual pages is of a kind, which stands after the opening fence or, in
# manual pages, in the comment before it:
#
#	wpk NAME [OPTION..]	a source, which compiles with the options
#	source NAME		one that need not
#	console			"$ COMMAND" and what it prints
#	cuda NAME, c NAME	lines of a file that a command wrote, in order
#	make NAME		a file
#	sh			calls of ./bootstrap
#	text			nothing to test
#
# In what is printed, numbers and their units of time may differ: costs and
# sizes of spaces drift, and a loaded machine takes ms where it took us. A
# line "..." stands for any lines. Then options, directives, names and paths in
# the documents are compared with the program and the sources, and examples
# are compiled.
. "${top_srcdir:-.}/tests/lib.sh"

top_srcdir=$(cd "$top_srcdir" && pwd)
top_builddir=$(cd "$top_builddir" && pwd)
wpkc=$top_builddir/wpkc
PATH=$top_builddir:$PATH
NVCC=none
unset MAKEFLAGS MFLAGS MAKELEVEL WPK_EMU_DIR CUDA_HOME
export PATH NVCC

# ---- displays ----

# The displays of document $1 as $2/NN.kind and $2/NN.text.
displays() {
	mkdir -p "$2"
	case $1 in
	*.md) cat "$1" ;;
	*) sed -n -e 's/^\.\\" \(file\|source\|console\|text\)\( \|$\)/@\1\2/' \
		-e '/^@/p; /^\.Bd -literal/,/^\.Ed/p' "$1" |
		awk '/^@/ { kind = substr($0, 2); next }
			/^\.Bd/ { sub(/^file/, "wpk", kind)
				print "```" (kind == "" ? "none" : kind)
				kind = ""; next }
			/^\.Ed/ { print "```"; next }
			{ gsub(/\\e/, "\\"); gsub(/\\\(dq/, "\"")
			  sub(/^\\&/, ""); print }' ;;
	esac | awk -v to="$2" '
		/^```/ && !inside { inside = 1
			at = sprintf("%s/%02d", to, ++n)
			print substr($0, 4) >(at ".kind")
			printf "" >(at ".text"); next }
		/^```/ { inside = 0; close(at ".text"); next }
		inside { print >(at ".text") }'
}

# What of the lines $1 is not in the lines $2; "loose" ignores numbers and
# wants all of $2, "part" is content with part of it.
differ() {
	awk -v got="$2" -v loose="$3" '
	function plain(s) {
		sub(/[ \t]+$/, "", s)
		if (loose == "loose") {
			gsub(/[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?/, "#", s)
			gsub(/# [mun]s/, "# s", s)
		}
		return s
	}
	BEGIN { while ((getline line < got) > 0)
			if (line !~ /^wpkc: no nvcc: /) text[++n] = line
		at = 1; gap = loose == "part" }
	$0 == "..." { gap = 1; next }
	{ first = at
	  while (gap && at <= n && plain(text[at]) != plain($0)) at++
	  if (at > n || plain(text[at]) != plain($0)) {
		print "wanted: " $0
		if (first <= n) print "found:  " text[first]
		bad = 1; exit
	  }
	  at++; gap = 0 }
	END { if (!bad && !gap && loose != "part" && at <= n)
		print "also printed: " text[at] }' "$1"
}

# The commands of console $1 one after the other, in the current folder.
console() {
	sed -n 's/^\$ //p' "$1" >"$1.commands"
	i=0
	while read -r command <&3; do
		i=$((i + 1))
		case $command in *--check=*race*)
			if ! watches; then
				skip "$doc: $command" "needs g++"
				continue
			fi ;;
		esac
		awk -v i="$i" '/^\$ / { n++; next } n == i' "$1" >"$1.want"
		sh -c "$command" >"$1.got" 2>&1 </dev/null
		differ "$1.want" "$1.got" loose >"$1.found"
		empty "$doc: $command" "$1.found"
	done 3<"$1.commands"
	[ $i -gt 0 ] || fail "$doc: a console without a command"
}

display() {
	text=${1%.kind}.text
	read -r kind name options <"$1"
	case $kind in
	wpk)
		cp "$text" "$name"
		# shellcheck disable=SC2086
		check "$doc: $name compiles" "$wpkc" "$name" $options --verify \
			--no-lock -o "$name.cu"
		;;
	source | make) cp "$text" "$name" ;;
	console) console "$text" ;;
	cuda | c)
		differ "$text" "$name" part >"$text.found"
		empty "$doc: what it shows of $name" "$text.found"
		;;
	sh)
		grep -v '^\./bootstrap\( demo\| check\)\{0,1\}$' "$text" \
			>"$text.found"
		empty "$doc: commands that bootstrap knows" "$text.found"
		;;
	text) ;;
	*) fail "$doc: display ${text##*/} is of no kind" ;;
	esac
}

# Every document's displays share a folder.
document() {
	doc=${1#"$top_srcdir"/}
	folder=$scratch/$(echo "$doc" | tr / -)
	displays "$1" "$folder"
	mkdir -p "$folder/work"
	cd "$folder/work" || exit 1
	for kind in "$folder"/*.kind; do
		[ ! -f "$kind" ] || display "$kind"
	done
	cd "$scratch" || exit 1
}

for file in README.md compiler/README.md runtime/worker/README.md man/wpkc.1 \
	man/wpk.7 man/wpkc-explain.1 man/wpkc-report.1 man/wpkc-search.1 \
	man/wpkc-reference.1 man/wpkrun.1 man/libwpk.3 man/wpk-plan.5 \
	man/wpk-tune.7 man/wpkfarm.1 man/wpkstd.7 man/wpkworker.1; do
	document "$top_srcdir/$file"
done

# ---- names ----

sed -n 's/^\.It Fl \([^ ]*\).*/-\1/p' "$top_srcdir/man/wpkc.1" |
	sort >"$scratch/described"
"$wpkc" --list=options | sort >"$scratch/options"
check "wpkc(1) has exactly the options there are" \
	diff "$scratch/options" "$scratch/described"

sed -n 's/^\.It Fl \([^ ]*\).*/-\1/p' "$top_srcdir/man/wpkdb.1" |
	sort >"$scratch/described"
"$top_builddir/wpkdb" --list=options | sort >"$scratch/options"
check "wpkdb(1) has exactly the options there are" \
	diff "$scratch/options" "$scratch/described"
"$top_builddir/wpkdb" --list=commands >"$scratch/commands"
while read -r name; do
	grep -q "^\.It Ic $name\( \|\$\)" "$top_srcdir/man/wpkdb.1" || echo "$name"
done <"$scratch/commands" >"$scratch/found"
empty "wpkdb(1) describes every command" "$scratch/found"
if [ -x "$top_builddir/wpkfarm" ]; then
	sed -n 's/^\.It Fl \([^ ]*\).*/-\1/p' "$top_srcdir/man/wpkfarm.1" |
		sort >"$scratch/described"
	"$top_builddir/wpkfarm" --list=options | sort >"$scratch/options"
	check "wpkfarm(1) has exactly the options there are" \
		diff "$scratch/options" "$scratch/described"
else
	skip "wpkfarm(1) has exactly the options there are" "no Open MPI"
fi

sed -n 's/^\.It Fl \(.*\)/\1/p' "$top_srcdir/man/wpkrun.1" |
	sed 's/ , Fl /\n/g' | sed -n 's/^\([^ ]*\).*/-\1/p' |
	sort >"$scratch/described"
"$top_builddir/wpkrun" --list=options | sort >"$scratch/options"
check "wpkrun(1) has exactly the options there are" \
	diff "$scratch/options" "$scratch/described"

"$wpkc" --list=directives | awk 'NR > 1 { print $1 }' >"$scratch/directives"
while read -r name; do
	grep -Eq "^\.It Li $name\(|^\.(Ic|Ql) (.* )?$name( |$)" \
		"$top_srcdir/man/wpk.7" || echo "$name"
done <"$scratch/directives" >"$scratch/found"
empty "wpk(7) describes every directive" "$scratch/found"

for page in "$top_srcdir"/man/*.[0-9]; do
	page=${page##*/}
	if command -v mandoc >/dev/null 2>&1; then
		check "mandoc likes $page" mandoc -Tlint -W warning \
			"$top_srcdir/man/$page"
	else
		skip "mandoc likes $page" "mandoc was not found"
	fi
done

# `compiler/ir/ir.h` must exist, `ir_hoist()` must be somewhere.
cd "$top_srcdir" || exit 1
for doc in README.md compiler/README.md; do
	grep -o '`[a-z]*/[A-Za-z0-9_./-]*`' $doc | tr -d '\140' | sort -u |
	while read -r path; do
		case $path in build/*) continue ;; esac
		[ -e "$path" ] || [ -e "compiler/$path" ] || echo "$path"
	done >"$scratch/found"
	empty "$doc: paths that exist" "$scratch/found"
	grep -o '`[a-z_0-9]*()`' $doc | tr -d '\140()' | sort -u |
	while read -r name; do
		grep -rq --include="*.[ch]" "\<$name(" compiler search \
			runtime || echo "$name"
	done >"$scratch/found"
	empty "$doc: functions that exist" "$scratch/found"
done
cd "$scratch" || exit 1

# ---- examples ----

for file in "$top_srcdir"/examples/*/*.wpk; do
	title=${file#"$top_srcdir"/}
	case $(sed 1q "$file") in
	//*) check "$title compiles" "$wpkc" "$file" --no-lock -o example.cu ;;
	*) fail "$title has no header comment" ;;
	esac
	cp "$file" .
	sed -n 's|^//     wpkc |wpkc |p' "$file" | sed 's/   .*//' >commands
	while read -r command <&3; do
		case $command in
		*--tune*) command="$command --trials=20 --no-verify" ;;
		esac
		check "$title: $command" sh -c "$command"
	done 3<commands
done

# A chosen schedule, pasted behind its source, is chosen again.
for file in "$top_srcdir"/examples/*/*.wpk; do
	title=${file##*/}
	"$wpkc" "$file" --no-lock --emit=sched >chosen
	cat "$file" chosen >"again-$title"
	"$wpkc" "again-$title" --no-lock --emit=sched >again 2>&1
	check "the schedule of $title reads back" diff chosen again
done
finish
