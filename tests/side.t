#!/bin/sh
# SPDX-License-Identifier: MIT
# --jobs: operators searched side by side in slices, finals alone, and nothing
# left behind whatever ends it.
. "${top_srcdir:-.}/tests/lib.sh"

mkdir -p "$scratch/work" "$scratch/tmp" "$scratch/counts"
cd "$scratch/work" || exit 1
TMPDIR=$scratch/tmp
FAKE_FOLDER=$scratch/counts
export TMPDIR FAKE_FOLDER
cat >four.wpk <<'END'
export op twice[N = 100](x: f32[N]) -> (y: f32[N])
{
    y[i] = 2 * x[i];
}
export op half[N = 120](x: f32[N]) -> (y: f32[N])
{
    y[i] = 0.5 * x[i];
}
export op soft[M = 7, N = 40](x: f32[M, N]) -> (y: f32[M, N])
{
    let m[i]: f32 = max[j](x[i, j]);
    let e[i, j]: f32 = exp(x[i, j] - m[i]);
    let s[i]: f32 = sum[j](e[i, j]);
    y[i, j] = e[i, j] / s[i];
}
export op scale(x: f32[N]) -> (y: f32[N])
{
    y[i] = 3 * x[i];
}
END

# tunes OPTIONS...
tunes() {
	rm -f "$WPK_DB"*
	timeout 300 "$wpkc" four.wpk --tune=random "$@" >said 2>&1
}

# told NAME CODE TEXT...: how the last one ended and what it said.
told() {
	code=$?
	name=$1
	: >wrong
	[ "$code" = "$2" ] || echo "ended with $code, not $2" >wrong
	shift 2
	for text in "$@"; do
		grep -qF -e "$text" said || echo "did not say: $text" >>wrong
	done
	[ ! -s wrong ] || cat said >>wrong
	empty "$name" wrong
}

# ---- by the model: what one after the other finds ----

tunes --trials=100 --no-verify --lock=one.lock -o one.cu
told "one after the other" 0
cp said one.said
tunes --trials=100 --no-verify --lock=side.lock --jobs=3 -o side.cu
told "side by side" 0
check "... the same lock" cmp one.lock side.lock
check "... the same text" cmp one.cu side.cu
check "... the same words" diff one.said said
ends 1 "without a search" "--jobs is for a search" "$wpkc" four.wpk --jobs=2
ends 1 "a number that is none" "--jobs takes a whole number from 1 to 16" \
	"$wpkc" four.wpk --tune --jobs=0
ends 1 "slices of nothing" "slices of less than one percent" "$wpkc" four.wpk \
	--tune --measure=gpu --share=2 --jobs=4 --no-lock -o no.cu

# ---- in slices ----

# shellcheck disable=SC2086 # CC may be several words
if $CC -o fake "$top_srcdir/tests/worker/fake.c" 2>"$scratch/.err"; then
	cat >devices <<END
#!/bin/sh
[ "\$1" = --compile ] || echo "\$@" >>"$scratch/work/seen"
exec "$scratch/work/fake" "\$@"
END
	chmod +x devices
	WPK_WORKER=$scratch/work/devices
	export WPK_WORKER
	tunes --trials=6 --measure=gpu --jobs=2 --no-verify --no-lock \
		--candidates=list -o x.cu
	told "a slice for each" 0 "50 % of it" \
		"finalists are measured again, each alone" "24 candidates: "
	check "... and the whole for finals" sh -c '[ "$(tail -n 1 seen)" = \
		--device=gpu:0 ] && [ "$(sed "\$d" seen | sort -u)" = \
		"--device=gpu:0 --share=50 --mps" ]'
	check "... candidates are numbered once" sh -c \
		'cut -f 1 list | sort -n | cmp - "$0"' "$(seq 24 >want && echo want)"
	tunes --trials=6 --measure=gpu --jobs=2 --share=50:mps --no-verify \
		--lock=half.lock --candidates=list -o x.cu
	told "slices of a slice" 0 "25 % of it" "24 candidates: "
	check "... and all of that for finals" [ "$(tail -n 1 seen)" = \
		"--device=gpu:0 --share=50 --mps" ]
	check "... whose stanzas say so" [ "$(grep -c '^\[' half.lock) $(grep -c \
		'^\[.* h200 share=50]$' half.lock)" = "4 4" ]
	check "... as do commands" [ "$(grep -c ' --share=50 ' list)" -eq 24 ]
	check "... also of the database" sh -c '"$1" show 1.3 | tail -n 1 |
		grep -q -e " --share=50 "' - "$top_builddir/wpkdb"
	rm -f "$FAKE_FOLDER"/*
	FAKE_MEASURE='2:crash 5:vanish'
	export FAKE_MEASURE
	tunes --trials=6 --measure=gpu --jobs=2 --no-verify --no-lock -o x.cu
	told "workers that fail" 0 "22 measured 2 fault"
	rm -f "$FAKE_FOLDER"/*
	odd=$(printf 'caf\351.wpk')
	cp four.wpk "$odd"
	timeout 300 "$wpkc" "$odd" --tune=random --trials=6 --measure=gpu \
		--jobs=2 --no-db --no-verify --no-lock -o x.cu >said 2>&1
	told "... whatever the file is called" 0 "22 measured 2 fault"
	FAKE_MEASURE='*:crash'
	tunes --trials=6 --measure=gpu --jobs=2 --no-verify --no-lock -o x.cu
	told "workers that fail again and again" 5 "one after the other"
	check "... and no more is said" sh -c '! grep -q "without a word" said'
	unset FAKE_MEASURE
	rm -f "$FAKE_FOLDER"/*
	FAKE_FINALS='*:crash'
	export FAKE_FINALS
	tunes --trials=6 --measure=gpu --jobs=4 --no-verify --no-lock -o x.cu
	told "without finals the searches count" 0 "24 measured"
	unset FAKE_FINALS WPK_WORKER
else
	fail "the worker that fails" "$scratch/.err"
fi

# ---- by emulation, and ended ----

if ! "$CXX" --version >/dev/null 2>&1 || ! command -v setsid >/dev/null ||
	! command -v pgrep >/dev/null; then
	skip "side by side by emulation" "no C++ compiler, setsid or pgrep"
	finish
	exit
fi
# The sanitizers need more room than a compiler may have.
limits=--limits=memory=4
[ -z "$INSTRUMENT" ] || limits=--limits=memory=100000
tunes --trials=3 --measure=emu --jobs=2 "$limits" -o emu.cu
told "side by side by emulation" 0 "12 candidates: "
check "... all are found and proved" test \
	"$(grep -c '^verified = emulation' four.wpk.lock)" = 4
check "... the lock is used" "$wpkc" four.wpk --frozen -o again.cu
check "... and gives the same" cmp emu.cu again.cu

# Who is left of session $1, ten seconds later.
left_of() {
	i=0
	while pgrep -s "$1" >/dev/null && [ $i -lt 100 ]; do
		sleep 0.1
		i=$((i + 1))
	done
	pgrep -s "$1" -a
}

# ended SIGNAL: a search that has begun to measure, with a lot before it.
ended() {
	rm -f list ./*.lock end.cu
	setsid "$wpkc" four.wpk --tune=random --trials=1000 --measure=emu \
		--jobs=2 "$limits" \
		--candidates=list --no-verify -o end.cu >said 2>&1 &
	search=$!
	i=0
	while [ ! -s list ] && [ $i -lt 300 ]; do
		sleep 0.1
		i=$((i + 1))
	done
	running=$(pgrep -s $search | wc -l)
	kill "-$1" $search
	wait $search
}
ended INT
code=$?
check "there is something to end" test "$running" -ge 3
sh -c "exit $code"
told "Ctrl-C" 0 "best found so far" "twice: " "scale: "
check "... writes what there is" "$wpkc" four.wpk --frozen -o again.cu
check "... the same" cmp end.cu again.cu
left_of $search >left
empty "... and leaves no process" left
ls -A "$TMPDIR" >left
empty "... and no file" left
ended TERM
told "SIGTERM" 143
left_of $search >left
empty "... leaves no process" left
ended KILL
told "kill -9" 137
left_of $search >left
empty "... leaves no process" left
tunes --trials=1 --measure=emu --jobs=2 "$limits" --no-lock --no-verify -o x.cu
ls -A "$TMPDIR" >left
empty "no file is left by the next run" left
finish
