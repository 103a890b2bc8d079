#!/bin/sh
# SPDX-License-Identifier: MIT
# wpkrun on the emulator: operators of all kinds agree with the reference, what
# computes wrong is seen, what cannot be done is said with its exit code, arrays
# go in and out, and nothing is left behind. wpkc reference says what is right.
. "${top_srcdir:-.}/tests/lib.sh"
wpkrun=$top_builddir/wpkrun
unset WPKC
mkdir "$scratch/work" "$scratch/tmp"
cd "$scratch/work" || exit 1
TMPDIR=$scratch/tmp
export TMPDIR

cat >many.wpk <<'END'
// Fused, in half types, with two outputs, in a blocked layout, of integers.
import std.act;

export op gelu[M = 48, N = 96, K = 64](x: f16[M, K], w: f16[N, K],
    bias: f32[N]) -> (y: f16[M, N])
{
    let acc[i, j]: f32 = sum[k](f32(x[i, k]) * f32(w[j, k]));
    y[i, j] = act.gelu(acc[i, j] + bias[j]);
}
export op both[N = 1000](x: bf16[N]) -> (lo: f32[N], flag: bool[N])
{
    lo[i] = min(f32(x[i]), 0.25);
    flag[i] = x[i] > 0.5;
}
export op blocked[N = 2, C = 64, H = 5](
    x: f32[N, C, H] layout(N, C/32, H, C%32)) -> (y: f32[N, C, H])
{
    y[n, c, h] = 2 * x[n, c, h];
}
export op whole[N = 100](x: i8[N], y: i32[N]) -> (z: i64[N])
{
    z[i] = i64(x[i]) * i64(y[i]);
}
END
cat >any.wpk <<'END'
export op product(a: f32[M, K], b: f32[K, N]) -> (c: f32[M, N])
where K % 4 == 0
{
    c[i, j] = sum[k](a[i, k] * b[k, j]);
}
END
cat >const.wpk <<'END'
import std.conv;
export op round = std.conv.conv2d[N = 1, C = 8, H = 14, W = 14, F = 16, R = 3,
    S = 3, PH = 1, PW = 1];
export op scale(x: f32[M, N], w: f32[N, M]) -> (y: f32[M, N])
{
    y[i, j] = x[i, j] * w[j, i];
}
schedule by_2 for round { const(w); winograd(acc, m = 2); }
schedule fixed for scale { const(w); }
tune scale { shape(M = 32, N = 64); shape(M = 7, N = 9); }
END

# says TEXT...: the last command's output has each.
says() {
	for text; do
		grep -qF -e "$text" "$scratch/.out" || echo "not printed: $text"
	done >"$scratch/.lacks"
	[ ! -s "$scratch/.lacks" ] || cat "$scratch/.out" >>"$scratch/.lacks"
	empty "... and says so" "$scratch/.lacks"
}

# ---- what serves ----

ends 0 "operators of fixed sizes" "" "$wpkrun" many.wpk --device=emu
says "gelu: gelu_kernel, verified " "both: both_kernel, verified 2048 samples" \
	"blocked: blocked_kernel, verified " "whole: whole_kernel, verified "
ends 0 "one by name, every element" "" "$wpkrun" many.wpk both --samples=all
says "both: both_kernel, verified 2000 samples, max error 0 of bound"
check "... and no other" test "$(wc -l <"$scratch/.out")" = 1
check "where there is no GPU, the emulator is told of" \
	grep -q "^wpkrun: the emulator runs it" "$scratch/.err"
ends 0 "... unless -q" "" "$wpkrun" many.wpk both -q
check "... says nothing" test ! -s "$scratch/.err"

ends 0 "open sizes by --shape" "" "$wpkrun" any.wpk --device=emu \
	--shape M=24,K=32,N=40 --json --fresh
says '"operator":"product","sizes":{"M":24,"K":32,"N":40}' \
	'"verdict":"verified"' '"general":false' '"device":"emulator"' \
	'"compared":1920'
ends 0 "constant operands are prepared, tuned shapes run" "" "$wpkrun" \
	const.wpk --device=emu -v
says "round: round_kernel" "scale M=32,N=64: " "scale M=7,N=9: "
check "... one is prepared" test "$(grep -c ' [1-9][0-9]* prepared' \
	"$scratch/.out")" = 1

"$wpkc" any.wpk --shape M=24,K=32,N=40 --modules=emu --plan any.plan -o any.cu
ends 0 "a plan beside its source" "" "$wpkrun" any.plan
says "product M=24,K=32,N=40: product_M24_K32_N40_kernel, verified"
ends 0 "... at sizes that it has no kernel of" "" "$wpkrun" any.plan \
	--shape M=7,K=12,N=9
says "product M=7,K=12,N=9: product_kernel (general), verified 63 samples"
mkdir alone && cp any.plan any.*.emu alone
ends 0 "a plan without its source" "results are not checked" "$wpkrun" \
	alone/any.plan
says "ran, not checked"
ends 0 "... and with it elsewhere" "" "$wpkrun" alone/any.plan --source=any.wpk
says "verified"
ends 0 "unchecked by wish" "" "$wpkrun" alone/any.plan --against=none -q
check "... nothing is said of that" test ! -s "$scratch/.err"

# Sums of another arithmetic are right within another bound.
cat >tf32.wpk <<'END'
export op product[M = 64, N = 64, K = 64](a: f32[M, K], b: f32[K, N])
    -> (c: f32[M, N])
{
    c[i, j] = sum[k](a[i, k] * b[k, j]);
}
END
cp tf32.wpk plain.wpk
echo 'schedule s for product { mma(c, precision = tf32); }' >>tf32.wpk
ends 0 "tf32 is held to its own bound" "" "$wpkrun" tf32.wpk -- \
	--target=sm_80 --set sketch=mma
check "... which it uses" grep -q 'max error 0\.[0-9]* of bound' "$scratch/.out"
sed 's/M = 64, //; s/for product/& when M >= 16/' tf32.wpk >rows.wpk
"$wpkc" rows.wpk --no-lock --target=sm_80 --modules=emu --plan rows.plan -o rows.cu
ends 0 "... also a kernel for all sizes" "" "$wpkrun" rows.plan --shape M=37
says "product M=37: product_s_kernel (general), verified 2368 samples, max error 0."
ends 0 "... and one beside it that sums f32" "" "$wpkrun" rows.plan --shape M=5
says "product M=5: product_kernel (general), verified 320 samples"

# ---- tensor maps of parts of tensors ----

cat >views.wpk <<'END'
export op mm[M = 70, N = 80, K = 64](a: f16[M, 2*K], b: f16[2, N, K]) -> (c: f16[M, N])
{
    let acc[i, j]: f32 = sum[k](f32(a[i, k + K]) * f32(b[1, j, k]));
    c[i, j] = f16(acc[i, j]);
}
END
"$wpkc" views.wpk -q --no-lock --target=sm_90a --set sketch=wgmma \
	--modules=emu --plan views.plan -o views.cu
check "a plan with maps of parts of tensors" grep -q '"offset": 10240' views.plan
ends 0 "... is right" "" "$wpkrun" views.plan
sed 's/"offset": 128/"offset": 112/' views.plan >other.plan
ends 4 "... and with others is wrong" "" "$wpkrun" other.plan --source=views.wpk
sed 's/"offset": 128/"offset": 24/' views.plan >askew.plan
ends 1 "... or refused" "" "$wpkrun" askew.plan --source=views.wpk
sed 's/"offset": 128/"offset": "128"/' views.plan >none.plan
ends 1 "... or none" "describes no tensor map" "$wpkrun" none.plan \
	--source=views.wpk

# ---- integers that no double holds ----

cat >integers.wpk <<'END'
export op far[N = 256](x: i64[N]) -> (y: i64[N])
{
    let a[i]: i64 = x[i] * 3037000499 + 1;
    y[i] = a[i] * a[i];
}
END
ends 0 "i64 beyond 2^53 are compared as integers" "" "$wpkrun" integers.wpk
says "far: far_kernel, verified 256 samples, max error 0 of bound"
"$wpkc" integers.wpk --modules=emu --plan integers.plan -o integers.cu
mkdir near
sed 's/a\[i\];/a[i] + 1;/' integers.wpk >near/integers.wpk
(cd near && "$wpkc" integers.wpk --modules=emu --plan integers.plan \
	-o integers.cu)
cp near/integers.sm_90a.emu .
ends 4 "... and one beside it is wrong" "" "$wpkrun" integers.plan
says " within 0"

# ---- what computes wrong ----

# A reference whose bounds are no numbers.
cat >boundless <<END
#!/bin/sh
"$wpkc" "\$@" || exit
for arg; do
	case \$arg in --to=*) to=\${arg#--to=} ;; esac
done
for at in 16 40 64 88; do
	printf '\0\0\0\0\0\0\370\177' |
		dd of="\$to/few.0.y" bs=1 seek=\$at conv=notrunc 2>/dev/null
done
END
chmod +x boundless
echo 'export op few[N = 4](x: f32[N]) -> (y: f32[N]) { y[i] = 3 * x[i]; }' >few.wpk
"$wpkc" few.wpk --modules=emu --plan few.plan -o few.cu
ends 0 "what is right is so without a bound" "" env WPKC=./boundless "$wpkrun" \
	few.plan
mkdir twice
sed 's/3 \*/2 */' few.wpk >twice/few.wpk
(cd twice && "$wpkc" few.wpk --modules=emu --plan few.plan -o few.cu)
cp twice/few.sm_90a.emu .
ends 4 "... and what is wrong is wrong" "" env WPKC=./boundless "$wpkrun" few.plan
says " within nan"

mkdir wrong
sed 's/b\[k, j\])/b[k, j]) + 0.5/' any.wpk >wrong/any.wpk
(cd wrong && "$wpkc" any.wpk --shape M=24,K=32,N=40 --modules=emu \
	--plan any.plan -o any.cu)
sed 's/any\.sm_90a\.emu/bad.emu/' any.plan >bad.plan
cp wrong/any.sm_90a.emu bad.emu
ends 4 "another's module computes wrong" "" "$wpkrun" bad.plan
says "wrong: element 0 of c is "
ends 4 "... as JSON" "" "$wpkrun" bad.plan --json
says '"verdict":"wrong"' '"message":"element '
ends 0 "... which nobody sees without a reference" "" "$wpkrun" bad.plan \
	--against=none

# swap SED NAME: a plan NAME.plan whose module is that of the text as edited.
swap() {
	"$wpkc" any.wpk --shape M=24,K=32,N=40 -o "$2.cu" --no-lock
	mkdir "$2"
	sed "$1" any.wpk >"$2/any.wpk"
	(cd "$2" && "$wpkc" any.wpk --shape M=24,K=32,N=40 --modules=emu \
		--plan any.plan -o any.cu)
	cp "$2/any.sm_90a.emu" "$2.emu"
	sed "s/any\.sm_90a\.emu/$2.emu/" any.plan >"$2.plan"
}

swap 's/c\[i, j\] = sum.*/c[i, j] = a[i, 0] * b[0, j] * 0 + 1.0;/' flat
ends 4 "... a product that is none" "" "$wpkrun" flat.plan
awk '/"grid": \[/ { print "\"grid\": [0, 1, 1],"; skip = !/\]/; next }
		skip { skip = !/\]/; next } { print }' any.plan >idle.plan
ends 4 "what writes nothing is seen" "" "$wpkrun" idle.plan
says "element 0 of c was not written"
sed 's/"tensor": 2/"tensor": 1/' any.plan >onto.plan
ends 4 "a kernel that writes its input" "" "$wpkrun" onto.plan
says "wrong: the input b was written"
sed 's/"tensor": 2/"tensor": 0/' any.plan >past.plan
ends 4 "... and past its end" "" "$wpkrun" past.plan
sed 's/"tensor": 2/"i64": 0/' any.plan >null.plan
ends 4 "a kernel that faults" "nothing more was run" "$wpkrun" null.plan --fresh
says "fault: CUDA_ERROR_ILLEGAL_ADDRESS"

# ---- outputs where inputs lie ----

cat >place.wpk <<'END'
export op add(x: f32[M, N], b: f32[N]) -> (y: f32[M, N])
{
    y[i, j] = x[i, j] + b[j];
}
schedule s1 for add { in_place(y, x); }
tune add { shape(M = 33, N = 65); shape(M = 8, N = 128); }
export op softmax[M = 5, N = 1000](x: f32[M, N]) -> (y: f32[M, N])
{
    let m[i]: f32 = max[j](x[i, j]);
    let e[i, j]: f32 = exp(x[i, j] - m[i]);
    let s[i]: f32 = sum[j](e[i, j]);
    y[i, j] = e[i, j] / s[i];
}
schedule s2 for softmax { in_place(y, x); }
export op residual[M = 40, N = 24, K = 32](x: f16[M, K], w: f16[N, K],
    r: f16[M, N]) -> (y: f16[M, N])
{
    let acc[i, j]: f32 = sum[k](x[i, k] * w[j, k]);
    y[i, j] = f16(acc[i, j] + r[i, j]);
}
schedule s3 for residual { in_place(y, r); }
export op parts = residual;
schedule s4 for parts { in_place(y, r); split_k(acc, 2); }
export op conv[C = 4, H = 9, F = 8](x: f32[C, H, H], w: f32[F, C, 3, 3],
    r: f32[F, H, H]) -> (y: f32[F, H, H])
{
    let acc[f, p, q]: f32 = sum[c, s in 3, t in 3](
        x[c, p + s - 1, q + t - 1] pad 0 * w[f, c, s, t]);
    y[f, p, q] = max(acc[f, p, q] + r[f, p, q], 0.0);
}
schedule s5 for conv { in_place(y, r); }
END
ends 0 "what may be in place is run in place, too" "" "$wpkrun" place.wpk \
	--device=emu --samples=all
check "... all of it" test "$(grep -c 'bound, in place too$' \
	"$scratch/.out")" = 6
for sketch in fma mma wgmma gemv; do
	ends 0 "... by sketch $sketch" "" "$wpkrun" place.wpk parts \
		--device=emu --json -- --set sketch=$sketch
	says '"in_place":true'
done
for sketch in direct fma winograd; do
	ends 0 "... by sketch $sketch" "" "$wpkrun" place.wpk conv \
		--device=emu --json -- --set sketch=$sketch
	says '"in_place":true'
done

# Several kernels: whoever reads what is overwritten comes before.
cat >kernels.wpk <<'END'
export op behind[B = 9, L = 70](x: f32[B, L]) -> (y: f32[B, L], s: f32[B])
{
    y[b, l] = 2 * x[b, l];
    s[b] = sum[l](x[b, l]);
}
schedule s1 for behind { in_place(y, x); }
export op two[M = 40, N = 24, K = 32](x: f16[M, K], w: f16[N, K], u: f16[N, K],
    r: f16[M, N]) -> (y: f16[M, N], z: f16[M, N])
{
    let a[i, j]: f32 = sum[k](x[i, k] * w[j, k]);
    let c[i, j]: f32 = sum[k](x[i, k] * u[j, k]);
    y[i, j] = f16(a[i, j] + r[i, j]);
    z[i, j] = f16(c[i, j] + r[i, j]);
}
schedule s2 for two { in_place(y, r); }
export op apart[N = 24](x: f32[N, N], w: f32[N, N]) -> (y: f32[N, N])
{
    let acc[i, j]: f32 = sum[k](x[i, k] * w[k, j]);
    y[i, j] = acc[i, j];
}
schedule s3 for apart { in_place(y, x); }
export op grid[M = 3, N = 700](x: f32[M, N]) -> (y: f32[M, N])
{
    let m[i]: f32 = max[j](x[i, j]);
    let e[i, j]: f32 = exp(x[i, j] - m[i]);
    let s[i]: f32 = sum[j](e[i, j]);
    y[i, j] = e[i, j] / s[i];
}
schedule s4 for grid { reduce(m, over = grid); in_place(y, x); }
END
ends 0 "... and several kernels run in place" "" "$wpkrun" kernels.wpk \
	--device=emu --samples=all
check "... all of them" test "$(grep -c 'bound, in place too$' \
	"$scratch/.out")" = 4

# A plan that lies: threads read what others have written.
cat >turn.wpk <<'END'
export op turn[N = 64](x: f32[N, N]) -> (y: f32[N, N]) { y[i, j] = x[j, i]; }
END
"$wpkc" turn.wpk --no-lock -q --modules=emu --plan turn.plan -o turn.cu
ends 0 "a plan of a transposition" "" "$wpkrun" turn.plan
check "... is not in place" sh -c '! grep -q "in place" "$1"' sh "$scratch/.out"
sed 's/^\( *\)"workspace_tensors":/\1"in_place": [{"output": 1, "input": 0}],\
&/' turn.plan >lies.plan
cp turn.wpk lies.wpk
ends 4 "... nor if it says so" "" "$wpkrun" lies.plan
says "wrong: in place: element "

# ---- arrays ----

ends 0 "tensors are saved" "" "$wpkrun" any.wpk --shape M=8,K=12,N=5 --save=all \
	--seed=7 --out c=c.npy
check "... the output once more" cmp c.npy "all/product.M=8,K=12,N=5.c.npy"
ends 0 "arrays are read, with the sizes" "" "$wpkrun" any.wpk \
	--in a="all/product.M=8,K=12,N=5.a.npy" \
	--in b="all/product.M=8,K=12,N=5.b.npy" --out c=again.npy
says "product M=8,K=12,N=5: "
check "... and give the same" cmp c.npy again.npy
ends 0 "a blocked tensor is saved" "" "$wpkrun" many.wpk blocked --save=all
ends 0 "... and read" "" "$wpkrun" many.wpk blocked --in x=all/blocked.x.npy \
	--out y=y.npy
check "... and gives the same" cmp y.npy all/blocked.y.npy
printf '\223NUMPY\001\000\110\000%-71s\n' "{'descr': '<f4', \
'fortran_order': True, 'shape': (2, 2)}" >eye.npy
printf '\000\000\200?\000\000\000@\000\000@@\000\000\200@' >>eye.npy
cat >sum.wpk <<'END'
export op first(x: f32[M, N]) -> (y: f32[M]) { y[i] = sum[j](x[i, j]); }
END
ends 0 "an array in Fortran's order" "" "$wpkrun" sum.wpk --in x=eye.npy \
	--out y=sums.npy
printf '\000\000\200@\000\000\300@' >want
tail -c 8 sums.npy | cmp - want >"$scratch/found" 2>&1
empty "... is read by columns" "$scratch/found"
ends 1 "an array of another shape" "it is [2, 2], and x is [2, 3]" "$wpkrun" \
	sum.wpk --in x=eye.npy --shape M=2,N=3
ends 1 "an array of another type" "its elements are 'f4', and x is bf16" \
	"$wpkrun" many.wpk both --in x=eye.npy
head -c 100 eye.npy | sed 's/}/ /' >cut.npy
ends 1 "a damaged array" "its header is no dictionary" "$wpkrun" sum.wpk \
	--in x=cut.npy --shape M=2,N=2
ends 1 "no array" "it is no .npy file" "$wpkrun" sum.wpk --in x=sum.wpk \
	--shape M=2,N=2
ends 1 "no file" "No such file" "$wpkrun" sum.wpk --in x=none.npy \
	--shape M=2,N=2
ends 1 "no such input" "no operator here reads that" "$wpkrun" sum.wpk \
	--in z=eye.npy --shape M=2,N=2
ends 1 "no such output" "no operator here writes that" "$wpkrun" sum.wpk \
	--out x=z.npy --shape M=2,N=2
ends 1 "an output of several runs" "2 runs write that" "$wpkrun" const.wpk \
	scale --out y=z.npy
ends 1 "a place that cannot be written" "none/y.npy" "$wpkrun" sum.wpk \
	--out y=none/y.npy --shape M=2,N=2

# ---- what cannot be done ----

ends 1 "no file at all" "no source and no plan" "$wpkrun"
ends 1 "another option" "unknown option '--frob'" "$wpkrun" any.wpk --frob
ends 1 "no value" "--seed wants a value" "$wpkrun" any.wpk --seed
ends 1 "no number" "--seed takes a whole number" "$wpkrun" any.wpk --seed=x
ends 1 "no device" "--device knows gpu" "$wpkrun" any.wpk --device=tpu
ends 1 "no judge" "--against knows ref" "$wpkrun" any.wpk --against=me
ends 1 "judges that exclude each other" "goes with nothing else" "$wpkrun" \
	any.wpk --against=none,ref
ends 1 "no share of the emulator" "--share is for a GPU" "$wpkrun" any.wpk \
	--device=emu --share=50
ends 1 "a GPU where there is none" "wpkrun: error: " env \
	WPK_LIBCUDA=/nonexistent "$wpkrun" any.wpk --device=gpu
ends 1 "a GPU too many" "there is no device 5" env \
	WPK_LIBCUDA="$top_builddir/libwpkemu.so" "$wpkrun" any.plan --device=gpu:5
ends 1 "a slice of what cannot be cut" "--share=50: " env \
	WPK_LIBCUDA="$top_builddir/libwpkemu.so" "$wpkrun" any.plan --share=50
ends 0 "another driver" "" env WPK_LIBCUDA="$top_builddir/libwpkemu.so" \
	"$wpkrun" any.wpk --device=gpu:0 --shape M=4,K=4,N=4
ends 1 "standard input" "cannot be read twice" "$wpkrun" -
ends 1 "a file that is not there" "No such file" "$wpkrun" none.wpk
ends 1 "a folder" "cannot read '.'" "$wpkrun" .
ends 1 "sizes that are open" "leaves M open" "$wpkrun" any.wpk
ends 1 "sizes against the conditions" "a condition of where does not hold" \
	"$wpkrun" any.plan --shape M=8,K=6,N=8
ends 2 "... that nobody looks at" "the plan has nothing for these sizes" \
	"$wpkrun" any.plan --shape M=8,K=6,N=8 --against=none
ends 1 "no size" "no operator here" "$wpkrun" any.plan --shape Q=1
ends 1 "no operator" "no operator 'none'" "$wpkrun" any.plan none
ends 1 "no operator of the source" "--op none" "$wpkrun" any.wpk none
printf 'export op x(\n' >broken.wpk
ends 1 "a source that does not compile" "broken.wpk:1:" "$wpkrun" broken.wpk
ends 3 "--frozen without a lock" "has no" "$wpkrun" any.wpk --frozen \
	--shape M=8,K=8,N=8
ends 1 "how to compile a plan" "a plan already" "$wpkrun" any.plan --target=sm_80
ends 1 "a source for a source" "--source is for plans" "$wpkrun" any.wpk \
	--source=any.wpk
ends 1 "a reference without a source" "is not beside it" "$wpkrun" \
	alone/any.plan --against=ref
ends 1 "another source" "is not what the plan was made of" "$wpkrun" any.plan \
	--source=wrong/any.wpk
ends 1 "libraries of a plan" "wants a source" "$wpkrun" any.plan --against=cudnn

sed 's/any\.sm_90a\.emu/none.emu/' any.plan >lost.plan
ends 1 "a module that is not there" "none.emu cannot be read" "$wpkrun" lost.plan
sed 's/"schema": 3/"schema": 9/' any.plan >future.plan
ends 1 "a plan of another version" "schema is 9" "$wpkrun" future.plan
head -c 2000 any.plan >half.plan
ends 1 "half a plan" "half.plan: line" "$wpkrun" half.plan
echo '{"schema": 2}' >no.plan
ends 1 "no plan" "\"operators\" is missing" "$wpkrun" no.plan
sed -e 's/"arch": "emu_90a"/"arch": "sm_90a"/' any.plan >gpu.plan
ends 2 "a plan for GPUs alone" "the plan has nothing for" "$wpkrun" gpu.plan
awk '/"steps": \[/ { print "\"steps\": [{ \"library\": \"cudnn\", " \
		"\"call\": {}, \"algorithm\": 0 }]"
		match($0, /^ */); end = substr($0, 1, RLENGTH) "]"; next }
	end != "" { if (index($0, end) == 1) end = ""; next } { print }' \
	any.plan >library.plan
ends 1 "a call of a library that makes no sense" "library.plan" "$wpkrun" \
	library.plan

cat >fake <<'END'
#!/bin/sh
kill -9 $$
END
chmod +x fake
ends 5 "a compiler that dies" "ended by a signal" env WPKC=./fake "$wpkrun" \
	any.wpk --shape M=4,K=4,N=4
ends 5 "a compiler that is none" "cannot be run" env WPKC=./none "$wpkrun" \
	any.wpk --shape M=4,K=4,N=4
if "$wpkc" --list=sketches | grep -q '^library '; then
	skip "wpkc without libraries" "this wpkc has them"
else
	ends 1 "wpkc without libraries" "writes no plans that call libraries" \
		"$wpkrun" plain.wpk --against=ref,cublaslt
fi
if [ -w /dev/full ]; then
	"$wpkrun" any.plan -q >/dev/full 2>"$scratch/.err"
	check "a full disk" test $? = 1
	check "... is told" grep -q "cannot write standard output" "$scratch/.err"
else
	skip "a full disk" "there is no /dev/full"
fi

# ---- libraries that run there ----

cat >library.wpk <<'END'
import std.act;
import std.conv;
export op mm[M = 16, N = 16, K = 16](x: f16[M, K], w: f16[N, K], b: f16[N],
    r: f16[M, N]) -> (y: f16[M, N])
{
    let acc[i, j]: f32 = sum[k](x[i, k] * w[j, k]);
    y[i, j] = f16(act.gelu_tanh(acc[i, j] + b[j] + r[i, j]));
}
END
cat >conv.wpk <<'END'
import std.conv;
export op cv = std.conv.conv2d_bias_relu[T = f16, N = 1, C = 8, H = 6, W = 5,
    F = 8, R = 3, S = 3, PH = 1, PW = 1]
    with x layout(N, H, W, C), w layout(F, R, S, C/G), y layout(N, P, Q, F);
END
if [ -n "$INSTRUMENT" ]; then
	skip "libraries" "instrumented"
elif ! { stub_cublaslt && stub_cudnn; } 2>"$scratch/.err"; then
	fail "libraries for tests" "$scratch/.err"
else
	WPK_LIBCUBLASLT=$scratch/lt.so
	WPK_LIBCUDNN=$scratch/dnn.so
	export WPK_LIBCUBLASLT WPK_LIBCUDNN
	ends 0 "a product by cuBLASLt, in its stream" "" "$wpkrun" library.wpk \
		--device=emu --against=ref,cublaslt --samples=all
	says "mm: mm_kernel, verified " "mm: cublaslt cublaslt, verified 256 samples"
	ends 0 "a convolution by cuDNN" "" "$wpkrun" conv.wpk \
		--device=emu --against=ref,cudnn --samples=all
	says "cv: cudnn cudnn, verified 240 samples"
	ends 0 "both, in graphs" "" "$wpkrun" plain.wpk --device=emu \
		--against=ref,cudnn,cublaslt --time
	says "product: cudnn cudnn, verified " \
		"product: cublaslt cublaslt, verified " \
		"product: cublaslt " "times woodpecker (of the CPU)"
	for engine in 0 1 2; do
		ends 0 "engine $engine builds no plan" "" env \
			STUB_DNN_SPOILT=$engine "$wpkrun" conv.wpk --device=emu \
			--against=ref,cudnn --time --blocks=1
		says "cv: woodpecker " "cv: cudnn "
	done
	ends 0 "a library that no capture survives" "" env STUB_WAITS=1 \
		"$wpkrun" conv.wpk --device=emu --against=ref,cudnn --time \
		--blocks=1
	says "cv: woodpecker " "cv: cudnn not timed: none of its "
	ends 0 "an algorithm of cuDNN's by its name" "" "$wpkrun" conv.wpk \
		--device=emu --against=ref,cudnn --time --blocks=1 --json \
		--algorithm=cudnn=legacy_1_tensor
	says '"algorithm":"legacy_1_tensor"' \
		'"algorithm_text":"legacy 1 (forward implicit_precomp_gemm), te' \
		'"pinned":{"version":91900,"legacy":1,"math":"tensor"}'
	ends 0 "... which it lacks" "cudnn: cuDNN does not take legacy 4 (forward" \
		"$wpkrun" conv.wpk --device=emu --against=ref,cudnn --time \
		--blocks=1 --algorithm=cudnn=legacy_4_fma
	ends 0 "... which is none" "cuDNN knows no algorithm 'legacy_x'" \
		"$wpkrun" conv.wpk --device=emu --against=ref,cudnn --time \
		--blocks=1 --algorithm=cudnn=legacy_x
	STUB_DNN_WRONG=1
	export STUB_DNN_WRONG
	ends 0 "... which computes wrong" \
		"algorithm legacy_1_tensor computes wrong: element " "$wpkrun" \
		conv.wpk --device=emu --against=ref,cudnn --time --blocks=1 \
		--algorithm=cudnn=legacy_1_tensor
	unset STUB_DNN_WRONG
	STUB_LT_WRONG=2
	export STUB_LT_WRONG
	ends 0 "an algorithm that is fast and wrong is passed over" \
		"cublaslt: algorithm " "$wpkrun" library.wpk --device=emu \
		--against=ref,cublaslt --time --json
	check "... in the words of what is wrong" grep -q \
		'computes wrong, and is passed over: element ' "$scratch/.err"
	check "... and counted" grep -q '"algorithms_wrong":[1-9]' \
		"$scratch/.out"
	check "... and another one is taken" grep -q \
		'"algorithm_text":"algorithm [13],' "$scratch/.out"
	ends 0 "unless nobody says what is right" "" "$wpkrun" library.wpk \
		--device=emu --against=cublaslt --time --json
	says '"algorithms_wrong":0' '"algorithm_text":"algorithm 2,'
	unset STUB_LT_WRONG
	ends 2 "a library of the GPU's is not for the emulator" \
		"does not run on the emulator: it has no wpk_emu_library" env \
		WPK_LIBCUBLASLT=libm.so.6 "$wpkrun" library.wpk --device=emu \
		--against=ref,cublaslt
	unset WPK_LIBCUBLASLT WPK_LIBCUDNN
fi

# ---- what is left ----

find "$TMPDIR" -mindepth 1 >"$scratch/found"
empty "nothing is left in TMPDIR" "$scratch/found"
cat >big.wpk <<'END'
export op big[M = 1024, N = 1024, K = 1024](a: f32[M, K], b: f32[K, N])
    -> (c: f32[M, N])
{
    c[i, j] = sum[k](a[i, k] * b[k, j]);
}
END
for signal in INT TERM HUP; do
	for time in 0.05 0.2 0.5 0.9; do
		timeout -s $signal $time "$wpkrun" big.wpk --device=emu \
			>/dev/null 2>&1
		find "$TMPDIR" -mindepth 1 >"$scratch/found"
		empty "nothing is left after SIG$signal at $time s" \
			"$scratch/found"
	done
done
for time in 0.1 0.6; do
	timeout -s KILL $time "$wpkrun" big.wpk --device=emu >/dev/null 2>&1
	i=0
	while [ $i -lt 50 ] && [ -n "$(ls "$TMPDIR")" ]; do
		sleep 0.1
		i=$((i + 1))
	done
	find "$TMPDIR" -mindepth 1 >"$scratch/found"
	empty "nothing is left after SIGKILL at $time s" "$scratch/found"
done
if command -v valgrind >/dev/null 2>&1 && [ -z "$INSTRUMENT" ]; then
	for words in any.plan "any.plan --shape M=7,K=12,N=9 --save=all" \
		bad.plan half.plan "sum.wpk --in x=cut.npy --shape M=2,N=2"; do
		# shellcheck disable=SC2086
		valgrind -q --leak-check=full --error-exitcode=99 "$wpkrun" \
			$words >"$scratch/found" 2>&1
		check "valgrind: $words" test $? -lt 99
	done
else
	skip "valgrind" "it was not found, or the build is instrumented"
fi

# ---- wpkc reference ----

ends 0 "a reference" "" "$wpkc" reference many.wpk --to=right --sets=2 --op both
check "... of two sets" test "$(echo right/*)" = "right/both.0.flag \
right/both.0.lo right/both.0.x right/both.1.flag right/both.1.lo \
right/both.1.x right/reference.json"
check "... that differ" sh -c '! cmp -s right/both.0.x right/both.1.x'
check "... in samples of 24 bytes" test "$(wc -c <right/both.0.lo)" = 24576
"$wpkc" reference many.wpk --to=all1 --op both --samples=all
check "... of every element" test "$(wc -c <all1/both.0.lo)" = 24000
"$wpkc" reference many.wpk --to=few --op gelu --samples=100
check "... of about so many" test "$(wc -c <few/gelu.0.y)" = 3072
"$wpkc" reference many.wpk --to=own --op both --input x=right/both.1.x
check "an input of one's own" cmp own/both.0.lo right/both.1.lo
"$wpkc" reference plain.wpk --to=plain
"$wpkc" reference tf32.wpk --to=tf32
check "another arithmetic has another bound" sh -c \
	'! cmp -s plain/product.0.c tf32/product.0.c'
ends 1 "no folder" "--to=DIR says where" "$wpkc" reference many.wpk
ends 1 "a folder that cannot be made" "none/x" "$wpkc" reference many.wpk \
	--to=none/x
ends 1 "no number of samples" "--samples takes" "$wpkc" reference many.wpk \
	--to=x --samples=0
ends 1 "no number of sets" "--sets takes" "$wpkc" reference many.wpk --to=x \
	--sets=17
ends 1 "an input that nobody reads" "no operator here reads that" "$wpkc" \
	reference many.wpk --to=x --input z=any.wpk
ends 1 "an input that is too short" "has less than the 2000 bytes" "$wpkc" \
	reference many.wpk --to=x --input x=any.wpk --op both
ends 1 "open sizes" "leaves M open" "$wpkc" reference any.wpk --to=x
ends 1 "what another command does" "is not for reference" "$wpkc" reference \
	many.wpk --to=x --tune
ends 1 "what is no plan" "--of=any.wpk: " "$wpkc" reference any.wpk --to=x \
	--of=any.wpk
ends 1 "a plan of another source" "is not what the plan was made of" "$wpkc" \
	reference many.wpk --to=x --of=any.plan
finish
