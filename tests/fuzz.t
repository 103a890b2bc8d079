#!/bin/sh
# SPDX-License-Identifier: MIT
# What fuzzers found stays mended: kept inputs go through the same targets
# again (operators are cases in tests/random). In full, two minutes of fuzzing and
# two of random operators that nobody has seen.
. "${top_srcdir:-.}/tests/lib.sh"

fuzz=$top_srcdir/tests/fuzz
WPK_EMU_DIR=$top_builddir
export WPK_EMU_DIR

# ---- what was found ----

for target in ir lock options; do
	check "kept inputs of fuzz_$target" \
		"$top_builddir/tests/fuzz/replay_$target" "$fuzz/seeds/$target"/*
done
check "kept inputs of fuzz_plan" env \
	WPK_LIBCUDA="$top_builddir/tests/runtime/libnull.so" \
	"$top_builddir/tests/fuzz/replay_plan" "$fuzz"/seeds/plan/*
check "kept inputs of fuzz_front" "$top_builddir/tests/fuzz/replay_front" \
	"$top_srcdir"/tests/front/*.wpk "$top_srcdir"/tests/errors/*.wpk

# ---- random operators ----

# random NAME SECONDS COUNT: files of COUNT operators until time is up, at least
# one; the first that fails is kept in the scratch folder.
random() {
	end=$(($(date +%s) + $2))
	seed=${WPK_SEED:-1}
	points=0
	how=address
	! watches || how=address,race,init
	: >"$scratch/faults"
	while :; do
		case $((seed % 3)) in
		0)	target=sm_75 ;;
		1)	target=sm_80 ;;
		*)	target=sm_90 ;;
		esac
		file=$scratch/random$seed.wpk
		"$top_builddir/tests/unit/random_tool" "$seed" "$3" >"$file"
		if NVCC='' "$top_builddir/tests/unit/sweep_tool" "$file" \
			--target=$target --trials=1 --seed="$seed" \
			--check="$how" >"$scratch/log" 2>&1
		then
			points=$((points + $(tail -n 1 "$scratch/log" |
				cut -d ' ' -f 1)))
			rm -f "$file"
		else
			echo "random_tool $seed $3, for $target" \
				>>"$scratch/faults"
			grep -A 8 '^FAIL\|error' "$scratch/log" \
				>>"$scratch/faults"
			break
		fi
		seed=$((seed + 1))
		[ "$(date +%s)" -lt $end ] || break
	done
	empty "$1" "$scratch/faults"
	echo "# $points points of $((seed - ${WPK_SEED:-1})) files"
}

if "$CXX" --version >/dev/null 2>&1; then
	if [ -n "$WPK_FULL" ]; then
		random "two minutes of random operators" 120 4
	else
		random "a random operator" 0 1
	fi
else
	skip "random operators" "no C++ compiler"
fi

# ---- fuzzing ----

if [ -z "$WPK_FULL" ]; then
	skip "two minutes of fuzzing" "make check-full"
	finish
	exit
fi
echo 'int LLVMFuzzerTestOneInput(const char *p, long n) { return p && n < 0; }' \
	>"$scratch/try.c"
if ! clang -fsanitize=fuzzer,address "$scratch/try.c" -o "$scratch/try" \
	2>/dev/null; then
	skip "two minutes of fuzzing" "no clang with libFuzzer"
	finish
	exit
fi
root=$(cd "$top_srcdir" && pwd)
mkdir -p "$scratch/build"
cd "$scratch/build" || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
check "the fuzzers build" sh -c '"$1/configure" --enable-fuzz CC=clang \
	CXX=clang++ && make tests/fuzz/fuzz_front tests/fuzz/fuzz_ir \
	tests/fuzz/fuzz_lock tests/fuzz/fuzz_options tests/fuzz/fuzz_plan \
	tests/runtime/libnull.so' - "$root"

# fuzz NAME SEEDS...: half a minute.
fuzz() {
	name=$1
	shift
	mkdir -p "corpus.$name"
	check "half a minute of fuzz_$name" "tests/fuzz/fuzz_$name" \
		-max_total_time=30 -timeout=60 -rss_limit_mb=4000 \
		-artifact_prefix="$name-" "corpus.$name" "$@"
}
fuzz front "$root/tests/front" "$root/tests/errors"
fuzz ir "$root/tests/fuzz/seeds/ir"
fuzz lock "$root/tests/fuzz/seeds/lock"
fuzz options "$root/tests/fuzz/seeds/options"
WPK_LIBCUDA=$PWD/tests/runtime/libnull.so
export WPK_LIBCUDA
fuzz plan "$root/tests/fuzz/seeds/plan"
finish
