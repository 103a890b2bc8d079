#!/bin/sh
# SPDX-License-Identifier: MIT
# The library has no mutable objects: nothing in .data or .bss (tables of
# pointers, constant after relocation, are in .data.rel.ro). bison's skeleton
# has exactly one, which it only reads. And no two files define one name: the
# linker would take either.
. "${top_srcdir:-.}/tests/lib.sh"

objects() {
	"$OBJDUMP" -t "$1" | awk '
		NF < 4 { next }
		/file format/ { file = $1; sub(/:$/, "", file); next }
		$(NF - 2) ~ /^\.(data\.rel\.ro|data\.rel\.ro\..*)$/ { next }
		$(NF - 2) ~ /^(\.(data|bss|tdata|tbss)(\..*)?|\*COM\*)$/ &&
			$NF != $(NF - 2) &&
			$NF !~ /^yyloc_default(\.[0-9]+)?$/ {
				print file ": " $NF " in " $(NF - 2) }'
}

if [ -n "$INSTRUMENT" ]; then
	skip "libwpkc.a has no mutable globals" "instrumented build"
else
	objects "$top_builddir/libwpkc.a" >"$scratch/found"
	empty "libwpkc.a has no mutable globals" "$scratch/found"
	echo 'static int here; int *f(void) { return &here; } int there = 1;' \
		>"$scratch/x.c"
	# shellcheck disable=SC2086 # CC may be several words
	$CC -c -o "$scratch/x.o" "$scratch/x.c"
	check "a mutable global is seen" \
		test "$(objects "$scratch/x.o" | wc -l)" = 2
fi

"$OBJDUMP" -t "$top_builddir/libwpkc.a" |
	awk '$2 == "g" && $(NF - 2) != "*UND*" { print $NF }' | sort | uniq -d \
	>"$scratch/found"
empty "no name is defined twice" "$scratch/found"

# A program's own name takes the place of the C library's for all libraries that
# it is linked with.
theirs() {
	"$OBJDUMP" -T "$($CC -print-file-name="$1")" |
		awk '$2 ~ /[gwi]/ && $4 != "*UND*" { print $NF }'
}
{ theirs libc.so.6; theirs libm.so.6; } | sort -u >"$scratch/theirs"
check "the C library has names" grep -qx bind "$scratch/theirs"
"$OBJDUMP" -t "$top_builddir/libwpkc.a" |
	awk '$2 == "g" && $(NF - 2) != "*UND*" { print $NF }' | sort -u |
	comm -12 - "$scratch/theirs" >"$scratch/found"
empty "no name is the C library's" "$scratch/found"
finish
