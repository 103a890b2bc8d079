#!/bin/sh
# SPDX-License-Identifier: MIT
# Depfiles: -MD, -MF and -MT, names that make treats specially, and make itself
# as the judge of when something is built again.
. "${top_srcdir:-.}/tests/lib.sh"

unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
mkdir -p "$scratch/work/lib"
cd "$scratch/work" || exit 1
# source_in FOLDER NAME: an operator that imports std.act and lib.part.
source_in() {
	mkdir -p "$1/lib"
	cat >"$1/$2.wpk" <<-END
	import std.act;
	import lib.part;
	export op twice[N = 100](x: f32[N]) -> (y: f32[N])
	{
	    y[i] = act.relu(part.twice(x[i]));
	}
	END
	echo 'fn twice(x) = 2 * x;' >"$1/lib/part.wpk"
}
source_in . a

# ---- where it is written, and what it names ----

check "-MD writes beside the output" "$wpkc" a.wpk -MD -o out.cu
check "... a file named after it" test -s out.d
check "... with the output as target" grep -q '^out\.cu:' out.d
check "... the source" grep -q '[[:space:]]a\.wpk' out.d
check "... its import" grep -q '[[:space:]].*lib/part\.wpk' out.d
check "... and that of the standard library" grep -q 'std/act\.wpk' out.d
check "-MD without -o" "$wpkc" a.wpk -MD
check "... is named after the source" grep -q '^a\.cu:' a.d
check "-MF says where" "$wpkc" a.wpk -MF sub.dep -o out.cu
check "... with or without -MD" cmp sub.dep out.d
check "-MF with -o -" sh -c '"$1" a.wpk -MF text.d -o - >text.cu' - "$wpkc"
check "-MT names the target" "$wpkc" a.wpk -MD -MT one -MT 'two words' -o out.cu
check "... or several" grep -q '^one two\\ words:' out.d
check "-H adds a target" "$wpkc" a.wpk -MD -H out.h -o out.cu
check "... its own" grep -q '^out\.cu out\.h:' out.d
"$wpkc" a.wpk --tune=random --trials=5 --no-verify -q -o out.cu
"$wpkc" a.wpk -MD -o out.cu
check "a lock that was used is named" grep -q '[[:space:]]a\.wpk\.lock' out.d
"$wpkc" a.wpk -MD --no-lock -o out.cu
check "... and one that was not is not" sh -c '! grep -q lock out.d'

# ---- make ----

# project FOLDER NAME OPTIONS: a source and a makefile, which counts its runs in
# "runs".
project() {
	rm -rf "$1"
	source_in "$1" "$2"
	target=$(echo "$2.cu" | sed 's/[ #]/\\&/g; s/\$/$$/g')
	printf 'all: %s\n%s:\n\t%s -MD -MF dep\n\techo >>runs\n-include dep\n' \
		"$target" "$target" "$(echo "'$wpkc' $3 '$2.wpk' -o '$2.cu'" |
		sed 's/\$/$$/g')" >"$1/makefile"
	: >"$1/runs"
}

# makes NAME FOLDER RUNS: after make, so many runs in all.
makes() {
	make -C "$2" >"$scratch/made" 2>&1 || echo "failed" >>"$scratch/made"
	if [ "$(wc -l <"$2/runs")" = "$3" ] && ! grep -qx failed "$scratch/made"
	then
		pass "$1"
	else
		cat "$2/dep" >>"$scratch/made" 2>/dev/null
		echo "$(wc -l <"$2/runs") runs, not $3" >>"$scratch/made"
		fail "$1" "$scratch/made"
	fi
}

# newer FOLDER FILE...: as if all but these had been written at one moment; that
# is now, since the standard library may have been checked out a minute ago.
newer() {
	folder=$1
	shift
	: >"$scratch/now"
	find "$folder" -type f -exec touch -r "$scratch/now" {} +
	sleep 0.1
	for file; do
		touch "$folder/$file"
	done
}

if ! command -v make >/dev/null 2>&1; then
	skip "make" "make was not found"
	finish
	exit
fi
# shellcheck disable=SC2016
for name in plain 'two words' 'sh#arp' 'dol$lar' 'all #$of them'; do
	dir="in $name"
	project "$dir" "$name" ''
	makes "$name: built" "$dir" 1
	makes "$name: not again" "$dir" 1
	newer "$dir" "$name.wpk"
	makes "$name: again after its source" "$dir" 2
	newer "$dir" lib/part.wpk
	makes "$name: again after an import" "$dir" 3
	newer "$dir" makefile
	makes "$name: not after anything else" "$dir" 3
done

project tuned a '--tune=random --trials=5 --no-verify'
makes "tuned: built" tuned 1
makes "tuned: not again" tuned 1
newer tuned a.wpk
makes "tuned: again after its source" tuned 2
makes "tuned: the lock it wrote does not build it again" tuned 2
project frozen a --frozen
cp tuned/a.wpk.lock frozen
makes "frozen: built" frozen 1
makes "frozen: not again" frozen 1
newer frozen a.wpk.lock
makes "frozen: again after the lock" frozen 2
finish
