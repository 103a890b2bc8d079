/* SPDX-License-Identifier: MIT */
/* Congruences of integer expressions, for alignment. Variables are unknown:
 * an answer holds whatever they are. */
#include "kernel/residue.h"

#include "base/number.h"

static const struct residue unknown = { 1, 0 };

/* Past this, products could overflow and nobody asks. */
static struct residue make(int64_t modulus, int64_t rest)
{
	if (modulus > 1 << 20 || modulus < -(1 << 20))
		modulus = number_gcd(modulus, 1 << 20);
	if (modulus < 0)
		modulus = -modulus;
	if (modulus)
		rest = (rest % modulus + modulus) % modulus;
	if (!modulus && (rest > INT32_MAX || rest < INT32_MIN))
		return make(1 << 20, rest);
	return (struct residue){ modulus, rest };
}

static struct residue sum(struct residue x, struct residue y, int sign)
{
	return make(number_gcd(x.modulus, y.modulus), x.rest + sign * y.rest);
}

static struct residue product(struct residue x, struct residue y)
{
	int64_t by = number_gcd(x.modulus * y.modulus, x.modulus * y.rest);

	return make(number_gcd(by, y.modulus * x.rest), x.rest * y.rest);
}

static struct residue either(struct residue x, struct residue y)
{
	int64_t by = number_gcd(x.modulus, y.modulus);

	return make(number_gcd(by, x.rest - y.rest), x.rest);
}

static struct residue of_op(const struct kx *e)
{
	struct residue x, y;

	if (e->op == OP_SELECT)
		return either(residue_of(e->args[1]), residue_of(e->args[2]));
	if (e->n_args != 2)
		return unknown;
	x = residue_of(e->args[0]);
	y = residue_of(e->args[1]);
	switch (e->op) {
	case OP_ADD: return sum(x, y, 1);
	case OP_SUB: return sum(x, y, -1);
	case OP_MUL: return product(x, y);
	case OP_MOD:
		return y.modulus ? unknown :
			make(number_gcd(x.modulus, y.rest), x.rest);
	default: return unknown;
	}
}

struct residue residue_of(const struct kx *e)
{
	switch (e->kind) {
	case KX_INT: return make(0, e->i);
	case KX_OP: return of_op(e);
	case KX_CAST:
		return dtype_is_int(e->args[0]->type) ?
			residue_of(e->args[0]) : unknown;
	default: return unknown;
	}
}

struct residue residue_offset(const struct k_place *p)
{
	struct residue at = { 0, 0 };

	for (int i = 0; i < p->buffer->rank; i++) {
		if (i)
			at = product(at, make(0, p->buffer->dims[i]));
		at = sum(at, residue_of(p->index[i]), 1);
	}
	return at;
}

bool residue_never(struct residue r, int64_t n)
{
	return r.rest % number_gcd(r.modulus, n) != 0;
}
