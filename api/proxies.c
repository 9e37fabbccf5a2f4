/* SPDX-License-Identifier: MIT
 * Reads X-Forwarded-For and X-Forwarded-Proto. */
#include "api/proxies.h"

#include "api/http.h"

static bool is_in(const struct proxies *proxies, const struct address *address);
static struct span cut_last(struct span *list);
static bool read_hop(struct span hop, struct address *out_address);
static bool is_port(struct span text);

enum outcome proxies_parse(struct span words,
                           struct proxies *out_proxies,
                           struct fault *fault)
{
    struct proxies proxies = {.has_unix = false};
    struct text networks;
    text_init(&networks, words.len + 1);
    while (words.len > 0) {
        struct span word = span_cut(words, ' ', &words);
        if (span_is(word, "unix")) {
            proxies.has_unix = true;
            continue;
        }
        if (networks.len > 0) {
            text_add_char(&networks, ' ');
        }
        text_add(&networks, word);
    }
    enum outcome outcome = networks_parse(text_span(&networks), &proxies.networks, fault);
    text_done(&networks);
    if (outcome == OUTCOME_DONE) {
        *out_proxies = proxies;
    }
    return outcome;
}

bool proxies_trust(const struct proxies *proxies, const struct address *peer)
{
    return peer->is_local ? proxies->has_unix : is_in(proxies, peer);
}

bool proxies_walk(const struct proxies *proxies,
                  struct span value,
                  struct address *client)
{
    while (value.len > 0) {
        struct address hop;
        if (!read_hop(cut_last(&value), &hop)) {
            return false;
        }
        *client = hop;
        if (!is_in(proxies, &hop)) {
            return false;
        }
    }
    return true;
}

void proxies_read(const struct proxies *proxies,
                  const struct http_request *http,
                  const char *buffer,
                  struct address *client,
                  bool *secure)
{
    struct span proto = http_header(http, buffer, "x-forwarded-proto");
    if (http_header_count(http, buffer, "x-forwarded-proto") == 1) {
        *secure = *secure || span_is_any_case(proto, "https");
    }
    bool goes_on = true;
    for (size_t i = http->header_count; i > 0 && goes_on; i--) {
        const struct http_header *header = &http->headers[i - 1];
        if (span_is(http_span(buffer, header->name), "x-forwarded-for")) {
            goes_on = proxies_walk(proxies, http_span(buffer, header->value), client);
        }
    }
}

/* networks_have lets every Unix socket in, which is not meant here. */
static bool is_in(const struct proxies *proxies, const struct address *address)
{
    return !address->is_local && networks_have(&proxies->networks, address);
}

/* The last of "a, b, c", and the list without it. */
static struct span cut_last(struct span *list)
{
    size_t at = list->len;
    while (at > 0 && list->at[at - 1] != ',') {
        at--;
    }
    struct span last = {list->at + at, list->len - at};
    list->len = at > 0 ? at - 1 : 0;
    return span_trim(last);
}

/* An address as it is, or with a port as some proxies add it: 192.0.2.1:4711,
 * [2001:db8::1] or [2001:db8::1]:4711. */
static bool read_hop(struct span hop, struct address *out_address)
{
    bool is_v4 = false;
    struct span port;
    if (address_parse(hop, out_address, &is_v4)) {
        return true;
    }
    if (span_starts(hop, "[")) {
        struct span inside = span_cut((struct span){hop.at + 1, hop.len - 1}, ']', &port);
        bool closed = inside.len + 2 <= hop.len;
        bool good =
            closed &&
            (port.len == 0 ||
             (port.at[0] == ':' && is_port((struct span){port.at + 1, port.len - 1})));
        return good && address_parse(inside, out_address, &is_v4) && !is_v4;
    }
    struct span host = span_cut(hop, ':', &port);
    return is_port(port) && address_parse(host, out_address, &is_v4) && is_v4;
}

static bool is_port(struct span text)
{
    int64_t port = 0;
    return text.len > 0 && text.len <= 5 && text.at[0] != '-' &&
           span_to_i64(text, &port) && port <= 65535;
}
