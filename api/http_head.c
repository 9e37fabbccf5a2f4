/* SPDX-License-Identifier: MIT
 * Request lines and headers, byte by byte as RFC 9112 draws them, and what they mean for
 * the framing of the body. */
#include "api/http.h"

#include <string.h>
#include <strings.h>

static enum http_method find_method(struct span name);
static bool split_target(struct http_request *request,
                         const char *buffer,
                         struct http_piece);
static bool is_target(struct span target);
static bool is_authority(struct span authority);
static enum http_progress take_length(struct http_request *request, struct span value);
static enum http_progress take_coding(struct http_request *request, struct span value);
static enum http_progress take_host(struct http_request *request, struct span value);
static enum http_progress take_connection(struct http_request *request,
                                          struct span value);
static enum http_progress take_expect(struct http_request *request, struct span value);

/* Headers that decide about the message itself. All others are for the handlers. */
static const struct {
    const char *name;
    enum http_progress (*take)(struct http_request *request, struct span value);
} framing[] = {
    {"host", take_host},
    {"content-length", take_length},
    {"transfer-encoding", take_coding},
    {"connection", take_connection},
    {"expect", take_expect},
};

/* Letters, digits and the marks of a token (RFC 9110, section 5.6.2), each as its
 * lowercase; 0: not of a token. */
static const char token_bytes[256] = {
    ['!'] = '!', ['#'] = '#', ['$'] = '$', ['%'] = '%', ['&'] = '&', ['\''] = '\'',
    ['*'] = '*', ['+'] = '+', ['-'] = '-', ['.'] = '.', ['^'] = '^', ['_'] = '_',
    ['`'] = '`', ['|'] = '|', ['~'] = '~', ['0'] = '0', ['1'] = '1', ['2'] = '2',
    ['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6', ['7'] = '7', ['8'] = '8',
    ['9'] = '9', ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e',
    ['f'] = 'f', ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k',
    ['l'] = 'l', ['m'] = 'm', ['n'] = 'n', ['o'] = 'o', ['p'] = 'p', ['q'] = 'q',
    ['r'] = 'r', ['s'] = 's', ['t'] = 't', ['u'] = 'u', ['v'] = 'v', ['w'] = 'w',
    ['x'] = 'x', ['y'] = 'y', ['z'] = 'z', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c',
    ['D'] = 'd', ['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i',
    ['J'] = 'j', ['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o',
    ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't', ['U'] = 'u',
    ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z',
};

/* METHOD SP target SP HTTP/1.x, with single spaces. */
enum http_progress http_read_request_line(struct http_request *request,
                                          char *buffer,
                                          struct http_piece piece)
{
    struct span rest = http_span(buffer, piece);
    struct span method = span_cut(rest, ' ', &rest);
    struct span target = span_cut(rest, ' ', &rest);
    for (size_t i = 0; i < method.len; i++) {
        if (!token_bytes[(unsigned char)method.at[i]]) {
            return http_refuse(request, 400, "the method is no token");
        }
    }
    if (method.len == 0 || target.len == 0) {
        return http_refuse(request, 400, "the request line has not three parts");
    }
    bool is_version = rest.len == 8 && memcmp(rest.at, "HTTP/", 5) == 0 &&
                      rest.at[5] >= '0' && rest.at[5] <= '9' && rest.at[6] == '.' &&
                      rest.at[7] >= '0' && rest.at[7] <= '9';
    if (!is_version) {
        return http_refuse(request, 400, "the request line has no HTTP version");
    }
    if (rest.at[5] != '1' || rest.at[7] > '1') {
        return http_refuse(request, 505, "another version of HTTP");
    }
    request->minor = rest.at[7] - '0';
    request->method = find_method(method);
    request->method_name = (struct http_piece){piece.at, (uint32_t)method.len};
    struct http_piece target_piece = {(uint32_t)(target.at - buffer),
                                      (uint32_t)target.len};
    if (!split_target(request, buffer, target_piece)) {
        return http_refuse(request, 400, "the target is no path");
    }
    return HTTP_MORE;
}

enum http_progress http_read_header(struct http_request *request,
                                    char *buffer,
                                    struct http_piece line)
{
    struct http_header header;
    if (!http_split_header(buffer, line, &header)) {
        return http_refuse(request, 400, "a header is malformed");
    }
    if (request->header_count == HTTP_MOST_HEADERS) {
        return http_refuse(request, 431, "there are too many headers");
    }
    request->headers[request->header_count++] = header;
    struct span name = http_span(buffer, header.name);
    for (size_t i = 0; i < sizeof(framing) / sizeof(framing[0]); i++) {
        if (span_is(name, framing[i].name)) {
            return framing[i].take(request, http_span(buffer, header.value));
        }
    }
    return HTTP_MORE;
}

enum http_progress http_end_headers(struct http_request *request)
{
    if (request->minor == 1 && !request->has_host) {
        return http_refuse(request, 400, "there is no Host");
    }
    if (request->chunked && request->has_length) {
        return http_refuse(request, 400, "the body has two lengths");
    }
    if (request->chunked && request->minor == 0) {
        return http_refuse(request, 400, "HTTP/1.0 knows no chunks");
    }
    if (request->content_length > request->limits.body_bytes) {
        return http_refuse(request, 413, "the body is too large");
    }
    request->keep_alive = !request->has_connection_close &&
                          (request->minor == 1 || request->has_connection_keep);
    request->expects_continue = request->expects_continue && request->minor == 1 &&
                                (request->chunked || request->content_length > 0);
    request->stage = HTTP_STAGE_HEADED;
    return HTTP_HEADED;
}

/* No space may stand between name and colon, and none before the name (an obsolete folded
 * line): proxies differ in what they make of either. */
bool http_split_header(char *buffer,
                       struct http_piece line,
                       struct http_header *out_header)
{
    size_t name_len = 0;
    char *at = buffer + line.at;
    while (name_len < line.len && token_bytes[(unsigned char)at[name_len]]) {
        at[name_len] = token_bytes[(unsigned char)at[name_len]];
        name_len++;
    }
    if (name_len == 0 || name_len == line.len || at[name_len] != ':') {
        return false;
    }
    struct span value = {at + name_len + 1, line.len - name_len - 1};
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.at[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
            return false;
        }
    }
    value = span_trim(value);
    out_header->name = (struct http_piece){line.at, (uint32_t)name_len};
    out_header->value =
        (struct http_piece){(uint32_t)(value.at - buffer), (uint32_t)value.len};
    return true;
}

static enum http_method find_method(struct span name)
{
    for (int i = HTTP_GET; i < HTTP_METHODS; i++) {
        if (span_is(name, http_method_name((enum http_method)i))) {
            return (enum http_method)i;
        }
    }
    return HTTP_OTHER;
}

/* "/path?query", "http://host/path?query" (a proxy's form, RFC 9112, section 3.2.2), or
 * the
 * "*" of OPTIONS. */
static bool split_target(struct http_request *request,
                         const char *buffer,
                         struct http_piece piece)
{
    struct span target = http_span(buffer, piece);
    if (!is_target(target)) {
        return false;
    }
    for (size_t scheme = 7; scheme <= 8; scheme++) {
        const char *name = scheme == 7 ? "http://" : "https://";
        if (target.len > scheme && strncasecmp(target.at, name, scheme) == 0) {
            struct span rest = {target.at + scheme, target.len - scheme};
            size_t host_len = 0;
            while (host_len < rest.len && rest.at[host_len] != '/' &&
                   rest.at[host_len] != '?') {
                host_len++;
            }
            if (!is_authority((struct span){rest.at, host_len})) {
                return false;
            }
            target = (struct span){rest.at + host_len, rest.len - host_len};
            break;
        }
    }
    bool is_star = span_is(target, "*") && request->method == HTTP_OPTIONS;
    if (!is_star && (target.len == 0 || target.at[0] != '/')) {
        return false;
    }
    struct span query;
    struct span path = span_cut(target, '?', &query);
    request->path = (struct http_piece){(uint32_t)(path.at - buffer), (uint32_t)path.len};
    request->query =
        (struct http_piece){(uint32_t)(query.at - buffer), (uint32_t)query.len};
    return true;
}

/* The bytes that RFC 3986 allows in a path and a query, with whole escapes and no NUL. */
static bool is_target(struct span target)
{
    for (size_t i = 0; i < target.len; i++) {
        unsigned char byte = (unsigned char)target.at[i];
        if (byte <= ' ' || byte >= 0x7f || strchr("\"#<>\\^`{|}", byte)) {
            return false;
        }
        if (byte == '%') {
            int high = target.len - i < 3 ? -1 : http_hex_digit(target.at[i + 1]);
            int low = high < 0 ? -1 : http_hex_digit(target.at[i + 2]);
            if (low < 0 || high + low == 0) {
                return false;
            }
        }
    }
    return true;
}

/* host, host:port, [v6]:port. No user, no spaces, no commas (two hosts merged into one).
 */
static bool is_authority(struct span authority)
{
    for (size_t i = 0; i < authority.len; i++) {
        unsigned char byte = (unsigned char)authority.at[i];
        bool good = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                    (byte >= '0' && byte <= '9') ||
                    (byte != '\0' && strchr("-._~%!$&'()*+;=:[]", byte));
        if (!good) {
            return false;
        }
    }
    return authority.len > 0;
}

static enum http_progress take_host(struct http_request *request, struct span value)
{
    if (request->has_host || !is_authority(value)) {
        return http_refuse(request, 400, "Host is bad or stands twice");
    }
    request->has_host = true;
    return HTTP_MORE;
}

static enum http_progress take_length(struct http_request *request, struct span value)
{
    int64_t length = 0;
    if (request->has_length || value.len == 0 || value.at[0] == '-' ||
        !span_to_i64(value, &length)) {
        return http_refuse(request, 400, "Content-Length is bad or stands twice");
    }
    request->has_length = true;
    request->content_length = (size_t)length;
    return HTTP_MORE;
}

static enum http_progress take_coding(struct http_request *request, struct span value)
{
    if (request->has_coding) {
        return http_refuse(request, 400, "Transfer-Encoding stands twice");
    }
    if (!span_is_any_case(value, "chunked")) {
        return http_refuse(request, 501, "an unknown transfer coding");
    }
    request->has_coding = true;
    request->chunked = true;
    return HTTP_MORE;
}

static enum http_progress take_connection(struct http_request *request, struct span value)
{
    while (value.len > 0) {
        struct span word = span_trim(span_cut(value, ',', &value));
        request->has_connection_close |= span_is_any_case(word, "close");
        request->has_connection_keep |= span_is_any_case(word, "keep-alive");
    }
    return HTTP_MORE;
}

static enum http_progress take_expect(struct http_request *request, struct span value)
{
    if (!span_is_any_case(value, "100-continue")) {
        return http_refuse(request, 417, "an unknown expectation");
    }
    request->expects_continue = true;
    return HTTP_MORE;
}
