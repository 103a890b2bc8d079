#!/bin/sh
# SPDX-License-Identifier: MIT
# Library calls: our declarations of cuBLASLt and cuDNN are those of their headers,
# and their tests (tests/unit) leave nothing behind, as valgrind sees it.
. "${top_srcdir:-.}/tests/lib.sh"

cuda=
[ -z "$NVCC" ] || cuda=$(dirname "$NVCC")/..

# declarations HEADER FILE: FILE compiles, where there is HEADER; and fails when
# one of our numbers is another.
declarations() {
	for folder in "$cuda/include" /usr/local/include /usr/include; do
		[ -r "$folder/$1" ] && break
		folder=
	done
	if [ -z "$cuda" ] || [ -z "$folder" ]; then
		skip "declarations are those of $1" "no $1"
		return
	fi
	# shellcheck disable=SC2086 # CC may be several words
	check "declarations are those of $1" $CC -std=gnu11 -fsyntax-only \
		-I"$top_srcdir" -I"$cuda/include" -I"$folder" \
		"$top_srcdir/tests/runtime/$2.c"
	mkdir -p "$scratch/$2/runtime/lib"
	api=runtime/lib/${2#abi_}_api.h
	sed 's/ = 2,/ = 222,/' "$top_srcdir/$api" >"$scratch/$2/$api"
	# shellcheck disable=SC2086
	check "another number than that of $1 is seen" test -n "$($CC \
		-std=gnu11 -fsyntax-only -I"$scratch/$2" -I"$top_srcdir" \
		-I"$cuda/include" -I"$folder" "$top_srcdir/tests/runtime/$2.c" 2>&1 |
		grep 'static assertion failed')"
}

declarations cublasLt.h abi_cublaslt
declarations cudnn.h abi_cudnn
declarations cudnn.h abi_cudnn_legacy

for name in library cublaslt cudnn cudnn_engine cudnn_legacy cudnn_legacy_run; do
	what="nothing is lost: ${name}_test"
	program=$top_builddir/tests/unit/${name}_test
	if [ -n "$INSTRUMENT" ]; then
		skip "$what" "instrumented build"
	elif [ ! -x "$program" ]; then
		skip "$what" "cmocka was not found"
	elif ! command -v valgrind >/dev/null 2>&1; then
		skip "$what" "valgrind was not found"
	elif [ -z "$WPK_FULL" ] && [ "${name#cudnn}" != "$name" ]; then
		skip "$what" "slow; make check-full"
	else
		check "$what" env top_builddir="$top_builddir" valgrind -q \
			--leak-check=full --error-exitcode=9 "$program"
	fi
done
finish
