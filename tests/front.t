#!/bin/sh
# SPDX-License-Identifier: MIT
# The front end alone, by tests/unit/front_tool: what each tests/front/NAME.wpk
# prints must be NAME.expect (syntax, then warnings), what each
# tests/errors/NAME.wpk prints must be NAME.err, and nothing of the syntax. A
# line "// ARGS:" gives options. Then files that are better made than kept.
# With arguments, only those files; `FRONT_ACCEPT=1` adopts what they print.
. "${top_srcdir:-.}/tests/lib.sh"
: "${FRONT_TOOL:=$top_builddir/tests/unit/front_tool}" "${FRONT_ACCEPT=}"

case $FRONT_TOOL in
/*) ;;
*) FRONT_TOOL=$PWD/$FRONT_TOOL ;;
esac

# One case: file $1 and the name $2 of what it shall print, exit code $3.
one() {
	name=${1##*/}
	stage=${1%/*}
	stage=${stage##*/}
	got=$scratch/$stage-${name%.wpk}.out
	args=$(sed -n '1,3s|^// ARGS: *||p' "$1")
	# shellcheck disable=SC2086
	(cd "${1%/*}" && "$FRONT_TOOL" $args "$name") >"$got" 2>"$scratch/err"
	status=$?
	cat "$scratch/err" >>"$got"
	[ -z "$FRONT_ACCEPT" ] || cp "$got" "$2"
	if [ $status != "$3" ]; then
		echo "exit code $status, not $3" >>"$got"
		fail "$stage/$name" "$got"
	elif [ ! -f "$2" ]; then
		echo "MISSING: ${2##*/}" >>"$got"
		fail "$stage/$name" "$got"
	elif ! sed 1q "$1" | grep -q '^// guards: .'; then
		fail "$stage/$name says what it guards"
	else
		check "$stage/$name" diff -u "$2" "$got"
	fi
}

# The file "$made" must end with exit code 1 in time, and the first line that it
# prints must begin with $2.
made=$scratch/made.wpk
refuses() {
	(cd "$scratch" && timeout 60 "$FRONT_TOOL" made.wpk) \
		>"$scratch/out" 2>&1
	status=$?
	cut -c1-200 "$scratch/out" | head -n 20 >"$scratch/head"
	case $status,$(sed 1q "$scratch/head") in
	"1,$2"*) pass "$1" ;;
	*) fail "$1 (exit code $status)" "$scratch/head" ;;
	esac
	rm -f "$made"
}

# repeat N TEXT
repeat() {
	awk -v n="$1" -v text="$2" 'BEGIN { while (n--) printf "%s", text }'
}

robust() {
	{ printf 'fn f(x) = '; repeat 100000 '('; echo 'x'; } >"$made"
	refuses "100000 parentheses" "made.wpk:1:8002: error[E0105]: nested too deeply"
	{ printf 'fn f(x) = '; repeat 3000 'f('; echo 'x'; } >"$made"
	refuses "3000 calls" "made.wpk:1:6012: error[E0104]: unexpected end of file"
	{ printf 'fn f(x) = x'; repeat 100000 '+x'; echo ';'; } >"$made"
	refuses "a sum of 100000" \
		"made.wpk:1:11: error[E0105]: expression nested too deeply"
	{ printf 'fn '; repeat 1000000 'a'; echo '(x) = x;'; } >"$made"
	refuses "a name of 1 MB" \
		"made.wpk:1:4: error[E0105]: name has 1000000 characters"
	{ printf 'test f { shape(a'; repeat 1000000 '.a'; echo ' = 1); }'; } >"$made"
	refuses "a name of 1000000 parts" \
		"made.wpk:1:16: error[E0105]: name is longer than 255 characters"
	{ printf 'fn f(x) = '; repeat 1000000 9; echo ';'; } >"$made"
	refuses "an integer of 1 MB" \
		"made.wpk:1:11: error[E0102]: integer does not fit 64 bits"
	{ printf '/*'; repeat 1000000 '* /'; } >"$made"
	refuses "a comment of 3 MB" \
		"made.wpk:1:1: error[E0103]: comment is never closed"
	{ printf 'op f(x: f32['; repeat 100 'N,'; echo 'N]) -> (y: f32)'
	  echo '{ let a['; repeat 100 'i,'; echo 'j]: f32 = 1; y = 1; }'; } >"$made"
	refuses "100 dimensions" "made.wpk:1:6: error[E0105]: 'x' has 101 dimensions"
	repeat 300000 'fn f(x) = x;' >"$made"
	refuses "300000 functions" \
		"made.wpk:1:3145727: error[E0105]: file has more than 2097152 words"
	repeat 9000000 'fn f(x) = x;' >"$made"
	refuses "108 MB" "wpkc: error[E0302]: cannot read made.wpk: larger than 100 MB"
	printf 'fn f(x) = x;\nfn g(x) = "\377";\n' >"$made"
	refuses "a byte that is no UTF-8" \
		"made.wpk:2:12: error[E0101]: byte 0xff is not valid UTF-8"
	printf '// \355\240\200\n' >"$made"
	refuses "a surrogate" "made.wpk:1:4: error[E0101]: byte 0xed is not valid UTF-8"
	printf 'fn f(x) = x;\n\000\n' >"$made"
	refuses "a NUL" \
		"wpkc: error[E0302]: cannot read made.wpk: has a NUL byte at line 2"
	printf 'fn f(x) = x \001;\n' >"$made"
	refuses "a control character" "made.wpk:1:13: error[E0101]: stray byte 0x01"
	{ echo 'op f(x: i32[N]) -> (y: i32[N]) { y[i] = '
	  repeat 990 'x['; printf i; repeat 990 '] pad 0'; echo '; }'
	  echo 'schedule s for f { require '
	  repeat 990 '1 + ('; printf N; repeat 990 ')'; echo ' > 3; }'; } >"$made"
	check "depth within the limit" "$FRONT_TOOL" "$made"
	mkdir -p "$scratch/folder.wpk"
	(cd "$scratch" && "$FRONT_TOOL" folder.wpk) 2>"$scratch/out"
	check "a folder" grep -xF \
		"wpkc: error[E0302]: cannot read folder.wpk: Is a directory" \
		"$scratch/out"
	(cd "$scratch" && "$FRONT_TOOL" none.wpk) 2>"$scratch/out"
	check "a file that is not there" grep -xF \
		"wpkc: error[E0302]: cannot read none.wpk: No such file or directory" \
		"$scratch/out"
}

if [ ! -x "$FRONT_TOOL" ]; then
	fail "front_tool is not built"
	finish
	exit
fi
if [ $# -gt 0 ]; then
	for file; do
		case $file in
		*errors/*) one "$file" "${file%.wpk}.err" 1 ;;
		*) one "$file" "${file%.wpk}.expect" 0 ;;
		esac
	done
	finish
	exit
fi
for file in "$top_srcdir"/tests/front/*.wpk; do
	[ ! -f "$file" ] || one "$file" "${file%.wpk}.expect" 0
done
fronts=$count
for file in "$top_srcdir"/tests/errors/*.wpk; do
	if [ -f "$file" ] && ! grep -q 'RUN: ' "$file"; then
		one "$file" "${file%.wpk}.err" 1
	fi
done
check "there are cases of both kinds" \
	test "$fronts" -gt 0 -a "$count" -gt "$fronts"
robust
finish
