#!/bin/sh
# SPDX-License-Identifier: MIT
# Packed factors: right, without races, and written whole, for every type on tensor
# cores, both layouts, strides, padding, dilation and groups, odd products, on both
# kinds of tensor cores; printed schedules and locks give the same bytes.
. "${top_srcdir:-.}/tests/lib.sh"

cd "$scratch" || exit 1

# layer NAME SIZES LAYOUTS: a convolution's instance, by types of tensor cores.
layer() {
	for t in $types; do
		acc=f32 out=$t
		[ "$t" != i8 ] || acc=i32 out=i32
		echo "export op $1_$t = std.conv.conv2d[T = $t, A = $acc," \
			"O = $out, $2] $3;"
	done
}
types="f16 i8"
[ -z "$WPK_FULL" ] || types="f16 bf16 i8 u8"
last="with x layout(N, H, W, C), w layout(F, R, S, C/G), y layout(N, P, Q, F)"
{
	echo "import std.conv; import std.matmul;"
	layer stem "N = 2, C = 3, H = 19, W = 21, F = 24, R = 7, S = 7,
		SH = 2, SW = 2, PH = 3, PW = 3" "$last"
	layer planes "N = 2, C = 3, H = 19, W = 21, F = 24, R = 7, S = 7,
		SH = 2, SW = 2, PH = 3, PW = 3"
	layer spread "N = 1, C = 5, H = 13, W = 11, F = 17, R = 3, S = 4,
		DH = 2, DW = 2, PH = 1, PW = 2, SW = 3" "$last"
	layer groups "N = 1, C = 10, G = 2, H = 9, W = 11, F = 34, R = 3, S = 3,
		PH = 1, PW = 1" "$last"
	layer mixed "N = 1, C = 32, H = 7, W = 9, F = 24, R = 3, S = 3, PH = 1,
		PW = 1" "with x layout(N, H, W, C)"
	layer single "N = 3, C = 1, H = 12, W = 10, F = 20, R = 5, S = 5" "$last"
	echo "export op odd(a: f16[57, 333], b: f16[333, 41]) -> (c: f16[57, 41])
	{ let acc[i, j]: f32 = sum[k](a[i, k] * b[k, j]); c[i, j] = acc[i, j]; }
	export op rows(a: i8[57, 99], b: i8[41, 99]) -> (c: i32[57, 41])
	{ let acc[i, j]: i32 = sum[k](i32(a[i, k]) * i32(b[j, k]));
	  c[i, j] = acc[i, j]; }
	export op strided(a: f16[57, 64] stride(67, 1), b: f16[64, 40])
	    -> (c: f16[57, 40])
	{ let acc[i, j]: f32 = sum[k](a[i, k] * b[k, j]); c[i, j] = acc[i, j]; }
	export op gram(a: f16[57, 33]) -> (c: f16[57, 57])
	{ let acc[i, j]: f32 = sum[k](a[i, k] * a[j, k]); c[i, j] = acc[i, j]; }
	export op shifted(a: f16[57, 40] align(4), b: f16[41, 40])
	    -> (c: f16[57, 41])
	{ let acc[i, j]: f32 = sum[k](a[i, k] * b[j, k]); c[i, j] = acc[i, j]; }"
} >ops.wpk

if ! "$wpkc" --no-lock --check --op=gram --target=sm_80 ops.wpk >log 2>&1 &&
	grep -q 'not verified' log
then
	skip "packed factors" "the emulator or g++ is missing"
	finish
	exit
fi

# right TARGET OP TENSOR PACK ALONG [DIRECTIVES]
right() {
	{
		cat ops.wpk
		echo "schedule s for $2 { ${6:-mma(acc);}" \
			"stage($3, pack = $4, along = $5); }"
	} >one.wpk
	if "$wpkc" --no-lock --check=race,init --verify --op="$2" \
		--target="$1" one.wpk >log 2>&1 &&
		grep -q "^$2: verified whole" log
	then
		pass "$2 by $4 along $5 on $1${6:+, copied so}"
	else
		fail "$2 by $4 along $5 on $1${6:+, copied so}" log
	fi
}

for target in sm_80 sm_90a; do
	for t in $types; do
		pack=8
		case $t in i8 | u8) pack=16 ;; esac
		right $target "stem_$t" x $pack sc
		right $target "stem_$t" x 4 c
		right $target "planes_$t" x $pack cs
		right $target "spread_$t" x $pack sc
		right $target "groups_$t" x $pack c
		right $target "groups_$t" x 16 sc
		right $target "mixed_$t" w $pack c
		right $target "single_$t" x $pack s
		right $target "single_$t" x $pack rs
	done
	right $target stem_f16 x 8 rsc
	right $target odd a 8 k
	right $target odd b 16 k
	right $target rows a 16 k
	right $target rows b 4 k
	right $target strided a 8 k
	right $target gram a 8 k
	right $target shifted a 8 k
done

# ---- sizes that stay open, and what never changes ----

cat >open.wpk <<'END'
export op linear(a: f16[M, 333], b: f16[40, 333]) -> (c: f16[M, 40])
{ let acc[i, j]: f32 = sum[k](a[i, k] * b[j, k]); c[i, j] = acc[i, j]; }
schedule s for linear { const(b); stage(a, b, pack = 8); mma(acc); }
END
"$wpkc" --no-lock --target=sm_80 --check=race,init --verify open.wpk >log 2>&1
check "rows of any number" test "$(grep -c ': verified whole' log)" = 5
"$wpkc" --no-lock --target=sm_80 open.wpk -o open.cu 2>log
check "weights are packed before calls" grep -q \
	'cudaLaunchKernelEx(&config, linear_kernel_1, b, b_k8)' open.cu

# ---- bytes ----

cat >bytes.wpk <<'END'
import std.conv;
export op planes = std.conv.conv2d[T = f16, N = 1, C = 64, H = 28, W = 28,
    F = 64, R = 3, S = 3, PH = 1, PW = 1];
export op rows = std.conv.conv2d[T = f16, N = 1, C = 3, H = 64, W = 64, F = 64,
    R = 7, S = 7, SH = 2, SW = 2, PH = 3, PW = 3]
    with x layout(N, H, W, C), w layout(F, R, S, C/G), y layout(N, P, Q, F);
schedule a for planes { mma(acc); stage(x, pack = 8, along = c); const(w); }
schedule b for rows { mma(acc); stage(x, pack = 8, along = sc); const(w); }
END
"$wpkc" --no-lock --target=sm_80 --check=bytes bytes.wpk >log 2>&1
check "an image is read once as its channels become innermost" \
	grep -q '  x: 100352 bytes read, 1.00 times what it uses' log
check "a filter's rows are written once" \
	grep -q '  workspace: 98304 bytes written' log

# ---- copies that what is packed allows ----

right sm_80 odd a 8 k "mma(acc); pipeline(k, async = on, stages = 4);"
right sm_90a odd b 8 k "mma(acc, kind = wgmma);
	pipeline(k, async = bulk, stages = 3);"
right sm_90a mixed_f16 w 8 c "mma(acc, kind = wgmma);
	pipeline(crs, async = bulk, stages = 3);"
right sm_90a stem_f16 x 16 sc "mma(acc, kind = wgmma);
	pipeline(rsc, async = bulk, stages = 3);"

# ---- the same again ----

echo "schedule s for stem_f16 { mma(acc); const(w); stage(x, w, pack = 8,
	along = sc); }" >asked
cat ops.wpk asked >one.wpk
"$wpkc" --no-lock --op=stem_f16 --target=sm_80 one.wpk -o first.cu \
	>/dev/null 2>log &&
"$wpkc" --no-lock --op=stem_f16 --target=sm_80 --emit=sched one.wpk >first.sched
check "packing is printed" grep -q 'stage(x, along = sc, pack = 8);' first.sched
check "for each tensor" grep -q 'stage(w, along = sc, pack = 8);' first.sched
cat ops.wpk first.sched >again.wpk
"$wpkc" --no-lock --op=stem_f16 --target=sm_80 --emit=sched again.wpk >again.sched
check "a printed schedule prints the same" diff first.sched again.sched
"$wpkc" --no-lock --op=stem_f16 --target=sm_80 again.wpk -o again.cu
sed 's/ from [a-z]*[.]wpk//' first.cu >first
sed 's/ from [a-z]*[.]wpk//' again.cu >again
check "and gives the same bytes" cmp first again

"$wpkc" --tune --trials=6 --measure=model --op=stem_f16 --target=sm_80 \
	one.wpk -o tuned.cu >log 2>&1
check "the lock names what is packed" grep -q 'kernel = x_sc8' one.wpk.lock
"$wpkc" --frozen --op=stem_f16 --target=sm_80 one.wpk -o frozen.cu >log 2>&1
check "and gives the same bytes again" cmp tuned.cu frozen.cu

"$wpkc" --no-lock --op=odd --target=sm_80 --emit=sched ops.wpk \
	--set stage.a.pack=16 >set.sched 2>&1
check "--set asks for it too" grep -q 'stage(a, along = k, pack = 16);' set.sched

# What is the whole program's is printed under each of its kernels.
cat >over.wpk <<'END'
export op over[M = 64, N = 64, K = 63](x: f16[M, K], w: f16[N, K], r: f16[M, N])
    -> (y: f16[M, N])
{
    let acc[i, j]: f32 = sum[k](x[i, k] * w[j, k]);
    y[i, j] = f16(acc[i, j] + f32(r[i, j]));
}
END
{
	cat over.wpk
	echo 'schedule s for over { in_place(y, r); mma(acc);'
	echo '    stage(x, w, pack = 8, along = k); }'
} >asked.wpk
"$wpkc" --no-lock --target=sm_80 --emit=sched asked.wpk >over.sched
cat over.wpk over.sched >again.wpk
"$wpkc" --no-lock --target=sm_80 --emit=sched again.wpk >again.sched 2>&1
check "packed and in place reads back" diff over.sched again.sched
finish
