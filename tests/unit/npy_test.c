/* SPDX-License-Identifier: MIT */
/* .npy files: what is written reads back, what others write is understood, and no
 * damage does worse than an error. Layouts: elements lie where their indices say. */
#include "runtime/wpkrun/wpkrun.h"	/* before cmocka's own "fail" */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const DLDataType f32 = { kDLFloat, 32, 1 };

/* A file of its own, which the caller removes. */
static char *write_file(const void *p, size_t n)
{
	char *path = strdup("/tmp/npy_test-XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	close(fd);
	return path;
}

static void drop(char *path)
{
	unlink(path);
	free(path);
}

/* A file of "version" with this header and these bytes. */
static size_t make(unsigned char *out, int version, const char *header,
	const void *data, size_t bytes)
{
	size_t n = strlen(header), at = version == 1 ? 10 : 12;

	memcpy(out, "\x93NUMPY", 6);
	out[6] = (unsigned char)version;
	out[7] = 0;
	memset(out + 8, 0, at - 8);
	out[8] = (unsigned char)(n & 255);
	out[9] = (unsigned char)(n >> 8);
	memcpy(out + at, header, n);
	memcpy(out + at + n, data, bytes);
	return at + n + bytes;
}

static const char *read_made(int version, const char *header,
	const void *data, size_t bytes, struct npy *x, char why[200])
{
	unsigned char file[1024];
	char *path = write_file(file, make(file, version, header, data,
		bytes));
	const char *wrong = npy_read(path, true, x, why);

	drop(path);
	return wrong;
}

/* ---- reading and writing ---- */

static void what_is_written_reads_back(void **state)
{
	static const DLDataType types[] = { { kDLFloat, 64, 1 },
		{ kDLFloat, 32, 1 }, { kDLFloat, 16, 1 }, { kDLBfloat, 16, 1 },
		{ WPK_DL_E4M3, 8, 1 }, { WPK_DL_E5M2, 8, 1 },
		{ kDLInt, 64, 1 }, { kDLInt, 32, 1 }, { kDLInt, 16, 1 },
		{ kDLInt, 8, 1 }, { kDLInt, 4, 1 }, { kDLUInt, 64, 1 },
		{ kDLUInt, 32, 1 }, { kDLUInt, 16, 1 }, { kDLUInt, 8, 1 },
		{ kDLUInt, 4, 1 }, { WPK_DL_BOOL, 8, 1 } };
	static const int64_t shapes[][3] = { { 2, 3, 4 }, { 24, 1, 1 },
		{ 0, 3, 1 } };
	unsigned char data[24 * 8];
	struct npy x;
	char why[200];

	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (unsigned char)(i * 37);
	for (size_t t = 0; t < sizeof types / sizeof *types; t++)
		for (int rank = 0; rank < 4; rank++)
			for (int k = 0; k < 3; k++) {
				char *path = write_file("", 0);
				int64_t n = 1;

				for (int d = 0; d < rank; d++)
					n *= shapes[k][d];
				assert_null(npy_write(path, types[t], rank,
					shapes[k], data, why));
				assert_null(npy_read(path, true, &x, why));
				assert_true(npy_fits(&x, types[t]));
				assert_int_equal(x.rank, rank);
				assert_int_equal(x.elements, n);
				assert_false(x.fortran);
				assert_memory_equal(x.data, data,
					(size_t)(n * x.bytes));
				npy_free(&x);
				drop(path);
			}
}

static void headers_are_those_of_python(void **state)
{
	static const char *const headers[] = {
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n",
		"{\"shape\":(2,3),\"descr\":\"<f4\",\"fortran_order\":False}",
		"  {'shape': (2L, 3L), 'fortran_order': True, 'descr': '=f4'} ",
	};
	static const float data[6] = { 1, 2, 3, 4, 5, 6 };
	struct npy x;
	char why[200];

	(void)state;
	for (int version = 1; version <= 3; version++)
		for (int i = 0; i < 3; i++) {
			assert_null(read_made(version, headers[i], data,
				sizeof data, &x, why));
			assert_int_equal(x.rank, 2);
			assert_int_equal(x.shape[1], 3);
			assert_int_equal(x.fortran, i == 2);
			assert_true(npy_fits(&x, f32));
			npy_free(&x);
		}
}

static void what_is_wrong_is_said(void **state)
{
	static const struct { const char *header, *says; } rows[] = {
		{ "", "missing" },
		{ "descr", "no dictionary" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)",
			"no dictionary" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} x",
			"goes on" },
		{ "{'descr': '<f4', 'shape': (2, 3)}", "lacks" },
		{ "{'descr': '<f4', 'descr': '<f4', 'shape': (2, 3)}", "twice" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), "
			"'more': 1}", "'more'" },
		{ "{'descr': '<f4', 'fortran_order': 1, 'shape': (2, 3)}",
			"neither" },
		{ "{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3)}",
			"big-endian" },
		{ "{'descr': '<c8', 'fortran_order': False, 'shape': (2, 3)}",
			"'<c8'" },
		{ "{'descr': '<f16', 'fortran_order': False, 'shape': (2, 3)}",
			"'<f16'" },
		{ "{'descr': '<f', 'fortran_order': False, 'shape': (2, 3)}",
			"'<f'" },
		{ "{'descr': '', 'fortran_order': False, 'shape': (2, 3)}",
			"no tensor" },
		{ "{'descr': [('a', '<f4')], 'fortran_order': False, "
			"'shape': (2, 3)}", "no plain numbers" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': 6}",
			"no tuple" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3)}",
			"no tuple" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}",
			"no tuple" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': "
			"(9223372036854775808,)}", "out of range" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': "
			"(4294967296, 4294967296)}", "out of range" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': "
			"(4611686018427387904,)}", "out of range" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': "
			"(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)}", "dimensions" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4)}",
			"tells of 32" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)}",
			"tells of 16" },
	};
	static const float data[6] = { 0 };
	struct npy x;
	char why[200];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *wrong = read_made(1, rows[i].header, data,
			sizeof data, &x, why);

		if (!wrong || !strstr(wrong, rows[i].says))
			fail_msg("%s: %s", rows[i].header, wrong ? wrong :
				"was read");
		assert_null(x.data);
	}
	assert_non_null(strstr(read_made(4, rows[6].header, data, 0, &x, why),
		"version 4.0"));
	assert_non_null(npy_read("/nonexistent/x.npy", true, &x, why));
	assert_non_null(npy_read("/tmp", true, &x, why));
	assert_non_null(npy_read("/dev/null", true, &x, why));
}

/* Every beginning of a file, and every byte of it changed in every way. */
static void damage_is_harmless(void **state)
{
	static const float data[6] = { 1, 2, 3, 4, 5, 6 };
	unsigned char file[256];
	size_t n = make(file, 1, "{'descr': '<f4', 'fortran_order': False, "
		"'shape': (2, 3), }", data, sizeof data);
	struct npy x;
	char why[200];
	char *path;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		path = write_file(file, i);
		assert_non_null(npy_read(path, true, &x, why));
		drop(path);
	}
	for (size_t i = 0; i + sizeof data < n; i++)
		for (int byte = 0; byte < 256; byte += 5) {
			unsigned char was = file[i];

			file[i] = (unsigned char)byte;
			path = write_file(file, n);
			if (!npy_read(path, true, &x, why))
				assert_true(x.elements * x.bytes ==
					sizeof data);
			npy_free(&x);
			drop(path);
			file[i] = was;
		}
}

static void types_are_told_apart(void **state)
{
	static const DLDataType bf16 = { kDLBfloat, 16, 1 };
	static const DLDataType u16 = { kDLUInt, 16, 1 };
	static const DLDataType f16 = { kDLFloat, 16, 1 };
	static const DLDataType i4 = { kDLInt, 4, 1 };
	static const DLDataType e4m3 = { WPK_DL_E4M3, 8, 1 };
	static const DLDataType boolean = { WPK_DL_BOOL, 8, 1 };
	const struct npy u2 = { .kind = 'u', .bytes = 2 };
	const struct npy v2 = { .kind = 'V', .bytes = 2 };
	const struct npy i1 = { .kind = 'i', .bytes = 1 };
	const struct npy v1 = { .kind = 'V', .bytes = 1 };
	const struct npy b1 = { .kind = 'b', .bytes = 1 };

	(void)state;
	assert_true(npy_fits(&u2, bf16) && npy_fits(&u2, u16));
	assert_false(npy_fits(&u2, f16) || npy_fits(&u2, f32));
	assert_true(npy_fits(&v2, bf16) && npy_fits(&v1, e4m3));
	assert_false(npy_fits(&v2, f16) || npy_fits(&v1, boolean));
	assert_true(npy_fits(&i1, i4) && npy_fits(&b1, boolean));
	assert_false(npy_fits(&b1, i4) || npy_fits(&i1, e4m3));
}

/* ---- layouts ---- */

/* [2, 8, 3] as layout(N, C/4, H, C%4) and rows padded to 5. */
static const struct layout blocked = { .rank = 3, .n_places = 4,
	.dims = { 2, 8, 3 }, .places = { { 0, 1, 0, 2, 40 }, { 1, 4, 0, 2, 20 },
	{ 2, 1, 0, 3, 5 }, { 1, 1, 4, 4, 1 } }, .elements = 80 };

static void elements_lie_where_indices_say(void **state)
{
	float rows[48], memory[80] = { 0 }, back[48] = { 0 };
	int i = 0;

	(void)state;
	for (i = 0; i < 48; i++)
		rows[i] = (float)(i + 1);
	assert_true(layout_scatter(&blocked, 32, false, rows, memory));
	i = 0;
	for (int n = 0; n < 2; n++)
		for (int c = 0; c < 8; c++)
			for (int h = 0; h < 3; h++)
				assert_true(memory[n * 40 + c / 4 * 20 + h * 5
					+ c % 4] == (float)++i);
	assert_true(layout_gather(&blocked, 32, memory, back));
	assert_memory_equal(rows, back, sizeof rows);
}

static void columns_come_first_in_fortran(void **state)
{
	static const struct layout plain = { .rank = 2, .n_places = 2,
		.dims = { 2, 3 }, .places = { { 0, 1, 0, 2, 3 },
		{ 1, 1, 0, 3, 1 } }, .elements = 6 };
	static const int16_t columns[6] = { 1, 4, 2, 5, 3, 6 };
	int16_t memory[6];

	(void)state;
	assert_true(layout_scatter(&plain, 16, true, columns, memory));
	for (int i = 0; i < 6; i++)
		assert_int_equal(memory[i], i + 1);
}

static void half_bytes_are_packed(void **state)
{
	static const struct layout plain = { .rank = 2, .n_places = 2,
		.dims = { 2, 3 }, .places = { { 1, 1, 0, 3, 2 },
		{ 0, 1, 0, 2, 1 } }, .elements = 6 };
	static const unsigned char rows[6] = { 1, 2, 0xf3, 4, 5, 6 };
	unsigned char memory[3] = { 0xff, 0xff, 0xff }, back[6];

	(void)state;
	assert_true(layout_scatter(&plain, 4, false, rows, memory));
	assert_int_equal(memory[0], 0x41);
	assert_int_equal(memory[1], 0x52);
	assert_int_equal(memory[2], 0x63);
	assert_true(layout_gather(&plain, 4, memory, back));
	assert_int_equal(back[2], 3);
	assert_int_equal(back[5], 6);
}

static void empty_and_scalar_layouts(void **state)
{
	static const struct layout empty = { .rank = 2, .n_places = 2,
		.dims = { 0, 3 }, .places = { { 0, 1, 0, 0, 3 },
		{ 1, 1, 0, 3, 1 } } };
	static const struct layout scalar = { .elements = 1 };
	double one = 7, memory = 0;

	(void)state;
	assert_true(layout_scatter(&empty, 64, false, &one, &memory));
	assert_true(memory == 0);
	assert_true(layout_scatter(&scalar, 64, false, &one, &memory));
	assert_true(memory == 7);
}

/* ---- random inputs ---- */

static double bf16_at(const uint16_t *p)
{
	uint32_t bits = (uint32_t)*p << 16;
	float v;

	memcpy(&v, &bits, sizeof v);
	return v;
}

static void inputs_spread_over_their_range(void **state)
{
	enum { N = 10000 };
	struct subject_tensor t = { .name = "x", .type = f32,
		.bytes = N * sizeof(float) };
	float *x = malloc(N * sizeof *x), *again = malloc(N * sizeof *x);
	uint16_t *h = malloc(N * sizeof *h);
	double sum = 0, low = 0, high = 0;

	(void)state;
	inputs_fill(&t, 5, x);
	inputs_fill(&t, 5, again);
	assert_memory_equal(x, again, N * sizeof *x);
	inputs_fill(&t, 6, again);
	assert_memory_not_equal(x, again, N * sizeof *x);
	for (int i = 0; i < N; i++) {
		sum += x[i];
		low = x[i] < low ? x[i] : low;
		high = x[i] > high ? x[i] : high;
	}
	assert_true(low >= -1 && low < -0.99 && high <= 1 && high > 0.99);
	assert_true(sum > -300 && sum < 300);
	t.type = (DLDataType){ kDLBfloat, 16, 1 };
	t.bytes = N * sizeof *h;
	inputs_fill(&t, 5, h);
	for (int i = 0; i < N; i++)
		assert_true(bf16_at(&h[i]) >= -1 && bf16_at(&h[i]) <= 1);
	free(x);
	free(again);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(headers_are_those_of_python),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(damage_is_harmless),
		cmocka_unit_test(types_are_told_apart),
		cmocka_unit_test(elements_lie_where_indices_say),
		cmocka_unit_test(columns_come_first_in_fortran),
		cmocka_unit_test(half_bytes_are_packed),
		cmocka_unit_test(empty_and_scalar_layouts),
		cmocka_unit_test(inputs_spread_over_their_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
