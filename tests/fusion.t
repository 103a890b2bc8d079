#!/bin/sh
# SPDX-License-Identifier: MIT
# Schedules of several kernels: what is printed reads back to the same bytes,
# kernel(...) and cache(...) choose among the ways to cut an operator, and the
# lock remembers which was taken.
. "${top_srcdir:-.}/tests/lib.sh"

cd "$scratch" || exit 1
cat >ops.wpk <<'END'
import std.matmul;
import std.softmax;

export op two[M = 20, N = 24, K = 12](a: f32[M, K], b: f32[K, N], g: f32[N])
    -> (c: f32[M, N])
{
    let w[j]: f32 = rsqrt(exp(g[j]) + 1);
    let acc[i, j]: f32 = sum[k](a[i, k] * b[k, j]);
    c[i, j] = acc[i, j] * w[j];
}
export op composed(q: f32[20, 8], k: f32[24, 8], v: f32[24, 12])
    -> (o: f32[20, 12])
{
    let (s) = matmul.nt[scale = 0.25](q, k);
    let (p) = softmax.softmax(s);
    (o) = matmul.nn(p, v);
}
export op hoisted[M = 9, N = 40](x: f32[M, N], u: f32[N, M])
    -> (y: f32[M, M], r: f32[M])
{
    y[i, j] = max(sum[k](x[i, k] * u[k, j]), 0);
    r[i] = rsqrt(sum[k](x[i, k] * x[i, k]) / N + 1);
}
export op maps[M = 9, N = 40](x: f32[M, N]) -> (y: f32[M, N], z: f32[N, M])
{
    y[i, j] = exp(x[i, j]);
    z[j, i] = x[i, j] + 1;
}
export op pieces[S = 7, E = 5](x: f32[S, E, 2], c: f32[S, E])
    -> (y: f32[S, 2 * E])
{
    y[t, d in 0:E] = x[t, d, 0] * c[t, d];
    y[t, d in E:2 * E] = x[t, d - E, 1] * c[t, d - E];
}
export op measured[M = 20, N = 24, K = 12](a: f32[M, K], b: f32[K, N])
    -> (p: f32[M, N], mx: f32[M])
{
    let acc[i, j]: f32 = sum[k](a[i, k] * b[k, j]);
    mx[i] = max[j](acc[i, j]);
    p[i, j] = acc[i, j] - mx[i];
}
END

# ---- schedules read back ----

# again SCHEDULE NAME OP: the operators with that schedule print it again.
again() {
	{ cat ops.wpk; cat "$1"; } >again.wpk
	"$wpkc" --no-lock --op="$3" --emit=sched again.wpk >again.out 2>&1
	check "$2" diff "$1" again.out
}
for op in two composed hoisted maps pieces measured; do
	"$wpkc" --no-lock --op=$op --emit=sched ops.wpk >$op.sched 2>&1
	again $op.sched "$op: a printed schedule prints the same" $op
	"$wpkc" --no-lock --op=$op ops.wpk -o first.cu &&
	"$wpkc" --no-lock --op=$op again.wpk -o second.cu &&
	sed 's/ from [a-z]*[.]wpk//' first.cu >first &&
	sed 's/ from [a-z]*[.]wpk//' second.cu >second
	check "$op: and gives the same bytes" diff first second
done

cat >shapes.wpk <<'END'
export op lin(a: f32[M, 12], b: f32[12, N]) -> (c: f32[M, N], s: f32[M])
{
    c[i, j] = sum[k](a[i, k] * b[k, j]);
    s[i] = max[j](c[i, j]);
}
tune lin { shape(M = {6, 40}, N = 24); }
END
"$wpkc" --no-lock --target=sm_80,sm_90 --emit=sched shapes.wpk >shapes.sched 2>&1
cat shapes.wpk shapes.sched >again.wpk
"$wpkc" --no-lock --target=sm_80,sm_90 --emit=sched again.wpk >again.out 2>&1
check "schedules for shapes and targets" diff shapes.sched again.out
check "... one each, and one for all sizes" test \
	"$(grep -c '^schedule chosen' shapes.sched)" = 6

# ---- kernel(...) chooses ----

# kernels NAME WANTED SCHEDULE-OF-two
kernels() {
	{ cat ops.wpk; echo "schedule s for two { $3 }"; } >cut.wpk
	"$wpkc" --no-lock --op=two --emit=ir cut.wpk 2>&1 |
		sed -n 's/^group [0-9]* //p' | tr '\n' ';' >found
	echo "$2" | tr -d '\n' >wanted
	check "$1" cmp wanted found
	"$wpkc" --no-lock --op=two --check cut.wpk >found 2>&1
	check "$1: right" grep -q '^two: verified whole' found
}
kernels "one kernel" "contraction: (acc), c;" "kernel(acc, c);"
kernels "two" "map: w;contraction: (acc), c;" "kernel(acc, c); kernel(w);"
kernels "three" "map: w;contraction: acc;map: c;" \
	"kernel(w); kernel(acc); kernel(c);"
kernels "a let in memory" "map: w;contraction: (acc), c;" \
	"cache(w, scope = global); epilogue(c);"
kernels "a let nowhere" "contraction: (acc), c;" "cache(w, scope = none);"
kernels "computed where it is read" "contraction: (acc), c;" \
	"compute_at(w, j);"

# says NAME WORDS SCHEDULE
says() {
	{ cat ops.wpk; echo "schedule s for two { $3 }"; } >cut.wpk
	"$wpkc" --no-lock --op=two cut.wpk -o cut.cu >found 2>&1
	check "$1" grep -q "$2" found
}
says "kernels that cannot be" "not cut into kernels like this" \
	"kernel(acc, w); kernel(c);"
says "... and those that can" "its kernels can be w; acc, c" \
	"kernel(acc, w); kernel(c);"
says "no such statement" "no statement of" "kernel(acd); kernel(w);"
says "no such sketch" "there is no sketch 'fmaa'" "kernel(acc, sketch = fmaa);"
says "a part is for its kernel alone" "no sketch computes 'w'" \
	"kernel(w); tile(block, i = 16); kernel(acc, c);"

# ---- the lock ----

cp ops.wpk locked.wpk
"$wpkc" locked.wpk --op=two --tune=random --trials=60 --time=5s --no-verify \
	-o tuned.cu >tune.out 2>&1
check "the lock names the kernel" grep -q '^kernel = acc,c$' locked.wpk.lock
"$wpkc" locked.wpk --op=two --frozen -o frozen.cu >found 2>&1
check "and it is taken" cmp tuned.cu frozen.cu
sed 's/^kernel = acc,c$/kernel = c/' locked.wpk.lock >other.lock
"$wpkc" locked.wpk --op=two --lock=other.lock --frozen -o frozen.cu >found 2>&1
check "kernels that are no more" grep -q "it is of other kernels" found
"$wpkc" locked.wpk --op=two --emit=space >found 2>&1
check "the space of what is locked" grep -q '^# two.0: fma: ' found
finish
