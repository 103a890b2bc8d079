/* SPDX-License-Identifier: MIT */
/* Names of devices: the driver's, "NVIDIA GeForce RTX 4090", and those that targets
 * and plans have, "rtx4090". Here for libwpk and for wpkc alike, which link nothing
 * of one another. */
#ifndef WPK_RUNTIME_LIB_DEVICE_NAME_H
#define WPK_RUNTIME_LIB_DEVICE_NAME_H

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>

/* How far "name" goes in what is at "device", without regard to spaces between a
 * letter and a digit; NULL: not to its end. */
static inline const char *device_name_ends(const char *device, const char *name)
{
	const char *n = name;

	while (*n && *device && tolower((unsigned char)*device) ==
	       tolower((unsigned char)*n)) {
		device++;
		n++;
		device += *device == ' ' && isdigit((unsigned char)*n) &&
			isalpha((unsigned char)n[-1]);
	}
	return *n ? NULL : device;
}

/* A word of the device's name begins with the other, which goes on, if at all,
 * with no letter or digit: an l40s is no l4. */
static inline bool device_is_called(const char *device, const char *name)
{
	for (const char *at = device; *at; at++) {
		const char *end = at > device && isalnum((unsigned char)at[-1]) ?
			NULL : device_name_ends(at, name);

		if (end && !isalnum((unsigned char)*end))
			return true;
	}
	return false;
}

#endif
