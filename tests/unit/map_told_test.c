/* SPDX-License-Identifier: MIT */
/* What others are told of tensor maps, who encode them or launch kernels that
 * take them: the driver, workers, readers of manifests. */
#include "cuda_cases.h"

#include "base/source.h"
#include "driver/measuring.h"
#include "kernel/intrin.h"
#include "toolkit.h"

/* A kernel with a map of either kind, which it only looks at. */
static struct program *program(struct arena *a)
{
	struct program *p = program_create(a, "look");
	struct kernel *k = kernel_create(a, "look", 32);
	struct k_buffer *x = kernel_global(k, "x", T_BF16, 16, false, false);
	struct k_buffer *y = kernel_global(k, "y", T_BF16, 16, true, false);
	struct k_map *tiles = kernel_map(k, (struct k_map){ .name = "tiles",
		.of = y, .rank = 2, .offset = 32, .dims = { 60, 40 },
		.strides = { 0, 128 }, .box = { 32, 16 }, .swizzle = 64,
		.promotion = 128 });
	struct k_map *pixels = kernel_map(k, (struct k_map){ .name = "pixels",
		.of = x, .rank = 4, .dims = { 16, 6, 5, 2 },
		.strides = { 0, 32, 192, 960 }, .steps = { 1, 2, 2, 1 },
		.pixels = 16, .channels = 16, .lower = { -1, -1 },
		.upper = { -1, -1 }, .swizzle = 32 });

	ks_call(a, &k->body, INTRIN_PREFETCH_MAP, 1, kx_map(a, tiles));
	ks_call(a, &k->body, INTRIN_PREFETCH_MAP, 1, kx_map(a, pixels));
	tensor(a, p, "x", P_IN, T_BF16, 960, 16);
	tensor(a, p, "y", P_OUT, T_BF16, 2560, 16);
	launch(a, p, k, 1, 1);
	return p;
}

/* Names of cuda.h and of the emulator, and the numbers that stand for them. */
static const char *numbers(struct arena *a)
{
	static const struct { enum dtype t; const char *name; } types[] = {
		{ T_F64, "FLOAT64" }, { T_F32, "FLOAT32" },
		{ T_TF32, "FLOAT32" }, { T_F16, "FLOAT16" },
		{ T_BF16, "BFLOAT16" }, { T_E4M3, "UINT8" },
		{ T_I64, "INT64" }, { T_I32, "INT32" }, { T_I16, "UINT16" },
		{ T_I8, "UINT8" }, { T_U32, "UINT32" }, { T_U16, "UINT16" },
		{ T_U8, "UINT8" }, { T_BOOL, "UINT8" }
	};
	struct str s;

	str_init(&s, a);
	str_puts(&s, "#ifndef WPK_EMULATE\n#include <cuda.h>\n#endif\n"
		"static_assert(128 % alignof(CUtensorMap) == 0, \"\");\n"
		"static_assert(128 == sizeof(CUtensorMap), \"\");\n");
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		struct k_buffer b = { .type = types[i].t };
		struct k_map m = { .of = &b };

		str_printf(&s, "static_assert(CU_TENSOR_MAP_DATA_TYPE_%s == "
			"%d, \"\");\n", types[i].name, cuda_map_type(&m));
	}
	for (int i = 32; i <= 128; i *= 2) {
		struct k_map m = { .swizzle = i, .promotion = 2 * i };

		str_printf(&s, "static_assert(CU_TENSOR_MAP_SWIZZLE_%dB == "
			"%d && CU_TENSOR_MAP_L2_PROMOTION_L2_%dB == %d, \"\");"
			"\n", i, cuda_map_swizzle(&m), 2 * i,
			cuda_map_promotion(&m));
	}
	str_puts(&s, "int main() { return 0; }\n");
	return str_text(&s);
}

static void numbers_are_the_drivers(void **state)
{
	struct arena *a = arena_create();

	(void)state;
	assert_true(toolkit_emulates(numbers(a)));
	if (toolkit_nvcc())
		assert_true(toolkit_makes("-c", numbers(a), "90a"));
	arena_destroy(a);
}

/* Nobody fails here, and nobody says anything. */
bool session_fail(struct session *s, enum exit_code code, const char *fmt, ...)
{
	(void)s;
	(void)code;
	fail_msg("%s", fmt);
	return false;
}

void session_say(const struct session *s, const char *fmt, ...)
{
	(void)s;
	(void)fmt;
}

static struct job job_of(struct arena *a, struct program *p)
{
	struct place *at = ARENA_NEW(a, struct place);
	struct ir_partition *part = ARENA_NEW(a, struct ir_partition);

	at->target = target_named("sm_90a");
	part->n_groups = 1;
	return (struct job){ .place = at, .partition = part, .program = p,
		.reference = ARENA_NEW(a, struct ir_operator),
		.parts = ARENA_ARRAY(a, 1, struct part) };
}

static void workers_are_told(void **state)
{
	struct arena *a = arena_create();
	struct measuring_data data = { .n_sets = 0 };
	struct measuring g = { .how = "gpu", .data = &data };
	struct program *p = program(a);
	struct job j = job_of(a, p);
	struct toolkit_nvrtc r = toolkit_nvrtc();
	struct measure_made made;

	(void)state;
	measuring_plan(&g, a, &j, p, -1, &made);
	says(made.plan, "\"args\":[{\"tensor\":0},{\"tensor\":1},"
		"{\"tensor\":1,\"map\":{\"type\":9,\"offset\":32,\"dims\":[60,40],"
		"\"strides\":[128],\"box\":[32,16],\"steps\":[1,1],"
		"\"swizzle\":2,\"promotion\":2}},"
		"{\"tensor\":0,\"map\":{\"type\":9,\"dims\":[16,6,5,2],"
		"\"strides\":[32,192,960],\"pixels\":16,\"channels\":16,"
		"\"lower\":[-1,-1],\"upper\":[-1,-1],\"steps\":[1,2,2,1],"
		"\"swizzle\":1,\"promotion\":0}}]");
	assert_int_equal(made.n_texts, 1);
	if (r.create)
		assert_true(toolkit_nvrtc_compiles(&r, made.texts[0],
			"sm_90a"));
	if (r.library)
		dlclose(r.library);
	arena_destroy(a);
}

static void manifests_tell(void **state)
{
	struct arena *a = arena_create();
	struct program *p = program(a);
	struct job j = job_of(a, p);
	struct source src = { .text = "", .len = 0 };
	struct ast_unit unit = { .src = &src };
	struct options o = { .seed = 1 };
	struct session s = { .unit = &unit, .jobs = &j, .n_jobs = 1, .o = &o };
	struct cuda_unit u = cuda_unit_of(a, "maps.wpk", "1.0",
		target_named("sm_90a"), p);
	struct str out;
	json_t *all, *v;

	(void)state;
	j.partition->n_groups = 0;
	str_init(&out, a);
	manifest_print(&s, &u, NULL, &out);
	all = json_loads(str_text(&out), 0, NULL);
	v = json_array_get(json_object_get(all, "operators"), 0);
	v = json_array_get(json_object_get(v, "variants"), 0);
	v = json_array_get(json_object_get(v, "steps"), 0);
	v = json_array_get(json_object_get(v, "args"), 2);
	assert_int_equal(json_integer_value(json_object_get(v, "tensor")), 1);
	v = json_array_get(json_object_get(json_object_get(v, "map"), "box"),
		0);
	assert_int_equal(json_integer_value(v), 32);
	json_decref(all);
	arena_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_the_drivers),
		cmocka_unit_test(workers_are_told),
		cmocka_unit_test(manifests_tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
