#!/bin/sh
# SPDX-License-Identifier: MIT
# The emulator on kernels written by hand, right ones and such with a planted
# fault. A case's first comment says what its two modes must report, "NEEDS:
# address" that it is compiled with the sanitizers, and "STDERR: TEXT" what
# they must have said. Where the source has a line with HERE, a fault must name
# that line. "NEEDS: gcc": clang does not check the alignment of whole structs;
# nor can what it makes be watched. "NEEDS: bytes": what is counted is told. "ARCH:
# 890" is what __CUDA_ARCH__ is where it matters.
. "${top_srcdir:-.}/tests/lib.sh"

emu=$top_srcdir/runtime/emu
library=$top_builddir/libwpkemu.a
plain='-O1 -fno-strict-aliasing -fno-math-errno -fno-exceptions'
address="$plain -g -fsanitize=address,alignment -fno-sanitize-recover=all"

watch="$plain -no-pie -fno-pie -fsanitize=thread -DWPK_EMU_WATCH"

# As wpkc links: libstdc++ is looked through for nothing.
libraries='-nodefaultlibs -lm -lc -lgcc'

# Watched, the kernel takes the emulator for ThreadSanitizer's library.
compile_watched() {
	# shellcheck disable=SC2086
	"$CXX" -x c++ -std=gnu++17 -Wall -Wextra -Wno-unknown-pragmas -Wno-psabi -Werror \
		$watch -DWPK_EMULATE -include "$emu/wpk_emu.h" -c "$1" \
		-o "$2.o" &&
	"$CXX" -no-pie "$2.o" "$library" $libraries -o "$2"
}

compile() {
	arch=$(sed -n 's/.*ARCH: \([0-9]*\).*/-D__CUDA_ARCH__=\1/p' "$1")
	if grep -q 'NEEDS: watch' "$1"; then
		compile_watched "$1" "$2"
		return
	fi
	flags="$plain $libraries"
	grep -q 'NEEDS: address' "$1" && flags="$address -lm"
	# shellcheck disable=SC2086
	"$CXX" -x c++ -std=gnu++17 -Wall -Wextra -Wno-unknown-pragmas -Wno-psabi -Werror \
		$arch -DWPK_EMULATE -include "$emu/wpk_emu.h" "$1" \
		-x none "$library" $flags -o "$2"
}

# run FILE PROGRAM MODE: what is reported first.
run() {
	watch='watch race\nwatch init'
	grep -q 'NEEDS: bytes' "$1" && watch='watch bytes'
	# shellcheck disable=SC2059
	printf "mode %s\n$watch\ngrain 4\nshared 232448\nrun\n" "$3" |
	"$2" 2>"$2.err" |
	sed -n "s/^$3 //p" | grep -v '^launch\|^bytes' | head -n 1
}

# expected FILE MODE: what the report must begin with.
expected() {
	want=$(sed -n "s/.*EXPECT $2: \(.*[a-z0-9]\).*/\1/p" "$1")
	line=$(sed -n '/HERE/=' "$1")
	echo "$want${line:+ line $line}"
}

for file in "$top_srcdir"/tests/emu/*.cu; do
	case=$(basename "$file" .cu)
	program=$scratch/$case
	if grep -q 'NEEDS: \(gcc\|watch\)' "$file" && ! watches; then
		skip "$case" "needs gcc"
		continue
	fi
	if ! compile "$file" "$program" >"$program.log" 2>&1; then
		fail "$case" "$program.log"
		continue
	fi
	for mode in early late; do
		want=$(expected "$file" $mode)
		got=$(run "$file" "$program" $mode)
		said=$(sed -n 's/.*STDERR: \(.*[a-z]\).*/\1/p' "$file")
		case $got in
		"$want"*)
			if grep -q "$said" "$program.err" || [ -z "$said" ]
			then
				pass "$case, $mode"
			else
				fail "$case, $mode" "$program.err"
			fi ;;
		*)	echo "wanted '$want', got '$got'" |
			fail "$case, $mode" - ;;
		esac
	done
done
finish
