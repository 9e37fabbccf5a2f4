/* SPDX-License-Identifier: MIT
 * Which language, and which kind of answer, a client would rather have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/accept.h"

struct wish {
    const char *header;
    bool wanted;
};

static void check(const struct wish *wishes, size_t count, bool (*asks)(struct span))
{
    for (size_t i = 0; i < count; i++) {
        if (asks(span_of(wishes[i].header)) != wishes[i].wanted) {
            fail_msg("%s", wishes[i].header);
        }
    }
}
#define CHECK(wishes, asks) check(wishes, sizeof(wishes) / sizeof(wishes[0]), asks)

static void english_is_spoken_when_it_is_preferred(void **state)
{
    (void)state;
    static const struct wish wishes[] = {
        {"", false},
        {"en", true},
        {"EN-gb", true},
        {"fr", false},
        {"de", false},
        {"en, fr", false},
        {"en;q=0.9, fr;q=0.8", true},
        {"fr;q=0.9,en;q=0.95", true},
        {"fr-FR,fr;q=0.9,en-US;q=0.8,en;q=0.7", false},
        {"en-US,en;q=0.9", true},
        {"*", false},
        {"*;q=0.5, en", true},
        {"fr;q=0, *", true},
        {"en;q=0", false},
        {"en;q=1.000", true},
        {"en; Q = 0.5, fr;q=0.4", true},
        {"en;q=1.0000, fr;q=0.1", false},
        {"en;q=0x5, fr;q=0.1", false},
        {"en;q=nonsense, fr;q=0.1", false},
        {"en;q=nonsense", false},
        {"english", false},
        {",,;;q=", false},
    };
    CHECK(wishes, accept_prefers_english);
}

static void a_stream_is_sent_to_whom_names_it_and_wants_json_no_more(void **state)
{
    (void)state;
    static const struct wish wishes[] = {
        {"", false},
        {"*/*", false},
        {"application/json", false},
        {"text/*", false},
        {"text/event-stream", true},
        {"Text/Event-Stream; charset=utf-8", true},
        {"text/event-stream, application/json", true},
        {"text/event-stream, */*", true},
        {"application/json, text/event-stream;q=0.1", false},
        {"application/json;q=0.5, text/event-stream;q=0.9", true},
        {"text/event-stream;q=0", false},
        {"text/event-stream;charset=utf-8;q=0", false},
        {"text/event-streams", false},
        {"x-text/event-stream", false},
    };
    CHECK(wishes, accept_prefers_stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(english_is_spoken_when_it_is_preferred),
        cmocka_unit_test(a_stream_is_sent_to_whom_names_it_and_wants_json_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
