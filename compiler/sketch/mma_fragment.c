/* SPDX-License-Identifier: MIT */
/* Fragments of mma.sync: where a thread looks for its part of them, and the code
 * that fetches it. */
#include "sketch/mma_fragment.h"

#include "sketch/common.h"

static struct kx *num(const struct fragment *x, int64_t v)
{
	return kx_int(x->a, v);
}

static int elem_of(const struct fragment *x)
{
	return x->g->s->op->tile_elem;
}

/* Bytes of the reduction that one instruction sums, in chunks of 16. */
static int chunks_of(const struct fragment *x)
{
	return x->form->k * elem_of(x) / 16;
}

/* Where a row of the tile goes along the reduction, ldmatrix fetches 16 bytes of
 * it as they are, whatever they hold; where it goes along rows or columns, it
 * transposes what has 16 bits. */
enum mma_load mma_load_of(enum dtype tile, bool k_inner)
{
	if (tile == T_F64)
		return MMA_ELEMENTS;
	if (k_inner)
		return MMA_LDMATRIX;
	return dtype_row(tile)->bits == 16 ? MMA_TRANSPOSED : MMA_ELEMENTS;
}

struct k_buffer *fragment_registers(const struct fragment *x,
	const char *suffix)
{
	int64_t dims[2] = { x->n, x->regs };

	return kernel_array(x->kernel, K_REGISTER, arena_printf(x->a, "%s_%s",
		x->g->name, suffix), mma_register(x->form->factor), 2, dims, 16);
}

/* Of the four matrices of 8 rows that one ldmatrix fetches, which is the
 * thread's: "half" the second 8 rows, "chunk" the second 16 bytes. A left
 * factor's come rows first, a right one's bytes first. */
static void which_matrix(const struct fragment *x, struct kx **half,
	struct kx **chunk)
{
	struct arena *a = x->a;
	struct kx *low = kx_mod(a, kx_div(a, x->lane, num(x, 8)), num(x, 2));
	struct kx *high = kx_div(a, x->lane, num(x, 16));

	*half = x->right ? high : low;
	*chunk = x->right ? low : high;
	if (chunks_of(x) == 1) {
		*half = low;
		*chunk = num(x, 0);
	}
}

/* What ldmatrix addresses have in common, before the main loop. */
static void prepare(struct fragment *x, struct k_block *b, struct kx *first)
{
	struct arena *a = x->a;
	struct kx *eight = kx_mod(a, x->lane, num(x, 8)), *half, *chunk;
	const char *name = x->g->name;

	if (x->load == MMA_ELEMENTS) {
		x->row = first;
		return;
	}
	which_matrix(x, &half, &chunk);
	if (x->load == MMA_TRANSPOSED) {
		x->row = ks_let(a, b, arena_printf(a, "%s_step", name),
			kx_add(a, kx_mul(a, chunk, num(x, 8)), eight));
		x->turn = ks_let(a, b, arena_printf(a, "%s_from", name),
			kx_add(a, first, kx_mul(a, half, num(x, 8))));
		return;
	}
	x->turn = kx_div(a, stager_column(x->g, eight, kx_mul(a, chunk,
		num(x, 16 / elem_of(x)))), num(x, 16 / elem_of(x)));
	x->turn = ks_let(a, b, arena_printf(a, "%s_turn", name), x->turn);
	x->row = ks_let(a, b, arena_printf(a, "%s_row", name), kx_add(a,
		kx_add(a, first, kx_mul(a, half, num(x, 8))), eight));
}

void fragment_create(struct fragment *x, struct k_block *b, struct kx *first,
	int mine)
{
	x->each = x->right ? x->form->n : x->form->m;
	x->n = mine / x->each;
	x->regs = mma_registers(x->each * x->form->k, x->form->factor);
	x->value = fragment_registers(x, "part");
	prepare(x, b, first);
}

/* Chunk "chunk" of 16 bytes, counted from where the thread's turn is. */
static struct kx *column_at(const struct fragment *x, struct kx *chunk)
{
	struct arena *a = x->a;
	struct kx *at = kx_add(a, chunk, x->turn);
	int64_t none;

	if (x->g->s->swizzled && !(kx_is_int(chunk, &none) && none == 0))
		at = kx_call(a, INTRIN_BIT_XOR, T_I32, 2, chunk, x->turn);
	return kx_mul(a, at, num(x, 16 / elem_of(x)));
}

void fragment_load_16(const struct fragment *x, struct k_block *b,
	struct kx *slot, struct kx *kk, struct kx *from, struct k_place to)
{
	struct arena *a = x->a;
	bool turned = x->load == MMA_TRANSPOSED, four = chunks_of(x) == 2;
	struct kx *chunk = kx_div(a, kk, num(x, 16 / elem_of(x)));
	struct kx *row = turned ? kx_add(a, x->row, kk) :
		kx_add(a, x->row, from);
	struct kx *col = turned ? kx_add(a, x->turn, from) :
		column_at(x, chunk);

	ks_call(a, b, turned ? four ? INTRIN_LDMATRIX_X4_TRANS :
		INTRIN_LDMATRIX_X2_TRANS : four ? INTRIN_LDMATRIX_X4 :
		INTRIN_LDMATRIX_X2, 2, kx_address(a, to), kx_address(a,
		k_place(x->g->tile, slot, row, col)));
}

/* Element of the tile at row "row" and step "k" of the chunk. */
static struct kx *element(const struct fragment *x, struct kx *slot,
	struct kx *row, struct kx *k)
{
	struct k_place p = stager_place(x->g, slot, row, k);

	return kx_load(x->a, p.buffer, p.index[0], p.index[1], p.index[2]);
}

/* The elements of one register of 32 bits, lowest first. */
static struct kx *packed(const struct fragment *x, struct kx *slot,
	struct kx *row, struct kx *k)
{
	int n = 4 / elem_of(x);
	struct kx *v[4];

	for (int i = 0; i < n; i++)
		v[i] = element(x, slot, row, kx_add(x->a, k, num(x, i)));
	return kx_pack(x->a, v, n);
}

/* Register "r" of instruction "i": rows 8 apart come first, then 16 bytes. */
static void load_elements(const struct fragment *x, struct k_block *b,
	struct kx *slot, struct kx *kk)
{
	struct arena *a = x->a;
	int halves = x->each / 8, per = elem_of(x) < 4 ? 4 / elem_of(x) : 1;
	struct kx *four = kx_mod(a, x->lane, num(x, 4));
	struct kx *eight = kx_div(a, x->lane, num(x, 4)), *i, *row, *k;

	b = tile_loop(a, b, "i", x->n, &i);
	for (int r = 0; r < x->regs; r++) {
		row = kx_add(a, kx_add(a, x->row, kx_mul(a, i, num(x, x->each))),
			kx_add(a, eight, num(x, r % halves * 8)));
		k = kx_add(a, kx_add(a, kk, kx_mul(a, four, num(x, per))),
			num(x, r / halves * (16 / elem_of(x))));
		ks_store(a, b, k_place(x->value, i, num(x, r)),
			x->value->type == T_F64 ? element(x, slot, row, k) :
			packed(x, slot, row, k));
	}
}

void fragment_load(const struct fragment *x, struct k_block *b, struct kx *slot,
	struct kx *kk)
{
	struct arena *a = x->a;
	struct kx *i;
	int at_once = 16 / x->each;

	if (x->load == MMA_ELEMENTS) {
		load_elements(x, b, slot, kk);
		return;
	}
	b = tile_loop(a, b, "i", x->n / at_once, &i);
	fragment_load_16(x, b, slot, kk, kx_mul(a, i, num(x, 16)),
		k_place(x->value, kx_mul(a, i, num(x, at_once)), num(x, 0)));
}
