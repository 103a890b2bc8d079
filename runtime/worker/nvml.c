/* SPDX-License-Identifier: MIT */
/* Clocks, power and throttling from NVML, opened at run time; nothing depends on it. */
#include "runtime/worker/cuda.h"

#include <dlfcn.h>
#include <stdlib.h>

enum { CLOCK_SM = 1 };

/* Power, heat, and what hardware does about them; not idleness and settings. */
static const unsigned long long slowing = 0x4 | 0x8 | 0x20 | 0x40 | 0x80;

static struct {
	int (*init)(void);
	int (*handle)(const char *, void **);
	int (*clock)(void *, int, unsigned *);
	int (*reasons)(void *, unsigned long long *);
	int (*power)(void *, unsigned *);
	void *device;
} nvml;

static void *find(void *l, const char *name, const char *other)
{
	void *p = dlsym(l, name);

	return p ? p : dlsym(l, other);
}

void nvml_open(const char *bus)
{
	const char *own = getenv("WPK_LIBNVML");
	void *l = dlopen(own && *own ? own : "libnvidia-ml.so.1", RTLD_NOW |
		RTLD_LOCAL);

	if (!l)
		return;
	*(void **)&nvml.init = find(l, "nvmlInit_v2", "nvmlInit");
	*(void **)&nvml.handle = find(l, "nvmlDeviceGetHandleByPciBusId_v2",
		"nvmlDeviceGetHandleByPciBusId");
	*(void **)&nvml.clock = dlsym(l, "nvmlDeviceGetClockInfo");
	*(void **)&nvml.power = dlsym(l, "nvmlDeviceGetPowerUsage");
	*(void **)&nvml.reasons = find(l,
		"nvmlDeviceGetCurrentClocksEventReasons",
		"nvmlDeviceGetCurrentClocksThrottleReasons");
	if (!nvml.init || !nvml.handle || nvml.init() ||
	    nvml.handle(bus, &nvml.device))
		nvml.device = NULL;
}

bool nvml_clock(double *mhz, bool *throttled)
{
	unsigned long long reasons = 0;
	unsigned clock = 0;

	if (!nvml.device || !nvml.clock ||
	    nvml.clock(nvml.device, CLOCK_SM, &clock))
		return false;
	if (nvml.reasons)
		nvml.reasons(nvml.device, &reasons);
	*mhz = clock;
	*throttled = (reasons & slowing) != 0;
	return true;
}

bool nvml_power(double *watts)
{
	unsigned milliwatts = 0;

	if (!nvml.device || !nvml.power ||
	    nvml.power(nvml.device, &milliwatts))
		return false;
	*watts = milliwatts * 1e-3;
	return true;
}
