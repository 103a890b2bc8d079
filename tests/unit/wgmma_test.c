/* SPDX-License-Identifier: MIT */
/* wgmma: every form of it verifies and assembles, and what the hardware has not
 * is refused; so are operands of asynchronous instructions that it does not
 * take. */
#include "cuda_cases.h"
#include "kernel/intrin.h"
#include "toolkit.h"

struct forms {
	struct arena *a;
	struct kernel *k;
	struct k_buffer *floats, *ints, *halves, *left;
};

static struct k_buffer *sums_of(struct forms *f, enum dtype acc)
{
	return acc == T_F32 ? f->floats : acc == T_I32 ? f->ints : f->halves;
}

static struct ks form(struct forms *f, const struct wgmma_row *r, int cols,
	bool registers, bool left_trans, bool right_trans)
{
	struct ks s = { .kind = KS_MMA, .mma = MMA_WGMMA, .m = 64, .n = cols,
		.k = r->k, .left_type = r->left, .right_type = r->right,
		.acc_type = r->acc, .left_trans = left_trans,
		.right_trans = right_trans,
		.acc = k_place(sums_of(f, r->acc), n(f->a, 0)) };

	if (registers)
		s.left = k_place(f->left, n(f->a, 0));
	s.args = ARENA_ARRAY(f->a, 2, struct kx *);
	s.args[0] = s.args[1] = kx_int(f->a, INT64_C(1) << 40);
	s.n_args = 2;
	return s;
}

static void put_forms(struct forms *f, const struct wgmma_row *r, int cols)
{
	for (int i = 0; i < 8; i++) {
		struct ks s = form(f, r, cols, i & 1, i & 2, i & 4);

		if (i >> 1 && !r->trans)
			continue;
		if ((i & 3) == 3)
			assert_null(wgmma_row(&s));
		else
			ks_push(f->a, &f->k->body, s);
	}
}

static struct k_buffer *registers(struct forms *f, const char *name,
	enum dtype t, int64_t count)
{
	struct k_buffer *b = kernel_array(f->k, K_REGISTER, name, t, 1,
		&count, 4);
	struct kx *i;
	struct k_block *each = ks_for(f->a, &f->k->body, LOOP_UNROLLED, "i",
		n(f->a, 0), n(f->a, count), NULL, &i);

	ks_store(f->a, each, k_place(b, i), kx_cast(f->a, t, n(f->a, 0)));
	return b;
}

static void keep(struct forms *f, struct k_buffer *out, struct k_buffer *b,
	int64_t count)
{
	struct kx *i;
	struct k_block *each = ks_for(f->a, &f->k->body, LOOP_UNROLLED, "i",
		n(f->a, 0), n(f->a, count), NULL, &i);

	ks_store(f->a, each, k_place(out, n(f->a, 0)), kx_op(f->a, OP_ADD,
		T_F32, 2, kx_load(f->a, out, n(f->a, 0)), kx_cast(f->a, T_F32,
		kx_load(f->a, b, i))));
}

/* Every row; registers would not do for all with 256 columns. */
static const char *text_of(struct arena *a, int cols)
{
	struct program *p = program_create(a, "forms");
	struct forms f = { .a = a, .k = kernel_create(a, "forms", 128) };
	struct k_buffer *out = kernel_global(f.k, "out", T_F32, 4, true, false);
	int rows;
	const struct wgmma_row *r = wgmma_rows(&rows);

	tensor(a, p, "out", P_OUT, T_F32, 1, 4);
	ks_store(a, &f.k->body, k_place(out, n(a, 0)), kx_float(a, 0, T_F32));
	f.floats = registers(&f, "floats", T_F32, 128);
	f.ints = registers(&f, "ints", T_I32, 128);
	f.halves = registers(&f, "halves", T_U32, 64);
	f.left = registers(&f, "left", T_U32, 4);
	for (int i = 0; i < rows; i++)
		put_forms(&f, &r[i], cols);
	keep(&f, out, f.floats, 128);
	keep(&f, out, f.ints, 128);
	keep(&f, out, f.halves, 64);
	launch(a, p, f.k, 1, 1);
	return emit(a, p, "sm_90a");
}

static void every_form_assembles(void **state)
{
	static const int columns[] = { 8, 96 };
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const char *s = text_of(a, columns[i]);

		says(s, "void wgmma_m64k32_f16_e4m3_e5m2_registers<");
		says(s, "void wgmma_m64k16_f32_bf16_left_trans_right_trans<");
		if (toolkit_nvcc())
			assert_true(toolkit_assembles(s, "90a"));
	}
	arena_destroy(a);
	if (!toolkit_nvcc())
		skip();
}

static void others_are_refused(void **state)
{
	static const struct { int m, cols, k; bool is; } shapes[] = {
		{ 64, 8, 32, true }, { 64, 24, 32, true },
		{ 64, 40, 32, false }, { 64, 48, 32, true },
		{ 64, 264, 32, false }, { 64, 0, 32, false },
		{ 64, 12, 32, false }, { 32, 16, 32, false },
		{ 64, 16, 16, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		struct ks s = { .kind = KS_MMA, .mma = MMA_WGMMA,
			.m = shapes[i].m, .n = shapes[i].cols,
			.k = shapes[i].k, .left_type = T_I8,
			.right_type = T_U8, .acc_type = T_I32 };

		assert_int_equal(wgmma_row(&s) != NULL, shapes[i].is);
		s.right_trans = true;
		assert_null(wgmma_row(&s));
	}
}

/* Calls "intrin" with an array in shared memory for each address there. */
static const char *verdict(struct arena *a, int intrin, int align,
	const int64_t *values)
{
	struct kernel *k = kernel_create(a, "calls", 128);
	struct k_buffer *b = kernel_array(k, K_SHARED, "box", T_F32, 1,
		(int64_t[]){ 64 }, align);
	struct k_buffer *out = kernel_global(k, "out", T_I64, 8, true, false);
	const char *kinds = intrin_operands(intrin);
	struct kx **args = ARENA_ARRAY(a, 8, struct kx *);

	ks_store(a, &k->body, k_place(b, n(a, 0)), f(a, 0));
	for (int i = 0; kinds[i]; i++)
		args[i] = strchr("sS", kinds[i]) ? kx_address(a, k_place(b,
			n(a, 0))) : n(a, *values++);
	if (intrin_row(intrin)->effect == EFFECT_PURE)
		ks_store(a, &k->body, k_place(out, n(a, 0)), kx_call(a, intrin,
			T_I64, 4, args[0], args[1], args[2], args[3]));
	else
		ks_push(a, &k->body, (struct ks){ .kind = KS_CALL,
			.call = intrin, .args = args,
			.n_args = (int)strlen(kinds) });
	kernel_layout(k);
	return kernel_verify(a, k, target_named("sm_90a"));
}

static void operands_are_verified(void **state)
{
	static const struct {
		int intrin, align;
		int64_t values[4];
		const char *why;	/* NULL: it is right */
	} calls[] = {
		{ INTRIN_MBARRIER_INIT, 8, { 1 }, NULL },
		{ INTRIN_MBARRIER_INIT, 8, { 0 }, "mbarrier_init takes 1 to "
			"1048575 in steps of 1 as its arrivals, not 0" },
		{ INTRIN_MBARRIER_INIT, 4, { 1 }, "mbarrier_init wants an "
			"address that is a multiple of 8, and box is at one "
			"of 4" },
		{ INTRIN_MBARRIER_WAIT, 8, { 2 }, "as its parity, not 2" },
		{ INTRIN_MBARRIER_EXPECT, 8, { 24 }, "in steps of 16" },
		{ INTRIN_BARRIER_SYNC, 4, { 1, 64 }, NULL },
		{ INTRIN_BARRIER_SYNC, 4, { 16, 64 }, "as its barrier" },
		{ INTRIN_BARRIER_ARRIVE, 4, { 1, 48 }, "as its threads" },
		{ INTRIN_WGMMA_DESCRIPTOR, 16, { 16, 1024, 1 }, NULL },
		{ INTRIN_WGMMA_DESCRIPTOR, 8, { 16, 1024, 1 }, "of 16" },
		{ INTRIN_WGMMA_DESCRIPTOR, 16, { 8, 1024, 1 }, "as its leading" },
		{ INTRIN_WGMMA_DESCRIPTOR, 16, { 16, 1024, 4 }, "as its swizzle" },
		{ INTRIN_REGISTERS_DECREASE, 4, { 40 }, NULL },
		{ INTRIN_REGISTERS_DECREASE, 4, { 36 }, "as its registers" },
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		const char *why = verdict(a, calls[i].intrin, calls[i].align,
			calls[i].values);

		if (calls[i].why && why)
			says(why, calls[i].why);
		else if (calls[i].why || why)
			fail_msg("%s", why ? why : calls[i].why);
	}
	arena_destroy(a);
}

static void prints(void **state)
{
	struct arena *a = arena_create();
	struct forms f = { .a = a, .k = kernel_create(a, "forms", 128) };
	int rows;
	struct str s;

	(void)state;
	f.floats = registers(&f, "floats", T_F32, 128);
	ks_push(a, &f.k->body, form(&f, wgmma_rows(&rows), 64, false, true,
		true));
	ks_push(a, &f.k->body, form(&f, wgmma_rows(&rows), 64, false, false,
		true));
	str_init(&s, a);
	kernel_print(f.k, &s);
	says(str_text(&s), "wgmma m64n64k16 floats[0]: f32 += "
		"1099511627776L: f16 trans * 1099511627776L: f16 trans\n");
	says(str_text(&s), "1099511627776L: f16 * 1099511627776L: f16 trans\n");
	arena_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_assembles),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(operands_are_verified),
		cmocka_unit_test(prints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
