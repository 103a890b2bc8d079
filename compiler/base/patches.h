/* SPDX-License-Identifier: MIT */
/* Patches of an image, as rows and columns of pixels: what the language calls h8w8
 * has 8 of each. X(high, wide) of every one there is. */
#ifndef WPK_COMPILER_BASE_PATCHES_H
#define WPK_COMPILER_BASE_PATCHES_H

#define PATCHES(X) \
	X(8, 8) X(16, 8) X(32, 8) X(4, 16) X(8, 16) X(16, 16) X(2, 32) X(4, 32) \
	X(8, 32) X(2, 64) X(4, 64)

/* One of them behind others, as its word and as a number of them. */
#define PATCH_WORD(high, wide) , "h" #high "w" #wide
#define PATCH_ONE(high, wide) + 1

#endif
