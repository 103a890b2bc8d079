/* SPDX-License-Identifier: MIT */
/* Orders in which a contraction's reduction may run: those in which one operand's reads
 * are contiguous, and the one whose longest axis is innermost. */
#include "sketch/product.h"

#include <string.h>

static bool same_order(const int *x, const int *y, int n)
{
	return !n || !memcmp(x, y, (size_t)n * sizeof *x);
}

static void add_order(struct task *t, struct product *f, int *order)
{
	struct str s;

	for (int i = 0; i < f->n_orders; i++)
		if (same_order(f->orders[i], order, f->c.n_k))
			return;
	if (f->n_orders == ORDERS_MAX)
		return;
	str_init(&s, t->a);
	for (int i = 0; i < f->c.n_k; i++)
		str_puts(&s, t->op->axes[order[i]].name);
	f->order_words[f->n_orders] = str_text(&s);
	f->orders[f->n_orders++] = order;
}

static int64_t magnitude(int64_t v)
{
	return v < 0 ? -v : v;
}

/* The reduction's axes by falling stride in one operand: its reads become
 * contiguous. */
static int *order_by(struct task *t, const struct product *f,
	const struct ir_affine *address)
{
	int n = f->c.n_k, *k = ARENA_ARRAY(t->a, (size_t)n, int);

	memcpy(k, f->c.k, (size_t)n * sizeof *k);
	for (int i = 1; i < n; i++)
		for (int j = i; j > 0 && magnitude(address->coef[k[j]]) >
		     magnitude(address->coef[k[j - 1]]); j--) {
			int x = k[j];

			k[j] = k[j - 1];
			k[j - 1] = x;
		}
	return k;
}

/* Does a factor have several values of one element along the reduction? Any order
 * but its own then reads elements anew for each. */
static bool shares_elements(const struct ir_operator *o,
	const struct ir_contraction *c)
{
	for (int i = 0; i < c->n_k; i++)
		if (o->axes[c->k[i]].extent != 1 &&
				(!c->left_addr.coef[c->k[i]] ||
				!c->right_addr.coef[c->k[i]]))
			return true;
	return false;
}

/* The longest axis innermost, so that a tile's ks stay within one axis. */
static int *order_longest(struct task *t, const struct product *f)
{
	int n = f->c.n_k, *k = ARENA_ARRAY(t->a, (size_t)n, int), last = 0;

	memcpy(k, f->c.k, (size_t)n * sizeof *k);
	for (int i = 1; i < n; i++)
		if (t->op->axes[k[i]].extent > t->op->axes[k[last]].extent)
			last = i;
	for (int x = k[last]; last < n - 1; last++) {
		k[last] = k[last + 1];
		k[last + 1] = x;
	}
	return k;
}

void product_orders(struct task *t, struct product *f)
{
	const struct ir_contraction *c = &f->c;

	add_order(t, f, order_by(t, f, &c->left_addr));
	add_order(t, f, order_by(t, f, &c->right_addr));
	if (shares_elements(t->op, c))
		return;
	add_order(t, f, order_longest(t, f));
	add_order(t, f, f->c.k);
}
