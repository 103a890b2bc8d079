#!/bin/sh
# SPDX-License-Identifier: MIT
# Every code of a diagnostic is used, explained, and its examples are what they
# say: the wrong one is refused with the code, the right one compiles.
. "${top_srcdir:-.}/tests/lib.sh"
cd "$scratch" || exit 1

# The example of kind $1, "Wrong" or "Right", in the explanation on stdin.
example() {
	awk -v kind="$1:" '/^[A-Z]/ { on = $0 == kind; next }
	on && /^    / { print substr($0, 5) }'
}

# Does compiling $1 report code $2?
reports() {
	"$wpkc" --no-lock "$1" --emit=sched 2>&1 | grep -F "[$2]:"
}

"$wpkc" --list=codes >codes
check "there are codes" test "$(wc -l <codes)" -gt 50
grep -oh '[EW]_[A-Z_]*' "$top_srcdir"/compiler/*/*.[chly] | sort -u >used
sed -n 's/^\tCODE(\([A-Z_]*\),.*/E_\1/p' \
	"$top_srcdir/compiler/base/codes.h" >rows
grep -vxF -f used rows >unused
empty "every code is used" unused
while read -r code title; do
	"$wpkc" --explain="$code" >text
	if [ "$(sed 1q text)" != "$code: $title" ] ||
		[ "$(wc -l <text)" -lt 3 ]; then
		fail "$code is explained" text
		continue
	fi
	example Wrong <text >wrong.wpk
	example Right <text >right.wpk
	if [ ! -s wrong.wpk ] && [ ! -s right.wpk ]; then
		pass "$code is explained"
		continue
	fi
	check "$code: the wrong example" reports wrong.wpk "$code"
	check "$code: the right example" \
		"$wpkc" --no-lock right.wpk --emit=sched
done <codes

echo 'import there; export op f(x: f32) -> (y: f32) { y = x; }' >here.wpk
echo 'import here;' >there.wpk
check "E0303 is a cycle" reports here.wpk E0303
mkdir -p folder.wpk
check "E0302 is a folder" reports folder.wpk E0302
awk 'BEGIN { printf "fn "; for (i = 0; i < 300; i++) printf "a"
	print "(x) = x;" }' >long.wpk
check "E0105 is a long name" reports long.wpk E0105
"$wpkc" --explain=E0401 >text
check "a code without its letter" sh -c '"$1" --explain=401 | cmp - text' sh \
	"$wpkc"
check "no such code" sh -c '! "$1" --explain=E9999 2>err && grep codes err' sh \
	"$wpkc"
finish
