#!/bin/sh
# SPDX-License-Identifier: MIT
# wpkc report: a page is well-formed and needs nothing but itself, whatever the
# records hold; the same records give the same bytes; what it says is what they
# say. Records are of real searches: played on a recorded space, and of the model.
. "${top_srcdir:-.}/tests/lib.sh"
records=$top_builddir/tests/unit/records_tool
xml=$top_builddir/tests/unit/xml_tool
space=$top_srcdir/tests/data/conv-a4000.csv
mkdir -p "$scratch/work"
cd "$scratch/work" || exit 1
WPK_DB=$scratch/none.db
export WPK_DB

# page NAME: the report of NAME.jsonl is a page.
page() {
	: >found
	if "$wpkc" report "$1.jsonl" -o "$1.html" >out 2>&1; then
		"$xml" "$1.html" >found 2>&1
	else
		cat out >found
	fi
	grep -q ' elements, 0 wrong$' found && : >found
	empty "$1: a page" found
}

# line FIELDS: a record with these fields instead of the usual ones.
line() {
	own=$1 awk 'BEGIN { own = ENVIRON["own"]
		n = split("op\"c hash\"00ff sketch\"fma target\"sm_90a " \
			"gpu\"h200 how\"gpu verdict\"measured run\"1 " \
			"strategy\"ga", usual, " ")
		printf "{"
		for (i = 1; i <= n; i++) {
			split(usual[i], pair, "\"")
			if (!index(own, "\"" pair[1] "\":"))
				printf "\"%s\":\"%s\",", pair[1], pair[2]
		}
		if (!index(own, "\"point\":"))
			printf "\"point\":{\"tile.block.i\":\"64\"},"
		print own "}" }'
}

# Without tags, a line an element.
words() {
	sed -e 's/<[^>]*>/\n/g' "$1" | sed -e 's/&lt;/</g' -e 's/&gt;/>/g' \
		-e 's/&quot;/"/g' -e "s/&#39;/'/g" -e 's/&amp;/\&/g'
}

# ---- real searches ----

: >real.jsonl
for strategy in ga random; do
	"$records" "$space" $strategy 120 2 a4000 conv >>real.jsonl
done
check "a search is played" test "$(wc -l <real.jsonl)" = 480
cp "$top_srcdir/tests/workloads/rows.wpk" rows.wpk
"$records" -I "$top_srcdir/stdlib" rows.wpk --tune=ga --trials=20 >model.jsonl 2>err
check "the model's searches" test -s model.jsonl
cat model.jsonl >>real.jsonl
page real
"$wpkc" report real.jsonl -o again.html
check "the same bytes again" cmp real.html again.html
check "a picture for each kernel that has a time, and its curves" test \
	"$(grep -c '<svg ' real.html)" -gt 4
grep -q 'class="curve s1"' real.html
check "two strategies, two colours" test $? = 0
check "played back is not called measured on the GPU" sh -c \
	'! grep -q "measured on the GPU" real.html'
check "predictions are called so" grep -q 'predicted by the model, not measured' \
	real.html
best=$(awk -F, 'NR > 1 && $8 ~ /^[0-9.]+$/ && (!b || $8 < b) { b = $8 }
	END { print b }' "$space")
check "no time is better than the space's best, $best ms" awk -v b="$best" '
	/"how":"replay"/ && match($0, /"seconds":[0-9.e-]+/) {
		t = substr($0, RSTART + 10, RLENGTH - 10) * 1000
		if (t < b * 0.9999) bad = 1; n++ }
	END { exit bad || !n }' real.jsonl
# What to type for the best points does what they say.
grep -o '<code>[^<]*</code>' real.html | sed 's/<[^>]*>//g' |
	sed -n '1,3p' >commands
check "there are commands" test -s commands
while read -r command; do
	check "$(echo "$command" | cut -c1-60)..." sh -c \
		"$(echo "$command" | sed "s|^wpkc |'$wpkc' |") --emit=sched"
done <commands

# ---- few records ----

: >empty.jsonl
page empty
check "empty says so" grep -q 'There are no records' empty.html
rest=0,0,0,0,0,0,0,0,0,0,0,0,0
line "\"seconds\":12.34e-6,\"predicted\":10e-6,\"candidate\":1,
	\"features\":[3e9,0,0,1e8,$rest,0,1e9,0]" | tr -d '\n\t' >one.jsonl
echo >>one.jsonl
page one
words one.html >said
check "one: its time" grep -qx '12.3 .*s' said
check "one: over the model's prediction" grep -qx '1.23' said
check "one: operations there are to do, a byte, and of the roof" sh -c \
	'grep -qx 10 said && grep -qx "188 %" said'
line "\"seconds\":12.34e-6,\"predicted\":10e-6,\"candidate\":1,
	\"features\":[3e9,0,0,1e8,$rest,0]" | tr -d '\n\t' >older.jsonl
page older
check "older records say what was done: no roofline" \
	grep -q 'No best point has features' older.html
want='wpkc FILE.wpk --gpu h200 --target sm_90a --no-lock'
line "\"seconds\":12.34e-6,\"predicted\":10e-6,\"candidate\":1,
	\"features\":[0,0,0,1e8,$rest,3e9,2e9,2]" | tr -d '\n\t' >tensor.jsonl
echo >>tensor.jsonl
page tensor
words tensor.html >tensor
check "tensor cores: what there is to multiply counts" sh -c \
	'grep -qx 20 tensor && grep -qx "188 %" tensor'
check "... and they have a roof of their own" sh -c \
	'grep -qx "tensor cores" tensor && ! grep -qx "tensor cores" said'
check "one: a command" grep -qFx \
	"$want --set c.0:sketch=fma,c.0:tile.block.i=64" said
i=0
while [ $i -lt 5 ]; do
	i=$((i + 1))
	line "\"verdict\":\"wrong\",\"message\":\"element $i differs\",\"candidate\":$i"
done >failed.jsonl
line '"verdict":"spill","message":"8 bytes","candidate":6' >>failed.jsonl
page failed
words failed.html >said
check "all failed: no curve" grep -q 'No candidate of 6 was measured' failed.html
check "the first message of a verdict" grep -qx 'element 1 differs' said
check "... and no other" sh -c '! grep -q "element 2" said'
check "how many" grep -qx '83.3 %' said

# ---- hostile strings, many operators ----

for text in '<script>alert(1)</script>' '\"><img src=x onerror=alert(1)>' \
	"' onload='x" '</style></svg>]]>' '&lt;&#0;' '\u202egnp' '\u0001\u001b[31m' \
	'--><b>' '%s%n%d' '../../etc/passwd' "$(printf '\303\244\345\220\215')" \
	"$(awk 'BEGIN { for (i = 0; i < 400; i++) printf "w" }')"; do
	n=$((n + 1))
	fields="\"seconds\":3e-6,\"predicted\":1e-6"
	fields="$fields,\"features\":[0,0,0,1e5,$rest,0,1e6,0]"
	for key in op kernel shape types sketch target gpu how run strategy date \
		source; do
		fields="$fields,\"$key\":\"$text\""
	done
	line "$fields,\"point\":{\"$text\":\"$text\"}"
	line "$fields,\"point\":{}" | sed 's/3e-6/2e-6/'
	line "\"op\":\"$text\",\"verdict\":\"compile\",\"message\":\"$text\""
done >hostile.jsonl
page hostile
words hostile.html >said
check "hostile: what was written is read" grep -qF '<script>alert(1)</script>' \
	said
check "hostile: direction is not turned" grep -qF '\u202egnp' said
for o in $(seq 50); do
	for c in 1 2 3 4; do
		features=[0,0,0,$((o * 7))e5,$rest,0,$((o * o))e6,0]
		line "\"op\":\"layer$o\",\"candidate\":$c,
			\"seconds\":$((o * 10 - c))e-6,
			\"features\":$features" | tr -d '\n\t'
		echo
	done
done >fifty.jsonl
page fifty
check "fifty operators in the order of their numbers" sh -c \
	'grep -o "<h3>[0-9]*\. layer[0-9]*" fifty.html |
	sed "s/.*layer//" | sort -nc'
check "... each with a curve" test "$(grep -c 'class="curve' fifty.html)" = 50

for seconds in 1e-12 1e6 1; do
	for of in 1e300,1e-300 5e-324,1e308 1e9,1e8 0,1 -1,-1; do
		features=0,0,0,${of#*,},$rest,0,${of%,*}
		line "\"op\":\"$of\",\"candidate\":2147483647,
			\"seconds\":$seconds,\"predicted\":1e-12,
			\"features\":[$features,1e300]" | tr -d '\n\t'
		echo
		line "\"op\":\"$of f32\",\"candidate\":2147483647,
			\"seconds\":$seconds,\"predicted\":1e-12,
			\"features\":[$features,0]" | tr -d '\n\t'
		echo
	done
	line "\"candidate\":-5,\"seconds\":$seconds"
done >extreme.jsonl
page extreme
check "extreme: every number is one" sh -c '! grep -qw "nan\|inf" extreme.html'

# ---- databases ----

sed -n '1,5!d; s/"run":"1",//; s/"strategy":"ga",//
	s/"sketch"/"share":100,"group":0,"sketch"/
	s/00ff/00000000000000ff/p' fifty.jsonl >plain.jsonl
"$top_builddir/wpkdb" --db=x.db import plain.jsonl >out 2>&1
check "a database" "$wpkc" report x.db -o db.html
check "... is a page" "$xml" db.html
check "... with what it holds" grep -q 'layer2' db.html
WPK_DB=$PWD/x.db "$wpkc" report -o own.html
check "one's own database without any words" cmp db.html own.html

# ---- bad input ----

ends 1 "no records at all" "there is no database" "$wpkc" report
ends 1 "a file that is not there" "cannot read gone.jsonl" "$wpkc" report \
	gone.jsonl
ends 1 "an unknown option" "unknown option '--nonsense'" "$wpkc" report \
	--nonsense one.jsonl
ends 1 "-o without a file" "-o wants a file" "$wpkc" report one.jsonl -o
ends 1 "nowhere to write" "cannot write" "$wpkc" report one.jsonl \
	-o none/report.html
ends 0 "--help" "" "$wpkc" report --help
i=0
while read -r wrong; do
	i=$((i + 1))
	{
		cat one.jsonl
		echo
		printf '%s\n' "$wrong"
	} >wrong.jsonl
	ends 1 "bad line $i: $wrong" "wrong.jsonl:3: " "$wpkc" report wrong.jsonl \
		-o wrong.html
done <<END
nothing
{"op":
[]
7
{}
{"op":"a"}
$(line '"seconds":1,"op":7')
$(line '"seconds":1,"hash":"xyz"')
$(line '"seconds":1,"hash":"00112233445566778"')
$(line '"seconds":1,"verdict":"fine"')
$(line '"seconds":-1')
$(line '"seconds":1e-13')
$(line '"seconds":1e7')
$(line '"seconds":1,"predicted":5e-324')
$(line '"seconds":0')
$(line '"seconds":"1"')
$(line '"predicted":1')
$(line '"seconds":1,"point":[]')
$(line '"seconds":1,"point":{"a":1.5}')
$(line '"seconds":1,"features":[1,"2"]')
$(line '"seconds":1,"group":1.5')
$(line '"seconds":1,"group":99999999999')
$(line '"seconds":1,"throttled":1')
$(line '"seconds":1,"seconds":2')
$(line '"seconds":1,"op":"\u0000"')
END
printf '{"op":"\377"}\n' >wrong.jsonl
ends 1 "bytes that are no text" "wrong.jsonl:1: not JSON" "$wpkc" report \
	wrong.jsonl -o wrong.html
printf '\n \n' >blank.jsonl
line '"seconds":1e-6,"unknown":{"a":[1]},"message":null,"spread":null' \
	>>blank.jsonl
page blank
if [ -w /dev/full ]; then
	ends 1 "a full disk" "cannot write" "$wpkc" report one.jsonl -o /dev/full
else
	skip "a full disk" "no /dev/full"
fi
finish
