/* SPDX-License-Identifier: MIT */
/* What a group reads, writes and leaves in memory for others, once it is made. */
#include "ir/ir.h"

bool ir_prepares(const struct ir_operator *o, const struct ir_group *g)
{
	for (int i = 0; i < g->n_stmts; i++)
		if (!o->tensors[o->stmts[g->stmts[i]].tensor].constant)
			return false;
	return g->anchor == IR_MAP;
}

bool ir_group_reads(const struct ir_operator *o, const struct ir_group *g,
	int tensor)
{
	bool any = false;

	for (int i = 0; i < g->n_stmts && !any; i++)
		any = ir_reads(o->stmts[g->stmts[i]].expr, tensor);
	return any;
}

bool ir_group_writes(const struct ir_operator *o, const struct ir_group *g,
	int tensor)
{
	for (int i = 0; i < g->n_stmts; i++)
		if (o->stmts[g->stmts[i]].tensor == tensor)
			return true;
	return false;
}

static bool in_group(const struct ir_group *g, int stmt)
{
	for (int i = 0; i < g->n_stmts; i++)
		if (g->stmts[i] == stmt)
			return true;
	return false;
}

bool ir_group_stores(const struct ir_operator *o, const struct ir_group *g,
	int tensor)
{
	bool stores = o->tensors[tensor].role == IR_OUT;

	for (int i = 0; i < o->n_stmts && !stores; i++)
		stores = !in_group(g, i) && ir_reads(o->stmts[i].expr, tensor);
	return stores;
}

bool ir_leaves_group(const struct ir_operator *o, const struct ir_partition *p,
	int g, int tensor)
{
	return ir_group_stores(o, &p->groups[g], tensor);
}
