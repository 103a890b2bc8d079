#!/bin/sh
# SPDX-License-Identifier: MIT
# Every directive on every sketch, which kernel(..., sketch = NAME) pins: it is
# honoured, or refused at its place with a sentence; where wpkc --list=directives
# says "-", always refused. What tensors must be like for in_place(...) say
# errors/in_place.wpk and schedules/in_place.wpk; here a result is added to what it
# overwrites.
. "${top_srcdir:-.}/tests/lib.sh"
cd "$scratch" || exit 1

# operator SKETCH: the text of one that the sketch computes; $st its statement,
# $ax an axis of its result, $red one of its reduction, if it has one; $all the
# statements of its kernel.
operator() {
	st=acc ax=i red=k all=acc
	case $1 in
	attention) red=j all='dot, p, acc'; cat <<-'X'
		export op f[M = 256, N = 64, L = 256, D = 64](x: f16[M, D],
		    w: f16[L, D], v: f16[L, N]) -> (y: f32[M, N])
		{
		    let dot[i, j]: f32 = sum[d](x[i, d] * w[j, d]);
		    let p[i, j]: f16 = f16(max(dot[i, j], 0));
		    let acc[i, c]: f32 = sum[j](p[i, j] * v[j, c]);
		    y[i, c] = acc[i, c];
		}
		X
		;;
	mma|wgmma|library) cat <<-'X'
		export op f[M = 256, N = 256, K = 64](x: f16[M, K], w: f16[K, N])
		    -> (y: f32[M, N])
		{
		    let acc[i, j]: f32 = sum[k](x[i, k] * w[k, j]);
		    y[i, j] = acc[i, j];
		}
		X
		;;
	fma) cat <<-'X'
		export op f[M = 256, N = 256, K = 64](x: f32[M, K], w: f32[K, N])
		    -> (y: f32[M, N])
		{
		    let acc[i, j]: f32 = sum[k](x[i, k] * w[k, j]);
		    y[i, j] = acc[i, j];
		}
		X
		;;
	gemv) cat <<-'X'
		export op f[M = 512, N = 2, K = 4096](x: f32[M, K], w: f32[N, K])
		    -> (y: f32[M, N])
		{
		    let acc[i, j]: f32 = sum[k](x[i, k] * w[j, k]);
		    y[i, j] = acc[i, j];
		}
		X
		;;
	direct) cat <<-'X'
		export op f[M = 64, N = 256, C = 8, K = 5](x: f32[C, M, N], w: f32[C, K])
		    -> (y: f32[M, N])
		{
		    let acc[i, j]: f32 = sum[c, k](
		        x[c, i, j + k - 2] pad 0 * w[c, k]);
		    y[i, j] = acc[i, j];
		}
		X
		;;
	winograd) red=c ax=p; cat <<-'X'
		export op f[C = 16, F = 32, P = 14, Q = 14](
		    x: f32[C, P, Q], w: f32[F, C, 3, 3]) -> (y: f32[F, P, Q])
		{
		    let acc[f, p, q]: f32 = sum[c, r in 3, s in 3](
		        x[c, p + r - 1, q + s - 1] pad 0 * w[f, c, r, s]);
		    y[f, p, q] = acc[f, p, q];
		}
		X
		;;
	reduce) cat <<-'X'
		export op f[M = 512, K = 4096](x: f32[M, K]) -> (y: f32[M])
		{
		    let acc[i]: f32 = sum[k](x[i, k]);
		    y[i] = acc[i];
		}
		X
		;;
	transpose) st=y red='' all=y; cat <<-'X'
		export op f[M = 512, N = 512](x: f32[N, M]) -> (y: f32[M, N])
		{
		    y[i, j] = x[j, i];
		}
		X
		;;
	*) st=y red='' all=y; cat <<-'X'
		export op f[M = 512, N = 512](x: f32[M, N]) -> (y: f32[M, N])
		{
		    y[i, j] = x[i, j] + 1;
		}
		X
		;;
	esac
}

# added: the operator, whose result is added to an input "old" of its shape.
added() {
	shape=$(sed -n 's/.*(y: \(f32\[.*\]\)).*/\1/p' op)
	sed "s/(x: /(old: $shape, x: /; s/^    x: /    old: $shape, x: /
		s/y\[\([^]]*\)\] = \(.*\);/y[\1] = \2 + old[\1];/" op >op.added
	mv op.added op
}

# form DIRECTIVE: a plain use of it.
form() {
	case $1 in
	tile) echo "tile(block, $ax = 16);" ;;
	fuse)
		case $sketch in
		winograd) echo 'fuse(pq = {p, q});' ;;
		reduce) echo 'fuse(ik = {i, k});' ;;
		*) echo 'fuse(ij = {i, j});' ;;
		esac ;;
	split) echo "split($ax = 4);" ;;
	reorder) echo "reorder($st, ${red:-$ax});" ;;
	bind) echo 'bind(threads = 128);' ;;
	stage) echo 'stage(x, scope = shared);' ;;
	pipeline)
		case $sketch in
		attention) echo 'pipeline(j, stages = 3);' ;;
		*) echo "pipeline(${red:-$ax}, stages = 1);" ;;
		esac ;;
	unroll) echo "unroll($ax, 2);" ;;
	vectorize) echo 'vectorize(x, 1);' ;;
	split_k) echo "split_k($st, 2);" ;;
	raster) echo 'raster(order = col);' ;;
	swizzle) echo 'swizzle(x, on);' ;;
	tail) echo "tail($ax, predicate);" ;;
	compute_at) echo "compute_at($st, $ax);" ;;
	cache) echo 'cache(x, scope = shared);' ;;
	rfactor) echo "rfactor($st, combine = passes);" ;;
	reduce) echo "reduce($st, over = block);" ;;
	epilogue) echo 'epilogue(y);' ;;
	mma) echo "mma($st);" ;;
	winograd) echo "winograd($st, m = 2);" ;;
	deterministic) echo 'deterministic();' ;;
	launch) echo 'launch(overlap = off);' ;;
	variant) echo 'variant("f.cu");' ;;
	cluster) echo "cluster($ax = 2);" ;;
	in_place) echo 'in_place(y, old);' ;;
	esac
}

# by_hand INPUTS: a file that fits the operator's launcher, in C types.
by_hand() {
	echo 'extern "C" size_t f_workspace(void) { return 0; }'
	echo "extern \"C\" cudaError_t f($1float *y, void *workspace,"
	echo '    size_t workspace_bytes, cudaStream_t stream)'
	echo '{ return cudaMemsetAsync(y, 0, 4, stream); }'
}

# cell SKETCH DIRECTIVE yes|-: nothing, or what is wrong.
cell() {
	sketch=$1
	operator "$1" >op
	[ "$2" != in_place ] || added
	if grep -q 'v: f16' op; then
		half='const unsigned short *'
		by_hand "${half}x, ${half}w, ${half}v, "
	elif grep -q f16 op; then
		by_hand 'const unsigned short *x, const unsigned short *w, '
	elif grep -q 'old:' op; then
		by_hand 'const float *old, const float *x, '
	elif grep -q ' w:' op; then
		by_hand 'const float *x, const float *w, '
	else
		by_hand 'const float *x, '
	fi >f.cu
	{
		cat op
		[ "$1" != variant ] || echo 'tune f { variant("f.cu"); }'
		echo "schedule s for f { kernel($all, sketch = $1);"
		form "$2"
		echo '}'
	} >f.wpk
	line=$(($(wc -l <f.wpk) - 1))
	if "$wpkc" -q --no-lock f.wpk --emit=sched >out 2>&1; then
		[ "$3" = yes ] || echo "$1 does not refuse $2"
		grep -q "^    $2(" out || echo "$1 accepts $2 and forgets it"
	elif [ "$2" = variant ]; then
		grep -q "^note: variant: kernel(...) asks for $1" out ||
			echo "$1 gives no reason to refuse a file"
	elif ! grep -q "^f.wpk:$line:[0-9]*: error" out; then
		echo "$1 refuses $2 elsewhere: $(grep -m 1 error out)"
	elif [ "$3" = - ]; then
		grep -q "^note: $1: it does not honour $2: .\{15\}" out ||
			echo "$1 gives no reason to refuse $2"
	elif [ "$2" = in_place ]; then
		echo "$1 refuses what it serves elsewhere"
	elif [ "$2" = fuse ]; then
		: # axes that the sketch does not flatten together
	else
		grep -q "^note: $1: .\{15\}" out ||
			echo "$1 gives no reason to refuse this $2"
	fi
}

"$wpkc" --list=directives >table
read -r _ sketches <table
for sketch in $sketches; do
	column=$((${column:-1} + 1))
	awk -v c=$column 'NR > 1 && !/^(kernel|seed|fallback|const) / {
		print $1, $c }' table >cells
	while read -r directive says <&3; do
		[ "$sketch $directive" = "variant variant" ] ||
			cell "$sketch" "$directive" "$says"
	done 3<cells >wrong
	empty "$sketch honours or refuses" wrong
	[ "$(wc -l <cells)" -gt 15 ] || fail "the table has its rows"
done
finish
