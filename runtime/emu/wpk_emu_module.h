/* SPDX-License-Identifier: MIT */
/* The last part of wpk_emu.h, of a text that becomes a module of the emulated
 * driver (driver/module.c): a table of its kernels, behind the text.
 *
 *	extern "C" const wpk_emu_kernel wpk_emu_kernels[] = {
 *		WPK_EMU_KERNEL(scale),
 *		WPK_EMU_KERNELS_END
 *	};
 */
#ifndef WPK_RUNTIME_EMU_WPK_EMU_MODULE_H
#define WPK_RUNTIME_EMU_WPK_EMU_MODULE_H

#include "wpk_emu_table.h"

template <class T>
struct wpk_emu_kind {
	static const unsigned value = WPK_EMU_VALUE;
};
template <class T>
struct wpk_emu_kind<T *> {
	static const unsigned value = WPK_EMU_POINTER;
};
template <>
struct wpk_emu_kind<CUtensorMap> {
	static const unsigned value = WPK_EMU_MAP;
};

/* 0, 1, ... n - 1. */
template <__SIZE_TYPE__... i>
struct wpk_emu_numbers {};
template <__SIZE_TYPE__ n, __SIZE_TYPE__... i>
struct wpk_emu_count : wpk_emu_count<n - 1, n - 1, i...> {};
template <__SIZE_TYPE__... i>
struct wpk_emu_count<0, i...> {
	typedef wpk_emu_numbers<i...> numbers;
};

/* "arguments[i]" points to the kernel's parameter number i, aligned. */
template <class... P, __SIZE_TYPE__... i>
static inline void wpk_emu_apply(void (*kernel)(P...), void **arguments,
	wpk_emu_numbers<i...>)
{
	kernel(*static_cast<P *>(arguments[i])...);
}

template <class F, F kernel>
struct wpk_emu_thunk;

template <class... P, void (*kernel)(P...)>
struct wpk_emu_thunk<void (*)(P...), kernel> {
	/* One more: there may be none. */
	static constexpr wpk_emu_parameter parameters[] = {
		{ sizeof(P), alignof(P), wpk_emu_kind<P>::value }..., {}
	};
	static void call(void **arguments)
	{
		wpk_emu_apply(kernel, arguments,
			typename wpk_emu_count<sizeof...(P)>::numbers());
	}
	static constexpr wpk_emu_kernel row(const char *name)
	{
		return { name, call, parameters, sizeof...(P) };
	}
};

#define WPK_EMU_KERNEL(name) \
	wpk_emu_thunk<decltype(&name), &name>::row(#name)
#define WPK_EMU_KERNELS_END { nullptr, nullptr, nullptr, 0 }

#endif
