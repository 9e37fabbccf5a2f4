/* SPDX-License-Identifier: MIT
 *
 * device - which phones take cards by themselves (Stripe's Tap to Pay).
 *
 * Owns:    nothing; pure rules
 * Callers: api, tests
 * Blocks:  never
 *
 * An iPhone says what it is by its identifier, "iPhone11,2". The number before the comma
 * is its generation, and generation 11 (iPhone XS, XS Max, XR) is the first that can: the
 * number is compared, so that phones to come are known. The name that it is sold under
 * ("iPhone XS", "iPhone 15 Pro") does as well, where it tells; "iPhone SE" does not, since
 * three phones are called so.
 *
 * An Android phone must be in the list of certified ones: by its manufacturer, and by its
 * model or identifier. Phones are not of one mind what is which (Samsung's model is
 * "SM-G991B", Google's is "Pixel 6"), so either is looked for in both columns. Letters
 * count alike in upper and lower case.
 */
#ifndef COMMON_MODEL_DEVICE_H
#define COMMON_MODEL_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"

enum { DEVICE_VERSION_PARTS = 4, DEVICE_LEAST_IPHONE = 11 };

/* "17", "16.4", "17.0.1": numbers between dots; those that are not there are 0. */
struct device_version {
    int64_t parts[DEVICE_VERSION_PARTS];
};
bool device_read_version(struct span text, struct device_version *out_version);
/* Below, at or above 0, as a is below, equal to or above b. */
int device_compare_versions(const struct device_version *a,
                            const struct device_version *b);

/* What a phone says of itself. */
struct device {
    struct span manufacturer; /* of Android */
    struct span model; /* may be empty when there is an identifier */
    struct span identifier; /* may be empty when there is a model */
    struct device_version system;
};

/* A row of android_certified_devices. */
struct device_certified {
    struct span manufacturer;
    struct span model;
    struct span identifier;
    int64_t least_android;
};

enum device_verdict {
    DEVICE_SUPPORTED,
    DEVICE_TOO_OLD, /* an iPhone, of a generation without it */
    DEVICE_NO_PHONE, /* an iPad, an iPod ... */
    DEVICE_UNKNOWN, /* an iPhone perhaps: its identifier would tell */
    DEVICE_SYSTEM_TOO_OLD, /* the phone can, once its system is up to date */
    DEVICE_NOT_CERTIFIED, /* an Android phone that is not in the list */
};

enum device_verdict device_check_ios(const struct device *device,
                                     const struct device_version *least);
/* *out_least_android is written with DEVICE_SYSTEM_TOO_OLD: the version that would do. */
enum device_verdict device_check_android(const struct device *device,
                                         const struct device_certified *certified,
                                         size_t count,
                                         int64_t *out_least_android);

#endif
