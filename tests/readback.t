#!/bin/sh
# SPDX-License-Identifier: MIT
# Every schedule that is printed reads back to the point it was printed for: random
# points of every sketch for every operator of tests/workloads, printed, read, bound
# anew and printed again. In full, several points each, of all cuts into kernels, for
# other targets, too.
. "${top_srcdir:-.}/tests/lib.sh"

tool=$top_builddir/tests/unit/sweep_tool
cores=$(nproc 2>/dev/null || echo 2)

# read_back TARGET TRIALS FILE OPTIONS...
read_back() {
	name="$(basename "$3") for $1"
	target=$1
	trials=$2
	shift 2
	if NVCC='' "$tool" -j "$cores" -I "$top_srcdir/stdlib" --no-verify \
		--target="$target" --trials="$trials" --seed=1 "$@" \
		>"$scratch/log" 2>&1
	then
		pass "$name"
	else
		grep -A 12 '^FAIL' "$scratch/log" | head -n 40 >"$scratch/faults"
		tail -n 1 "$scratch/log" >>"$scratch/faults"
		fail "$name" "$scratch/faults"
	fi
}

for file in "$top_srcdir"/tests/workloads/*.wpk; do
	if [ -n "$WPK_FULL" ] || [ "${file##*/}" != open.wpk ]; then
		read_back sm_90a 1 "$file"
	else
		skip "open.wpk for sm_90a" "make check-full"
	fi
	if [ -z "$WPK_FULL" ]; then
		skip "$(basename "$file") for sm_75 and sm_80" "make check-full"
		continue
	fi
	read_back sm_90a 3 "$file"
	read_back sm_80 2 "$file"
	read_back sm_75 2 "$file"
done
# Of all cuts into kernels: packing has axes of its own.
read_back sm_90a 2 "$top_srcdir/tests/workloads/tensor.wpk" --op=backwards
finish
