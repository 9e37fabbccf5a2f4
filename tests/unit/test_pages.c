/* SPDX-License-Identifier: MIT
 * What is embedded, and when it need not be sent again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/pages.h"
#include "api/routes.h"

static void a_tag_is_found_in_whatever_list_names_it(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool known;
    } rows[] = {
        {"\"abc\"", true},
        {"W/\"abc\"", true},
        {"\"x\", \"abc\"", true},
        {"\"x\",W/\"abc\" , \"y\"", true},
        {"*", true},
        {"", false},
        {"abc", false},
        {"\"ab\"", false},
        {"\"abcd\"", false},
        {"W/", false},
        {",,", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (pages_etag_matches(span_of(rows[i].value), "\"abc\"") != rows[i].known) {
            fail_msg("%s", rows[i].value);
        }
    }
}

static void every_page_has_a_route_and_a_policy_of_its_own(void **state)
{
    (void)state;
    assert_true(pages_count >= 3);
    for (size_t i = 0; i < pages_count; i++) {
        struct route_match match;
        routes_match(routes, routes_count, HTTP_GET, span_of(pages[i].path), &match);
        assert_non_null(match.route);
        assert_ptr_equal(match.route->handle, pages_show);
        assert_true(pages[i].body.len > 100);
        assert_non_null(strstr(pages[i].headers, pages[i].etag));
        assert_non_null(strstr(pages[i].headers, "Cache-Control: no-cache\r\n"));
        bool is_html = strncmp(pages[i].type, "text/html", 9) == 0;
        assert_int_equal(is_html, strstr(pages[i].headers, "style-src 'sha256-") != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tag_is_found_in_whatever_list_names_it),
        cmocka_unit_test(every_page_has_a_route_and_a_policy_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
