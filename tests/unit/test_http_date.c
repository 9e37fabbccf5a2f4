/* SPDX-License-Identifier: MIT
 * Date headers. */
#include "api/http_date.h"

#include "api/http_write.h"
#include "tests/unit/cmocka_all.h"

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const int64_t moments[] = {0,
                                      951782400000,
                                      1709164800000,
                                      1795342205000,
                                      4102444799000};
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        char header[HTTP_DATE_BYTES];
        int64_t got = -1;
        http_date(moments[i], header);
        assert_true(http_date_read(span_of(header), &got));
        assert_int_equal(got, moments[i]);
    }
}

static void what_is_no_date_is_not_read(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "now",
        "Sun, 22 Nov 2026 10:10:05 CET",
        "Sun, 22 Nov 2026 10:10:05 +0000",
        "Sun, 22 Now 2026 10:10:05 GMT",
        "Sun, 31 Nov 2026 10:10:05 GMT",
        "Sun, 22 Nov 2026 24:10:05 GMT",
        "Sun, 22-Nov-2026 10:10:05 GMT",
        "Sunday, 22-Nov-26 10:10:05 GMT",
        "Sun Nov 22 10:10:05 2026",
        "Sun, 2 Nov 2026 10:10:05 GMT",
        "Sun, 22 Nov 2026 10:10:05 GMT x",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t got = -1;
        assert_false(http_date_read(span_of(bad[i]), &got));
        assert_int_equal(got, -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_is_no_date_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
