#!/bin/sh
# SPDX-License-Identifier: MIT
# Bad input and a bad world: huge, deep and broken sources, extents that no
# machine has, disks that are full, descriptors that are closed, signals at any
# moment. A clear error or a clean stop, in bounded time and memory, and nothing
# half-written.
. "${top_srcdir:-.}/tests/lib.sh"

mkdir -p "$scratch/work" "$scratch/tmp"
cd "$scratch/work" || exit 1
TMPDIR=$scratch/tmp
export TMPDIR

refuses() {
	name=$1
	text=$2
	shift 2
	ends 1 "$name" "$text" "$wpkc" --no-lock "$@"
}

cat >ok.wpk <<'END'
export op f[N = 100](x: f32[N]) -> (y: f32[N])
{
    y[i] = 2 * x[i];
}
END

# body EXPRESSION: an operator that computes it, as s.wpk
body() {
	echo "export op f[N = 8](x: f32[N]) -> (y: f32[N]) { y[i] = $1; }" \
		>s.wpk
}

# many N TEXT
many() {
	awk -v n="$1" -v s="$2" 'BEGIN { while (n--) printf "%s", s }'
}

# ---- sources ----

body "$(many 10000 '(')x[i]$(many 10000 ')')"
refuses "10,000 parentheses" "s.wpk:1:" s.wpk
body "$(many 10000 '-')x[i]"
refuses "10,000 signs" "s.wpk:1:" s.wpk
body "$(many 10000 'sqrt(')x[i]$(many 10000 ')')"
refuses "10,000 calls" "s.wpk:1:" s.wpk
many 1000000 n >name
echo "export op $(cat name)[N = 8](x: f32[N]) -> (y: f32[N]) { y[i] = x[i]; }" \
	>s.wpk
refuses "a name of 1 MB" "s.wpk:1:11: error[E0105]" s.wpk
printf 'fn a(x) = x; // \303\050\nexport op f[N = 8](x: f32[N]) -> (y: f32[N])
{ y[\377] = x[i]; }' >s.wpk
refuses "invalid UTF-8" "error[E0101]" s.wpk
printf 'export op f\0' >s.wpk
refuses "a NUL" "has a NUL byte at line 1" s.wpk
{
	cat ok.wpk
	awk 'BEGIN { for (i = 0; i < 900000; i++)
	print "// a comment line in a source of about fifty megabytes." }'
} >big.wpk
check "50 MB of comments" "$wpkc" --no-lock big.wpk -o big.cu
awk 'BEGIN { for (i = 0; i < 800000; i++)
	printf "fn g%07d(x) = x + 1 * x - 2 * x + max(x, 3 * x) / 7;\n", i }' >big.wpk
refuses "50 MB of functions" "big.wpk" big.wpk
rm -f big.wpk big.cu name

# ---- axes and extents ----

# axes N TEXT: N copies of TEXT, with commas, # its number
axes() {
	awk -v n="$1" -v s="$2" 'BEGIN { for (i = 0; i < n; i++) {
		t = s; gsub("#", i, t); printf "%s%s", i ? ", " : "", t } }'
}
echo "export op f[$(axes 14 'N# = 2'), $(axes 26 'M# = 1')](
    x: f32[$(axes 14 'N#'), $(axes 26 'M#')])
    -> (y: f32[$(axes 14 'N#'), $(axes 26 'M#')])
{ y[$(axes 14 'p#'), $(axes 26 'q#')] = x[$(axes 14 'p#'), $(axes 26 'q#')] + 1; }" >s.wpk
check "40 axes, most of extent 1" "$wpkc" --no-lock s.wpk -o s.cu
echo "export op f[$(axes 20 'N# = 2')](x: f32[$(axes 20 'N#')], w: f32[N3])
    -> (y: f32[$(axes 20 'N#')])
{ y[$(axes 20 'p#')] = x[$(axes 20 'p#')] + w[p3]; }" >s.wpk
ends 2 "20 axes that count" "at most 16 axes longer than 1" "$wpkc" --no-lock s.wpk

# sized N: a map, a sum and two products of that size, as s.wpk
sized() {
	cat >s.wpk <<-END
	export op map[N = $1](x: f32[N]) -> (y: f32[N]) { y[i] = x[i] + 1; }
	export op total[N = $1](x: f32[N]) -> (y: f32) { y = sum[i](x[i]); }
	export op outer[N = $1](x: f32[N], w: f32[N]) -> (y: f32[N, N])
	{ y[i, j] = x[i] * w[j]; }
	export op product[N = $1](x: f32[N, 4], w: f32[N, 4]) -> (y: f32[N, N])
	{ y[i, j] = sum[k](x[i, k] * w[j, k]); }
	END
}
sized 0
refuses "extent 0" "s.wpk:1:" s.wpk
sized 1
check "extent 1" "$wpkc" --no-lock s.wpk -o s.cu
sized 4611686018427387904
refuses "extent 2^62" "error[E0603]" s.wpk
sized 1099511627776
refuses "extent 2^40: a result of 2^80" "'y' has too many elements" s.wpk
check "extent 2^40: one axis" "$wpkc" --no-lock s.wpk --op=map,total -o s.cu
sized 16777216
ends 2 "more tiles than a grid has" "2^31 blocks" "$wpkc" \
	--no-lock s.wpk --op=product

# ---- what says nothing ----

cat >open.wpk <<'END'
export op f(x: f32[N]) -> (y: f32[N]) { y[i] = 2 * x[i]; }
END
block() {
	{ cat open.wpk; echo "$1"; } >s.wpk
}
for n in 0 -4 1.5 '{1, 2}'; do
	block "tune f { shape(N = 5); budget(trials = $n); }"
	refuses "budget(trials = $n)" "s.wpk:2:40: error[E0805]" s.wpk
done
block 'tune f { shape(N = {5, 6}); } tune f { shape(N = 6); }'
refuses "a shape in two blocks" "this shape is given twice" s.wpk
block 'tune f { shape(N = 5, Q = 6); }'
refuses "a shape of what is no size" "'Q' is no symbolic size of 'f'" s.wpk
block 'schedule s for f { param U = {1, 2}; }'
"$wpkc" --no-lock s.wpk --shape=N=8 -o s.cu 2>said
check "a param that nothing uses" grep -q "param 'U' is never used" said
for o in --trials=5 --effort=3 --time=5s; do
	refuses "$o without --tune" "add --tune, or leave it out" ok.wpk $o
done
cp ok.wpk 'two
lines.wpk'
refuses "a depfile of a name with a line break" "the name has a line break" \
	'two
lines.wpk' -MD -o s.cu
check "... which compiles without one" "$wpkc" --no-lock 'two
lines.wpk' -o s.cu

# ---- the world ----

# What was stopped may take a while to end.
left() {
	i=0
	while
		find . "$TMPDIR" -name '*.??????' -o -name 'wpkc-*' >left
		[ -s left ] && [ $i -lt 60 ]
	do
		sleep 1
		i=$((i + 1))
	done
	empty "$1: no temporary file is left" left
}
rm -f s.cu
ends 1 "a disk that takes no more" "File too large" sh -c \
	'ulimit -f 1; exec "$1" --no-lock "$2" -o full.cu 2>"$3"; exit 9' - "$wpkc" \
	"$top_srcdir/examples/resnet18/conv.wpk" /dev/stderr
left "a disk that takes no more"
if "$CXX" --version >/dev/null 2>&1; then
	if [ -w /dev/full ]; then
		ends 1 "--check that cannot say so" "No space left" sh -c \
			'"$1" ok.wpk --check >/dev/full' - "$wpkc"
	else
		skip "--check that cannot say so" "no /dev/full"
	fi
	check "--check with no standard input" sh -c \
		'"$1" ok.wpk --check <&-' - "$wpkc"
	check "--check with no standard descriptors" sh -c \
		'"$1" ok.wpk --check <&- >&- 2>&-' - "$wpkc"
else
	skip "--check and descriptors" "no C++ compiler"
fi

# ---- several at once ----

for i in 1 2 3 4 5 6 7 8; do
	echo "export op f${i}[N = ${i}00](x: f32[N]) -> (y: f32[N]) { y[i] = $i * x[i]; }"
done >eight.wpk
for i in 1 2 3 4 5 6 7 8; do
	"$wpkc" eight.wpk --op=f$i --tune=random --trials=3 --no-verify -q \
		-o "$i.cu" &
done
wait
check "eight searches, one lock: nothing is lost" test \
	"$(grep -c '^\[' eight.wpk.lock)" = 8
check "... and all of it is used" "$wpkc" eight.wpk --frozen -o all.cu
left "eight searches"

# ---- signals ----

# hit COUNT OPTIONS...: SIGINT after a while, of which there are COUNT, while
# wpkc makes hit.cu; what is there then is all of it.
hit() {
	n=$1
	shift
	"$wpkc" "$@" -q >/dev/null 2>&1
	cp hit.cu whole.cu 2>/dev/null
	: >torn
	i=0
	while [ $i -lt "$n" ]; do
		rm -f hit.cu ./*.lock
		timeout -s INT "0.$(printf %03d $((i * 379 % 500)))" \
			timeout -s KILL 60 "$wpkc" "$@" -q >/dev/null 2>&1
		[ $? != 137 ] || echo "run $i did not end" >>torn
		[ ! -e hit.cu ] ||
			[ "$(tail -n 4 hit.cu)" = "$(tail -n 4 whole.cu)" ] ||
			echo "run $i left half a file" >>torn
		[ ! -e hit.lock ] || "$wpkc" eight.wpk --lock=hit.lock \
			--no-verify -q -o again.cu 2>>torn >&2
		i=$((i + 1))
	done
}
if [ -n "$WPK_FULL" ]; then
	some=100
else
	some=8
fi
hit $some eight.wpk --no-lock -o hit.cu
empty "SIGINT $some times, compiling" torn
left "SIGINT, compiling"
hit $some eight.wpk --lock=hit.lock --tune=random --trials=50 --no-verify -o hit.cu
empty "SIGINT $some times, tuning" torn
left "SIGINT, tuning"
hit $some eight.wpk --no-lock --check
empty "SIGINT $some times, checking" torn
left "SIGINT, checking"
finish
