#!/bin/sh
# SPDX-License-Identifier: MIT
# What of the house style a script can see: the SPDX line, tabs, no trailing
# white space, 90 columns at most, one newline at the end, and headers that
# compile alone behind a guard named after their path.
. "${top_srcdir:-.}/tests/lib.sh"

cd "$top_srcdir" || exit 1
find compiler search runtime tests/unit tests/fuzz -name '*.[chly]' \
	2>/dev/null | grep -v -e '/scratch/' -e 'front/lexer\.c$' \
	-e 'front/parser\.[ch]$' | sort >"$scratch/sources"
find bootstrap .ci tests -name scratch -prune -o -type f \
	\( -name '*.t' -o -name '*.sh' -o -name run -o -name accept \
	-o -name bootstrap \) -print | sort >"$scratch/scripts"

while read -r file; do
	sed 1q "$file" | grep -qx '/\* SPDX-License-Identifier: MIT \*/' ||
		echo "$file"
done <"$scratch/sources" >"$scratch/found"
empty "sources begin with the SPDX line" "$scratch/found"

while read -r file; do
	sed 2q "$file" | grep -qx '# SPDX-License-Identifier: MIT' ||
		echo "$file"
done <"$scratch/scripts" >"$scratch/found"
empty "scripts have the SPDX line" "$scratch/found"

cat "$scratch/sources" "$scratch/scripts" >"$scratch/all"
xargs grep -nE '[ 	]+$' <"$scratch/all" >"$scratch/found"
empty "no trailing white space" "$scratch/found"

grep '\.[ch]$' "$scratch/sources" |
	xargs grep -nE '^ +[^ *]' >"$scratch/found"
empty "tabs indent" "$scratch/found"

while read -r file; do
	expand "$file" | awk -v f="$file" 'length > 90 {
		print f ":" FNR ": " length " columns" }'
done <"$scratch/all" >"$scratch/found"
empty "90 columns at most" "$scratch/found"

while read -r file; do
	[ -z "$(tail -c 1 "$file")" ] && [ -n "$(tail -n 1 "$file")" ] ||
		echo "$file"
done <"$scratch/all" >"$scratch/found"
empty "files end with one newline" "$scratch/found"

grep '\.h$' "$scratch/sources" | grep -v '^runtime/emu/' |
while read -r file; do
	guard=WPK_$(echo "$file" | tr 'a-z/.-' 'A-Z___')
	[ "$file" != runtime/wpk.h ] || guard=WPK_H
	grep -q "^#ifndef $guard\$" "$file" || echo "$file: no guard $guard"
	# shellcheck disable=SC2086 # CC may be several words
	echo "#include \"$file\"" |
	$CC -std=gnu11 -Wall -Wextra -Werror -fsyntax-only -I. -Icompiler \
		-I"$top_builddir/compiler" -x c - 2>&1
done >"$scratch/found"
empty "headers have their guard and compile alone" "$scratch/found"

if command -v shellcheck >/dev/null 2>&1; then
	xargs shellcheck -e SC1091,SC2154,SC2016,SC2094 \
		<"$scratch/scripts" >"$scratch/found" 2>&1
	empty "shellcheck has nothing to say" "$scratch/found"
else
	skip "shellcheck has nothing to say" "shellcheck was not found"
fi

xargs wc -l <"$scratch/sources" |
	awk '$2 != "total" && $1 > 600 { print "# long: " $2 ", " $1 " lines" }'
finish
