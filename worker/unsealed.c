/* SPDX-License-Identifier: MIT
 * Opens sealed columns. */
#include "worker/unsealed.h"

#include "common/base/seal.h"
#include "common/link/mariadb.h"
#include "worker/handlers.h"

enum outcome unsealed_text(struct handling *handling,
                           const struct sql_rows *rows,
                           size_t column,
                           struct span name,
                           struct span *out_plain,
                           struct fault *fault)
{
    if (sql_is_null(rows, 0, column)) {
        *out_plain = SPAN("");
        return OUTCOME_DONE;
    }
    return seal_unseal(handling->pii,
                       name,
                       sql_text(rows, 0, column),
                       handling->arena,
                       out_plain,
                       fault);
}
