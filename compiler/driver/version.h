/* SPDX-License-Identifier: MIT */
#ifndef WPK_COMPILER_DRIVER_VERSION_H
#define WPK_COMPILER_DRIVER_VERSION_H

/* configure.ac defines PACKAGE_VERSION on the command line. */
#define WPK_VERSION PACKAGE_VERSION

#endif
