#!/bin/sh
# SPDX-License-Identifier: MIT
# The example programs, each in its build system, against an installed wpkc:
# they build for the emulator, run right, build again when a source changes and
# only then; and where there is an nvcc, their CUDA is built by it, too.
. "${top_srcdir:-.}/tests/lib.sh"

unset MAKEFLAGS MFLAGS MAKELEVEL DESTDIR CPPFLAGS CFLAGS CXXFLAGS LDFLAGS
prefix=$scratch/usr
PATH=$prefix/bin:$PATH
PKG_CONFIG_PATH=$prefix/share/pkgconfig
export PATH PKG_CONFIG_PATH
check "make install" make -s -C "$top_builddir" prefix="$prefix" \
	exec_prefix="$prefix" bindir="$prefix/bin" libdir="$prefix/lib" \
	datarootdir="$prefix/share" datadir="$prefix/share" \
	mandir="$prefix/share/man" includedir="$prefix/include" install
# What configure wrote knows the prefix it was given; this one is another.
for pc in wpkc wpk; do
	sed "s|^prefix=.*|prefix=$prefix|; s|^exec_prefix=.*|exec_prefix=$prefix|
	s|^bindir=.*|bindir=$prefix/bin|; s|^libdir=.*|libdir=$prefix/lib|
	s|^datarootdir=.*|datarootdir=$prefix/share|
	s|^includedir=.*|includedir=$prefix/include|
	s|^datadir=.*|datadir=$prefix/share|" "$top_builddir/$pc.pc" \
		>"$prefix/share/pkgconfig/$pc.pc"
done

# Copies example $1 into a fresh folder and goes there.
example() {
	rm -rf "${scratch:?}/$1"
	cp -r "$top_srcdir/examples/$1" "$scratch/$1"
	chmod -R u+w "$scratch/$1"
	cd "$scratch/$1" || exit 1
}

# A step of light at the middle of a frame, and what sharpening makes of it.
frame() {
	printf 'P5\n640 480\n255\n'
	awk 'BEGIN { for (y = 0; y < 480; y++) for (x = 0; x < 640; x++)
		printf "%s", x < 320 ? "A" : "a" }'
}
sharp() {
	printf 'P5\n640 480\n255\n'
	awk 'BEGIN { for (y = 0; y < 480; y++) for (x = 0; x < 640; x++)
		printf "%s", x < 319 ? "A" : x == 319 ? "9" : x == 320 ? "i" : "a" }'
}

if ! "$CXX" --version >/dev/null 2>&1 || ! pkg-config --version >/dev/null 2>&1
then
	skip "the examples" "no C++ compiler or no pkg-config"
	finish
	exit
fi

case $scratch in
*[[:space:]]*)
	skip "the examples" "make takes no path with blanks"
	finish
	exit ;;
esac

# ---- make ----

example sharpen
check "make: builds" make EMULATE=1 CC="$CC" CXX="$CXX"
frame >in.pgm
sharp >want.pgm
check "make: sharpens" sh -c './main <in.pgm >out.pgm && cmp out.pgm want.pgm'
check "make: is up to date" make -q EMULATE=1 CC="$CC" CXX="$CXX"
sleep 0.01
sed 's/amount \*/0 * amount */' sharpen.wpk >new && mv new sharpen.wpk
touch -d '1 second' sharpen.wpk
check "make: builds again when the .wpk changes" \
	sh -c 'make EMULATE=1 CC="$CC" CXX="$CXX" && ./main <in.pgm | cmp - in.pgm'
check "make: names the frames it takes" \
	sh -c 'echo P5 3 3 255 | ./main 2>&1 | grep "640 x 480"'
if [ -n "$NVCC" ]; then
	check "make: builds with nvcc" sh -c 'make -s clean &&
		make NVCC="$NVCC" CUDA_FLAGS="-arch=sm_90" CC="$CC" CXX="$CXX"'
else
	skip "make: builds with nvcc" "nvcc was not found"
fi

# ---- libwpk ----

# A square wave of 1000 Hz, a second of it.
tone() {
	printf '\000\100%.0s' 1 2 3 4 5 6 7 8 >wave
	printf '\000\300%.0s' 1 2 3 4 5 6 7 8 >>wave
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		cat wave wave >twice
		mv twice wave
	done
	head -c 32000 wave
}
# The loudest of 80 filters, of each frame.
loudest() {
	awk '{ k = 1; for (i = 2; i <= NF; i++) if ($i > $k) k = i; print k }' |
	sort | uniq -c | awk '{ print $1, $2 }'
}
example mel
check "libwpk: builds, and writes a plan" make EMULATE=1 CC="$CC"
tone >tone.raw
LD_LIBRARY_PATH=$prefix/lib WPK_LIBCUDA=$prefix/lib/wpk/libwpkemu.so \
	./mel mel.plan <tone.raw >energies
check "libwpk: hears a tone in each frame" \
	test "$(loudest <energies)" = "98 29"
check "libwpk: says what is missing" sh -c 'LD_LIBRARY_PATH=$1/lib \
	WPK_LIBCUDA=/none ./mel mel.plan 2>&1 | grep -qF "there is no CUDA driver"' \
	sh "$prefix"
check "libwpk: is up to date" make -q EMULATE=1 CC="$CC"
if [ -n "$NVCC" ]; then
	check "libwpk: builds with CUDA" sh -c 'make -s clean &&
		make NVCC="$NVCC" CC="$CC" && ls mel.sm_90a.cubin'
else
	skip "libwpk: builds with CUDA" "nvcc was not found"
fi

example linear
check "libwpk: builds a choice" make EMULATE=1 CC="$CC"
LD_LIBRARY_PATH=$prefix/lib WPK_LIBCUDA=$prefix/lib/wpk/libwpkemu.so \
	./linear linear.plan 1 64 37 >served 2>&1
printf '%s\n' '1 rows by linear_M1_kernel' '64 rows by linear_M64_kernel' \
	'37 rows by linear_kernel, made for all shapes' >want
check "libwpk: shapes have kernels of their own, and others one for all" \
	diff want served

# ---- make's job server ----

mkdir -p "$scratch/slots" && cd "$scratch/slots" || exit 1
for i in 1 2 3 4 5 6; do
	echo "export op f${i}[N = $i](x: f32[N]) -> (y: f32[N]) { y[i] = $i * x[i]; }"
done >six.wpk
cat >compiler <<'END'
#!/bin/sh
echo + >>"$LOG"
$REAL_CXX "$@"
code=$?
sleep 0.1
echo - >>"$LOG"
exit $code
END
chmod +x compiler
cat >Makefile <<'END'
with: ; +$(WPKC) -j 6 --no-lock --check six.wpk
without: ; $(WPKC) -j 6 --no-lock --check six.wpk
END
# at_once TARGET JOBS: how many compilers ran at the same time.
at_once() {
	rm -f log
	env LOG="$PWD/log" REAL_CXX="$CXX" CXX="$PWD/compiler" make -j"$2" \
		"$1" WPKC="$prefix/bin/wpkc" >"out.$1" 2>&1 || return 1
	[ "$(grep -c verified "out.$1")" = 6 ] || return 1
	! grep -i 'jobserver tokens' "out.$1" || return 1
	awk '/\+/ { n++ } /-/ { n-- } n > most { most = n } END { print most }' log
}
check "make -j3: three at once" test "$(at_once with 3)" = 3
check "make -j1: one at once" test "$(at_once with 1)" = 1
check "make -j3 without +: one at once" test "$(at_once without 3)" = 1

# ---- Automake ----

if command -v autoreconf >/dev/null 2>&1; then
	example heat
	check "Automake: autoreconf" autoreconf -i -I "$prefix/share/aclocal"
	check "Automake: configure" ./configure --enable-wpk-emulation \
		WPKC="$prefix/bin/wpkc" CC="$CC" CXX="$CXX"
	check "Automake: builds" make
	./heat 50 >out
	check "Automake: heat stays" test "$(sed 's/.*heat \([0-9.]*\),.*/\1/' \
		out | sort -u)" = 25600.0
	check "Automake: it spreads" test "$(sed -n \
		's/.*hottest \([0-9]*\)\..*/\1/p' out | tail -n 1)" -lt 100
	check "Automake: is up to date" make -q
	check "Automake: make distcheck" make distcheck \
		DISTCHECK_CONFIGURE_FLAGS="--enable-wpk-emulation WPKC=$prefix/bin/wpkc"
	if [ -n "$NVCC" ]; then
		make -s distclean
		check "Automake: builds with nvcc" sh -c './configure NVCC="$NVCC" \
			NVCC_FLAGS=-arch=sm_90 WPKC="$1" && make' sh \
			"$prefix/bin/wpkc"
	else
		skip "Automake: builds with nvcc" "nvcc was not found"
	fi
else
	skip "Automake" "autoreconf was not found"
fi

# ---- CMake ----

# $1 lines of 16 numbers: line i is i times the first number.
points() {
	awk -v n="$1" -v f="$2" 'BEGIN { for (i = 1; i <= n; i++) {
		for (d = 0; d < 16; d++) printf "%g ", i * f
		print "" } }'
}

if command -v cmake >/dev/null 2>&1; then
	example knn
	check "CMake: configures" cmake -S . -B out -DWPK_EMULATE=ON \
		-DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_COMPILER="$CXX"
	check "CMake: builds" cmake --build out
	points 100 1 >table
	points 70 1.303 >queries
	awk 'BEGIN { for (i = 1; i <= 70; i++) { x = i * 1.303
		n = int(x + 0.5); d = x - n; printf "%d %.3f\n", n,
		4 * (d < 0 ? -d : d) } }' >want
	check "CMake: finds the nearest" sh -c './out/knn table <queries >got
		awk "NR == FNR { n[FNR] = \$1; d[FNR] = \$2; next }
			\$1 != n[FNR] || (\$2 - d[FNR])^2 > 1e-4 { exit 1 }" want got &&
			test "$(wc -l <got)" = 70'
	check "CMake: is up to date" sh -c \
		'! cmake --build out | grep "wpkc knn.wpk"'
	touch -d '1 second' knn.wpk
	check "CMake: builds again when the .wpk changes" sh -c \
		'cmake --build out | grep "wpkc knn.wpk"'
	if [ -n "$NVCC" ]; then
		check "CMake: configures for nvcc" cmake -S . -B gpu \
			-DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CUDA_COMPILER="$NVCC" \
			-DCMAKE_CUDA_ARCHITECTURES=90
		check "CMake: builds with nvcc" cmake --build gpu
	else
		skip "CMake: builds with nvcc" "nvcc was not found"
	fi
else
	skip "CMake" "cmake was not found"
fi
finish
