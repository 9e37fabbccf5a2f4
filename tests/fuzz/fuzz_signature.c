/* SPDX-License-Identifier: MIT
 * Any bytes as a Stripe-Signature header. None can be good: the input knows no secret. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/model/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct span secrets[] = {{"whsec_one", 9}, {"whsec_two", 9}};
    char *exact = malloc(size + 1);
    if (!exact) {
        abort();
    }
    memcpy(exact, data, size);
    size_t which = 0;
    enum signature_verdict verdict = signature_check((struct span){exact, size},
                                                     (struct span){"{}", 2},
                                                     secrets,
                                                     2,
                                                     1732269900,
                                                     300,
                                                     &which);
    if (verdict == SIGNATURE_GOOD || (size == 0) != (verdict == SIGNATURE_MISSING)) {
        abort();
    }
    free(exact);
    return 0;
}
