/* SPDX-License-Identifier: MIT */
/* The one device: what it says of itself, and its context. It has the limits of
 * an H200, whose code (sm_90a) is what the emulator knows. */
#include "runtime/emu/driver/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CUDA_VERSION_12_4 = 12040 };

CUresult cuInit(unsigned flags)
{
	const char *bytes = getenv("WPK_EMU_MEMORY");

	if (flags)
		return CUDA_ERROR_INVALID_VALUE;
	driver_enter_plain();
	if (!driver.initialised)
		driver.memory = bytes && *bytes ?
			(size_t)strtoull(bytes, NULL, 10) : region_total();
	driver.initialised = true;
	return driver_leave(CUDA_SUCCESS);
}

CUresult cuDriverGetVersion(int *version)
{
	if (!version)
		return CUDA_ERROR_INVALID_VALUE;
	*version = CUDA_VERSION_12_4;
	return CUDA_SUCCESS;
}

static CUresult needs(const void *out, CUdevice device)
{
	return device ? CUDA_ERROR_INVALID_DEVICE :
		out ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static CUresult put_int(int *out, int value)
{
	*out = value;
	return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int *n)
{
	return driver_leave(driver_enter_plain() ?: needs(n, 0) ?:
		put_int(n, 1));
}

CUresult cuDeviceGet(CUdevice *device, int ordinal)
{
	return driver_leave(driver_enter_plain() ?: needs(device, ordinal) ?:
		put_int(device, 0));
}

/* As much of it as there is room for. */
static CUresult put_text(char *out, int room, const char *text)
{
	if (room <= 0)
		return CUDA_ERROR_INVALID_VALUE;
	snprintf(out, (size_t)room, "%s", text);
	return CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char *name, int room, CUdevice device)
{
	return driver_leave(driver_enter_plain() ?: needs(name, device) ?:
		put_text(name, room, "emulator"));
}

CUresult cuDeviceGetPCIBusId(char *id, int room, CUdevice device)
{
	return driver_leave(driver_enter_plain() ?: needs(id, device) ?:
		put_text(id, room, "0000:00:00.0"));
}

/* By CUdevice_attribute; those that are not here are 0. */
static const int attributes[] = {
	[1] = THREADS_MAX,
	[2] = 1024, [3] = 1024, [4] = 64,		/* of a block */
	[5] = INT32_MAX, [6] = 65535, [7] = 65535,	/* of a grid */
	[8] = SHARED_DEFAULT_BYTES,
	[9] = 64 << 10,			/* of constants */
	[10] = WARP,
	[12] = 64 << 10,		/* registers of a block */
	[13] = 1980000,			/* kHz */
	[14] = 512,			/* alignment of textures */
	[15] = 1,			/* copies beside kernels */
	[16] = DEVICE_SMS,
	[19] = 1,			/* maps host memory */
	[31] = 1,			/* kernels beside kernels */
	[36] = 3201000, [37] = 6144,	/* memory's kHz, bits of its bus */
	[38] = 50 << 20,		/* L2 */
	[39] = THREADS_PER_SM,
	[40] = 3,			/* copy engines */
	[41] = 1,			/* one address space */
	[75] = 9, [76] = 0,		/* capability */
	[81] = SHARED_PER_SM,
	[82] = 64 << 10,		/* registers of an SM */
	[97] = SHARED_MOST,		/* opted in to */
	[106] = BLOCKS_PER_SM,
	[111] = SHARED_RESERVED,
	[120] = 1,			/* clusters */
	[127] = 1,			/* tensor maps */
};
enum { ATTRIBUTES_END = 150 };

static CUresult tell(int *value, int what)
{
	int known = (int)(sizeof attributes / sizeof *attributes);

	if (what < 1 || what >= ATTRIBUTES_END)
		return CUDA_ERROR_INVALID_VALUE;
	return put_int(value, what < known ? attributes[what] : 0);
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute what,
	CUdevice device)
{
	return driver_leave(driver_enter_plain() ?: needs(value, device) ?:
		tell(value, (int)what));
}

static CUresult put_total(size_t *bytes)
{
	*bytes = driver.memory;
	return CUDA_SUCCESS;
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device)
{
	return driver_leave(driver_enter_plain() ?: needs(bytes, device) ?:
		put_total(bytes));
}

/* ---- the context ---- */

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device)
{
	return driver_leave(driver_enter_plain() ?: needs(context, device) ?:
		driver_retain(context));
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device)
{
	return driver_leave(driver_enter_plain() ?: needs("", device) ?:
		driver_release(false));
}

CUresult cuDevicePrimaryCtxReset_v2(CUdevice device)
{
	return driver_leave(driver_enter_plain() ?: needs("", device) ?:
		driver_release(true));
}

static CUresult set_current(CUcontext context)
{
	if (context && context != driver.context)
		return CUDA_ERROR_INVALID_CONTEXT;
	driver_set_current(context);
	return CUDA_SUCCESS;
}

CUresult cuCtxSetCurrent(CUcontext context)
{
	return driver_leave(driver_enter_plain() ?: set_current(context));
}

static CUresult put_context(CUcontext *out)
{
	*out = driver_current();
	return CUDA_SUCCESS;
}

CUresult cuCtxGetCurrent(CUcontext *context)
{
	return driver_leave(driver_enter_plain() ?: needs(context, 0) ?:
		put_context(context));
}

CUresult cuCtxGetDevice(CUdevice *device)
{
	return driver_leave(driver_enter() ?: needs(device, 0) ?:
		put_int(device, 0));
}
