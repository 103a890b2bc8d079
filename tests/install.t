#!/bin/sh
# SPDX-License-Identifier: MIT
# What `make install` puts in place works from there: the program, its pkg-config
# file, and the m4 macro in a project of its own.
. "${top_srcdir:-.}/tests/lib.sh"

unset MAKEFLAGS MFLAGS MAKELEVEL DESTDIR
prefix=$scratch/usr
check "make install" make -s -C "$top_builddir" prefix="$prefix" \
	exec_prefix="$prefix" bindir="$prefix/bin" libdir="$prefix/lib" \
	datarootdir="$prefix/share" datadir="$prefix/share" \
	mandir="$prefix/share/man" install
check "the worker is beside wpkc" test -x "$prefix/bin/wpkworker"
echo 'export op twice[N = 9](x: f32[N]) -> (y: f32[N]) { y[i] = 2 * x[i]; }' \
	>"$scratch/twice.wpk"
check "wpkrun finds wpkc and the emulator" "$prefix/bin/wpkrun" --device=emu \
	"$scratch/twice.wpk"
check "the emulated driver is there" test -x "$prefix/lib/wpk/libwpkemu.so"
check "... and what its modules are compiled with" test -r \
	"$prefix/share/wpk/emu/wpk_emu_module.h"
cd "$scratch" || exit 1
check "what --check=gpu builds is there" test -r "$prefix/share/wpk/gpu/main.cu"
check "compiles an example" "$prefix/bin/wpkc" \
	"$top_srcdir/examples/softmax/softmax.wpk" -o softmax.cu

if command -v pkg-config >/dev/null 2>&1; then
	found=$(PKG_CONFIG_PATH=$prefix/share/pkgconfig \
		pkg-config --define-variable=prefix="$prefix" \
		--variable=stdlib wpkc 2>&1)
	check "wpkc.pc names the standard library" test -n "$found"
	check "wpkc.pc has the version" test \
		"$(PKG_CONFIG_PATH=$prefix/share/pkgconfig \
			pkg-config --modversion wpkc 2>&1)" = \
		"$("$wpkc" --version | sed -n '1s/^wpkc //p')"
else
	skip "wpkc.pc" "pkg-config was not found"
fi

# Configure a project that asks for version $1 of wpkc.
project() {
	rm -rf project
	mkdir -p project && cd project || return 1
	cat >configure.ac <<-END
	AC_INIT([project], [1])
	WPK_PROG_WPKC([$1], [AC_MSG_NOTICE([took \$WPKC])],
		[AC_MSG_NOTICE([took none])])
	AC_OUTPUT
	END
	aclocal -I "$prefix/share/aclocal" && autoconf &&
		./configure WPKC="$prefix/bin/wpkc"
}

if command -v autoconf >/dev/null 2>&1; then
	project 0.1 >"$scratch/new" 2>&1
	check "WPK_PROG_WPKC finds it" grep "took $prefix/bin/wpkc" "$scratch/new"
	cd "$scratch" || exit 1
	project 99 >"$scratch/old" 2>&1
	check "WPK_PROG_WPKC wants the version asked for" \
		grep "took none" "$scratch/old"
else
	skip "WPK_PROG_WPKC" "autoconf was not found"
fi
finish
