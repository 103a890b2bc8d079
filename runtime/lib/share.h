/* SPDX-License-Identifier: MIT */
/* Shares of a device, in percent. Here for libwpk and for wpkc alike, so that a
 * plan and a lock answer in the same way for a share that they do not have. */
#ifndef WPK_RUNTIME_LIB_SHARE_H
#define WPK_RUNTIME_LIB_SHARE_H

/* How far what was chosen for one share is from what suits another. Less comes
 * before more, the nearest first: as many blocks as run at once in the smaller
 * slice do so in the larger, and not the other way round. */
static inline int share_apart(int tuned, int on)
{
	return tuned <= on ? on - tuned : 100 + tuned - on;
}

enum { SHARE_APART_MOST = 200 };

#endif
