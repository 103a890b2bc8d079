/* SPDX-License-Identifier: MIT */
/* Every row of mma.sync, in a kernel that is emitted and emulated, computes
 * what three loops over the matrices do; and kernels that misuse one are
 * refused. Who holds which element is copied from the figures of the PTX ISA,
 * "Matrix Fragments for mma", not computed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cuda_cases.h"
#include "kernel/intrin.h"
#include "toolkit.h"

/* ---- figures ---- */

/* With "n" elements in a register: for each of k columns of rows 0 and 8 of
 * the left factor, and each of k rows of column 0 of the right one, the thread
 * that holds it and its number there, hexadecimal. Each row, or column, below
 * is four threads further. */
static const struct figure {
	int n, k;
	const char *row0, *row8, *column0;
} figures[] = {
	{ 1, 4, "00 10 20 30", "01 11 21 31", "00 10 20 30" },
	{ 1, 8, "00 10 20 30 02 12 22 32", "01 11 21 31 03 13 23 33",
		"00 10 20 30 01 11 21 31" },
	{ 1, 16, "00 10 20 30 02 12 22 32 04 14 24 34 06 16 26 36",
		"01 11 21 31 03 13 23 33 05 15 25 35 07 17 27 37",
		"00 10 20 30 01 11 21 31 02 12 22 32 03 13 23 33" },
	{ 2, 8, "00 01 10 11 20 21 30 31", "02 03 12 13 22 23 32 33",
		"00 01 10 11 20 21 30 31" },
	{ 2, 16, "00 01 10 11 20 21 30 31 04 05 14 15 24 25 34 35",
		"02 03 12 13 22 23 32 33 06 07 16 17 26 27 36 37",
		"00 01 10 11 20 21 30 31 02 03 12 13 22 23 32 33" },
	{ 4, 16, "00 01 02 03 10 11 12 13 20 21 22 23 30 31 32 33",
		"04 05 06 07 14 15 16 17 24 25 26 27 34 35 36 37",
		"00 01 02 03 10 11 12 13 20 21 22 23 30 31 32 33" },
	{ 4, 32, "00 01 02 03 10 11 12 13 20 21 22 23 30 31 32 33 "
		"08 09 0a 0b 18 19 1a 1b 28 29 2a 2b 38 39 3a 3b",
		"04 05 06 07 14 15 16 17 24 25 26 27 34 35 36 37 "
		"0c 0d 0e 0f 1c 1d 1e 1f 2c 2d 2e 2f 3c 3d 3e 3f",
		"00 01 02 03 10 11 12 13 20 21 22 23 30 31 32 33 "
		"04 05 06 07 14 15 16 17 24 25 26 27 34 35 36 37" },
};
static const char accumulator0[] = "00 01 10 11 20 21 30 31";
static const char accumulator8[] = "02 03 12 13 22 23 32 33";

struct owner {
	int lane, element;
};

static struct owner owner(const char *figure, int at, int below)
{
	const char digits[] = "0123456789abcdef";

	return (struct owner){ figure[3 * at] - '0' + 4 * below,
		(int)(strchr(digits, figure[3 * at + 1]) - digits) };
}

static const struct figure *figure_of(const struct mma_row *r)
{
	int n = 32 / dtype_row(r->factor)->bits;

	for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
		if (figures[i].n == (n ? n : 1) && figures[i].k == r->k)
			return &figures[i];
	fail_msg("no figure for m%dn%dk%d", r->m, r->n, r->k);
	return NULL;
}

static struct owner in_left(const struct mma_row *r, int row, int k)
{
	const struct figure *f = figure_of(r);

	return owner(row < 8 ? f->row0 : f->row8, k, row % 8);
}

static struct owner in_right(const struct mma_row *r, int k, int col)
{
	return owner(figure_of(r)->column0, k, col);
}

static struct owner in_sum(int row, int col)
{
	return owner(row < 8 ? accumulator0 : accumulator8, col, row % 8);
}

/* ---- fragments: what lanes hold, as memory ---- */

enum { LANES = 32, HELD = 64 };

struct fragment {
	enum dtype t;
	int elements;
	union { unsigned char bytes[HELD]; uint32_t words[HELD / 4];
		double wide[HELD / 8]; } lane[LANES];
};

static uint32_t random_bits(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Of all magnitudes that matter: subnormal ones of 8 bits too. */
static double random_value(uint32_t *state)
{
	double v = 1 + ldexp(random_bits(state), -24);
	int exponent = (int)(random_bits(state) % 12) - 10;

	return ldexp(random_bits(state) & 64 ? -v : v, exponent);
}

static void fill(struct fragment *f, enum dtype t, int elements,
	uint32_t *state)
{
	f->t = t;
	f->elements = elements;
	for (int i = 0; i < elements; i++)
		dtype_store(t == T_TF32 ? T_F32 : t, f->lane[i % LANES].bytes,
			i / LANES, dtype_is_float(t) ? random_value(state) :
			t == T_I32 ? INT32_MAX - random_bits(state) % 100000 :
			random_bits(state) % 256);
}

/* What the instruction takes it for: of tf32 the low bits count for nothing. */
static double value(const struct fragment *f, struct owner o)
{
	uint32_t u = f->lane[o.lane].words[o.element] & ~UINT32_C(0x1fff);
	float x;

	if (f->t != T_TF32)
		return dtype_load(f->t, f->lane[o.lane].bytes, o.element);
	memcpy(&x, &u, sizeof x);
	return x;
}

static void put_fragment(struct str *out, const struct fragment *f,
	const char *name, int number)
{
	enum dtype held = mma_register(f->t);
	int n = mma_registers(f->elements, f->t);

	str_printf(out, "static const %s %s%d[] = {\n", dtype_row(held)->c,
		name, number);
	for (int i = 0; i < LANES * n; i++) {
		uint32_t u = f->lane[i / n].words[i % n];
		float x;

		memcpy(&x, &u, sizeof x);
		if (held == T_F64)
			str_printf(out, "%a,\n", f->lane[i / n].wide[i % n]);
		else if (held == T_F32)
			str_printf(out, "%a,\n", (double)x);
		else
			str_printf(out, held == T_I32 ? "%d,\n" : "0x%xu,\n",
				u);
	}
	str_puts(out, "};\n");
}

/* ---- what must come out ---- */

struct bounds {
	double lo, hi;
};

static double wrapped(double v)
{
	return (int32_t)(uint32_t)(int64_t)v;
}

static struct bounds bounds_of(const struct mma_row *r,
	const struct fragment *left, const struct fragment *right,
	const struct fragment *from, int row, int col)
{
	double sum = value(from, in_sum(row, col)), size = fabs(sum), slack;

	for (int k = 0; k < r->k; k++) {
		double x = value(left, in_left(r, row, k)) *
			value(right, in_right(r, k, col));

		sum += x;
		size += fabs(x);
	}
	if (r->acc == T_I32)
		return (struct bounds){ wrapped(sum), wrapped(sum) };
	slack = ldexp(size, r->acc == T_F64 ? -48 : -19);
	return (struct bounds){ dtype_round(r->acc, sum - slack),
		dtype_round(r->acc, sum + slack) };
}

static void put_bounds(struct str *out, const struct mma_row *r,
	const struct fragment *left, const struct fragment *right,
	const struct fragment *from, int number)
{
	struct bounds b[LANES][4];

	for (int row = 0; row < r->m; row++)
		for (int col = 0; col < r->n; col++) {
			struct owner o = in_sum(row, col);

			b[o.lane][o.element] = bounds_of(r, left, right, from,
				row, col);
		}
	str_printf(out, "static const double want%d[][2] = {\n", number);
	for (int i = 0; i < r->m * r->n; i++) {
		int n = r->m * r->n / LANES;

		str_printf(out, "{%a,%a},\n", b[i / n][i % n].lo,
			b[i / n][i % n].hi);
	}
	str_puts(out, "};\n");
}

/* ---- the program: a kernel of one warp for each row ---- */

struct multiply {
	struct arena *a;
	struct kernel *k;
	struct k_buffer *left, *right, *acc;
};

static struct k_buffer *registers(struct multiply *m, const char *name,
	enum dtype t, int elements)
{
	int64_t n[] = { mma_registers(elements, t) };

	return kernel_array(m->k, K_REGISTER, name, mma_register(t), 1, n, 16);
}

/* Each lane's share, one behind the other. */
static struct kx *share(struct multiply *m, const struct k_buffer *registers,
	struct kx *i)
{
	return kx_add(m->a, kx_mul(m->a, kx_special(m->a, K_LANE),
		n(m->a, registers->dims[0])), i);
}

static struct k_buffer *loaded(struct multiply *m, const char *name,
	enum dtype t, int elements)
{
	struct k_buffer *to = registers(m, name, t, elements);
	struct k_buffer *from = kernel_global(m->k, arena_printf(m->a,
		"%s_in", name), to->type, 16, false, false);
	struct kx *i;
	struct k_block *b = ks_for(m->a, &m->k->body, LOOP_UNROLLED, "i",
		n(m->a, 0), n(m->a, to->dims[0]), NULL, &i);

	ks_store(m->a, b, k_place(to, i), kx_load(m->a, from,
		share(m, to, i)));
	return to;
}

static struct ks instruction(struct multiply *m, const struct mma_row *r)
{
	struct kx *zero = n(m->a, 0);

	return (struct ks){ .kind = KS_MMA, .mma = MMA_SYNC, .m = r->m,
		.n = r->n, .k = r->k, .left_type = r->factor,
		.right_type = r->factor, .acc_type = r->acc,
		.acc = k_place(m->acc, zero), .left = k_place(m->left, zero),
		.right = k_place(m->right, zero) };
}

static struct multiply multiply(struct arena *a, const char *name,
	const struct mma_row *r)
{
	struct multiply m = { .a = a, .k = kernel_create(a, name, 32) };

	m.left = loaded(&m, "left", r->factor, r->m * r->k);
	m.right = loaded(&m, "right", r->factor, r->n * r->k);
	m.acc = loaded(&m, "acc", r->acc, r->m * r->n);
	ks_push(a, &m.k->body, instruction(&m, r));
	return m;
}

static struct kernel *stored(struct multiply *m)
{
	struct k_buffer *to = kernel_global(m->k, "out", m->acc->type, 16,
		true, false);
	struct kx *i;
	struct k_block *b = ks_for(m->a, &m->k->body, LOOP_UNROLLED, "i",
		n(m->a, 0), n(m->a, m->acc->dims[0]), NULL, &i);

	ks_store(m->a, b, k_place(to, share(m, m->acc, i)), kx_load(m->a,
		m->acc, i));
	return m->k;
}

/* One step, its own tensors. */
static void add_step(struct arena *a, struct program *p, struct kernel *k,
	int number)
{
	struct p_step s = { .kind = P_LAUNCH, .kernel = k,
		.grid = { 1, 1, 1 }, .n_args = k->globals.n };

	s.args = ARENA_ARRAY(a, (size_t)s.n_args, int);
	for (int i = 0; i < s.n_args; i++) {
		const struct k_buffer *b = k->globals.v[i];

		s.args[i] = tensor(a, p, arena_printf(a, "%s%d", b->name,
			number), b->written ? P_OUT : P_IN, b->type, 512, 16);
	}
	kernel_layout(k);
	vec_push(a, &p->steps, s);
}

static const char *kernels(struct arena *a, const char *target)
{
	int count;
	const struct mma_row *rows = mma_rows(&count);
	struct program *p = program_create(a, "rows");

	for (int i = 0; i < count; i++) {
		struct multiply m = multiply(a, arena_printf(a, "row%d", i),
			&rows[i]);

		add_step(a, p, stored(&m), i);
	}
	program_layout(p);
	return emit(a, p, target);
}

static void put_row(struct str *data, struct str *main, int i,
	const struct mma_row *r, uint32_t *state)
{
	struct fragment left, right, from;

	fill(&left, r->factor, r->m * r->k, state);
	fill(&right, r->factor, r->n * r->k, state);
	fill(&from, r->acc, r->m * r->n, state);
	put_fragment(data, &left, "left", i);
	put_fragment(data, &right, "right", i);
	put_fragment(data, &from, "from", i);
	put_bounds(data, r, &left, &right, &from, i);
	str_printf(main, "bad |= wrong(rows_kernel_%d, left%d, right%d, from%d, "
		"want%d, \"m%dn%dk%d of %s\");\n", i + 1, i, i, i, i, r->m,
		r->n, r->k, dtype_row(r->factor)->name);
}

static const char *whole(struct arena *a)
{
	int count;
	const struct mma_row *rows = mma_rows(&count);
	uint32_t state = 1;
	struct str data, main;

	str_init(&data, a);
	str_init(&main, a);
	str_puts(&data, kernels(a, "sm_90"));
	str_puts(&data, "extern \"C\" int printf(const char *, ...);\n"
		"static double at(const float *d, int i) { return d[i]; }\n"
		"static double at(const int *d, int i) { return d[i]; }\n"
		"static double at(const double *d, int i) { return d[i]; }\n"
		"static double at(const unsigned *d, int i)\n"
		"{ return wpk_emu_from_f16(d[i / 2] >> i % 2 * 16); }\n"
		"template <class A, class D, class K, size_t N>\n"
		"bool wrong(K *kernel, const A *a, const A *b, const D *c,\n"
		"	const double (&want)[N][2], const char *name)\n"
		"{\n"
		"	cudaLaunchConfig_t config = {};\n"
		"	D d[128] = {};\n"
		"	int bad = 0, n = (int)N;\n"
		"	config.gridDim = dim3(1);\n"
		"	config.blockDim = dim3(32);\n"
		"	cudaLaunchKernelEx(&config, kernel, a, b, c, d);\n"
		"	for (int i = 0; i < n; i++)\n"
		"		bad += !(at(d, i) >= want[i][0] &&\n"
		"			at(d, i) <= want[i][1]);\n"
		"	if (bad)\n"
		"		printf(\"%s: %d of %d wrong\\n\", name, bad, n);\n"
		"	return bad;\n"
		"}\n");
	str_puts(&main, "int main() { bool bad = false;\n");
	for (int i = 0; i < count; i++)
		put_row(&data, &main, i, &rows[i], &state);
	str_puts(&main, "return bad; }\n");
	str_puts(&data, str_text(&main));
	return str_text(&data);
}

static void every_row_computes(void **state)
{
	struct arena *a = arena_create();

	(void)state;
	assert_true(toolkit_emulates(whole(a)));
	arena_destroy(a);
}

/* ---- text ---- */

static const struct mma_row *row(int k, enum dtype factor, enum dtype acc)
{
	int count;
	const struct mma_row *rows = mma_rows(&count);

	for (int i = 0; i < count; i++)
		if (rows[i].m == 16 && rows[i].k == k &&
		    rows[i].factor == factor && rows[i].acc == acc)
			return &rows[i];
	fail_msg("no such row");
	return NULL;
}

static void texts(void **state)
{
	struct arena *a = arena_create();
	const char *s = kernels(a, "sm_90");
	struct multiply m = multiply(a, "k", row(16, T_F16, T_F32));
	struct str text;

	(void)state;
	str_init(&text, a);
	kernel_print(m.k, &text);
	says(str_text(&text), "mma m16n8k16 acc[0]: f32 += left[0]: f16 * "
		"right[0]: f16\n");
	says(s, "\tmma_m16n8k16_f32_f16(&acc[0], &left[0], &right[0]);\n");
	says(s, "mma_m16n8k16_f16_f16(unsigned *d,\n"
		"\tconst unsigned *a, const unsigned *b)\n{\n\tasm volatile(\n"
		"\t\t\"mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 "
		"{%0, %1}, \"\n\t\t\"{%2, %3, %4, %5}, {%6, %7}, {%0, %1};\"\n"
		"\t\t: \"+r\"(d[0]), \"+r\"(d[1])\n");
	says(s, "mma_m8n8k4_f64_f64(double *d,\n"
		"\tconst double *a, const double *b)\n{\n\tasm volatile(\n"
		"\t\t\"mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 "
		"{%0, %1}, \"\n\t\t\"{%2}, {%3}, {%0, %1};\" : "
		"\"+d\"(d[0]), \"+d\"(d[1])\n"
		"\t\t: \"d\"(a[0]), \"d\"(b[0]));\n");
	says(s, "m8n8k16.row.col.s32.s8.s8.s32 ");
	arena_destroy(a);
}

/* ---- misuse ---- */

static void no_such_shape(struct multiply *m, struct ks *s)
{
	(void)m;
	s->k = 32;
}

static void no_such_sum(struct multiply *m, struct ks *s)
{
	(void)m;
	s->acc_type = T_F64;
}

static void other_target(struct multiply *m, struct ks *s)
{
	*s = instruction(m, row(16, T_F64, T_F64));
}

static void too_few(struct multiply *m, struct ks *s)
{
	s->left = k_place(m->right, n(m->a, 0));
}

static void too_far(struct multiply *m, struct ks *s)
{
	s->acc = k_place(m->acc, n(m->a, 2));
}

static void too_far_at_least(struct multiply *m, struct ks *s)
{
	s->acc = k_place(m->acc, kx_add(m->a, kx_mul(m->a, kx_special(m->a,
		K_BLOCK_X), n(m->a, 4)), n(m->a, 1)));
}

static void wrong_type(struct multiply *m, struct ks *s)
{
	s->right = k_place(m->acc, n(m->a, 0));
}

static void wrong_memory(struct multiply *m, struct ks *s)
{
	int64_t dims[] = { 4 };

	s->right = k_place(kernel_array(m->k, K_SHARED, "tile", T_U32, 1, dims,
		16), n(m->a, 0));
	kernel_layout(m->k);
}

static void never_written(struct multiply *m, struct ks *s)
{
	s->right = k_place(registers(m, "ghost", T_F16, 8 * 16), n(m->a, 0));
}

static void too_few_to_load(struct multiply *m, struct ks *s)
{
	struct k_buffer *tile = kernel_array(m->k, K_SHARED, "tile", T_U32, 1,
		(int64_t[]){ 4 }, 16);

	(void)s;
	ks_call(m->a, &m->k->body, INTRIN_LDMATRIX_X4, 2, kx_address(m->a,
		k_place(m->left, n(m->a, 1))), kx_address(m->a, k_place(tile,
		n(m->a, 0))));
	kernel_layout(m->k);
}

static void floats_to_load(struct multiply *m, struct ks *s)
{
	*s = (struct ks){ .kind = KS_CALL, .call = INTRIN_LDMATRIX_X2_TRANS,
		.args = ARENA_ARRAY(m->a, 2, struct kx *), .n_args = 2 };
	s->args[0] = kx_address(m->a, k_place(m->acc, n(m->a, 0)));
	s->args[1] = s->args[0];
}

static void misuse_is_found(void **state)
{
	static const struct {
		void (*plant)(struct multiply *m, struct ks *s);
		const char *why;
	} faults[] = {
		{ no_such_shape, "no matrix instruction m16n8k32 of f16 that "
			"adds up in f32" },
		{ no_such_sum, "m16n8k16 of f16 that adds up in f64" },
		{ other_target, "m16n8k16 of f64 needs sm_90, and the target "
			"is sm_80" },
		{ too_few, "4 registers at 0 of right, which has 2" },
		{ too_far, "4 registers at 2 of acc, which has 4" },
		{ too_far_at_least, "4 registers at 1 of acc, which has 4" },
		{ wrong_type, "held in u32, and acc is of f32" },
		{ wrong_memory, "tile, which isn't in registers" },
		{ never_written, "ghost is read before" },
		{ too_few_to_load, "4 registers at 1 of left, which has 4" },
		{ floats_to_load, "held in u32, and acc is of f32" },
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		struct multiply m = multiply(a, "k", row(16, T_F16, T_F32));
		const char *why = kernel_verify(a, m.k, target_named("sm_80"));
		struct ks s = instruction(&m, row(16, T_F16, T_F32));

		if (why)
			fail_msg("the sound kernel: %s", why);
		faults[i].plant(&m, &s);
		ks_push(a, &m.k->body, s);
		why = kernel_verify(a, m.k, target_named("sm_80"));
		if (!why || !strstr(why, faults[i].why))
			fail_msg("\"%s\" expected, not \"%s\"", faults[i].why,
				why ? why : "no fault");
	}
	arena_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_computes),
		cmocka_unit_test(texts),
		cmocka_unit_test(misuse_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
