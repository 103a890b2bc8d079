# SPDX-License-Identifier: MIT
# WPK_PROG_WPKC([MINIMUM-VERSION], [IF-FOUND], [IF-NOT-FOUND])
#
# Look for wpkc in WPKC, else in PATH; substitute WPKC, the program, and
# WPKC_VERSION. A program older than MINIMUM-VERSION counts as not found.
# A rule that uses it:
#
#	.wpk.cu:
#		$(WPKC) -MD -MF $*.d -o $@ $<
AC_DEFUN([WPK_PROG_WPKC],
[AC_ARG_VAR([WPKC], [the compiler of .wpk files])dnl
AC_PATH_PROG([WPKC], [wpkc])
WPKC_VERSION=
wpk_found=no
if test -n "$WPKC"; then
	AC_MSG_CHECKING([version of wpkc])
	WPKC_VERSION=`"$WPKC" --version 2>/dev/null | sed -n '1s/^wpkc //p'`
	AC_MSG_RESULT([${WPKC_VERSION:-unknown}])
	wpk_found=yes
	m4_ifval([$1], [AS_VERSION_COMPARE([${WPKC_VERSION:-0}], [$1], [wpk_found=no])])
fi
AC_SUBST([WPKC_VERSION])
AS_IF([test $wpk_found = yes], [m4_default([$2], [:])],
	[m4_default([$3], [AC_MSG_ERROR([wpkc m4_ifval([$1], [$1 or later ])is needed])])])])

# WPK_CUDA
#
# How to compile emitted CUDA and to link what calls it: with nvcc from NVCC or
# PATH, or, with --enable-wpk-emulation, as C++ for a machine without a GPU.
# Substitutes
#
#	WPK_CUDA_COMPILE	$(WPK_CUDA_COMPILE) -c -o x.o x.cu
#	WPK_CPPFLAGS		of C and C++ that includes emitted headers
#	WPK_LIBS		to link with, by the C++ compiler
#
# Needs WPK_PROG_WPKC, AC_PROG_CC and AC_PROG_CXX before it.
AC_DEFUN([WPK_CUDA],
[AC_REQUIRE([AC_PROG_CXX])dnl
AC_ARG_VAR([NVCC], [the CUDA compiler])dnl
AC_ARG_VAR([NVCC_FLAGS], [its flags, -O2 -arch=native if not given])dnl
AC_ARG_ENABLE([wpk-emulation],
	[AS_HELP_STRING([--enable-wpk-emulation],
		[run CUDA kernels on the CPU, without a GPU])],
	[], [enable_wpk_emulation=no])
AS_IF([test "$enable_wpk_emulation" != no],
	[wpk_prefix=`AS_DIRNAME(["$WPKC"])`/..
	wpk_pc=`PKG_CONFIG_PATH="$wpk_prefix/share/pkgconfig:$PKG_CONFIG_PATH"; export PKG_CONFIG_PATH
		for v in emulate emulate_host emulate_libs; do
			pkg-config --variable=$v wpkc || exit 1
		done` || AC_MSG_ERROR([pkg-config does not find wpkc.pc])
	WPK_CUDA_COMPILE="$CXX \$(CXXFLAGS) `echo "$wpk_pc" | sed -n 1p`"
	WPK_CPPFLAGS=`echo "$wpk_pc" | sed -n 2p`
	WPK_LIBS=`echo "$wpk_pc" | sed -n 3p`],
	[AC_PATH_PROG([NVCC], [nvcc], [], [$PATH:/usr/local/cuda/bin])
	AS_IF([test -z "$NVCC"],
		[AC_MSG_ERROR([nvcc is needed, or --enable-wpk-emulation])])
	wpk_cuda=`AS_DIRNAME(["$NVCC"])`/..
	WPK_CUDA_COMPILE="$NVCC ${NVCC_FLAGS--O2 -arch=native}"
	WPK_CPPFLAGS="-I$wpk_cuda/include"
	WPK_LIBS="-L$wpk_cuda/lib64 -lcudart"])
AC_SUBST([WPK_CUDA_COMPILE])
AC_SUBST([WPK_CPPFLAGS])
AC_SUBST([WPK_LIBS])])
