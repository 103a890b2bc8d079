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
