#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/bench/suite, on the emulator and with a wpkrun that is made up; tables and
# plot of its records; README, which shows them.
. "${top_srcdir:-.}/tests/lib.sh"

bench=$top_srcdir/tests/bench
suite=$bench/suite
data=$top_srcdir/tests/data
tab=$(printf '\t')
WPKC=$wpkc
WPKRUN=$top_builddir/wpkrun
PYTHON=false
export WPKC WPKRUN PYTHON
cd "$scratch" || exit 1

# ---- rows ----

awk -f "$bench/rows.awk" "$data/workloads.tsv" >rows
cut -f 2 rows | sort -u >have
grep -v -e '^#' -e '^id' "$data/workloads.tsv" | cut -f 1 | sort |
	diff - have >found
empty "every operator of the table has rows" found
cut -f 1,6,7 rows | while IFS="$tab" read -r row file op; do
	grep -q "^export op $op = .*" "$top_srcdir/$file" || echo "$row"
done >found
empty "... and a source" found
cut -f 1 rows | sort | uniq -d >found
empty "... of which no two are the same" found
# Multiply-adds by hand, twice each.
while read -r row flops; do
	grep -q "^$row$tab.*$tab$flops$tab" rows || echo "$row: not $flops"
done >found <<'EOF'
C1-f16-16 3776446464
C5-f32-1 12845056
D1-f16-128 924844032
G1-f16-1 28901376
L1-f16-1 199360512
T2-f16-1 67108864
K1-f32-1 6291456
V2-f16-1 11098128384
P1-f16-1 75497472
S5-bf16 1099511627776
M1-bf16 25165824
Z1-f16 805306368
X4-f32 0
EOF
empty "operations are counted right" found
check "a CI-sized subset" test "$("$suite" --list --rows=ci | wc -l)" -gt 90
check "what the libraries may lose comes first" sh -c '"$1" --list --rows=ci |
	head -n 1 | grep -q -e "-f16-1"' - "$suite"

# refuses WHAT TEXT OPTION...
mkdir -p refused
refuses() {
	what=$1
	text=$2
	shift 2
	cd refused || exit 1
	ends 1 "$what" "$text" "$suite" "$@"
	cd ..
}
refuses "a row that is none" "no row C99" --rows=C99
refuses "a contender that is none" "no contender tvm" --contenders=own,tvm
refuses "an option that is none" "unknown option --row" --row=C2
refuses "minutes that are none" "not a number: many" --minutes=many
refuses "seconds that are none" "not a number: few" --seconds=few

# ---- a run, resumed ----

run() {
	out=$1
	shift
	"$suite" --emulate --out="$out" --contenders=own,cudnn "$@" >said 2>&1
}
# last_of ROW CONTENDER: its last record.
last_of() {
	grep "\"row\": \"$1\".*\"contender\": \"$2\"" "$out/suite.jsonl" |
		tail -n 1
}

if ! "${CXX:-c++}" --version >/dev/null 2>&1; then
	skip "rows on the emulator" "no C++ compiler"
else
	run real --rows=X9,S1 --step=here
	check "two rows by emulation" test $? -eq 0
	check "each row and contender has a record" \
		test "$(wc -l <real/suite.jsonl)" -eq 4
	last_of S1-bf16 own >record
	for word in '"step": "here"' '"class": "small product"' \
		'"emulated": true' '"tuned": false' '"cold": *{"s": *[0-9]' \
		'"hot": *{"s": *[0-9]' '"sets": *4' '"blocks": *9' '"bytes": *[0-9]'
	do
		check "a record has $word" grep -q "$word" record
	done
	if python3 -c '' 2>/dev/null; then
		check "records are JSON" python3 -c 'if 1:
			import json
			def once(pairs):
			    assert len(dict(pairs)) == len(pairs), pairs
			for line in open("real/suite.jsonl"):
			    json.loads(line, object_pairs_hook=once)'
	else
		skip "records are JSON" "no python3"
	fi
	run real --rows=X9,S1
	check "what has a record is not measured again" \
		grep -q '^0 rows run, 0 left, 4 records' said
	run real --rows=X9,S1,X10 --minutes=0
	check "nothing new is started when time is over" \
		grep -q '^0 rows run, 1 left, 4 records' said

	# A kill in the middle of a line, and lines that nobody wrote.
	{
		grep -v '"row": "X9' real/suite.jsonl
		echo '"row": "X9-f32", "contender": "own"'
		echo '{"row": "X9-f32", "contender": "own", "cold": {"s": 1'
		printf '{"step": "here", "row": "X9-f32", "contender": "cu'
	} >cut.jsonl
	mv cut.jsonl real/suite.jsonl
	run real --rows=X9,S1
	check "a record that was cut off is none" \
		grep -q '^1 rows run, 0 left, 4 records' said
	check "... and is no more" test \
		"$(grep -vc '^{.*}$' real/suite.jsonl)" -eq 0
	"$suite" --todo --emulate --out=real --rows=X9,X10 \
		--contenders=own,cudnn >said
	check "what is to do" test "$(cat said)" = "X10-f32: own,cudnn"
	run tuned --rows=X9
	cp -r tuned again
	run again --rows=X9 --tune=2
	check "a row is measured again where its kernel can be tuned" \
		grep -q '"tuned": true' again/suite.jsonl
	run again --rows=X9 --tune=2
	check "... once" grep -q '^0 rows run' said
fi
PYTHON=false run real --rows=X9 --contenders=torch
check "no PyTorch is told" grep -q 'no torch in false: left out' said

# ---- what wpkrun may do ----

cat >fake <<'EOF'
#!/bin/sh
echo "$*" >>"$FAKE/args"
line() {
	printf '{"operator": "c2", "device": "x", "timed": true, "emulated": true, '
	printf '"contender": "%s", "cold": {"s": 1e-05, "ratio": %s}%s}\n' "$@"
}
case $(cat "$FAKE/mood") in
well | legacy)
	case $* in *--time=rivals*) ;; *) line woodpecker null ;; esac
	more=', "algorithm": 7, "pinned": {"a": 1}'
	[ "$(cat "$FAKE/mood")" = well ] || more=', "algorithm": 41, '\
'"algorithm_text": "legacy 1 (forward implicit_precomp_gemm), tensor"'
	case $* in *cudnn*) line cudnn 1.5 "$more" ;; esac ;;
lost)	case $* in *cudnn*)
		echo 'wpkrun: the device is lost to this process' >&2
		exit 4 ;;
	esac
	line woodpecker null ;;
lost-alone)
	case $* in *cudnn*)
		line woodpecker null ', "failed": "no time"'
		echo 'wpkrun: the device is lost to this process' >&2
		exit 4 ;;
	esac
	exec sleep 100 ;;
killed) kill -9 $$ ;;
hang)	exec sleep 100 ;;
die)	echo 'wpkrun: error: "dead" \ end' >&2; exit 5 ;;
rubbish) echo '{"contender": "own", "timed": true, '; echo '}{'; exit 0 ;;
esac
EOF
chmod +x fake
FAKE=$scratch
WPKRUN=$scratch/fake
export FAKE
echo well >mood
"$suite" --emulate --out=made --rows=C2-f16-1 --contenders=cudnn >said 2>&1
check "libraries can be measured by themselves" grep -q -e --time=rivals args
check "... and have their record" grep -q '"contender": "cudnn", "cold"' \
	made/suite.jsonl
run made --rows=C2-f16-1
check "later their algorithm is known" grep -q -e '--algorithm=cudnn=7' args
check "... and ours has a ratio beside it" test \
	"$(grep -c '"contender": "cudnn"' made/suite.jsonl)" -eq 2
echo legacy >mood
"$suite" --emulate --out=legacy --rows=C2-f16-1 --contenders=cudnn >said 2>&1
run legacy --rows=C2-f16-1
check "... or its name, where it has one" grep -q -e \
	'--algorithm=cudnn=legacy_1_tensor' args
echo lost >mood
run lost --rows=C2-f16-1
check "a library that takes the device with it leaves ours its time" grep -q \
	'"contender": "own", "cold"' lost/suite.jsonl
run lost --rows=C2-f16-1
check "... once" grep -q '^0 rows run' said
echo well >mood
"$suite" --emulate --out=mixed --rows=C2-f16-16 --contenders=own >said 2>&1
: >args
run mixed --rows=C2-f16-16,C2-f32-1
check "ours is compared with the reference also behind rows of libraries" grep -q \
	-e '--time --against=ref,cudnn' args
: >args
echo hang >mood
run cut --rows=C2-f16-1 --minutes=1 --grace=-58 --limit=420
check "a row that the end cuts off is no record" sh -c \
	'grep -q "C2-f16-1: cut off" said && ! [ -s cut/suite.jsonl ]'
run short --rows=C2-f16-1 --seconds=3 --grace=1
check "... but one that hangs in a short run is" grep -q \
	'"failed": "took more than 3 s"' short/suite.jsonl
echo lost-alone >mood
run lost-alone --rows=C2-f16-1 --seconds=2 --grace=0 --limit=420
check "what is cut off as it runs alone is no record either" sh -c \
	'grep -q "C2-f16-1: cut off" said &&
	! grep "\"contender\": \"own\"" lost-alone/suite.jsonl'
check "... where the library failed" grep -q '"contender": "cudnn", "failed"' \
	lost-alone/suite.jsonl
echo killed >mood
run killed --rows=C2-f16-1 --seconds=9 --limit=420
check "one that others kill failed, and took no time" grep -q \
	'"failed": "exit 137: ' killed/suite.jsonl
for mood in hang die rubbish; do
	echo $mood >mood
	run $mood --rows=C2-f16-1 --limit=2
	check "wpkrun, $mood: the suite goes on" test $? -eq 0
	check "wpkrun, $mood: told for both" test \
		"$(grep -c '"failed": ".*"}$' $mood/suite.jsonl)" -eq 2
	run $mood --rows=C2-f16-1 --limit=2
	check "wpkrun, $mood: not tried again" grep -q '^0 rows run' said
done
check "... how long it took" grep -q 'took more than 2 s' hang/suite.jsonl
check "... what it said" grep -q 'exit 5: wpkrun: error: dead  end' \
	die/suite.jsonl

# ---- tables and plot ----

tables() {
	awk -f "$bench/records.awk" -f "$bench/tables.awk" "$@"
}
tables "$data/suite.jsonl" >tables.md
check "tables of made-up records" diff "$data/suite.md" tables.md
awk -f "$bench/records.awk" -f "$bench/plot.awk" "$data/suite.jsonl" >plot.svg
check "their plot" diff "$data/suite.svg" plot.svg
# well_formed NAME FILE
well_formed() {
	{ echo '<!DOCTYPE html>'; cat "$2"; } >page
	check "$1" "$top_builddir/tests/unit/xml_tool" page
}
well_formed "... is well-formed" plot.svg
tables /dev/null >said
check "no records, no claims" test "$(cat said)" = \
	"Nothing was measured on a GPU yet."
sed 's/"emulated": false/"emulated": true/' "$data/suite.jsonl" >emulated.jsonl
check "the emulator measures nothing" test "$(tables emulated.jsonl)" = \
	"Nothing was measured on a GPU yet."
sed 's/convolution/<b>|\&amp;/; s/C5-f16-1/<i>"/; s/NVIDIA/<u>/' \
	"$data/suite.jsonl" >hostile.jsonl
tables hostile.jsonl >said
check "what records say is no markup" sh -c '! grep -q "[<>&]" said'
awk -f "$bench/records.awk" -f "$bench/plot.awk" hostile.jsonl >plot.svg
well_formed "... nor in the plot" plot.svg

# ---- README ----

check "README is what its records make" "$bench/readme" --check \
	"$top_srcdir/README.md"
mkdir -p results
cp "$data/suite.jsonl" results
cp "$top_srcdir/README.md" copy.md
"$bench/readme" copy.md results/suite.jsonl
check "with records it has tables" grep -q '^| depthwise, f16, batch 16 | 1 | 6.00' \
	copy.md
check "... and a plot" test -s results/ratios.svg
check "... to which nothing is to add" "$bench/readme" --check copy.md \
	results/suite.jsonl
"$bench/readme" copy.md /dev/null
check "... and without them it is as before" diff "$top_srcdir/README.md" copy.md
echo "no place" >empty.md
check "a text without a place for them is left alone" sh -c \
	'! "$1" empty.md 2>/dev/null && grep -qx "no place" empty.md' - \
	"$bench/readme"

# ---- PyTorch's side ----

torch=${WPK_TORCH:-python3}
if "$torch" -c 'import torch' 2>/dev/null; then
	PYTHON=$torch WPKRUN=$top_builddir/wpkrun "$suite" --emulate --out=peers \
		--rows=X9 --contenders=torch >said 2>&1
	check "PyTorch takes part" grep -q '"contender": "torch", "peers"' \
		peers/suite.jsonl
	check "... beside our kernel" grep -q \
		'"contender": "torch".*"ratio": [0-9]' peers/suite.jsonl
	check "... and agrees with it" grep -Eq '"far": ([0-9.]+e-|0\.0*[,1-9])' \
		peers/suite.jsonl
else
	skip "PyTorch takes part" "$torch has no torch; WPK_TORCH names another"
fi
finish
