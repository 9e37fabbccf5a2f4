/* SPDX-License-Identifier: MIT
 * Parses and compares addresses. */
#include "api/networks.h"

#include <arpa/inet.h>
#include <string.h>

enum { TEXT_BYTES = 64, V4_OFFSET = 12 };

enum outcome networks_parse(struct span words,
                            struct networks *out_networks,
                            struct fault *fault)
{
    struct networks networks = {.count = 0};
    while (words.len > 0) {
        struct span bits_text;
        struct span word = span_cut(words, ' ', &words);
        struct span address_text = span_cut(word, '/', &bits_text);
        bool is_v4 = false;
        int64_t bits = 0;
        if (word.len == 0) {
            continue;
        }
        bool good =
            networks.count < NETWORKS_MOST &&
            address_parse(address_text, &networks.addresses[networks.count], &is_v4);
        int64_t most = is_v4 ? 32 : 128;
        if (good && address_text.len == word.len) {
            bits = most;
        } else {
            good = good && span_to_i64(bits_text, &bits) && bits >= 0 && bits <= most;
        }
        if (!good) {
            return fault_set(
                fault,
                OUTCOME_NEVER,
                "networks",
                0,
                "\"%.*s\" is no address and no network, or there are too many",
                SPAN_ARGS(word));
        }
        networks.bits[networks.count++] = (int)bits + (is_v4 ? 8 * V4_OFFSET : 0);
    }
    *out_networks = networks;
    return OUTCOME_DONE;
}

bool networks_have(const struct networks *networks, const struct address *address)
{
    if (address->is_local) {
        return true;
    }
    for (size_t i = 0; i < networks->count; i++) {
        const unsigned char *network = networks->addresses[i].bytes;
        size_t whole = (size_t)networks->bits[i] / 8;
        int rest = networks->bits[i] % 8;
        unsigned char mask = (unsigned char)(0xff00 >> rest);
        if (memcmp(network, address->bytes, whole) == 0 &&
            (rest == 0 || ((network[whole] ^ address->bytes[whole]) & mask) == 0)) {
            return true;
        }
    }
    return false;
}

bool address_parse(struct span text, struct address *out_address, bool *out_is_v4)
{
    char copy[TEXT_BYTES];
    struct address address = {.is_local = false};
    if (text.len == 0 || text.len >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    *out_is_v4 = inet_pton(AF_INET, copy, address.bytes + V4_OFFSET) == 1;
    if (*out_is_v4) {
        address.bytes[10] = 0xff;
        address.bytes[11] = 0xff;
    } else if (inet_pton(AF_INET6, copy, address.bytes) != 1) {
        return false;
    }
    *out_address = address;
    return true;
}
