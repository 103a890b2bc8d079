/* SPDX-License-Identifier: MIT */
/* What the JSON of all library calls has: types, alignments and places. */
#include <assert.h>
#include <string.h>

#include "runtime/lib/call.h"

enum { USUAL_ALIGNMENT = 16 };

static const struct call_type types[] = {
	{ "f16", 2, WPK_LT_16F, WPK_DNN_HALF },
	{ "bf16", 2, WPK_LT_16BF, WPK_DNN_BFLOAT16 },
	{ "f32", 4, WPK_LT_32F, WPK_DNN_FLOAT },
	{ "f64", 8, WPK_LT_64F, WPK_DNN_DOUBLE },
	{ "i8", 1, WPK_LT_8I, WPK_DNN_INT8 },
	{ "u8", 1, WPK_LT_8U, WPK_DNN_UINT8 },
	{ "i32", 4, WPK_LT_32I, WPK_DNN_INT32 },
	{ "e4m3", 1, WPK_LT_E4M3, WPK_DNN_E4M3 },
	{ "e5m2", 1, WPK_LT_E5M2, WPK_DNN_E5M2 },
};

const struct call_type *call_type_read(struct reading *r, const json_t *o)
{
	const char *name = json_string_value(json_object_get(o, "type"));

	for (size_t i = 0; name && i < sizeof types / sizeof *types; i++)
		if (!strcmp(types[i].name, name))
			return &types[i];
	field_fails(r, "\"type\" is '%.20s', which is no type of the libraries",
		name ? name : "");
	return NULL;
}

unsigned call_align_read(struct reading *r, const json_t *o)
{
	unsigned align = field_int_or(r, o, "align", 1, 256, USUAL_ALIGNMENT);

	if (align & (align - 1))
		field_fails(r, "\"align\" is %u, and no power of two", align);
	return align;
}

/* Kinds by what a place has. */
static const char *const kinds[] = { [PLACE_TENSOR] = "tensor",
	[PLACE_WORKSPACE] = "workspace", [PLACE_PREPARED] = "prepared" };

int call_place_read(struct reading *r, struct library_call *call, const json_t *o,
	bool written, unsigned align, size_t bytes)
{
	const json_t *p = field_object(r, o, "place", false);
	int kind = 0;

	assert(call->n_places < CALL_PLACES);
	while (kind <= PLACE_PREPARED && !field_member(p, kinds[kind]))
		kind++;
	if (kind > PLACE_PREPARED)
		field_fails(r, "the place is no tensor, workspace or prepared");
	if (r->status)
		return 0;
	if (kind == PLACE_PREPARED && written)
		field_fails(r, "what is prepared is not written");
	call->places[call->n_places] = (struct place){ kind,
		field_int(r, p, kinds[kind], 0, kind == PLACE_TENSOR ? 9999 :
			INT64_MAX / 2), bytes, align, written };
	return call->n_places++;
}

bool call_sum(int64_t a, int64_t b, int64_t c, int64_t *v)
{
	return !__builtin_mul_overflow(a, b, v) &&
		!__builtin_add_overflow(*v, c, v);
}
