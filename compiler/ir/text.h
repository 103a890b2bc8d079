/* SPDX-License-Identifier: MIT */
/* What text.c leaves out and read.c therefore supplies; inside ir/ alone. */
#ifndef WPK_COMPILER_IR_TEXT_H
#define WPK_COMPILER_IR_TEXT_H

#include "ir/ir.h"

/* The extent of a layout entry that covers its dimension exactly. */
int64_t text_extent(const struct ir_tensor *t, const struct ir_phys *p);

#endif
