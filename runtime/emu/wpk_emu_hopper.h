/* SPDX-License-Identifier: MIT */
/* The second part of wpk_emu.h: asynchronous instructions of Hopper. */
#ifndef WPK_RUNTIME_EMU_WPK_EMU_HOPPER_H
#define WPK_RUNTIME_EMU_WPK_EMU_HOPPER_H

/* ---- matrix products of four warps ---- */

/* enum wgmma_type of emu_wgmma.h; "trans": 1 the left factor, 2 the right. */
enum {
	WPK_EMU_f16, WPK_EMU_bf16, WPK_EMU_tf32, WPK_EMU_e4m3, WPK_EMU_e5m2,
	WPK_EMU_i8, WPK_EMU_u8, WPK_EMU_f32, WPK_EMU_i32
};

extern "C" {
/* Where in the block's shared memory, as descriptors count. */
unsigned wpk_emu_shared_address(int line, const void *p);
void wpk_emu_wgmma(int line, int n, int acc, int left, int right, int trans,
	void *d, const unsigned *registers, long long a, long long b,
	int accumulate);
void wpk_emu_wgmma_fence(int line);
void wpk_emu_wgmma_commit(int line);
void wpk_emu_wgmma_wait(int line, int in_flight);
/* The running thread's writes to shared memory become visible to what is
 * asynchronous. */
void wpk_emu_fence_proxy(void);
}

#define fence_proxy_async() wpk_emu_fence_proxy()

#define shared_address(p) wpk_emu_shared_address(__LINE__, p)
#define wgmma_descriptor(p, leading, stride, swizzle) \
	wpk_emu_descriptor(wpk_emu_shared_address(__LINE__, p), leading, \
		stride, swizzle)
#define wgmma_fence() wpk_emu_wgmma_fence(__LINE__)
#define wgmma_commit() wpk_emu_wgmma_commit(__LINE__)

static inline long long wpk_emu_descriptor(unsigned start, int leading,
	int stride, int swizzle)
{
	return (start & 0x3ffff) >> 4 | (long long)(leading >> 4) << 16 |
		(long long)(stride >> 4) << 32 | (long long)swizzle << 62;
}

template <int n>
static inline void wgmma_wait(int line = __builtin_LINE())
{
	wpk_emu_wgmma_wait(line, n);
}

/* Both forms of an instruction: the left factor in shared memory, and in
 * registers, which are never transposed. */
#define WPK_EMU_WGMMA_FORM(name, A, registers, shared, T, acc, left, right, \
	trans) \
	template <int n> \
	static inline void name(T *d, A a, long long b, int accumulate, \
		int line = __builtin_LINE()) \
	{ \
		wpk_emu_wgmma(line, n, WPK_EMU_##acc, WPK_EMU_##left, \
			WPK_EMU_##right, trans, d, registers, shared, b, \
			accumulate); \
	}
#define WPK_EMU_WGMMA_SHARED(name, ...) \
	WPK_EMU_WGMMA_FORM(name, long long, nullptr, a, __VA_ARGS__)
#define WPK_EMU_WGMMA_REGISTERS(name, ...) \
	WPK_EMU_WGMMA_FORM(name, const unsigned *, a, 0, __VA_ARGS__)
#define WPK_EMU_WGMMA(name, ...) \
	WPK_EMU_WGMMA_SHARED(name, __VA_ARGS__, 0) \
	WPK_EMU_WGMMA_REGISTERS(name##_registers, __VA_ARGS__, 0)
#define WPK_EMU_WGMMA_TRANS(name, ...) \
	WPK_EMU_WGMMA(name, __VA_ARGS__) \
	WPK_EMU_WGMMA_SHARED(name##_left_trans, __VA_ARGS__, 1) \
	WPK_EMU_WGMMA_SHARED(name##_right_trans, __VA_ARGS__, 2) \
	WPK_EMU_WGMMA_SHARED(name##_left_trans_right_trans, __VA_ARGS__, 3) \
	WPK_EMU_WGMMA_REGISTERS(name##_registers_right_trans, __VA_ARGS__, 2)
#define WPK_EMU_WGMMA_8(types, left, right) \
	WPK_EMU_WGMMA(wgmma_m64k32_f32_##types, float, f32, left, right) \
	WPK_EMU_WGMMA(wgmma_m64k32_f16_##types, unsigned, f16, left, right)

WPK_EMU_WGMMA_TRANS(wgmma_m64k16_f32_f16, float, f32, f16, f16)
WPK_EMU_WGMMA_TRANS(wgmma_m64k16_f16_f16, unsigned, f16, f16, f16)
WPK_EMU_WGMMA_TRANS(wgmma_m64k16_f32_bf16, float, f32, bf16, bf16)
WPK_EMU_WGMMA(wgmma_m64k8_f32_tf32, float, f32, tf32, tf32)
WPK_EMU_WGMMA_8(e4m3, e4m3, e4m3)
WPK_EMU_WGMMA_8(e4m3_e5m2, e4m3, e5m2)
WPK_EMU_WGMMA_8(e5m2_e4m3, e5m2, e4m3)
WPK_EMU_WGMMA_8(e5m2, e5m2, e5m2)
WPK_EMU_WGMMA(wgmma_m64k32_i32_i8, int, i32, i8, i8)
WPK_EMU_WGMMA(wgmma_m64k32_i32_i8_u8, int, i32, i8, u8)
WPK_EMU_WGMMA(wgmma_m64k32_i32_u8_i8, int, i32, u8, i8)
WPK_EMU_WGMMA(wgmma_m64k32_i32_u8, int, i32, u8, u8)

#endif
