/* SPDX-License-Identifier: MIT */
/* Tensors: as the plan describes them, and whether a caller's fit. */
#include "runtime/lib/plan.h"

#include <string.h>

static const struct type_row {
	const char *name;
	DLDataType type;
} types[] = {
	{ "f64", { kDLFloat, 64, 1 } }, { "f32", { kDLFloat, 32, 1 } },
	{ "tf32", { kDLFloat, 32, 1 } }, { "f16", { kDLFloat, 16, 1 } },
	{ "bf16", { kDLBfloat, 16, 1 } }, { "e4m3", { WPK_DL_E4M3, 8, 1 } },
	{ "e5m2", { WPK_DL_E5M2, 8, 1 } }, { "i64", { kDLInt, 64, 1 } },
	{ "i32", { kDLInt, 32, 1 } }, { "i16", { kDLInt, 16, 1 } },
	{ "i8", { kDLInt, 8, 1 } }, { "i4", { kDLInt, 4, 1 } },
	{ "u64", { kDLUInt, 64, 1 } }, { "u32", { kDLUInt, 32, 1 } },
	{ "u16", { kDLUInt, 16, 1 } }, { "u8", { kDLUInt, 8, 1 } },
	{ "u4", { kDLUInt, 4, 1 } }, { "bool", { WPK_DL_BOOL, 8, 1 } }
};

enum { N_TYPES = sizeof types / sizeof *types };

static const char *type_name(DLDataType t)
{
	for (int i = 0; i < N_TYPES; i++)
		if (!memcmp(&types[i].type, &t, sizeof t))
			return types[i].name;
	return "a type that no operator takes";
}

static DLDataType read_type(struct reading *r, const json_t *v)
{
	const char *name = field_text(r, v, "dtype");

	for (int i = 0; i < N_TYPES; i++)
		if (!strcmp(types[i].name, name))
			return types[i].type;
	field_fails(r, "\"dtype\" is %.20s, which is no type", name);
	return types[0].type;
}

/* ---- reading ---- */

bool operand_read(struct reading *r, const json_t *v, struct operand *t)
{
	const char *role = field_text(r, v, "role");

	t->name = field_text(r, v, "name");
	t->shape = field_text(r, v, "shape");
	t->type = read_type(r, v);
	t->align = (size_t)field_int(r, v, "align", 1, 1 << 20);
	t->output = !strcmp(role, "out");
	t->constant = json_is_true(json_object_get(v, "constant"));
	if (!t->output && strcmp(role, "in"))
		field_fails(r, "\"role\" is neither in nor out");
	if (t->align & (t->align - 1))
		field_fails(r, "\"align\" is no power of two");
	return !r->status;
}

static bool read_dims(struct reading *r, const json_t *v, struct geometry *g)
{
	const json_t *dims = field_array(r, v, "dims", WPK_RANK, &g->rank);

	if (!dims)
		return false;
	g->dims = pool_take(r->pool, (size_t)g->rank, sizeof *g->dims);
	if (!g->dims)
		return field_no_memory(r);
	for (int i = 0; i < g->rank; i++)
		field_number(r, json_array_get(dims, (size_t)i), "dims",
			&g->dims[i]);
	return !r->status;
}

static bool read_phys(struct reading *r, const json_t *v, int rank,
	struct phys *p)
{
	p->dim = (int)field_int(r, v, "dim", 0, rank - 1);
	p->div = field_int(r, v, "div", 1, INT64_MAX);
	p->mod = field_int(r, v, "mod", 0, INT64_MAX);
	field_number(r, json_object_get(v, "extent"), "extent", &p->extent);
	field_number(r, json_object_get(v, "stride"), "stride", &p->stride);
	return !r->status;
}

/* Once each, and whole. */
static bool is_plain(const struct geometry *g)
{
	unsigned seen = 0;

	for (int i = 0; i < g->n_phys; i++) {
		const struct phys *p = &g->phys[i];

		if (p->div != 1 || p->mod || seen >> p->dim & 1)
			return false;
		seen |= 1u << p->dim;
	}
	return g->n_phys == g->rank;
}

static bool read_layout(struct reading *r, const json_t *v, struct geometry *g)
{
	const json_t *layout = field_array(r, v, "layout", WPK_RANK,
		&g->n_phys);

	if (!layout)
		return false;
	g->phys = pool_take(r->pool, (size_t)g->n_phys, sizeof *g->phys);
	if (!g->phys)
		return field_no_memory(r);
	for (int i = 0; i < g->n_phys; i++)
		if (!read_phys(r, json_array_get(layout, (size_t)i), g->rank,
		    &g->phys[i]))
			return false;
	g->plain = is_plain(g);
	g->n_extents = g->plain ? g->rank : g->n_phys;
	return true;
}

static bool is_dense(const struct placed *p)
{
	int64_t stride = 1;

	for (int i = p->n - 1; i >= 0; i--) {
		if (p->extents[i] > 1 && p->strides[i] != stride)
			return false;
		if (__builtin_mul_overflow(stride, p->extents[i], &stride))
			return false;
	}
	return true;
}

bool geometry_place(const struct operand *t, const struct geometry *g,
	const int64_t *values, struct placed *out)
{
	int64_t elements, bits;
	bool fits = true;

	out->n = g->n_extents;
	for (int i = 0; i < g->n_phys; i++) {
		const struct phys *p = &g->phys[i];
		int at = g->plain ? p->dim : i;

		fits &= number_value(g->plain ? &g->dims[at] : &p->extent,
			values, &out->extents[at]) && out->extents[at] >= 0;
		fits &= number_value(&p->stride, values, &out->strides[at]);
	}
	fits = fits && number_value(&g->elements, values, &elements) &&
		elements >= 0 && !__builtin_mul_overflow(elements,
		(int64_t)t->type.bits, &bits) && bits <= INT64_MAX - 7;
	out->bytes = fits ? (size_t)(bits + 7) / 8 : 0;
	out->dense = fits && is_dense(out);
	return fits;
}

bool geometry_read(struct reading *r, const json_t *v, struct geometry *g)
{
	return read_dims(r, v, g) && read_layout(r, v, g) &&
		field_number(r, json_object_get(v, "elements"), "elements",
		&g->elements);
}

const struct number *geometry_extent(const struct geometry *g, int i)
{
	return g->plain ? &g->dims[i] : &g->phys[i].extent;
}

const struct number *geometry_stride(const struct geometry *g, int i)
{
	int k = g->plain ? 0 : i;

	while (g->plain && g->phys[k].dim != i)
		k++;
	return &g->phys[k].stride;
}

/* ---- a caller's tensor ---- */

static bool type_fits(DLDataType want, DLDataType is)
{
	return !memcmp(&want, &is, sizeof is) || (want.code == WPK_DL_BOOL &&
		is.code == kDLUInt && is.bits == 8 && is.lanes == 1);
}

static enum wpk_status type_differs(const struct operand *t,
	const DLTensor *x, struct wpk_error *e)
{
	return fail(e, WPK_E_DTYPE, "%s is %s, not %s (DLPack code %d, %d "
		"bits, %d lanes)", t->name, type_name(t->type),
		type_name(x->dtype), x->dtype.code, x->dtype.bits,
		x->dtype.lanes);
}

static enum wpk_status shape_differs(const struct operand *t, int i,
	int64_t want, int64_t is, struct wpk_error *e)
{
	return fail(e, WPK_E_SHAPE, "%s is %s: its extent %d is %lld, not %lld",
		t->name, t->shape, i, (long long)want, (long long)is);
}

/* Where there is one element or none, its stride does not matter. */
static enum wpk_status compare_strides(const struct operand *t,
	const struct placed *p, const DLTensor *x, struct wpk_error *e)
{
	int64_t dense = 1;

	for (int i = p->n - 1; i >= 0; i--) {
		int64_t is = x->strides ? x->strides[i] : dense;

		if (p->extents[i] > 1 && is != p->strides[i])
			return fail(e, WPK_E_LAYOUT, "%s is %s: its stride %d "
				"is %lld, not %lld", t->name, t->shape, i,
				(long long)p->strides[i], (long long)is);
		if (__builtin_mul_overflow(dense, p->extents[i], &dense))
			dense = 0;
	}
	return WPK_OK;
}

/* All that fits is seen at a glance. */
static enum wpk_status check_place(const struct operand *t,
	const struct placed *p, const DLTensor *x, struct wpk_error *e)
{
	for (int i = 0; i < p->n; i++)
		if (x->shape[i] != p->extents[i])
			return shape_differs(t, i, p->extents[i], x->shape[i],
				e);
	if (x->strides ? !memcmp(x->strides, p->strides, (size_t)p->n *
	    sizeof *p->strides) : p->dense)
		return WPK_OK;
	return p->bytes ? compare_strides(t, p, x, e) : WPK_OK;
}

static enum wpk_status check_address(const struct wpk_context *c,
	const struct operand *t, const struct placed *p, const DLTensor *x,
	struct wpk_error *e)
{
	int type = (int)x->device.device_type;
	uintptr_t end;

	if (!x->data)
		return fail(e, WPK_E_NULL, "%s has no data", t->name);
	if ((type != kDLCUDA && type != kDLCUDAManaged) ||
	    (type == kDLCUDA && x->device.device_id != c->device))
		return fail(e, WPK_E_DEVICE, "%s lies on DLPack's device %d:%d"
			", not on CUDA device %d", t->name, type,
			(int)x->device.device_id, c->device);
	if (__builtin_add_overflow((uintptr_t)x->data, x->byte_offset, &end) ||
	    __builtin_add_overflow(end, p->bytes, &end))
		return fail(e, WPK_E_ARGUMENT, "%s lies beyond all addresses: "
			"its byte offset is %llu", t->name,
			(unsigned long long)x->byte_offset);
	if (((uintptr_t)x->data + x->byte_offset) & (t->align - 1))
		return fail(e, WPK_E_ALIGNMENT, "%s is not aligned to %zu "
			"bytes", t->name, t->align);
	return WPK_OK;
}

enum wpk_status operand_check(const struct wpk_context *c,
	const struct operand *t, const struct placed *p, const DLTensor *x,
	bool data, struct wpk_error *e)
{
	enum wpk_status s;

	if (!type_fits(t->type, x->dtype))
		return type_differs(t, x, e);
	s = check_place(t, p, x, e);
	return s || !data || !p->bytes ? s : check_address(c, t, p, x, e);
}
