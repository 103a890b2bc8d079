/* SPDX-License-Identifier: MIT */
/* What a module of the emulated driver tells of its kernels, in C and C++, and
 * what stands at the end of its file. */
#ifndef WPK_RUNTIME_EMU_WPK_EMU_TABLE_H
#define WPK_RUNTIME_EMU_WPK_EMU_TABLE_H

enum { WPK_EMU_VALUE, WPK_EMU_POINTER, WPK_EMU_MAP };

struct wpk_emu_parameter {
	unsigned bytes, align, kind;
};

/* The last row's name is NULL. "call" runs the kernel as the current thread. */
struct wpk_emu_kernel {
	const char *name;
	void (*call)(void **arguments);
	const struct wpk_emu_parameter *parameters;
	unsigned n;
};

/* Behind the shared object's own bytes, of which "sum" is wpk_emu_sum: it tells
 * a module from all other files, and a whole one from a damaged one. The mark
 * has the table's version: a module of another one is not loaded. */
#define WPK_EMU_MARK "wpk module 1\n\n\n"
struct wpk_emu_trailer {
	char mark[16];
	unsigned long long bytes, sum;
};

static inline unsigned long long wpk_emu_sum(const void *p,
	unsigned long long n)
{
	const unsigned char *c = (const unsigned char *)p;
	unsigned long long sum = 0xcbf29ce484222325, word;
	unsigned long long i;

	for (i = 0; i + sizeof word <= n; i += sizeof word) {
		__builtin_memcpy(&word, c + i, sizeof word);
		sum = (sum ^ word) * 0x9e3779b97f4a7c15;
		sum ^= sum >> 29;
	}
	for (; i < n; i++)
		sum = (sum ^ c[i]) * 0x100000001b3;
	return sum;
}

#endif
