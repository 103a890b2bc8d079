#!/bin/sh
# SPDX-License-Identifier: MIT
# `make bench-runtime`: what wpk_plan_run() costs on the host beyond the driver's
# launch, on a driver that does nothing: nanoseconds, and where there is valgrind
# instructions. The limit is 200 ns.
set -eu
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$top_srcdir/build}"
WPK_LIBCUDA=$top_builddir/tests/runtime/libnull.so
WPK_NULL_NAME=emulator
export WPK_LIBCUDA WPK_NULL_NAME
scratch=$top_builddir/tests/scratch/bench-runtime
bench=$top_builddir/tests/bench/runtime
rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch"

cat >ops.wpk <<'END'
export op residual[C = 64, H = 56](x: f32[1, C, H, H], w: f32[C, C, 3, 3],
    b: f32[C], z: f32[1, C, H, H]) -> (y: f32[1, C, H, H])
{
    let acc[n, f, p, q]: f32 = sum[c, r in 3, s in 3](
        x[n, c, p + r - 1, q + s - 1] pad 0 * w[f, c, r, s]);
    y[n, f, p, q] = max(acc[n, f, p, q] + b[f] + z[n, f, p, q], 0.0);
}
export op product(a: f32[M, K], b: f32[K, N]) -> (c: f32[M, N])
{
    c[i, j] = sum[k](a[i, k] * b[k, j]);
}
END
"$top_builddir/wpkc" ops.wpk --no-lock -q --plan=ops.plan --modules=emu \
	--set residual:sketch=direct
instructions() {
	command -v valgrind >/dev/null || { echo -; return; }
	valgrind --tool=callgrind --callgrind-out-file=out."$1" \
		--toggle-collect=wpk_plan_run "$bench" ops.plan "$1" 100 \
		>/dev/null 2>log
	callgrind_annotate out."$1" |
	awk '/runtime\/lib\// { gsub(/,/, "", $1); n += $1 }
		END { printf "%.0f\n", n / 900 }'
}
printf '%-40s %6s %12s %13s\n' operator ns 'launch alone' instructions
for op in residual product; do
	# shellcheck disable=SC2046
	set -- $("$bench" ops.plan $op 200000)
	what='5 tensors, one shape'
	[ $op = residual ] || what='3 tensors, any shape'
	printf '%-40s %6d %12d %13s\n' "$op: $what" $(($1 - $2)) "$2" \
		"$(instructions $op)"
done
