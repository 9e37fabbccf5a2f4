/* SPDX-License-Identifier: MIT
 * The versions of Stripe's API: https://docs.stripe.com/upgrades */
#include "tests/stripesim/versions.h"

#include <stddef.h>

static const char *const versions[] = {
    "2019-02-11",        "2019-02-19",        "2019-03-14",        "2019-05-16",
    "2019-08-14",        "2019-09-09",        "2019-10-08",        "2019-10-17",
    "2019-11-05",        "2019-12-03",        "2020-03-02",        "2020-08-27",
    "2022-08-01",        "2022-11-15",        "2023-08-16",        "2023-10-16",
    "2024-04-10",        "2024-06-20",        "2024-09-30.acacia", "2024-10-28.acacia",
    "2024-11-20.acacia", "2024-12-18.acacia", "2025-01-27.acacia", "2025-02-24.acacia",
    "2025-03-31.basil",  "2025-04-30.basil",  "2025-05-28.basil",  "2025-06-30.basil",
    "2025-07-30.basil",  "2025-08-27.basil",  "2025-09-30.clover",
};

bool versions_is_known(struct span version)
{
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (span_is(version, versions[i])) {
            return true;
        }
    }
    return false;
}
