/* SPDX-License-Identifier: MIT
 * Any bytes as X-Forwarded-For from a trusted proxy. Whoever is found is the peer, or
 * stands in the header; and only when everybody in it is trusted does the walk go on. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/proxies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxies proxies;
    struct fault fault;
    struct address client = {.bytes = {[10] = 0xff, 0xff, 10, 0, 0, 1}};
    const struct address peer = client;
    char *exact = malloc(size + 1);
    if (!exact || proxies_parse(SPAN("10.0.0.0/8 2001:db8::/32"), &proxies, &fault) !=
                      OUTCOME_DONE) {
        abort();
    }
    memcpy(exact, data, size);
    bool all = proxies_walk(&proxies, (struct span){exact, size}, &client);
    bool is_peer = memcmp(&client, &peer, sizeof(client)) == 0;
    bool trusted = proxies_trust(&proxies, &client);
    /* One who is not trusted ends the walk. */
    if (client.is_local || (all && !trusted) || (size == 0 && !(all && is_peer))) {
        abort();
    }
    /* What stands left of one who is not trusted counts for nothing. */
    if (!trusted) {
        struct address again = peer;
        char *forged = malloc(size + 10);
        if (!forged) {
            abort();
        }
        memcpy(forged, "192.0.2.1,", 10);
        memcpy(forged + 10, exact, size);
        if (proxies_walk(&proxies, (struct span){forged, size + 10}, &again) ||
            memcmp(&again, &client, sizeof(again)) != 0) {
            abort();
        }
        free(forged);
    }
    free(exact);
    return 0;
}
