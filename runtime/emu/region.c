/* SPDX-License-Identifier: MIT */
/* Memory of the emulated device: pieces that lie between such as fault, and
 * end where the one behind begins, as far as alignment lets them. */
#include "emu.h"

#include <stdio.h>
#include <sys/mman.h>

bool region_map(struct region *r, size_t bytes, size_t align)
{
	size_t room = (bytes + PAGE - 1) / PAGE * PAGE +
		2 * REGION_GUARD;
	char *base = bytes > SIZE_MAX / 2 ? MAP_FAILED : mmap(NULL, room,
		PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		return false;
	*r = (struct region){ base, base + (room - REGION_GUARD - bytes) /
		align * align, bytes, room };
	if (!mprotect(base, REGION_GUARD, PROT_NONE) && !mprotect(base + room -
	    REGION_GUARD, REGION_GUARD, PROT_NONE))
		return true;
	region_unmap(r);
	return false;
}

void region_unmap(struct region *r)
{
	munmap(r->base, r->room);
}

/* As far as it says: Linux maps more, and ends the process when that is filled. */
static size_t told(const char *format)
{
	FILE *f = fopen("/proc/meminfo", "r");
	size_t kib = SIZE_MAX >> 10;
	char line[128];

	while (f && fgets(line, sizeof line, f) &&
	       sscanf(line, format, &kib) != 1)
		;
	if (f)
		fclose(f);
	return kib << 10;
}

size_t region_available(void)
{
	return told("MemAvailable: %zu");
}

size_t region_total(void)
{
	return told("MemTotal: %zu");
}
