#!/bin/sh
# SPDX-License-Identifier: MIT
# `make bundle`, unpacked elsewhere, works with an empty environment and takes
# every library beyond libc from itself.
. "${top_srcdir:-.}/tests/lib.sh"

if [ -n "$INSTRUMENT" ]; then
	skip "bundle" "instrumented build"
	finish
	exit
fi

unset MAKEFLAGS MFLAGS MAKELEVEL DESTDIR
check "make bundle" make -s -C "$top_builddir" bundle
check "unpacks" tar -C "$scratch" -xzf "$top_builddir/bundle.tar.gz"
cd "$scratch/bundle" || exit 1

# The libraries that program $1 loads, a tab, and the path it finds them at.
libraries() {
	env -i LD_TRACE_LOADED_OBJECTS=1 "$1" | awk '/ => / {
		path = $0
		sub(/^.* => /, "", path)
		sub(/ \(0x[0-9a-f]+\)$/, "", path)
		print $1 "\t" path }'
}

for program in bin/*; do
	libraries "$program" | awk -F '\t' -v here="$scratch/bundle/" '
		$1 ~ /^lib(c|m|dl|rt|pthread)\.so\.[0-9]+$/ { next }
		index($2, here) != 1 { print }' >"$scratch/found"
	empty "$program: libraries beyond libc are its own" "$scratch/found"
	grep -cF "$top_srcdir" "$program" | grep -vx 0 >"$scratch/found"
	empty "$program: no path of the source tree" "$scratch/found"
done
libraries lib/wpk/libwpkemu.so | awk -F '\t' '
	$1 !~ /^(lib(c|m|dl|rt|pthread)\.so\.[0-9]+|.*ld-linux.*)$/' >"$scratch/found"
empty "the emulated driver needs libc alone" "$scratch/found"
check "its worker answers" sh -c 'env -i bin/wpkworker --device=emu </dev/null |
	grep -q "\"how\":\"emu\""'
check "knows its version" env -i bin/wpkc --version
check "compiles an example" env -i bin/wpkc examples/resnet18/conv.wpk \
	-o "$scratch/conv.cu"
check "from another folder" sh -c 'cd / && exec env -i "$@"' sh \
	"$scratch/bundle/bin/wpkc" "$scratch/bundle/examples/softmax/softmax.wpk" \
	-o "$scratch/softmax.cu"
check "writes what the build tree writes" sh -c '"$1" "$2" -o - | cmp - "$3"' \
	sh "$wpkc" "$scratch/bundle/examples/softmax/softmax.wpk" "$scratch/softmax.cu"
grep -v '^#' tests/gpu/cases.tsv | cut -f 3 | while read -r file; do
	[ -f "$file" ] || echo "$file"
done >"$scratch/found"
empty "has what the checks of a GPU read" "$scratch/found"
check "measures" env -i PATH="$PATH" bin/wpkc --tune=random --trials=1 --no-lock \
	--measure=emu --no-verify examples/softmax/softmax.wpk -o "$scratch/tuned.cu"
echo 'export op twice[N = 9](x: f32[N]) -> (y: f32[N]) { y[i] = 2 * x[i]; }' \
	>"$scratch/twice.wpk"
check "runs" env -i PATH="$PATH" bin/wpkrun --device=emu "$scratch/twice.wpk"
check "emulates" env -i PATH="$PATH" bin/wpkc --check examples/softmax/softmax.wpk
finish
