#!/bin/sh
# SPDX-License-Identifier: MIT
# Every operator of tests/workloads/open.wpk has a general kernel, which is right
# from one element on, at primes and at round sizes; in full under the sanitizers
# and assembled for three targets.
. "${top_srcdir:-.}/tests/lib.sh"

file=$top_srcdir/tests/workloads/open.wpk
cd "$scratch" || exit 1

# right NAME OPTIONS...: every size of every operator asked for is verified.
right() {
	what=$1
	shift
	if "$wpkc" -I "$top_srcdir/stdlib" --no-lock "$file" "$@" >out 2>&1 &&
	    [ "$(grep -c ': verified' out)" -ge 3 ]; then
		pass "$what"
	else
		grep -v ': verified' out >faults
		fail "$what" faults
	fi
}

if ! "$CXX" --version >/dev/null 2>&1; then
	skip "open sizes" "no C++ compiler"
	finish
	exit
fi
cat >rounded.wpk <<'END'
import std.matmul;
import std.tensor_cores_tf32;
import std.tensor_cores_3xtf32;
export op rows = std.matmul.nt[T = f32, N = 64, K = 64];
END
# What f32 becomes in tf32 has a bound at each size that is judged: no other.
rounds() {
	sed "/cores_$2/!{/cores_/d}" rounded.wpk >"$1.wpk"
	"$wpkc" --no-lock "$1.wpk" --target="$3" --check >out 2>&1
	check "$2 on $3: all sizes are right" sh -c \
		'[ "$(grep -c "where M = [0-9]*: verified whole" out)" -ge 6 ] &&
		! grep -v ": verified whole" out'
	"$wpkc" -q --no-lock "$1.wpk" --target="$3" --emit=sched >out
	check "... on tensor cores" grep -q "precision = $2" out
}
# predicted OP: microseconds of each way to cut it, in their order.
predicted() {
	"$wpkc" -v -I "$top_srcdir/stdlib" --no-lock --emit=sched --op="$1" \
		"$file" 2>&1 >/dev/null | tr '\n' ' ' |
		grep -o '[0-9.e+]* us predicted' | tr '\n' ' '
}
# Where the point that one finds first is a bad one.
for op in nn columns layer group variance; do
	check "$op: a descent from several starts is no worse than cuts" awk \
		-v v="$(predicted "$op")" 'BEGIN { split(v, us, " us predicted ")
		exit !(us[1] > 0 && us[1] + 0 <= us[2] + 0) }'
done
check "columns: nor as bad as what is found first" awk \
	-v v="$(predicted columns)" 'BEGIN { exit !(v + 0 > 0 && v + 0 < 20) }'
rounds short tf32 sm_80
rounds long 3xtf32 sm_80
rounds hopper tf32 sm_90a
if [ -z "$WPK_FULL" ]; then
	for op in rows joined averaged variance tt; do
		right "$op" --check --op=$op
	done
	skip "all operators" "make check-full"
	finish
	exit
fi
ops=$(sed -n 's/^export op \([a-z_]*\) .*/\1/p' "$file")
for op in $ops; do
	right "$op under the sanitizers" --check=address,race,init --op="$op"
	for target in sm_75 sm_80 sm_90; do
		[ -n "$NVCC" ] || continue
		check "$op assembles for $target" sh -c '"$1" -q -I "$2/stdlib" \
			--no-lock "$3" --op="$4" --target="$5" -o open.cu &&
			"$6" -arch="$5" -cubin -o /dev/null open.cu' - "$wpkc" \
			"$top_srcdir" "$file" "$op" "$target" "$NVCC"
	done
done
finish
