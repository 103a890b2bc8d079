/* SPDX-License-Identifier: MIT */
/* What is handed in as a module, in a file or in memory: a shared object with a
 * trailer (wpk_emu_table.h) that vouches for each byte, or else an error. What
 * other devices run is told from what nobody can. */
#include "runtime/emu/driver/driver.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK = 16, MOST = 1 << 30 };
enum { EM_GPU = 190 };		/* of cubins */

static bool starts_with(const void *bytes, const void *mark, size_t n)
{
	return !memcmp(bytes, mark, n);
}

/* Of bytes that are no ELF file, by the first LOOK of them: PTX, a fat binary,
 * with and without its wrapper? */
static CUresult judge_foreign(const char *bytes)
{
	if (starts_with(bytes, "//", 2) || starts_with(bytes, ".version", 8) ||
	    starts_with(bytes, "\x50\xed\x55\xba", 4) ||
	    starts_with(bytes, "\xb1\x43\x62\x46", 4))
		return CUDA_ERROR_NO_BINARY_FOR_GPU;
	return CUDA_ERROR_INVALID_IMAGE;
}

static bool is_elf(const char *bytes)
{
	return starts_with(bytes, ELFMAG, SELFMAG);
}

static CUresult judge_elf(const Elf64_Ehdr *h)
{
	return h->e_machine == EM_GPU ? CUDA_ERROR_NO_BINARY_FOR_GPU :
		h->e_ident[EI_CLASS] != ELFCLASS64 ? CUDA_ERROR_INVALID_IMAGE :
		CUDA_SUCCESS;
}

/* The trailer of "n" bytes, with more bytes before it. */
static CUresult judge_trailer(const char *bytes, size_t n)
{
	static const char mark[] = WPK_EMU_MARK;
	size_t version = strcspn(mark, "0123456789");
	struct wpk_emu_trailer t;

	memcpy(&t, bytes + n - sizeof t, sizeof t);
	if (!starts_with(t.mark, mark, version))
		return CUDA_ERROR_INVALID_IMAGE;
	if (!starts_with(t.mark, mark, sizeof t.mark))
		return CUDA_ERROR_NO_BINARY_FOR_GPU;
	n -= sizeof t;
	return t.bytes == n && t.sum == wpk_emu_sum(bytes, n) ? CUDA_SUCCESS :
		CUDA_ERROR_INVALID_IMAGE;
}

static CUresult judge(const char *bytes, size_t n)
{
	CUresult r;

	if (n < LOOK)
		return CUDA_ERROR_INVALID_IMAGE;
	if (!is_elf(bytes))
		return judge_foreign(bytes);
	if (n < sizeof(Elf64_Ehdr) + sizeof(struct wpk_emu_trailer))
		return CUDA_ERROR_INVALID_IMAGE;
	r = judge_elf((const void *)bytes);
	return r ? r : judge_trailer(bytes, n);
}

static bool read_all(int fd, char *to, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = read(fd, to + done, n - done);

		if (got <= 0 && errno != EINTR)
			return false;
		done += got > 0 ? (size_t)got : 0;
	}
	return true;
}

static CUresult read_open(int fd, void **bytes, size_t *n)
{
	struct stat st;
	char *p;
	CUresult r;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return CUDA_ERROR_FILE_NOT_FOUND;
	if (st.st_size <= 0 || st.st_size > MOST)
		return CUDA_ERROR_INVALID_IMAGE;
	*n = (size_t)st.st_size;
	p = malloc(*n);
	if (!p)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = read_all(fd, p, *n) ? judge(p, *n) : CUDA_ERROR_OPERATING_SYSTEM;
	if (r)
		free(p);
	else
		*bytes = p;
	return r;
}

CUresult image_read_file(const char *path, void **bytes, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	CUresult r = fd < 0 ? CUDA_ERROR_FILE_NOT_FOUND :
		read_open(fd, bytes, n);

	if (fd >= 0)
		close(fd);
	return r;
}

/* Nobody says how long it is but its own header: a linker puts the table of
 * sections last. */
static CUresult length_of(const void *image, size_t *n)
{
	Elf64_Ehdr h;
	CUresult r;

	if (!guard_read(&h, image, sizeof h))
		return CUDA_ERROR_INVALID_IMAGE;
	if ((r = judge_elf(&h)))
		return r;
	if (h.e_shoff > MOST || !h.e_shnum)
		return CUDA_ERROR_INVALID_IMAGE;
	*n = h.e_shoff + (size_t)h.e_shnum * h.e_shentsize +
		sizeof(struct wpk_emu_trailer);
	return CUDA_SUCCESS;
}

CUresult image_copy(const void *image, void **bytes, size_t *n)
{
	char start[LOOK], *p;
	CUresult r;

	if (!guard_read(start, image, sizeof start))
		return CUDA_ERROR_INVALID_IMAGE;
	r = is_elf(start) ? length_of(image, n) : judge_foreign(start);
	if (r)
		return r;
	p = malloc(*n);
	if (!p)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = guard_read(p, image, *n) ? judge(p, *n) : CUDA_ERROR_INVALID_IMAGE;
	if (r)
		free(p);
	else
		*bytes = p;
	return r;
}
