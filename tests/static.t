#!/bin/sh
# SPDX-License-Identifier: MIT
# The static quality of "fma" on F2 (4096 x 4096 x 4096 in f32), as the model
# tunes it for sm_90, read off what nvcc makes of it; and of wgmma, that ptxas need
# not make its products wait for each other.
. "${top_srcdir:-.}/tests/lib.sh"

what="F2 for sm_90"
cd "$scratch" || exit 1
if [ -z "$NVCC" ]; then
	skip "$what" "no nvcc"
	finish
	exit
fi
check "$what: tuned by the model" "$wpkc" --no-lock --target=sm_90 --tune=ga \
	--no-verify --op=f2 --set=split_k.acc=1 "$top_srcdir/tests/workloads/gemm.wpk" \
	-o f2.cu
check "$what: PTX" "$NVCC" -arch=sm_90 -ptx -o f2.ptx f2.cu
"$NVCC" -arch=sm_90 -cubin -Xptxas -v -o f2.cubin f2.cu >f2.log 2>&1
check "$what: assembled" test -s f2.cubin

sed -n 's/.*tile(block, i = \([0-9]*\), j = \([0-9]*\), k = \([0-9]*\)).*/\1 \2 \3/p
	s/.*tile(thread, i = \([0-9]*\), j = \([0-9]*\)).*/\1 \2/p' f2.cu |
	tr '\n' ' ' >tiles
read -r _ _ block_k thread_i thread_j <tiles
step=$((block_k * thread_i * thread_j))

# The innermost loop that multiplies and the outermost loop around it, as
# instructions; "executed" is the share of fma in what one step of the outer
# one executes, which is $step of them.
awk -v step="$step" '
/^\$.*:$/ { at[substr($1, 1, length($1) - 1)] = NR }
{ line[NR] = $0 }
/[ \t]bra(\.uni)?[ \t]/ {
	to = $NF; sub(/;$/, "", to)
	if (to in at) { loops++; first[loops] = at[to]; last[loops] = NR }
}
function is_code(i) { return line[i] ~ /^[ \t]+[@a-z].*;$/ }
function count(loop, what,   i, n) {
	for (i = first[loop]; i <= last[loop]; i++)
		n += is_code(i) && line[i] ~ what
	return n
}
END {
	for (i = 1; i <= loops; i++)
		if (count(i, "fma[.]") && (!inner ||
		    last[i] - first[i] < last[inner] - first[inner]))
			inner = i
	for (i = 1; i <= loops; i++)
		if (first[i] <= first[inner] && last[i] >= last[inner] &&
		    (!outer || first[i] < first[outer]))
			outer = i
	if (!inner) exit 1
	fma = count(inner, "fma[.]")
	all = count(inner, ".")
	rest = count(outer, ".") - all
	printf "inner %d\nexecuted %d\n", 100 * fma / all,
		100 * step / (step / fma * all + rest)
	for (i = first[outer]; i <= last[outer]; i++)
		if (is_code(i)) print "code", line[i]
}' f2.ptx >loop

# at_least NAME KEY
at_least() {
	share=$(sed -n "s/^$2 //p" loop)
	if [ "${share:-0}" -ge 80 ]; then
		pass "$what: $1 ($share %)"
	else
		echo "$share %, wanted are 80" | fail "$what: $1" -
	fi
}
at_least "the innermost loop is fma" inner
at_least "what the main loop executes is fma" executed

# only NAME INSTRUCTION WIDE: all of these in the main loop are wide ones, and
# there are some.
only() {
	grep "code.*[[:space:]]$2" loop >found
	grep -v "$3" found >narrow
	if [ -s found ]; then
		empty "$what: $1" narrow
	else
		fail "$what: $1" loop
	fi
}
only "128-bit loads from shared memory" 'ld\.shared' 'ld\.shared\.v4\.f32'
only "128-bit loads from global memory" '\(cp\.async\.c[ag]\|ld\.global\)' \
	'\(cp\.async.*, 16[;,]\|ld\.global.*\.v4\)'

grep '\.local' f2.ptx >local
empty "$what: no local memory in PTX" local
check "$what: no stack, no spills" grep \
	' 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads' f2.log

sed -n 's/.*__launch_bounds__(\([0-9]*\)\(, \([0-9]*\)\)\{0,1\}).*/\1 \3/p' \
	f2.cu >bounds
read -r threads blocks <bounds
used=$(sed -n 's/.*Used \([0-9]*\) registers.*/\1/p' f2.log)
check "$what: $used registers leave $threads x ${blocks:=1} threads their place" \
	test "$((used * threads * blocks))" -le 65536

# ---- wgmma: what is multiplied overlaps ----

# Results stored one by one, across the instructions' rows.
cat >swapped.wpk <<'END'
export op mm[M = 512, N = 1024, K = 512](a: f16[M, K], b: f16[N, K]) -> (c: f16[M, N])
{
    let acc[i, j]: f32 = sum[k](a[i, k] * b[j, k]);
    c[i, j] = acc[i, j];
}
schedule s for mm target sm_90a {
    mma(acc, kind = wgmma, swap = on);
    tile(block, i = 64, j = 64, k = 32);
    bind(threads = 128);
    pipeline(k, stages = 4, async = bulk);
    epilogue(c, bulk = 0);
    cluster(i = 1, j = 1);
    raster(group = 1, order = row, persistent = off);
    split_k(acc, 1);
}
END
check "wgmma, swapped: emitted" "$wpkc" --no-lock --target=sm_90a swapped.wpk \
	-o swapped.cu
"$NVCC" -gencode=arch=compute_90a,code=sm_90a -cubin -Xptxas -v -o swapped.cubin \
	swapped.cu >swapped.log 2>&1
check "wgmma, swapped: assembled" test -s swapped.cubin
grep '(C7[0-9]*)' swapped.log >advice
empty "wgmma, swapped: ptxas has no advice" advice
finish
