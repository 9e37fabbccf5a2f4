/* SPDX-License-Identifier: MIT
 * Writes HTTP/1.1 answers. */
#include "api/http_write.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {302, "Found"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

/* Of every answer: a browser does not guess what it is, and tells others nothing of where
 * it was. */
static const char common_headers[] =
    "\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n";
/* Of those that do not say it themselves. */
static const char keep_header[] = "Cache-Control: ";
static const char page_header[] = "Content-Security-Policy: ";
#define KEEP_NOTHING "Cache-Control: no-store\r\n"
#define SHOW_NOTHING                                                                     \
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"

static void add_policies(struct text *out, struct span headers);

void http_write(struct text *out, const struct http_answer *answer, const char *date)
{
    assert(answer->status >= 200 && answer->status <= 599);
    text_add_string(out, "HTTP/1.1 ");
    text_add_i64(out, answer->status);
    text_add_char(out, ' ');
    text_add_string(out, http_reason(answer->status));
    text_add_string(out, "\r\nDate: ");
    text_add_string(out, date);
    text_add(out, (struct span){common_headers, sizeof(common_headers) - 1});
    add_policies(out, answer->headers);
    if (answer->type && answer->status != 204) {
        text_add_string(out, "Content-Type: ");
        text_add_string(out, answer->type);
        text_add_string(out, "\r\n");
    }
    /* A 204 and a 304 must not have one (RFC 9110, section 8.6). */
    if (answer->chunked) {
        text_add_string(out, "Transfer-Encoding: chunked\r\n");
    } else if (answer->status != 204 && answer->status != 304 && !answer->in_pieces) {
        text_add_string(out, "Content-Length: ");
        text_add_i64(out, (int64_t)answer->body.len);
        text_add_string(out, "\r\n");
    }
    text_add_string(out, "Request-Id: ");
    text_add(out, answer->request_id);
    text_add_string(out, "\r\nX-Request-Id: ");
    text_add(out, answer->request_id);
    text_add_string(out,
                    answer->close  ? "\r\nConnection: close\r\n"
                    : answer->keep ? "\r\nConnection: keep-alive\r\n"
                                   : "\r\n");
    text_add(out, answer->headers);
    for (size_t i = 0; i < HTTP_EDGE_SPANS; i++) {
        text_add(out, answer->edge[i]);
    }
    text_add_string(out, "\r\n");
    if (!answer->without_body && answer->status != 204 && answer->status != 304) {
        text_add(out, answer->body);
    }
}

/* Most answers have no headers of their own, and get both in one piece. */
static void add_policies(struct text *out, struct span headers)
{
    if (headers.len == 0) {
        text_add(out, SPAN(KEEP_NOTHING SHOW_NOTHING));
        return;
    }
    if (!memmem(headers.at, headers.len, keep_header, sizeof(keep_header) - 1)) {
        text_add(out, SPAN(KEEP_NOTHING));
    }
    if (!memmem(headers.at, headers.len, page_header, sizeof(page_header) - 1)) {
        text_add(out, SPAN(SHOW_NOTHING));
    }
}

void http_write_chunk(struct text *out, struct span piece)
{
    text_addf(out, "%zx\r\n", piece.len);
    text_add(out, piece);
    text_add_string(out, "\r\n");
}

void http_write_continue(struct text *out)
{
    text_add_string(out, "HTTP/1.1 100 Continue\r\n\r\n");
}

/* strftime would follow the locale. */
void http_date(int64_t wall_ms, char out[HTTP_DATE_BYTES])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    int len = snprintf(out,
                       HTTP_DATE_BYTES,
                       "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                       days + (ptrdiff_t)3 * utc.tm_wday,
                       utc.tm_mday,
                       months + (ptrdiff_t)3 * utc.tm_mon,
                       utc.tm_year + 1900,
                       utc.tm_hour,
                       utc.tm_min,
                       utc.tm_sec);
    assert(len == 29);
}

const char *http_reason(int status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "";
}
