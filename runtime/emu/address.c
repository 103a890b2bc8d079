/* SPDX-License-Identifier: MIT */
/* The library is compiled without AddressSanitizer and linked to kernels with
 * and without it: its interface is called where it is there. */
#include "emu.h"

WEAK void __asan_poison_memory_region(const volatile void *p, size_t n);
WEAK void __asan_unpoison_memory_region(const volatile void *p, size_t n);
WEAK void *__asan_region_is_poisoned(void *p, size_t n);
WEAK void __sanitizer_start_switch_fiber(void **save, const void *stack,
	size_t size);
WEAK void __sanitizer_finish_switch_fiber(void *save, const void **stack,
	size_t *size);
WEAK void __sanitizer_set_death_callback(void (*f)(void));

void address_poison(const void *p, size_t n)
{
	if (__asan_poison_memory_region)
		__asan_poison_memory_region(p, n);
}

void address_unpoison(const void *p, size_t n)
{
	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(p, n);
}

bool address_watched(void)
{
	return __asan_region_is_poisoned;
}

bool address_bad(const void *p, size_t n)
{
	return __asan_region_is_poisoned &&
		__asan_region_is_poisoned((void *)(uintptr_t)p, n);
}

void address_before_switch(void **save, const void *stack, size_t size)
{
	if (__sanitizer_start_switch_fiber)
		__sanitizer_start_switch_fiber(save, stack, size);
}

void address_after_switch(void *save, const void **stack, size_t *size)
{
	if (__sanitizer_finish_switch_fiber)
		__sanitizer_finish_switch_fiber(save, stack, size);
}

void address_on_death(void (*f)(void))
{
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(f);
}

/* Read by the sanitizers as they start. A process that ends at its first fault
 * owes nobody its memory; aborting is how UndefinedBehaviorSanitizer tells
 * main.c that it gave up. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void)
{
	return "detect_leaks=0:detect_stack_use_after_return=0:"
		"allow_user_segv_handler=1";
}

const char *__ubsan_default_options(void)
{
	return "abort_on_error=1:print_stacktrace=0";
}
