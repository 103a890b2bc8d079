#!/bin/sh
# SPDX-License-Identifier: MIT
# The farm: several ranks on this machine tune by emulation, or with a worker
# that fails on cue; ranks are killed and stopped, and what they found stays.
. "${top_srcdir:-.}/tests/lib.sh"

farm=$top_builddir/wpkfarm
if [ -z "$MPIRUN" ] || [ ! -x "$farm" ] ||
	! command -v setsid >/dev/null; then
	skip "farming" "no Open MPI or setsid"
	finish
	exit
fi
mkdir -p "$scratch/work" "$scratch/tmp"
cd "$scratch/work" || exit 1
TMPDIR=$scratch/tmp
FAKE_FOLDER=$scratch/fake.counts
OMPI_ALLOW_RUN_AS_ROOT=1
OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export TMPDIR FAKE_FOLDER OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM
unset CUDA_VISIBLE_DEVICES
cat >three.wpk <<'END'
export op twice[N = 100](x: f32[N]) -> (y: f32[N])
{
    y[i] = 2 * x[i];
}
export op half[N = 120](x: f32[N]) -> (y: f32[N])
{
    y[i] = 0.5 * x[i];
}
export op less[N = 140](x: f32[N]) -> (y: f32[N])
{
    y[i] = -x[i];
}
END
sed 's/op twice/op thrice/; s/2 \*/3 */; 5,$d' three.wpk >one.wpk

# run_on RANKS OPTIONS...: of mpirun up to "--", then of wpkfarm.
run_on() {
	ranks=$1
	shift
	mpi=
	while [ "$1" != -- ]; do
		mpi="$mpi $1"
		shift
	done
	shift
	# shellcheck disable=SC2086 # options of mpirun
	exec setsid timeout 120 "$MPIRUN" --oversubscribe -np "$ranks" $mpi "$farm" "$@"
}

# farms RANKS OPTIONS...
farms() {
	rm -f ./*.lock ./*.cu "$WPK_DB"*
	(run_on "$@") >said 2>&1
}

# told NAME CODE TEXT...: how the last one ended and what it said.
told() {
	code=$?
	name=$1
	[ "$code" = "$2" ] || echo "ended with $code, not $2" >wrong
	shift 2
	for text in "$@"; do
		grep -qF -e "$text" said || echo "did not say: $text" >>wrong
	done
	[ ! -s wrong ] || cat said >>wrong
	empty "$name" wrong
	: >wrong
}
: >wrong

# ---- without mpirun ----

ends 0 "help" "" "$farm" --help
ends 1 "no source" "no source file" "$farm" --tune
ends 1 "an option that wpkc does not know" "unknown option '--bad'" \
	"$farm" --bad three.wpk
ends 1 "an option that makes no sense" "--frozen is not for a farm" \
	"$farm" three.wpk --frozen
ends 1 "a run to go on with" "--resume is not for a farm" \
	"$farm" three.wpk --resume
ends 1 "outputs of several sources" "-o is for one source, not for 2" \
	"$farm" three.wpk one.wpk -o x.cu
ends 1 "a GPU by its number" "each rank takes a GPU of its own" \
	"$farm" three.wpk --measure=gpu:1
ends 1 "standard input" "name a file" "$farm" -
ends 1 "no patience" "--patience takes seconds" "$farm" one.wpk --patience=0
ends 1 "a source that is not there" "nowhere.wpk" "$farm" nowhere.wpk
ends 1 "an operator that is not there" "no source exports an operator missing" \
	"$farm" one.wpk --op=missing
check "wpkc does not link MPI" sh -c '! ldd "$1" | grep -q libmpi' - "$wpkc"

# ---- ranks and operators ----

farms 1 -- three.wpk --tune=random --trials=3 --measure=model --no-verify
told "one rank is all there is" 0 "3 operators, 1 rank"
check "... and compiles at the end" "$wpkc" three.wpk --frozen -o again.cu
check "... the same as wpkc" cmp three.cu again.cu
farms 3 -- three.wpk one.wpk --tune=random --trials=3 --measure=model \
	--no-verify
told "several sources" 0 "4 operators, 2 ranks" "[4/4]"
check "... a lock for each" test -s three.wpk.lock -a -s one.wpk.lock
check "... and an output" test -s three.cu -a -s one.cu
farms 4 -- one.wpk --tune=random --trials=5 --measure=model --no-verify
told "more ranks than operators" 0 "some are searched from several seeds" \
	"[3/3] thrice"
check "... one result" test "$(grep -c '^\[' one.wpk.lock)" = 1
farms 3 -- three.wpk --op=half --tune=random --trials=3 --measure=model \
	--no-verify -o half.cu
told "one operator by name" 0 "1 operator, 2 ranks"
check "... and no other" test "$(grep -c '^\[' three.wpk.lock)" = 1
printf '[other sm_80 a100]\nthis is no lock\n' >one.wpk.lock
cp one.wpk.lock before
(run_on 2 -- one.wpk --tune=random --trials=3 --measure=model --no-verify) \
	>said 2>&1
told "a lock that is none" 1 "one.wpk.lock:"
check "... is left as it is" cmp one.wpk.lock before

# ---- GPUs ----

# records_of RANK...: what their databases have, but whose it is.
records_of() {
	for rank; do
		"$top_builddir/wpkdb" --db="$scratch/apart.$rank" export
	done | sed 's/,"origin":.*//' | sort
}

# shellcheck disable=SC2086 # CC may be several words
if $CC -o fake "$top_srcdir/tests/worker/fake.c" 2>"$scratch/.err"; then
	cat >devices <<END
#!/bin/sh
[ "\$1" = --compile ] || echo "\$@" >>"$scratch/devices"
exec "$scratch/work/fake" "\$@"
END
	chmod +x devices
	WPK_WORKER=$scratch/work/devices
	export WPK_WORKER
	mkdir -p "$FAKE_FOLDER"
	(
		CUDA_VISIBLE_DEVICES=4,7
		export CUDA_VISIBLE_DEVICES
		farms 4 -- three.wpk --tune=random --trials=3 --measure=gpu \
			--no-verify
	)
	told "a rank for each GPU" 0 \
		"rank 3 takes no work: " "no GPU is left for it: 2 are taken"
	check "... which it measures on" sh -c '[ "$(sort -u "$1" | tr "\n" " ")" = \
		"--device=gpu:0 --device=gpu:1 " ]' - "$scratch/devices"
	rm -f "$scratch/devices"
	(
		CUDA_VISIBLE_DEVICES=4
		export CUDA_VISIBLE_DEVICES
		farms 3 -- three.wpk --tune=random --trials=3 --measure=gpu \
			--share=50 --no-verify
	)
	told "or for each slice of one" 0 "3 operators, 2 ranks"
	check "... which it measures on" sh -c '[ "$(sort -u "$1")" = \
		"--device=gpu:0 --share=50" ]' - "$scratch/devices"
	check "... as the lock says" [ "$(grep -c '^\[.* share=50]$' \
		three.wpk.lock)" -eq 3 ]

	farms 2 -- three.wpk --tune=random --trials=3 --measure=emu --no-verify \
		--db="$scratch/work/farm.db"
	told "a database that is named" 0 "[3/3]"
	check "... has what was measured" sh -c \
		'[ "$("$0" --db=farm.db export | grep -c .)" -ge 9 ]' \
		"$top_builddir/wpkdb"

	# A database for each rank, as if they were far apart.
	cat >apart <<END
#!/bin/sh
WPK_DB=$scratch/apart.\$OMPI_COMM_WORLD_RANK
export WPK_DB
exec "$farm" "\$@"
END
	chmod +x apart
	usual=$farm
	farm=./apart
	(
		CUDA_VISIBLE_DEVICES=4,7
		export CUDA_VISIBLE_DEVICES
		farms 3 -- three.wpk --tune=random --trials=4 --measure=gpu \
			--no-verify
	)
	told "what ranks measure comes to rank 0" 0 "[3/3]" \
		"wpkfarm: 12 records of other machines are in the database"
	farm=$usual
	records_of 1 2 >measured
	records_of 0 >kept
	check "... all of it" cmp measured kept
	check "... as records of elsewhere" sh -c '[ "$("$1" --db="$2" export \
		--origin=foreign | grep -c .)" = 12 ]' - "$top_builddir/wpkdb" \
		"$scratch/apart.0"
	farms 3 -- three.wpk --tune=random --trials=4 --measure=emu --no-verify
	told "a database that ranks share has it already" 0 "[3/3]"
	check "... once" sh -c '! grep "records of other" said &&
		[ "$("$1" export --origin=own | grep -c .)" = 12 ]' - \
		"$top_builddir/wpkdb"
	rm -f ./*.lock ./*.cu
	(run_on 2 "$farm" three.wpk --tune=random --trials=3 --no-verify : \
		-np 1 env CUDA_VISIBLE_DEVICES=0,1 -- three.wpk --tune=random \
		--trials=3 --no-verify) >said 2>&1
	told "who has no GPU does not predict beside those that measure" 0 \
		"model, but others measure" "3 operators, 1 rank" "[3/3]"

	rm -r "$FAKE_FOLDER"
	mkdir "$FAKE_FOLDER"
	(
		FAKE_MEASURE='2:crash 5:vanish 7:hang'
		export FAKE_MEASURE
		farms 3 -- three.wpk --tune=random --trials=6 --measure=gpu \
			--no-verify --limits=run=1,start=2
	)
	told "workers that fail" 0 "2 fault" "1 timeout" "[3/3]"
	rm -r "$FAKE_FOLDER"
	mkdir "$FAKE_FOLDER"
	(
		FAKE_START='*:gone'
		export FAKE_START
		farms 2 -- one.wpk --tune=random --trials=3 --measure=gpu \
			--no-verify
	)
	told "a rank whose GPU does not serve" 1 "ended with 1"
	unset WPK_WORKER
else
	fail "the worker that fails" "$scratch/.err"
fi

# ---- ranks that are lost ----

if ! "$CXX" --version >/dev/null 2>&1 || ! command -v pgrep >/dev/null; then
	skip "losing ranks" "no C++ compiler or pgrep"
	finish
	exit
fi

# The sanitizers need more room than a compiler may have.
limits=--limits=memory=4
[ -z "$INSTRUMENT" ] || limits=--limits=memory=100000

trials=9

# begins OPTIONS...: three ranks with much to do, in the background, as $run;
# $ranks are their processes, rank 0 first.
begins() {
	rm -f ./*.lock ./*.cu "$WPK_DB"*
	(run_on 3 "$@" -- three.wpk --tune=random --trials=$trials --measure=emu \
		--patience=3 "$limits" --no-verify -o three.cu) >said 2>&1 &
	run=$!
	wait_for '^\[' three.wpk.lock
	mpirun=$(ps -o pid= --ppid $run | tr -d ' ')
	ranks=$(for pid in $(ps -o pid= --ppid "$mpirun"); do
		echo "$(tr '\0' '\n' <"/proc/$pid/environ" |
			sed -n 's/^OMPI_COMM_WORLD_RANK=//p')" "$pid"
	done | sort -n | cut -d ' ' -f 2)
	running=$(pgrep -s $run | wc -l)
}

# wait_for PATTERN FILE: half a minute at most.
wait_for() {
	i=0
	while ! grep -q -e "$1" "$2" 2>/dev/null && [ $i -lt 300 ]; do
		sleep 0.1
		i=$((i + 1))
	done
}

# nth N: its process.
nth() {
	echo "$ranks" | sed -n "$(($1 + 1))p"
}

# Who is left of session $1, ten seconds later.
left_of() {
	i=0
	while pgrep -s "$1" >/dev/null && [ $i -lt 100 ]; do
		sleep 0.1
		i=$((i + 1))
	done
	pgrep -s "$1" -a
}

begins --enable-recovery
# A rank between two operators has no worker: the ranks, mpirun, timeout.
check "there is something to lose" test "$running" -ge 5
kill -KILL "$(nth 2)"
wait $run
told "a rank that is killed" 0 "rank 2" "is silent and taken for dead" "[3/3]"
check "... costs no operator" "$wpkc" three.wpk --frozen -o again.cu
check "... and no output" cmp three.cu again.cu
left_of $run >left
empty "... and leaves no process" left

begins --enable-recovery
kill -STOP "$(nth 1)"
sleep 5
kill -CONT "$(nth 1)"
wait $run
told "a rank that sleeps" 0 "rank 1" "is silent and taken for dead" "[3/3]"
check "... costs no operator" "$wpkc" three.wpk --frozen -o again.cu

begins --enable-recovery
kill -KILL "$(nth 0)"
wait $run
told "rank 0 that is killed" 0 "rank 0 is silent"
check "... keeps what it has" test "$(grep -c '^\[' three.wpk.lock)" -ge 1
left_of $run >left
empty "... and leaves no process" left

rm -f "$scratch"/apart.*
usual=$farm
farm=./apart
begins --enable-recovery
wait_for . "$scratch/apart.2"
i=0
while ! records_of 2 | grep -q . && [ $i -lt 100 ]; do
	sleep 0.1
	i=$((i + 1))
done
sleep 2
kill -KILL "$(nth 2)"
wait $run
told "a rank that is killed, far from rank 0" 0 "rank 2" "[3/3]" \
	"records of other machines are in the database"
farm=$usual
records_of 0 >kept
records_of 2 >measured
check "... loses what it had not sent" sh -c \
	'comm -12 kept measured | grep -q .'
records_of 1 | comm -13 kept - >lost
empty "... alone" lost
records_of 1 2 | comm -23 kept - >made_up
empty "... and nothing is made up" made_up

# Else mpirun ends them all.
begins
kill -KILL "$(nth 2)"
wait $run
told "a rank that is killed, without recovery" 137
check "... keeps what there is" sh -c '"$1" three.wpk --lock=three.wpk.lock \
	--op="$(sed -n "s/^\[\([a-z]*\) .*/\1/p" three.wpk.lock | paste -sd,)" \
	--frozen -o again.cu' - "$wpkc"
left_of $run >left
empty "... and leaves no process" left

# ---- ended by hand ----

trials=20
begins
kill -USR1 "$mpirun"
wait $run
told "SIGUSR1 ends with what there is" 0 "interrupted"
check "... and writes the output" test -s three.cu
begins
kill -INT "$mpirun"
wait $run
told "Ctrl-C ends at once" 1 "interrupted"
check "... with what is in the lock" test "$(grep -c '^\[' three.wpk.lock)" -ge 1
left_of $run >left
empty "... and leaves no process" left
farms 2 -- one.wpk --tune=random --trials=1 --measure=model --no-verify
rm -rf "$TMPDIR"/ompi.*
ls -A "$TMPDIR" >left
empty "no file is left by the next run" left
finish
