#!/bin/sh
# SPDX-License-Identifier: MIT
# The tuning database as searches use it: what was measured is not measured again,
# a search that was cut short goes on, sisters help, and a database that cannot
# be had is told, not suffered.
. "${top_srcdir:-.}/tests/lib.sh"

mkdir -p "$scratch/work" "$scratch/tmp"
cd "$scratch/work" || exit 1
TMPDIR=$scratch/tmp
FAKE_FOLDER=$scratch/counts
WPK_DB=$scratch/own.db
export TMPDIR FAKE_FOLDER WPK_DB
if ! $CC -o "$scratch/fake" "$top_srcdir/tests/worker/fake.c" \
    2>"$scratch/.err"; then
	fail "the fake worker builds" "$scratch/.err"
	finish
	exit
fi
wpkdb=$top_builddir/wpkdb
cat >mm.wpk <<'END'
export op mm[M = 64, N = 48, K = 40](x: f32[M, K], w: f32[N, K]) -> (y: f32[M, N])
{
    y[i, j] = sum[k](x[i, k] * w[j, k]);
}
export op wide[M = 64, N = 96, K = 40](x: f32[M, K], w: f32[N, K]) -> (y: f32[M, N])
{
    y[i, j] = sum[k](x[i, k] * w[j, k]);
}
END

# tune OPTIONS...: by a worker that makes up times; what it says is in "said",
# its end in "status".
tune() {
	rm -rf "$FAKE_FOLDER"
	mkdir -p "$FAKE_FOLDER"
	WPK_WORKER=$scratch/fake timeout 100 "$wpkc" mm.wpk --tune=ga \
		--measure=emu --no-verify --no-lock -j 2 -o /dev/null "$@" \
		>said 2>&1
	status=$?
}

# points DATABASE: of operator mm, lines "sketch point" in order.
points() {
	"$wpkdb" --db "$1" export 2>/dev/null | sed -n \
		-e '/"op": *"mm"/!d' \
		-e 's/.*"sketch": *"\([^"]*\)".*"point": *\({[^}]*}\).*/\1 \2/p' |
		sort
}

# ---- what is measured is kept, and known from then on ----

tune --op=mm --trials=24
check "a search is kept" test "$status" = 0
points "$WPK_DB" >first
check "every candidate has its record" test "$(wc -l <first)" -ge 20
tune --op=mm --trials=24
points "$WPK_DB" >second
check "another search finds other points" test "$(wc -l <second)" -gt \
	"$(wc -l <first)"
uniq -d <second >twice
empty "no point is measured again" twice
tune --op=mm --trials=24 --no-db
points "$WPK_DB" | cmp -s - second
check "--no-db keeps nothing" test $? = 0

WPK_DB=$scratch/nameless.db WPK_WORKER=$scratch/fake timeout 100 "$wpkc" \
	mm.wpk --op=mm --tune --trials=4 --measure=emu --no-verify --no-lock \
	-j 2 -o /dev/null >said 2>&1
"$wpkc" report "$scratch/nameless.db" >report.html 2>>said
check "a search without a name is told by that of its strategy" grep -q \
	'</span>auto' report.html

# ---- a search that is cut short goes on ----

WPK_DB=$scratch/cut.db
FAKE_MEASURE='9:hang'
export FAKE_MEASURE
rm -rf "$FAKE_FOLDER"
mkdir -p "$FAKE_FOLDER"
: >"$FAKE_FOLDER/measured"
WPK_WORKER=$scratch/fake "$wpkc" mm.wpk --op=mm --tune=ga --measure=emu \
	--no-verify --no-lock -o /dev/null --trials=30 --limits=run=90 \
	>said 2>&1 &
pid=$!
tries=0
while [ "$(wc -c <"$FAKE_FOLDER/measured")" -lt 9 ] &&
    [ $tries -lt 300 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
tune --op=wide --trials=3 --resume
check "what is still at work is not resumed" grep -q 'no run to resume' said
kill -9 $pid
wait $pid 2>/dev/null
unset FAKE_MEASURE
points "$WPK_DB" >before
check "what was reported before a kill is there" test "$(wc -l <before)" = 8
tune --op=mm --trials=30 --resume
check "it is resumed" grep -q 'run 1 is resumed' said
points "$WPK_DB" >after
check "its candidates count" test "$(wc -l <after)" -le 30
uniq -d <after >twice
empty "none is measured again" twice
comm -23 before after >lost
empty "and none is lost" lost
tune --op=mm --trials=4 --resume
check "what came to its end is not resumed" grep -q 'no run to resume' said

# ---- a kernel whose input is prepared beforehand is another ----

cat >cv.wpk <<'END'
export op cv[H = 18, W = 18, C = 8, F = 16](x: f32[H, W, C], w: f32[3, 3, C, F])
    -> (y: f32[H - 2, W - 2, F])
{
    y[h, v, f] = sum[r, s, c](x[h + r, v + s, c] * w[r, s, c, f]);
}
END
cp cv.wpk const.wpk
echo 'schedule s for cv { const(w); }' >>const.wpk
for file in cv const; do
	WPK_WORKER=$scratch/fake "$wpkc" $file.wpk --tune=random --measure=emu \
		--set=sketch=winograd --trials=3 --no-verify --no-lock \
		--db=const.db -q -o /dev/null
done
check "times with const and without are of two problems" test \
	"$("$wpkdb" --db=const.db list | grep -c '3 records of 3 points')" = 2

# ---- what was the machine's fault is tried again ----

for fault in compile launch timeout; do
	WPK_DB=$scratch/$fault.db
	FAKE_MEASURE="*:says:$fault"
	export FAKE_MEASURE
	tune --op=mm --trials=6 --set=sketch=reduce
	unset FAKE_MEASURE
	points "$WPK_DB" >failed
	tune --op=mm --trials=6 --set=sketch=reduce
	check "$fault is not for ever" grep -q '6 measured' said
	"$wpkdb" --db="$WPK_DB" list >list
	check "... it counts as it is now" grep -q \
		'12 records of [67] points, 6 measured' list
done
small=$scratch/small
mkdir -p "$small"
if mount -t tmpfs -o size=64k none "$small" 2>/dev/null; then
	WPK_DB=$scratch/small.db
	TMPDIR=$small timeout 100 "$wpkc" mm.wpk --op=mm --tune \
		--measure=emu --no-lock --trials=3 -o small.cu >said 2>&1
	check "a full disk is no fault of candidates" test $? = 1
	check "... and is told" grep -q 'the disk of TMPDIR is full' said
	check "... and nothing of them is kept" test -z "$(points "$WPK_DB")"
	umount "$small"
else
	skip "a full disk is no fault of candidates" "no file system of its own"
fi

# ---- the file of candidates is a file like the others ----

spoils() {
	ends 1 "--candidates=$1 spoils nothing" "$2" env \
		WPK_WORKER="$scratch/fake" "$wpkc" uses.wpk --tune --measure=emu \
		--trials=3 --no-verify --lock=x.lock --db=x.db -o x.cu \
		--candidates="$1"
}
echo 'export op g(x: f32[64]) -> (y: f32[64]) { y[i] = x[i]; }' >used.wpk
cat >uses.wpk <<'END'
import used;
export op f(x: f32[64]) -> (y: f32[64]) { y[i] = x[i]; }
END
echo 'x' >x.db
spoils uses.wpk "it is read"
spoils used.wpk "it is read"
spoils x.db "it is read"
spoils x.lock "two outputs"
spoils x.cu "two outputs"
spoils . "it is a directory"
rm -f x.db
if [ -w /dev/full ]; then
	ends 1 "what cannot be written is told" "cannot write all of" env \
		WPK_WORKER="$scratch/fake" "$wpkc" uses.wpk --tune \
		--measure=emu --trials=3 --no-verify --lock=x.lock --no-db \
		-o x.cu --candidates=/dev/full
fi

# ---- what the lock has is not lost to a search that found nothing ----

rm -rf "$FAKE_FOLDER"
mkdir -p "$FAKE_FOLDER"
WPK_WORKER=$scratch/fake "$wpkc" mm.wpk --op=mm --tune --measure=emu \
	--trials=8 --no-verify --no-db --lock=kept.lock -q -o kept.cu
check "a lock with a time" grep -q '^emulated' kept.lock
cp kept.lock first.lock
FAKE_MEASURE='*:hang' WPK_WORKER=$scratch/fake "$wpkc" mm.wpk --op=mm \
	--tune --measure=emu --trials=8 --no-db --lock=kept.lock -o again.cu \
	>said 2>&1 &
pid=$!
: >"$FAKE_FOLDER/measured"
tries=0
while [ ! -s "$FAKE_FOLDER/measured" ] && [ $tries -lt 300 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
kill -INT $pid
wait $pid
check "a search that is interrupted at once ends well" test $? = 0
check "... and leaves what the lock has" cmp first.lock kept.lock
check "... which is what is written" cmp kept.cu again.cu
check "... and says so" grep -q 'mm: nothing better was found than the' said
WPK_WORKER=$scratch/fake "$wpkc" mm.wpk --op=mm --tune --measure=emu \
	--trials=8 --time=0.001s --no-verify --no-db --lock=kept.lock -q \
	-o again.cu
check "nor does one without time put a prediction there" grep -q '^emulated' \
	kept.lock
rm -f kept.lock
FAKE_MEASURE='*:says:spill' WPK_WORKER=$scratch/fake "$wpkc" mm.wpk --op=mm \
	--tune --measure=emu --trials=8 --no-verify --no-db --lock=kept.lock \
	-q -o again.cu
check "without a time it is predicted" grep -q '^predicted' kept.lock

# ---- what is told makes it again ----

cat >open.wpk <<'END'
export op lin[K = 64, N = 96](x: f16[M, K], w: f16[N, K]) -> (y: f16[M, N])
{
    let acc[i, j]: f32 = sum[k](x[i, k] * w[j, k]);
    y[i, j] = acc[i, j];
}
schedule few for lin when M <= 16 { kernel(y, sketch = gemv); }
tune lin { shape(M = {1, 40}); }
END
rm -rf "$FAKE_FOLDER"
mkdir -p "$FAKE_FOLDER"
WPK_WORKER=$scratch/fake "$wpkc" open.wpk --tune=random --measure=emu \
	--trials=6 --no-verify --no-lock --no-db -j 2 -q -o /dev/null \
	--candidates=lines
check "shapes and kernels for all others are searched" test \
	"$(cut -f2 lines | sort -u | tr '\n' ' ')" = "lin lin_M1 lin_M40 lin_few "
# Of each its schedule, with every number of the command; others are free.
cut -f7 lines | while read -r _ words; do
	# shellcheck disable=SC2086
	"$wpkc" $words -q --emit=sched >sched 2>&1 || echo "$words"
done >lost
empty "the command of each candidate makes one of each" lost

# ---- others help ----

tune --op=mm --trials=60
tune --op=wide --trials=12 --tune=auto -v
check "a sister of another shape is a start" grep -q \
	'wide: starts from [0-9]* records of mm' said

# ---- records from before there was a tunable ----

cat >halo.wpk <<'END'
import std.conv;
export op halo = std.conv.conv2d[T = f16, N = 2, C = 64, H = 10, W = 10, F = 48,
    R = 3, S = 3, PH = 1, PW = 1]
    with x layout(N, H, W, C), w layout(F, R, S, C/G), y layout(N, P, Q, F);
END

# search DATABASE SETTINGS TRIALS; "records" says how many the database has then.
search() {
	rm -rf "$FAKE_FOLDER"
	mkdir -p "$FAKE_FOLDER"
	WPK_WORKER=$scratch/fake "$wpkc" halo.wpk -q --tune=exhaustive \
		--measure=emu --trials="$3" --no-verify --no-lock --gpu=h200 \
		--db="$1" --set="$2" -o halo.cu
	records=$("$wpkdb" --db="$1" export | wc -l)
}
if "$CXX" --version >/dev/null 2>&1; then
	search new.db sketch=wgmma,stage.x.halo=off 1
	"$wpkdb" --db=new.db export | sed 's/"stage.x.halo": *"off", *//' \
		>old.jsonl
	"$wpkdb" --db=old.db import old.jsonl >/dev/null
	check "what says nothing of halos is proved" "$wpkdb" --db=old.db \
		verify halo.wpk
	settings=sketch=wgmma,$(sed 's/.*"point":{\([^}]*\)}.*/\1/
		s/"//g
		s/:/=/g' old.jsonl)
	search all.db "$settings" 20
	all=$records
	search old.db "$settings" 20
	check "... and is not measured again as the point without" test \
		"$records" = "$all"
else
	skip "records from before there was a tunable" "no C++ compiler"
fi

# ---- databases that cannot be had ----

echo 'no database' >junk.db
ends 1 "one that is named must be one" junk.db "$wpkc" mm.wpk --tune=ga \
	--measure=emu --db junk.db --no-lock -o /dev/null
check "and is left as it is" grep -q 'no database' junk.db
WPK_DB=$PWD/junk.db
tune --op=mm --trials=3
check "one that nobody named is done without" grep -q 'nothing is kept' said
check "and the search is done" test "$status" = 0
ends 1 "--db says nothing without a search" "is for a search" "$wpkc" mm.wpk \
	--db x.db
ends 1 "nor with one by the model" "by the model nothing is kept" "$wpkc" \
	mm.wpk --tune=ga --measure=model --resume --no-lock
ends 1 "nor is there a list of candidates" "by the model nothing is kept" \
	"$wpkc" mm.wpk --tune=ga --measure=model --candidates=list --no-lock
ends 1 "--no-db leaves nothing to resume" "nothing for --resume" "$wpkc" \
	mm.wpk --tune=ga --no-db --resume
finish
