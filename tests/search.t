#!/bin/sh
# SPDX-License-Identifier: MIT
# wpkc search: curves of strategies on recorded spaces, as text and as JSON; bad
# options and bad files.
. "${top_srcdir:-.}/tests/lib.sh"
cd "$scratch" || exit 1
conv=$top_srcdir/tests/data/conv-a4000.csv
sister=$top_srcdir/tests/data/conv-a100.csv

# says NAME TEXT OPTION... : standard output has TEXT, standard error nothing.
says() {
	name=$1 text=$2
	shift 2
	"$wpkc" search "$@" >out 2>err
	code=$?
	if [ $code = 0 ] && [ ! -s err ] && grep -q -e "$text" out; then
		pass "$name"
	else
		cat err >>out
		fail "$name" out
	fi
}

# refuses NAME TEXT OPTION... : exit code 1 and TEXT, nothing on standard output.
refuses() {
	name=$1 text=$2
	shift 2
	"$wpkc" search "$@" >out 2>err
	code=$?
	if [ $code = 1 ] && [ ! -s out ] && grep -q -F -e "$text" err; then
		pass "$name"
	else
		cat err >>out
		fail "$name" out
	fi
}

cat >small.csv <<'END'
x,mode,time_ms,compile_ms
1,row,4,10
2,row,2,10
4,row,fail,10
1,col,3,10
2,col,1,10
END

# ---- output ----

says "--help" "usage: wpkc search" --help
says "the form" "^small  *auto  *1.000 ±0.000" --replay=small.csv --seeds=3
says "NAME VALUE" "^small  *ga " --replay small.csv --strategy ga --seeds 2
for strategy in $("$wpkc" --list=strategies | sed 's/ .*//'); do
	says "$strategy finds the best of five" '"curve": {"7": 1.0}' --json \
		--replay=small.csv --seeds=4 --budget=7 --strategy="$strategy"
	says "$strategy in batches beyond the space" '"curve": {"7": 1.0}' \
		--json --replay=small.csv --seeds=4 --budget=7 --batch=50 \
		--strategy="$strategy"
	says "$strategy with points under way, beyond the space too" \
		'"window": 50, "curve": {"7": 1.0}' --json --replay=small.csv \
		--seeds=4 --budget=7 --window=50 --strategy="$strategy"
done
says "marks" '"curve": {"25": [^}]*"50": [^}]*"60": ' --json --budget=60 \
	--replay="$conv" --seeds=2 --strategy=random
check "one object, one line" test "$(wc -l <out)" = 1
says "points" '"points": 4362, ' --json --budget=10 --replay="$conv" \
	--seeds=1 --strategy=random
says "several spaces have a mean" "^(mean)" --budget=10 --replay="$conv" \
	--replay="$sister" --seeds=2 --strategy=random,ga
check "a row for each pair" test "$(wc -l <out)" = 7
says "a sister is named" '"from": "conv-a100"' --json --budget=10 --seeds=1 \
	--replay="$conv" --from="$sister"
"$wpkc" search --json --budget=60 --replay="$conv" --seeds=2 \
	--strategy=rl | sed 's/"own_ms.*//' >once
"$wpkc" search --json --budget=60 --replay="$conv" --seeds=2 \
	--strategy=rl | sed 's/"own_ms.*//' >twice
check "the same again" cmp once twice
check "a full disk" sh -c '! "$1" search --json --replay=small.csv >/dev/full' \
	sh "$wpkc"

# ---- records ----

# record BX VERDICT SECONDS [GPU]
record() {
	printf '%s' '{"hash": "00000000000000ab", "op": "mm", "group": 0,' \
		'"kernel": "c", "sketch": "fma", "target": "sm_90",' \
		'"how": "gpu", "share": 100, "gpu": "'"${4:-h200}"'",' \
		'"point": {"bx": "'"$1"'", "mode": "row"},' \
		'"verdict": "'"$2"'", "seconds": '"$3"'}'
	echo
}
{
	record 1 measured 4e-5
	record 2 measured 1e-5
	record 4 slow 3e-5
	record 8 launch null
} >records
wpkdb=$top_builddir/wpkdb
says "records" '"points": 4, .*"curve": {"2": 1.0}' --replay=records \
	--json --budget=2 --seeds=1 --strategy=exhaustive
check "import" "$wpkdb" --db=records.db import records
says "a database" '"points": 4, .*"curve": {"2": 1.0}' --replay=records.db \
	--json --budget=2 --seeds=1 --strategy=exhaustive
"$wpkdb" --db=records.db export >again
says "what wpkdb exports" '"points": 4, .*"curve": {"2": 1.0}' \
	--replay=again --json --budget=2 --seeds=1 --strategy=exhaustive
record 16 measured 1e-5 b200 >>records
refuses "records of two GPUs" "records:5: a record of another problem" \
	--replay=records
"$wpkdb" --db=records.db import records >out
refuses "a database of two GPUs" "records.db: records of several problems" \
	--replay=records.db

# ---- bad input ----

refuses "nothing" "--replay=FILE is missing"
refuses "an unknown option" "unknown option '--seed'; did you mean --seeds?" \
	--seed=3
refuses "no value" "--budget wants a value" --replay=small.csv --budget
refuses "a value too many" "--json takes no value" --json=yes
refuses "no number" "--seeds takes a whole number from 1 to 100000, not 'x'" \
	--replay=small.csv --seeds=x
refuses "zero" "--budget takes a whole number" --replay=small.csv --budget=0
refuses "an unknown strategy" "no strategy 'gaa'; there are" \
	--replay=small.csv --strategy=gaa
refuses "no such file" "cannot read none.csv: No such file" --replay=none.csv
printf 'x,time_ms\n1,2\n1\n' >short.csv
refuses "a short row" "short.csv:3: 1 cells, the first line has 2" \
	--replay=short.csv
printf 'x,time_ms\n1,fail\n2,fail\n' >fails.csv
refuses "nothing but failures" "every point fails" --replay=fails.csv
printf 'y,time_ms\n1,2\n2,2\n' >other.csv
refuses "a sister of other tunables" "other.csv has no tunable 'x'" \
	--replay=small.csv --from=other.csv
printf 'x,mode,time_ms\n9,row,2\n' >far.csv
refuses "a sister of other values" "far.csv has no point of the values of" \
	--replay=small.csv --from=far.csv
finish
