/* f16 and bf16 there and back for every value, ties, what is too large or too
 * small, and the functions kernels use.
 * EXPECT early: done
 * EXPECT late: done */
static int bad;

static void expect(bool right)
{
	bad += !right;
}

static void check_halves()
{
	for (unsigned i = 0; i < 65536; i++) {
		unsigned short h = (unsigned short)i;
		float f = f32_from_f16(h), b = f32_from_bf16(h);

		expect(f != f || f16_from_f32(f) == h);
		expect(b != b || bf16_from_f32(b) == h);
	}
	expect(f32_from_f16(1) == 0x1p-24f);
	expect(f32_from_f16(0x7bff) == 65504);
	expect(f16_from_f32(65519) == 0x7bff);
	expect(f16_from_f32(65520) == 0x7c00);
	expect(f16_from_f32(2049) == f16_from_f32(2048));
	expect(f16_from_f32(2051) == f16_from_f32(2052));
	expect(f16_from_f32(0x1p-25f) == 0);
	expect(f16_from_f32(0x1.8p-25f) == 1);
	expect(f16_from_f32(0x1.ffcp-15f) == 0x400);
	expect(f16_from_f32(-0.0f) == 0x8000);
	expect(f16_from_f32(__int_as_float(0x7fc00000)) == 0x7fff);
	expect(bf16_from_f32(0x1.01p0f) == 0x3f80);
	expect(bf16_from_f32(0x1.03p0f) == 0x3f82);
}

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	float nan = __int_as_float(0x7fc00000);
	float4 v = make_float4(1, 2, 3, 4);

	check_halves();
	expect(fmaxf(nan, 1) == 1 && fminf(1, nan) == 1);
	expect(max(3, 5) == 5 && min(3u, 5u) == 3u);
	expect(fmaf(2, 3, 4) == 10 && rsqrtf(4) == 0.5f);
	expect(rintf(2.5f) == 2 && floorf(-0.5f) == -1 && ceilf(0.5f) == 1);
	expect(expf(0) == 1 && fabsf(-2.0f) == 2 && powf(2, 10) == 1024);
	expect(erff(0) == 0 && tanhf(0) == 0 && exp2f(3) == 8);
	expect(v.w == 4 && sizeof v == 16 && alignof(float4) == 16);
	expect(__float_as_int(1.0f) == 0x3f800000 && __ldg(&v.x) == 1);
	return bad;
}
