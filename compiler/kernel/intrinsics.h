/* SPDX-License-Identifier: MIT */
/* Device intrinsics, one row each:
 *
 * enum suffix, name (in text forms and CUDA), least 10 * major + minor, 1 if
 * only with suffix 'a', 2 if only on that very 'a' target, effect, who must
 * run it together, type of the result, operands, C++ signature, body, and the
 * body for older targets (or for all, where the first is empty: then it is
 * plain C++).
 *
 * Operands, a letter each: s shared, g global address, p address of one u32 in
 * registers, q of two, r of four, m tensor map (capital: written through), i
 * i32, u u32, l 64 bits, f f32, h 16 bits, b bool, v any value, n constant (a
 * template argument).
 *
 * A row without signature is CUDA's own; '!' before its operands passes the
 * full mask of the warp first. A name that is an operator is infix. */
#ifndef WPK_COMPILER_KERNEL_INTRINSICS_H
#define WPK_COMPILER_KERNEL_INTRINSICS_H

/* A line of C++. */
#define S(...) #__VA_ARGS__ "\n"

/* Arithmetic that wraps: C++'s own does not for signed integers, and nvcc makes use
 * of that. */
#define INTRIN_WRAPPED(X, type, kind, c, u, suffix, SUFFIX) \
X(ADD_WRAPPED##SUFFIX, "add_wrapped" suffix, 75, 0, PURE, NONE, type, \
	kind kind, #c " add_wrapped" suffix "(" #c " a, " #c " b)", "", \
	S(return (c)((u)a + (u)b);)) \
X(SUB_WRAPPED##SUFFIX, "sub_wrapped" suffix, 75, 0, PURE, NONE, type, \
	kind kind, #c " sub_wrapped" suffix "(" #c " a, " #c " b)", "", \
	S(return (c)((u)a - (u)b);)) \
X(MUL_WRAPPED##SUFFIX, "mul_wrapped" suffix, 75, 0, PURE, NONE, type, \
	kind kind, #c " mul_wrapped" suffix "(" #c " a, " #c " b)", "", \
	S(return (c)((u)a * (u)b);))

#define INTRIN_VALUES(X) \
INTRIN_WRAPPED(X, I32, "i", int, unsigned, "", ) \
INTRIN_WRAPPED(X, I64, "l", long long, unsigned long long, "_long", _LONG) \
X(BIT_AND, "&", 75, 0, PURE, NONE, I32, "ii", NULL, "", "") \
X(BIT_OR, "|", 75, 0, PURE, NONE, I32, "ii", NULL, "", "") \
X(BIT_XOR, "^", 75, 0, PURE, NONE, I32, "ii", NULL, "", "") \
X(SHIFT_LEFT, "<<", 75, 0, PURE, NONE, I32, "ii", NULL, "", "") \
X(SHIFT_RIGHT, ">>", 75, 0, PURE, NONE, I32, "ii", NULL, "", "") \
X(ABS_INT, "abs_int", 75, 0, PURE, NONE, I32, "i", "int abs_int(int a)", "", \
	S(return a < 0 ? (int)(0u - (unsigned)a) : a;)) \
X(ABS_LONG, "abs_long", 75, 0, PURE, NONE, I64, "l", \
	"long long abs_long(long long a)", "", \
	S(return a < 0 ? (long long)(0ull - (unsigned long long)a) : a;)) \
X(MIN_INT, "min_int", 75, 0, PURE, NONE, I32, "ii", \
	"int min_int(int a, int b)", "", S(return a < b ? a : b;)) \
X(MAX_INT, "max_int", 75, 0, PURE, NONE, I32, "ii", \
	"int max_int(int a, int b)", "", S(return a > b ? a : b;)) \
X(MIN_LONG, "min_long", 75, 0, PURE, NONE, I64, "ll", \
	"long long min_long(long long a, long long b)", "", \
	S(return a < b ? a : b;)) \
X(MAX_LONG, "max_long", 75, 0, PURE, NONE, I64, "ll", \
	"long long max_long(long long a, long long b)", "", \
	S(return a > b ? a : b;)) \
X(MIN_NAN, "min_nan", 80, 0, PURE, NONE, F32, "ff", \
	"float min_nan(float a, float b)", \
	S(float c;) \
	S(asm("min.NaN.f32 %0, %1, %2;" : "=f"(c) : "f"(a), "f"(b));) \
	S(return c;), \
	S(return a < b || a != a ? a : b;)) \
X(MAX_NAN, "max_nan", 80, 0, PURE, NONE, F32, "ff", \
	"float max_nan(float a, float b)", \
	S(float c;) \
	S(asm("max.NaN.f32 %0, %1, %2;" : "=f"(c) : "f"(a), "f"(b));) \
	S(return c;), \
	S(return a > b || a != a ? a : b;)) \
X(MIN_NAN_F64, "min_nan_f64", 75, 0, PURE, NONE, F64, "vv", \
	"double min_nan_f64(double a, double b)", "", \
	S(return a < b || a != a ? a : b;)) \
X(MAX_NAN_F64, "max_nan_f64", 75, 0, PURE, NONE, F64, "vv", \
	"double max_nan_f64(double a, double b)", "", \
	S(return a > b || a != a ? a : b;)) \
X(EXP2_APPROX, "exp2_approx", 75, 0, PURE, NONE, F32, "f", \
	"float exp2_approx(float x)", \
	S(float y;) \
	S(asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));) \
	S(return y;), "") \
X(F32_FROM_F16, "f32_from_f16", 75, 0, PURE, NONE, F32, "h", \
	"float f32_from_f16(unsigned short x)", \
	S(float y;) \
	S(asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x));) \
	S(return y;), "") \
X(F16_FROM_F32, "f16_from_f32", 75, 0, PURE, NONE, F16, "f", \
	"unsigned short f16_from_f32(float x)", \
	S(unsigned short y;) \
	S(asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x));) \
	S(return y;), "") \
X(F32_FROM_BF16, "f32_from_bf16", 75, 0, PURE, NONE, F32, "h", \
	"float f32_from_bf16(unsigned short x)", \
	S(return __int_as_float((int)((unsigned)x << 16));), "") \
X(BF16_FROM_F32, "bf16_from_f32", 80, 0, PURE, NONE, BF16, "f", \
	"unsigned short bf16_from_f32(float x)", \
	S(unsigned short y;) \
	S(asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y) : "f"(x));) \
	S(return y;), \
	S(const unsigned u = (unsigned)__float_as_int(x);) \
	S(return x != x ? 0x7fff : (u + 0x7fff + (u >> 16 & 1)) >> 16;)) \
X(TF32_FROM_F32, "tf32_from_f32", 75, 0, PURE, NONE, TF32, "f", \
	"float tf32_from_f32(float x)", "", \
	S(const unsigned u = (unsigned)__float_as_int(x);) \
	S(const unsigned y = (u + 0xfff + (u >> 13 & 1)) & ~0x1fffu;) \
	S(return x != x ? x : __int_as_float((int)y);)) \
X(F32_FROM_E4M3, "f32_from_e4m3", 75, 0, PURE, NONE, F32, "h", \
	"float f32_from_e4m3(unsigned char x)", "", \
	S(const int e = x >> 3 & 15, m = x & 7;) \
	S(const float y = (x & 127) == 127 ? __int_as_float(0x7fffffff) : \
		e ? __int_as_float((e + 120) << 23 | m << 20) : \
		(float)m * 0.001953125f;) \
	S(return x & 128 ? -y : y;)) \
X(E4M3_FROM_F32, "e4m3_from_f32", 75, 0, PURE, NONE, E4M3, "f", \
	"unsigned char e4m3_from_f32(float x)", "", \
	S(const unsigned u = (unsigned)__float_as_int(x) & 0x7fffffff;) \
	S(const int s = __float_as_int(x) < 0 ? 128 : 0;) \
	S(int y = (int)((u + 0x7ffff + (u >> 20 & 1)) >> 20) - 960;) \
	S(if (u < 0x3c800000u) \
		y = (int)rintf(fabsf(x) * 512.0f);) \
	S(return s | (u > 0x7f800000u || y > 126 ? 127 : y);)) \
X(F32_FROM_E5M2, "f32_from_e5m2", 75, 0, PURE, NONE, F32, "h", \
	"float f32_from_e5m2(unsigned char x)", "", \
	S(return f32_from_f16((unsigned short)(x << 8));)) \
X(F32_FROM_SMALL, "f32_from_small", 75, 0, PURE, NONE, F32, "if", \
	"float f32_from_small(int x, float zero)", "", \
	S(return __int_as_float(x | 0x4b000000) - zero;)) \
X(E5M2_FROM_F32, "e5m2_from_f32", 75, 0, PURE, NONE, E5M2, "f", \
	"unsigned char e5m2_from_f32(float x)", "", \
	S(const unsigned u = (unsigned)__float_as_int(x) & 0x7fffffff;) \
	S(const int s = __float_as_int(x) < 0 ? 128 : 0;) \
	S(int y = (int)((u + 0xfffff + (u >> 21 & 1)) >> 21) - 448;) \
	S(if (u < 0x38800000u) \
		y = (int)rintf(fabsf(x) * 65536.0f);) \
	S(return s | (u > 0x7f800000u ? 127 : y > 123 ? 124 : y);)) \
X(PACK_F16, "pack_f16", 80, 0, PURE, NONE, U32, "ff", \
	"unsigned pack_f16(float low, float high)", \
	S(unsigned y;) \
	S(asm("cvt.rn.f16x2.f32 %0, %1, %2;" \
		: "=r"(y) : "f"(high), "f"(low));) \
	S(return y;), \
	S(return (unsigned)f16_from_f32(high) << 16 | f16_from_f32(low);)) \
X(PACK_BF16, "pack_bf16", 80, 0, PURE, NONE, U32, "ff", \
	"unsigned pack_bf16(float low, float high)", \
	S(unsigned y;) \
	S(asm("cvt.rn.bf16x2.f32 %0, %1, %2;" \
		: "=r"(y) : "f"(high), "f"(low));) \
	S(return y;), \
	S(return (unsigned)bf16_from_f32(high) << 16 | bf16_from_f32(low);))

#define INTRIN_WARP(X) \
X(SHUFFLE, "__shfl_sync", 75, 0, READ, WARP, NONE, "!vi", NULL, "", "") \
X(SHUFFLE_XOR, "__shfl_xor_sync", 75, 0, READ, WARP, NONE, "!vi", \
	NULL, "", "") \
X(SHUFFLE_DOWN, "__shfl_down_sync", 75, 0, READ, WARP, NONE, "!vi", \
	NULL, "", "") \
X(BALLOT, "__ballot_sync", 75, 0, READ, WARP, U32, "!b", NULL, "", "") \
X(ANY, "__any_sync", 75, 0, READ, WARP, I32, "!b", NULL, "", "") \
X(ALL, "__all_sync", 75, 0, READ, WARP, I32, "!b", NULL, "", "") \
X(ELECT_ONE, "elect_one", 90, 0, READ, WARP, BOOL, "", \
	"bool elect_one()", \
	S(int elected;) \
	S(asm volatile("{ .reg .pred p; elect.sync _|p, 0xffffffff; " \
		"selp.s32 %0, 1, 0, p; }" : "=r"(elected));) \
	S(return elected;), "")

/* Copies of n bytes from global to shared memory, past the registers. */
#define INTRIN_ASYNC_OF(X, n, cache) \
X(COPY_ASYNC_##n, "copy_async_" #n, 80, 0, ASYNC, NONE, NONE, "Sg", \
	"void copy_async_" #n "(void *shared, const void *global)", \
	S(asm volatile("cp.async." cache ".shared.global [%0], [%1], " #n ";" \
		:: "r"(shared_address(shared)), "l"(global) : "memory");), "") \
X(COPY_ASYNC_##n##_IF, "copy_async_" #n "_if", 80, 0, ASYNC, NONE, NONE, \
	"Sgb", "void copy_async_" #n \
	"_if(void *shared, const void *global, bool guard)", \
	S(const int bytes = guard ? n : 0;) \
	S(asm volatile("cp.async." cache ".shared.global [%0], [%1], " #n \
		", %2;" :: "r"(shared_address(shared)), "l"(global), \
		"r"(bytes) : "memory");), "")

#define INTRIN_ASYNC(X) \
X(SHARED_ADDRESS, "shared_address", 75, 0, PURE, NONE, U32, "s", \
	"unsigned shared_address(const void *shared)", \
	S(return (unsigned)__cvta_generic_to_shared(shared);), "") \
X(MAP_SHARED, "map_shared", 90, 0, PURE, NONE, U32, "si", \
	"unsigned map_shared(const void *shared, int rank)", \
	S(unsigned remote;) \
	S(asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(remote) \
		: "r"(shared_address(shared)), "r"(rank));) \
	S(return remote;), "") \
INTRIN_ASYNC_OF(X, 4, "ca") \
INTRIN_ASYNC_OF(X, 8, "ca") \
INTRIN_ASYNC_OF(X, 16, "cg") \
X(COPY_ASYNC_COMMIT, "copy_async_commit", 80, 0, SYNC, NONE, NONE, "", \
	"void copy_async_commit()", \
	S(asm volatile("cp.async.commit_group;" ::: "memory");), "") \
X(COPY_ASYNC_WAIT, "copy_async_wait", 80, 0, SYNC, NONE, NONE, "n", \
	"void copy_async_wait()", \
	S(asm volatile("cp.async.wait_group %0;" :: "n"(n) : "memory");), "")

/* Barriers in shared memory. Phases have a parity, 0 first.
 *
 * Who arrives at another block's tells it what has been read. That is no release
 * for the cluster: ptxas makes one of those a MEMBAR of the whole GPU, in front of
 * each arrival. What was written must reach other blocks by cluster_sync(). */
#define INTRIN_MBARRIER(X) \
X(MBARRIER_INIT, "mbarrier_init", 80, 0, WRITE, NONE, NONE, "Si", \
	"void mbarrier_init(void *barrier, int count)", \
	S(asm volatile("mbarrier.init.shared.b64 [%0], %1;" \
		:: "r"(shared_address(barrier)), "r"(count) : "memory");), \
	"") \
X(MBARRIER_INVALIDATE, "mbarrier_invalidate", 80, 0, WRITE, NONE, NONE, \
	"S", "void mbarrier_invalidate(void *barrier)", \
	S(asm volatile("mbarrier.inval.shared.b64 [%0];" \
		:: "r"(shared_address(barrier)) : "memory");), "") \
X(MBARRIER_ARRIVE, "mbarrier_arrive", 90, 0, SYNC, NONE, NONE, "S", \
	"void mbarrier_arrive(void *barrier)", \
	S(asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" \
		:: "r"(shared_address(barrier)) : "memory");), "") \
X(MBARRIER_ARRIVE_REMOTE, "mbarrier_arrive_remote", 90, 0, SYNC, NONE, \
	NONE, "Si", "void mbarrier_arrive_remote(void *barrier, int rank)", \
	S(asm volatile("mbarrier.arrive.shared::cluster.b64 _, [%0];" \
		:: "r"(map_shared(barrier, rank)) : "memory");), "") \
X(MBARRIER_EXPECT, "mbarrier_arrive_expect", 90, 0, SYNC, NONE, NONE, \
	"Si", "void mbarrier_arrive_expect(void *barrier, int bytes)", \
	S(asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 " \
		"_, [%0], %1;" :: "r"(shared_address(barrier)), "r"(bytes) \
		: "memory");), "") \
X(MBARRIER_TRY_WAIT, "mbarrier_try_wait", 90, 0, SYNC, NONE, BOOL, "Si", \
	"bool mbarrier_try_wait(void *barrier, int parity)", \
	S(int done;) \
	S(asm volatile("{ .reg .pred p; " \
		"mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; " \
		"selp.b32 %0, 1, 0, p; }" : "=r"(done) \
		: "r"(shared_address(barrier)), "r"(parity) : "memory");) \
	S(return done;), "") \
X(MBARRIER_WAIT, "mbarrier_wait", 90, 0, SYNC, NONE, NONE, "Si", \
	"void mbarrier_wait(void *barrier, int parity)", \
	S(while (!mbarrier_try_wait(barrier, parity)) {}), "") \
X(FENCE_MBARRIER_INIT, "fence_mbarrier_init", 90, 0, SYNC, NONE, NONE, \
	"", "void fence_mbarrier_init()", \
	S(asm volatile("fence.mbarrier_init.release.cluster;" \
		::: "memory");), "") \
X(FENCE_PROXY_ASYNC, "fence_proxy_async", 90, 0, SYNC, NONE, NONE, "", \
	"void fence_proxy_async()", \
	S(asm volatile("fence.proxy.async.shared::cta;" ::: "memory");), "")

/* Bulk copies of contiguous bytes. */
#define INTRIN_BULK(X) \
X(COPY_BULK, "copy_bulk", 90, 0, ASYNC, NONE, NONE, "SgiS", \
	"void copy_bulk(void *shared, const void *global, int bytes, " \
	"void *barrier)", \
	S(asm volatile("cp.async.bulk.shared::cluster.global.mbarrier" \
		"::complete_tx::bytes [%0], [%1], %2, [%3];" \
		:: "r"(shared_address(shared)), "l"(global), "r"(bytes), \
		"r"(shared_address(barrier)) : "memory");), "") \
X(COPY_BULK_MULTICAST, "copy_bulk_multicast", 90, 1, ASYNC, NONE, NONE, \
	"SgiSh", "void copy_bulk_multicast(void *shared, " \
	"const void *global, int bytes, void *barrier, unsigned short blocks)", \
	S(asm volatile("cp.async.bulk.shared::cluster.global.mbarrier" \
		"::complete_tx::bytes.multicast::cluster [%0], [%1], %2, " \
		"[%3], %4;" :: "r"(shared_address(shared)), "l"(global), \
		"r"(bytes), "r"(shared_address(barrier)), "h"(blocks) \
		: "memory");), "") \
X(COPY_BULK_STORE, "copy_bulk_store", 90, 0, ASYNC, NONE, NONE, "Gsi", \
	"void copy_bulk_store(void *global, const void *shared, int bytes)", \
	S(asm volatile("cp.async.bulk.global.shared::cta.bulk_group " \
		"[%0], [%1], %2;" :: "l"(global), \
		"r"(shared_address(shared)), "r"(bytes) : "memory");), "") \
X(COPY_BULK_ADD_F32, "copy_bulk_add_f32", 90, 0, ASYNC, NONE, NONE, \
	"Gsi", "void copy_bulk_add_f32(void *global, const void *shared, " \
	"int bytes)", \
	S(asm volatile("cp.reduce.async.bulk.global.shared::cta.bulk_group" \
		".add.f32 [%0], [%1], %2;" :: "l"(global), \
		"r"(shared_address(shared)), "r"(bytes) : "memory");), "") \
X(COPY_BULK_COMMIT, "copy_bulk_commit", 90, 0, SYNC, NONE, NONE, "", \
	"void copy_bulk_commit()", \
	S(asm volatile("cp.async.bulk.commit_group;" ::: "memory");), "") \
X(COPY_BULK_WAIT, "copy_bulk_wait", 90, 0, SYNC, NONE, NONE, "n", \
	"void copy_bulk_wait()", \
	S(asm volatile("cp.async.bulk.wait_group %0;" \
		:: "n"(n) : "memory");), "") \
X(COPY_BULK_WAIT_READ, "copy_bulk_wait_read", 90, 0, SYNC, NONE, NONE, \
	"n", "void copy_bulk_wait_read()", \
	S(asm volatile("cp.async.bulk.wait_group.read %0;" \
		:: "n"(n) : "memory");), "")

/* Boxes of tensors that a map describes (128 bytes, aligned to 64), at
 * coordinates from the innermost out. "at" names them in loads, "store_at" in
 * stores, "mask" the blocks that receive. */
#define INTRIN_TILE(X, d, kinds, parameters, at, mask, store_at, ...) \
X(COPY_TENSOR_##d##D, "copy_tensor_" #d "d", 90, 0, ASYNC, NONE, NONE, \
	"SmS" kinds, "void copy_tensor_" #d "d(void *shared, " \
	"const void *map, void *barrier, " parameters ")", \
	S(asm volatile("cp.async.bulk.tensor." #d "d.shared::cluster.global" \
		".tile.mbarrier::complete_tx::bytes [%0], [%1, {" at \
		"}], [%2];" :: "r"(shared_address(shared)), "l"(map), \
		"r"(shared_address(barrier)), __VA_ARGS__ : "memory");), "") \
X(COPY_TENSOR_##d##D_MULTICAST, "copy_tensor_" #d "d_multicast", 90, 1, \
	ASYNC, NONE, NONE, "SmS" kinds "h", "void copy_tensor_" #d \
	"d_multicast(void *shared, const void *map, void *barrier, " \
	parameters ", unsigned short blocks)", \
	S(asm volatile("cp.async.bulk.tensor." #d "d.shared::cluster.global" \
		".tile.mbarrier::complete_tx::bytes.multicast::cluster " \
		"[%0], [%1, {" at "}], [%2], " mask ";" \
		:: "r"(shared_address(shared)), "l"(map), \
		"r"(shared_address(barrier)), __VA_ARGS__, "h"(blocks) \
		: "memory");), "") \
X(COPY_TENSOR_STORE_##d##D, "copy_tensor_store_" #d "d", 90, 0, ASYNC, \
	NONE, NONE, "Ms" kinds, "void copy_tensor_store_" #d \
	"d(const void *map, const void *shared, " parameters ")", \
	S(asm volatile("cp.async.bulk.tensor." #d "d.global.shared::cta" \
		".tile.bulk_group [%0, {" store_at "}], [%1];" :: "l"(map), \
		"r"(shared_address(shared)), __VA_ARGS__ : "memory");), "") \
X(COPY_TENSOR_ADD_##d##D, "copy_tensor_add_" #d "d", 90, 0, ASYNC, \
	NONE, NONE, "Ms" kinds, "void copy_tensor_add_" #d \
	"d(const void *map, const void *shared, " parameters ")", \
	S(asm volatile("cp.reduce.async.bulk.tensor." #d "d.global" \
		".shared::cta.add.tile.bulk_group [%0, {" store_at \
		"}], [%1];" :: "l"(map), "r"(shared_address(shared)), \
		__VA_ARGS__ : "memory");), "")

#define INTRIN_IM2COL(X, d, kinds, parameters, at, offsets, mask, ...) \
X(COPY_IM2COL_##d##D, "copy_im2col_" #d "d", 90, 0, ASYNC, NONE, NONE, \
	"SmS" kinds, "void copy_im2col_" #d "d(void *shared, " \
	"const void *map, void *barrier, " parameters ")", \
	S(asm volatile("cp.async.bulk.tensor." #d "d.shared::cluster.global" \
		".im2col.mbarrier::complete_tx::bytes [%0], [%1, {" at \
		"}], [%2], {" offsets "};" \
		:: "r"(shared_address(shared)), "l"(map), \
		"r"(shared_address(barrier)), __VA_ARGS__ : "memory");), "") \
X(COPY_IM2COL_##d##D_MULTICAST, "copy_im2col_" #d "d_multicast", 90, 1, \
	ASYNC, NONE, NONE, "SmS" kinds "h", "void copy_im2col_" #d \
	"d_multicast(void *shared, const void *map, void *barrier, " \
	parameters ", unsigned short blocks)", \
	S(asm volatile("cp.async.bulk.tensor." #d "d.shared::cluster.global" \
		".im2col.mbarrier::complete_tx::bytes.multicast::cluster " \
		"[%0], [%1, {" at "}], [%2], {" offsets "}, " mask ";" \
		:: "r"(shared_address(shared)), "l"(map), \
		"r"(shared_address(barrier)), __VA_ARGS__, "h"(blocks) \
		: "memory");), "")

#define INTRIN_TENSOR(X) \
INTRIN_TILE(X, 1, "i", "int x", "%3", "%4", "%2", "r"(x)) \
INTRIN_TILE(X, 2, "ii", "int x, int y", "%3, %4", "%5", "%2, %3", \
	"r"(x), "r"(y)) \
INTRIN_TILE(X, 3, "iii", "int x, int y, int z", "%3, %4, %5", "%6", \
	"%2, %3, %4", "r"(x), "r"(y), "r"(z)) \
INTRIN_TILE(X, 4, "iiii", "int x, int y, int z, int u", \
	"%3, %4, %5, %6", "%7", "%2, %3, %4, %5", \
	"r"(x), "r"(y), "r"(z), "r"(u)) \
INTRIN_TILE(X, 5, "iiiii", "int x, int y, int z, int u, int v", \
	"%3, %4, %5, %6, %7", "%8", "%2, %3, %4, %5, %6", \
	"r"(x), "r"(y), "r"(z), "r"(u), "r"(v)) \
INTRIN_IM2COL(X, 3, "iiih", "int c, int w, int n, unsigned short s", \
	"%3, %4, %5", "%6", "%7", "r"(c), "r"(w), "r"(n), "h"(s)) \
INTRIN_IM2COL(X, 4, "iiiihh", "int c, int w, int h, int n, " \
	"unsigned short s, unsigned short r", "%3, %4, %5, %6", "%7, %8", \
	"%9", "r"(c), "r"(w), "r"(h), "r"(n), "h"(s), "h"(r)) \
INTRIN_IM2COL(X, 5, "iiiiihhh", "int c, int w, int h, int d, int n, " \
	"unsigned short s, unsigned short r, unsigned short t", \
	"%3, %4, %5, %6, %7", "%8, %9, %10", "%11", "r"(c), "r"(w), \
	"r"(h), "r"(d), "r"(n), "h"(s), "h"(r), "h"(t)) \
X(PREFETCH_MAP, "prefetch_map", 90, 0, ASYNC, NONE, NONE, "m", \
	"void prefetch_map(const void *map)", \
	S(asm volatile("prefetch.tensormap [%0];" :: "l"(map) \
		: "memory");), "")

#define INTRIN_CLUSTER(X) \
X(CLUSTER_ARRIVE, "cluster_arrive", 90, 0, SYNC, CLUSTER, NONE, "", \
	"void cluster_arrive()", \
	S(asm volatile("barrier.cluster.arrive.release.aligned;" \
		::: "memory");), "") \
X(CLUSTER_WAIT, "cluster_wait", 90, 0, SYNC, CLUSTER, NONE, "", \
	"void cluster_wait()", \
	S(asm volatile("barrier.cluster.wait.acquire.aligned;" \
		::: "memory");), "") \
X(CLUSTER_SYNC, "cluster_sync", 90, 0, SYNC, CLUSTER, NONE, "", \
	"void cluster_sync()", \
	S(cluster_arrive();) \
	S(cluster_wait();), "") \
X(CLUSTER_RANK, "cluster_rank", 90, 0, PURE, NONE, I32, "", \
	"int cluster_rank()", \
	S(int rank;) \
	S(asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));) \
	S(return rank;), "") \
X(REMOTE_LOAD_F32, "remote_load_f32", 90, 0, READ, NONE, F32, "si", \
	"float remote_load_f32(const void *shared, int rank)", \
	S(float x;) \
	S(asm volatile("ld.shared::cluster.f32 %0, [%1];" : "=f"(x) \
		: "r"(map_shared(shared, rank)) : "memory");) \
	S(return x;), "") \
X(REMOTE_LOAD_I32, "remote_load_i32", 90, 0, READ, NONE, I32, "si", \
	"int remote_load_i32(const void *shared, int rank)", \
	S(int x;) \
	S(asm volatile("ld.shared::cluster.b32 %0, [%1];" : "=r"(x) \
		: "r"(map_shared(shared, rank)) : "memory");) \
	S(return x;), "") \
X(REMOTE_LOAD_I64, "remote_load_i64", 90, 0, READ, NONE, I64, "si", \
	"long long remote_load_i64(const void *shared, int rank)", \
	S(long long x;) \
	S(asm volatile("ld.shared::cluster.b64 %0, [%1];" : "=l"(x) \
		: "r"(map_shared(shared, rank)) : "memory");) \
	S(return x;), "") \
X(REMOTE_LOAD_X4, "remote_load_x4", 90, 0, READ, NONE, NONE, "Rsi", \
	"void remote_load_x4(unsigned *d, const void *shared, int rank)", \
	S(asm volatile("ld.shared::cluster.v4.b32 {%0, %1, %2, %3}, [%4];" \
		: "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3]) \
		: "r"(map_shared(shared, rank)) : "memory");), "") \
X(REMOTE_STORE_F32, "remote_store_f32", 90, 0, WRITE, NONE, NONE, "Sif", \
	"void remote_store_f32(void *shared, int rank, float x)", \
	S(asm volatile("st.shared::cluster.f32 [%0], %1;" \
		:: "r"(map_shared(shared, rank)), "f"(x) : "memory");), "") \
X(REGISTERS_INCREASE, "registers_increase", 90, 1, SYNC, GROUP, NONE, \
	"n", "void registers_increase()", \
	S(asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" :: "n"(n));), \
	"") \
X(REGISTERS_DECREASE, "registers_decrease", 90, 1, SYNC, GROUP, NONE, \
	"n", "void registers_decrease()", \
	S(asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" :: "n"(n));), \
	"") \
X(GRID_LAUNCH_DEPENDENTS, "grid_launch_dependents", 90, 0, SYNC, NONE, \
	NONE, "", "void grid_launch_dependents()", \
	S(asm volatile("griddepcontrol.launch_dependents;" \
		::: "memory");), "") \
X(GRID_WAIT, "grid_wait", 90, 0, SYNC, NONE, NONE, "", \
	"void grid_wait()", \
	S(asm volatile("griddepcontrol.wait;" ::: "memory");), "") \
X(BARRIER_SYNC, "barrier_sync", 75, 0, SYNC, WARP, NONE, "ii", \
	"void barrier_sync(int id, int count)", \
	S(asm volatile("bar.sync %0, %1;" :: "r"(id), "r"(count) \
		: "memory");), "") \
X(BARRIER_ARRIVE, "barrier_arrive", 75, 0, SYNC, WARP, NONE, "ii", \
	"void barrier_arrive(int id, int count)", \
	S(asm volatile("bar.arrive %0, %1;" :: "r"(id), "r"(count) \
		: "memory");), "")

/* 8 x 8 matrices of 16-bit values between shared memory and fragments. */
#define INTRIN_MATRIX_OF(X, e, suffix, ptx) \
X(LDMATRIX_X1##e, "ldmatrix_x1" suffix, 75, 0, READ, WARP, NONE, "Ps", \
	"void ldmatrix_x1" suffix "(unsigned *d, const void *shared)", \
	S(asm volatile("ldmatrix.sync.aligned.m8n8.x1" ptx ".shared.b16 " \
		"{%0}, [%1];" : "=r"(d[0]) : "r"(shared_address(shared)) \
		: "memory");), "") \
X(LDMATRIX_X2##e, "ldmatrix_x2" suffix, 75, 0, READ, WARP, NONE, "Qs", \
	"void ldmatrix_x2" suffix "(unsigned *d, const void *shared)", \
	S(asm volatile("ldmatrix.sync.aligned.m8n8.x2" ptx ".shared.b16 " \
		"{%0, %1}, [%2];" : "=r"(d[0]), "=r"(d[1]) \
		: "r"(shared_address(shared)) : "memory");), "") \
X(LDMATRIX_X4##e, "ldmatrix_x4" suffix, 75, 0, READ, WARP, NONE, "Rs", \
	"void ldmatrix_x4" suffix "(unsigned *d, const void *shared)", \
	S(asm volatile("ldmatrix.sync.aligned.m8n8.x4" ptx ".shared.b16 " \
		"{%0, %1, %2, %3}, [%4];" : "=r"(d[0]), "=r"(d[1]), \
		"=r"(d[2]), "=r"(d[3]) : "r"(shared_address(shared)) \
		: "memory");), "") \
X(STMATRIX_X1##e, "stmatrix_x1" suffix, 90, 0, WRITE, WARP, NONE, "Sp", \
	"void stmatrix_x1" suffix "(void *shared, const unsigned *d)", \
	S(asm volatile("stmatrix.sync.aligned.m8n8.x1" ptx ".shared.b16 " \
		"[%0], {%1};" :: "r"(shared_address(shared)), "r"(d[0]) \
		: "memory");), "") \
X(STMATRIX_X2##e, "stmatrix_x2" suffix, 90, 0, WRITE, WARP, NONE, "Sq", \
	"void stmatrix_x2" suffix "(void *shared, const unsigned *d)", \
	S(asm volatile("stmatrix.sync.aligned.m8n8.x2" ptx ".shared.b16 " \
		"[%0], {%1, %2};" :: "r"(shared_address(shared)), \
		"r"(d[0]), "r"(d[1]) : "memory");), "") \
X(STMATRIX_X4##e, "stmatrix_x4" suffix, 90, 0, WRITE, WARP, NONE, "Sr", \
	"void stmatrix_x4" suffix "(void *shared, const unsigned *d)", \
	S(asm volatile("stmatrix.sync.aligned.m8n8.x4" ptx ".shared.b16 " \
		"[%0], {%1, %2, %3, %4};" :: "r"(shared_address(shared)), \
		"r"(d[0]), "r"(d[1]), "r"(d[2]), "r"(d[3]) \
		: "memory");), "")

/* A descriptor's swizzle: 0 none, 1 of 128 bytes, 2 of 64, 3 of 32. */
#define INTRIN_MATRIX(X) \
INTRIN_MATRIX_OF(X, , "", "") \
INTRIN_MATRIX_OF(X, _TRANS, "_trans", ".trans") \
X(RED_ADD_F32, "red_add_f32", 75, 0, WRITE, NONE, NONE, "Gf", \
	"void red_add_f32(float *global, float x)", \
	S(asm volatile("red.global.add.f32 [%0], %1;" \
		:: "l"(global), "f"(x) : "memory");), "") \
X(RED_ADD_F32X4, "red_add_f32x4", 90, 0, WRITE, NONE, NONE, "Gffff", \
	"void red_add_f32x4(float *global, float x, float y, float z, " \
	"float w)", \
	S(asm volatile("red.global.add.v4.f32 [%0], {%1, %2, %3, %4};" \
		:: "l"(global), "f"(x), "f"(y), "f"(z), "f"(w) \
		: "memory");), "") \
X(WGMMA_DESCRIPTOR, "wgmma_descriptor", 90, 0, PURE, NONE, I64, "siii", \
	"long long wgmma_descriptor(const void *shared, int leading, " \
	"int stride, int swizzle)", \
	S(const long long start = (shared_address(shared) & 0x3ffff) >> 4;) \
	S(return start | (long long)(leading >> 4) << 16 | \
		(long long)(stride >> 4) << 32 | (long long)swizzle << 62;), \
	"") \
X(WGMMA_FENCE, "wgmma_fence", 90, 2, SYNC, GROUP, NONE, "", \
	"void wgmma_fence()", \
	S(asm volatile("wgmma.fence.sync.aligned;" ::: "memory");), "") \
X(WGMMA_COMMIT, "wgmma_commit", 90, 2, SYNC, GROUP, NONE, "", \
	"void wgmma_commit()", \
	S(asm volatile("wgmma.commit_group.sync.aligned;" \
		::: "memory");), "") \
X(SETTLED_F32, "settled_f32", 90, 0, READ, NONE, F32, "f", \
	"float settled_f32(float x)", \
	S(asm volatile("" : "+f"(x));) \
	S(return x;), "") \
X(COPIED_F32, "copied_f32", 90, 0, READ, NONE, F32, "f", \
	"float copied_f32(float x)", \
	S(asm volatile("add.f32 %0, %0, 0f80000000;" : "+f"(x));) \
	S(return x;), "") \
X(SETTLED_I32, "settled_i32", 75, 0, READ, NONE, I32, "i", \
	"int settled_i32(int x)", \
	S(asm volatile("" : "+r"(x));) \
	S(return x;), "") \
X(MORE_THAN, "more_than", 75, 0, PURE, NONE, I32, "i", \
	"int more_than(int x)", \
	S(x += gridDim.y;) \
	S(asm volatile("" : "+r"(x));) \
	S(return x;), "") \
X(SETTLED_U32, "settled_u32", 90, 0, READ, NONE, U32, "u", \
	"unsigned settled_u32(unsigned x)", \
	S(asm volatile("" : "+r"(x));) \
	S(return x;), "") \
X(WGMMA_WAIT, "wgmma_wait", 90, 2, SYNC, GROUP, NONE, "n", \
	"void wgmma_wait()", \
	S(asm volatile("wgmma.wait_group.sync.aligned %0;" \
		:: "n"(n) : "memory");), "")

/* Flags in memory between blocks of a launch: who finds one set sees all that who
 * set it knew of. */
#define INTRIN_FLAGS(X) \
X(FLAG_SET, "flag_set", 75, 0, SYNC, NONE, NONE, "G", \
	"void flag_set(void *flag)", \
	S(asm volatile("st.release.gpu.global.s32 [%0], 1;" \
		:: "l"(flag) : "memory");), "") \
X(FLAG_WAIT, "flag_wait", 75, 0, SYNC, NONE, NONE, "g", \
	"void flag_wait(const void *flag)", \
	S(int set;) \
	S(do asm volatile("ld.acquire.gpu.global.s32 %0, [%1];" \
		: "=r"(set) : "l"(flag) : "memory"); while (!set);), "")

#define INTRINS(X) \
	INTRIN_VALUES(X) \
	INTRIN_WARP(X) \
	INTRIN_ASYNC(X) \
	INTRIN_MBARRIER(X) \
	INTRIN_BULK(X) \
	INTRIN_TENSOR(X) \
	INTRIN_CLUSTER(X) \
	INTRIN_MATRIX(X) \
	INTRIN_FLAGS(X)

#endif
