#!/bin/sh
# SPDX-License-Identifier: MIT
# Every source file is in Makefile.am, so that it is built and shipped.
. "${top_srcdir:-.}/tests/lib.sh"

cd "$top_srcdir" || exit 1
tr -s '[:space:]' '\n' <Makefile.am >"$scratch/words"

for room in compiler search runtime stdlib man tests/unit tests/fuzz \
	tests/runtime; do
	[ -d "$room" ] || continue
	find "$room" \( -name '*.[chly]' -o -name '*.cc' -o -name '*.wpk' \
		-o -name '*.[1357]' -o -name '*.md' \) | sort |
	while read -r file; do
		case $file in
		compiler/front/lexer.c | compiler/front/parser.[ch]) continue ;;
		esac
		grep -Fqx -e "$file" -e "${file%.c}" "$scratch/words" ||
			echo "$file"
	done >"$scratch/found"
	empty "$room" "$scratch/found"
done

for file in tests/*.t; do
	grep -Fqx "$file" "$scratch/words" || echo "$file"
done >"$scratch/found"
empty "tests/*.t" "$scratch/found"

# A folder of cases is shipped whole, or file by file.
for folder in tests/*/; do
	folder=${folder%/}
	case $folder in tests/unit | tests/fuzz | tests/scratch) continue ;; esac
	check "$folder" grep -Fqx "$folder" "$scratch/words"
done
finish
