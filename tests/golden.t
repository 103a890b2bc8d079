#!/bin/sh
# SPDX-License-Identifier: MIT
# Golden cases: every file tests/STAGE/NAME.* with a "RUN:" line in its first
# comment. README.md beside this file says what a case holds. With arguments,
# only those files.
. "${top_srcdir:-.}/tests/lib.sh"

# What kernels are checked for where a case leaves it open, as %c: in full also for
# the addresses they use, which nearly doubles the time.
checks=race,init
[ -z "$WPK_FULL" ] || checks=address,$checks

# What the "RUN:" lines of case $1 print, with the exit status where it is not
# 0; names are given relative to the case's folder, so no path of this machine
# gets in.
run_case() {
	sed -n '1,12s/.*RUN: *//p' "$1" >"$scratch/run"
	while read -r line; do
		line=$(echo "$line" | sed "s|%s|${1##*/}|g; s|%t|'$scratch/t'|g
			s|%c|$checks|g")
		program=$wpkc
		tool=${line%% *}
		case $tool in *_tool)
			program=$top_builddir/tests/unit/$tool
			line=${line#"$tool"}
			;;
		esac
		(cd "${1%/*}" && eval "'$program' $line") 2>&1 </dev/null
		status=$?
		[ $status = 0 ] || echo "exit $status"
	done <"$scratch/run" | sed "s|$scratch/||g"
}

# The "CHECK:" lines of case $1 that output $2 lacks (each is looked for after
# the one before), and the "CHECK-NOT:" lines that it has.
unmet() {
	awk -v output="$2" '
	function trim(s) { sub(/^[ \t]*/, "", s); sub(/[ \t]+$/, "", s); return s }
	BEGIN { while ((getline line < output) > 0) text[++n] = line; at = 1 }
	match($0, /CHECK: /) {
		want = trim(substr($0, RSTART + RLENGTH))
		for (i = at; i <= n && !index(text[i], want); i++);
		if (i > n) print "not found: " want; else at = i
	}
	match($0, /CHECK-NOT: /) {
		want = trim(substr($0, RSTART + RLENGTH))
		for (i = 1; i <= n; i++)
			if (index(text[i], want)) print i ": found: " want
	}' "$1"
}

one() {
	name=${1#"$top_srcdir"/tests/}
	golden=${1%.*}.out
	got=$scratch/$(echo "${name%.*}" | tr / -).out
	needs=$(sed -n '1,12s/.*NEEDS: *//p' "$1")
	case $needs in
	nvcc) [ -n "$NVCC" ] || { skip "$name" "no nvcc"; return; } ;;
	watch) watches || { skip "$name" "needs g++"; return; } ;;
	full) [ -n "$WPK_FULL" ] || { skip "$name" "make check-full"; return; } ;;
	esac
	run_case "$1" >"$got"
	if grep -q 'CHECK\(-NOT\)\{0,1\}: ' "$1"; then
		unmet "$1" "$got" >"$scratch/found"
		empty "$name" "$scratch/found"
	elif [ ! -f "$golden" ]; then
		echo "MISSING: tests/accept ${name%.*} adopts" >"$scratch/found"
		cat "$got" >>"$scratch/found"
		fail "$name" "$scratch/found"
	else
		check "$name" diff -u "$golden" "$got"
	fi
}

if [ $# = 0 ]; then
	grep -l 'RUN: ' "$top_srcdir"/tests/*/*.* >"$scratch/cases" 2>/dev/null
else
	printf '%s\n' "$@" >"$scratch/cases"
fi
while read -r file <&3; do one "$file"; done 3<"$scratch/cases"
[ -n "$WPK_FULL" ] || skip "addresses, where a case leaves that open" "make check-full"
finish
