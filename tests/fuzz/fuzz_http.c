/* SPDX-License-Identifier: MIT
 * Any bytes as a connection's: the reader must not crash, and must make the same of them
 * however they are cut. The first byte picks the cuts, the second the limits. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/fuzz/http_feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }
    unsigned seed = data[0];
    struct http_limits limits = {2048, 1024, 4096};
    if (data[1] & 1) {
        limits = (struct http_limits){96, 48, 16};
    }
    struct span bytes = {(const char *)data + 2, size - 2};
    size_t first = 1 + seed * bytes.len / 257;
    struct {
        http_feed_fn next;
        void *context;
    } feeds[] = {
        {http_feed_all, NULL},
        {http_feed_one, NULL},
        {http_feed_random, &seed},
        {http_feed_cut, &first},
    };
    struct text dumps[4];
    for (size_t i = 0; i < 4; i++) {
        text_init(&dumps[i], 1 << 24);
        http_feed(bytes, &limits, feeds[i].next, feeds[i].context, &dumps[i]);
        if (!span_equal(text_span(&dumps[0]), text_span(&dumps[i]))) {
            abort();
        }
    }
    for (size_t i = 0; i < 4; i++) {
        text_done(&dumps[i]);
    }
    return 0;
}
