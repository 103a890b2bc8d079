#!/bin/sh
# SPDX-License-Identifier: MIT
# Which schedule is meant where several files have some: for an instance before its
# operator, close targets before ranges, the source before what it imports before the
# operator's own file; by dtype, by size, for several operators at once.
. "${top_srcdir:-.}/tests/lib.sh"

mkdir -p "$scratch/work/team" && cd "$scratch/work" || exit 1

# The operator's own file, and two of schedules: each unrolls differently.
cat >ops.wpk <<'END'
op twice[T = f32](x: T[N]) -> (y: T[N]) { y[i] = 2 * x[i]; }
op half[T = f32](x: T[N]) -> (y: T[N]) { y[i] = x[i] / 2; }
schedule own for twice { vectorize(x, 1); unroll(8); }
END
cat >team/first.wpk <<'END'
import ops;
schedule first for ops.twice, ops.half target sm_80.. when T == f32
{ vectorize(x, 1); unroll(2); }
schedule close for ops.twice target sm_90 when T == f32
{ vectorize(x, 2); unroll(2); }
END
cat >team/second.wpk <<'END'
import ops;
schedule second for ops.twice, ops.half target sm_80.. { vectorize(x, 1); unroll(4); }
END

# writes LINE...: the user's file
writes() {
	{
		echo 'import ops;'
		printf '%s\n' "$@"
		echo 'export op a = ops.twice[N = 4096];'
		echo 'export op b = ops.half[N = 4096];'
		echo 'export op c = ops.twice[T = f16, N = 4096];'
	} >user.wpk
}

# picks NAME TARGET WANTED...: the unrolling and vectors of each operator, as
# OPERATOR=UNROLL/VECTOR
picks() {
	name=$1
	"$wpkc" user.wpk --no-lock --target="$2" --emit=sched >sched 2>said
	shift 2
	awk '/^schedule/ { op = $4 }
		/unroll/ { gsub(/[^0-9]/, ""); unroll[op] = $0 }
		/vectorize/ { gsub(/[^0-9]/, ""); print op "=" unroll[op] "/" $0 }
	' sched >picked
	printf '%s\n' "$@" >wanted
	cat said >>picked
	check "$name" diff wanted picked
}

writes
sed -i '/export op b/d' user.wpk
picks "the operator's own file" sm_80 a=8/1 c=8/1
writes 'import team.first;' 'import team.second;'
picks "imported schedules, the first that holds" sm_80 a=2/1 b=2/1 c=4/1
picks "a target beats a range, in the same file" sm_90 a=2/2 b=2/1 c=4/1
writes 'import team.second;' 'import team.first;'
picks "the order of imports" sm_80 a=4/1 b=4/1 c=4/1
picks "a target beats a range, in a later file" sm_90 a=2/2 b=4/1 c=4/1
writes 'import team.first;' 'schedule here for ops.twice target sm_80..' \
	'{ vectorize(x, 4); unroll(1); }'
picks "the source before its imports" sm_80 a=1/4 b=2/1 c=1/4
writes 'import team.second;' 'schedule here for a, c when T == f16' \
	'{ vectorize(x, 4); unroll(1); }'
picks "an instance before its operator" sm_80 a=4/1 b=4/1 c=1/4

# ---- open sizes ----

cat >team/open.wpk <<'END'
import ops;
schedule large for ops.twice when T == f32 && N >= 1024 { vectorize(x, 1); unroll(2); }
END
cat >user.wpk <<'END'
import ops;
import team.open;
export op a = ops.twice;
export op c = ops.twice[T = f16];
END
"$wpkc" user.wpk --no-lock --target=sm_80 --emit=sched >sched 2>said
grep '^schedule' sched >found
cat >wanted <<'END'
schedule chosen for a target sm_80 when T == f32 && N >= 1024 {
schedule chosen_2 for a target sm_80 {
schedule chosen for c target sm_80 {
END
cat said >>found
check "a condition on dtypes and open sizes" diff wanted found
{
	cat user.wpk
	sed 's/team\.open/none/' sched
} >again.wpk
check "what is printed reads back" "$wpkc" again.wpk --no-lock --target=sm_80 \
	-o again.cu

# ---- std.tensor_cores: on the kind of cores that it says, or not at all ----

products="nn nt tn tt batched_nn batched_nt batched_tn batched_tt gemm linear
	linear_relu linear_gelu linear_gelu_tanh linear_silu linear_add
	linear_add_relu linear_swiglu linear_geglu grouped_nn grouped_nt
	grouped_swiglu"

# An instance of every product and convolution of dtype $2, rows M, columns N and
# sums of K, C channels and F filters, $3 in its brackets besides.
instances() {
	echo "import std.matmul; import std.conv; import std.$1;"
	for op in $products; do
		case $op in
		batched*) sizes="Z = 2, $size" ;;
		grouped*) sizes="E = 3, G = $groups, $size" ;;
		*) sizes=$size ;;
		esac
		echo "export op $op = std.matmul.${op}[T = $2$3, $sizes];"
	done
	sed -n 's/^op \(conv[a-z0-9_]*\)\[.*/\1/p' \
		"$top_srcdir/stdlib/std/conv.wpk" | while read -r op; do
		filters="F = $filters_n"
		case $op in
		conv_transpose*) filters="K = $filters_n" ;;
		esac
		case $op in
		*1d*) window="W = 10, S = 3" ;;
		*2d*) window="H = 9, W = 10, R = 3, S = 3" ;;
		*3d*) window="D = 5, H = 6, W = 7, U = 3, R = 3, S = 3" ;;
		esac
		echo "export op $op = std.conv.${op}[T = $2$3, N = 2," \
			"C = $channels, $filters, $window];"
	done
}

# cores NAME FILE DTYPE MORE TARGET SKETCHES: every kernel with a sum is of one of
# them
cores() {
	instances "$2" "$3" "$4" >user.wpk
	"$wpkc" user.wpk --no-lock --target="$5" --emit=sched >sched 2>found
	wanted=$(grep -c '^export' user.wpk)
	[ "$(grep -c '^schedule' sched)" = "$wanted" ] ||
		echo "$(grep -c '^schedule' sched) operators, not $wanted" >>found
	grep 'kernel(.*\(acc\|gate\|up\)' sched >sums
	grep -v "sketch = \($6\));" sums >>found
	[ -s sums ] || echo "no sums" >>found
	empty "$1" found
}

size="M = 160, N = 136, K = 72" groups=5 channels=16 filters_n=64
cores "tensor_cores: f16 on Ampere" tensor_cores f16 "" sm_80 mma
cores "tensor_cores: bf16 on Hopper" tensor_cores bf16 "" sm_90a 'mma\|wgmma'
cores "tensor_cores: i8" tensor_cores i8 ", A = i32, O = i32" sm_80 mma
cores "tensor_cores: f32 is left alone" tensor_cores f32 "" sm_80 \
	'fma\|gemv\|reduce\|direct'
cores "tensor_cores_tf32: f32" tensor_cores_tf32 f32 "" sm_80 mma
cores "tensor_cores_tf32: f32 on Hopper" tensor_cores_tf32 f32 "" sm_90a \
	'mma\|wgmma'
cores "tensor_cores_3xtf32: f32" tensor_cores_3xtf32 f32 "" sm_80 mma
size="M = 33, N = 19, K = 21" groups=1 channels=3 filters_n=5
cores "tensor_cores: sizes that align with nothing" tensor_cores f16 "" sm_80 mma
cores "tensor_cores: ... on Hopper" tensor_cores f16 "" sm_90a 'mma\|wgmma'

# The seeds of large ones, which a search tries first, are points that there are.
cat >user.wpk <<'END'
import std.matmul;
import std.conv;
import std.tensor_cores;
export op mm = std.matmul.nt[T = f16, M = 4096, N = 5120, K = 1024];
export op cv = std.conv.conv2d[T = bf16, N = 32, C = 128, H = 28, W = 28, F = 256,
    R = 3, S = 3, PH = 1, PW = 1]
    with x layout(N, H, W, C), w layout(F, R, S, C/G), y layout(N, P, Q, F);
END
for at in mm=7 cv=5; do
	op=${at%=*}
	sed "/^export op $op/,/;/!{/^export/,/;/d}" user.wpk >one.wpk
	"$wpkc" one.wpk --no-lock --target=sm_90a --tune=random --trials=${at#*=} \
		--no-verify -v -o one.cu >said 2>&1
	check "tensor_cores: seeds of $op are legal on Hopper" \
		grep -q "^wpkc: $op: .*by wgmma; ${at#*=} candidates scored\$" said
done
finish
