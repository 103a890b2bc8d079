/* SPDX-License-Identifier: MIT */
/* Lowering: the tensors of a signature. In: declarations of the outermost
 * operator, its sizes known. Out: inputs, then outputs, as IR tensors. */
#include <string.h>

#include "ir/lower_state.h"

static const struct ast_restate *restated(const struct ast_restate *with, int n,
	const char *name)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(with[i].name.text, name))
			return &with[i];
	return NULL;
}

static bool lower_dims(struct lowering *l, struct scope *s,
	struct ir_tensor *t, const struct ast_decl *d)
{
	bool ok = true;

	t->rank = d->n_dims;
	t->dims = ARENA_ARRAY(l->a, t->rank + 1, int64_t);
	for (int i = 0; i < t->rank; i++) {
		t->dims[i] = lower_size(l, s, d->dims[i]);
		if (!t->dims[i])
			lower_error(l, s, E_EMPTY, d->dims[i]->at,
				"dimension %d of '%s' is 0", i + 1, t->name);
		ok &= t->dims[i] > 0;
	}
	return ok;
}

static bool lower_decl(struct lowering *l, struct scope *s,
	const struct ast_decl *d, enum ir_role role,
	const struct ast_restate *over)
{
	struct ir_tensor t = { .name = d->name.text, .role = role,
		.id = l->tensors.n, .at = d->name.at };
	bool ok;

	t.type = lower_dtype(l, s, d->type);
	ok = lower_dims(l, s, &t, d) && t.type != T_NONE &&
		lower_layout(l, s, &t, d, over);
	vec_push(l->a, &l->tensors, t);
	vec_push(l->a, &l->info, (struct tensor_info){ -1, -1, true,
		d->name.at });
	lower_name_tensor(l, s, t.name, t.id);
	return ok;
}

bool lower_tensors(struct lowering *l, struct scope *s,
	const struct ast_restate *with, int n_with)
{
	const struct ast_item *op = s->op;
	bool ok = true;

	for (int i = 0; i < op->n_inputs; i++)
		ok &= lower_decl(l, s, &op->inputs[i], IR_IN,
			restated(with, n_with, op->inputs[i].name.text));
	for (int i = 0; i < op->n_outputs; i++)
		ok &= lower_decl(l, s, &op->outputs[i], IR_OUT,
			restated(with, n_with, op->outputs[i].name.text));
	return ok;
}
