/* SPDX-License-Identifier: MIT
 * How a request finds its row, and what the table must hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/routes.h"

static const struct route table[] = {
    {.method = HTTP_GET, .pattern = "/a", .name = "a"},
    {.method = HTTP_POST, .pattern = "/a", .name = "a_post"},
    {.method = HTTP_GET, .pattern = "/jobs/{id}", .name = "job"},
    {.method = HTTP_POST, .pattern = "/jobs/retry", .name = "retry"},
    {.method = HTTP_POST, .pattern = "/x/{one}/y/{two}/z", .name = "two"},
    {.method = HTTP_GET, .pattern = "/{any}", .name = "any"},
};

static struct route_match match(enum http_method method, const char *path)
{
    struct route_match found;
    routes_match(table, sizeof(table) / sizeof(table[0]), method, span_of(path), &found);
    return found;
}

static const char *name(enum http_method method, const char *path)
{
    struct route_match found = match(method, path);
    return found.route ? found.route->name : "";
}

static void method_and_path_pick_the_row(void **state)
{
    (void)state;
    assert_string_equal(name(HTTP_GET, "/a"), "a");
    assert_string_equal(name(HTTP_POST, "/a"), "a_post");
    assert_string_equal(name(HTTP_HEAD, "/a"), "a");
    assert_string_equal(name(HTTP_GET, "/jobs/retry"), "job");
    assert_string_equal(name(HTTP_POST, "/jobs/retry"), "retry");
    assert_string_equal(name(HTTP_GET, "/zzz"), "any");
}

static void a_parameter_is_one_whole_segment(void **state)
{
    (void)state;
    struct route_match found = match(HTTP_POST, "/x/pi_1/y/7%20/z");
    assert_string_equal(found.route->name, "two");
    assert_true(span_is(found.params[0], "pi_1"));
    assert_true(span_is(found.params[1], "7%20"));
    static const char *const none[] = {"/x//y/7/z",
                                       "/x/1/y/7",
                                       "/x/1/y/7/z/",
                                       "/x/1/2/y/7/z",
                                       "/jobs/",
                                       "/jobs/1/2",
                                       "/",
                                       ""};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_string_equal(name(HTTP_POST, none[i]), "");
        assert_int_equal(match(HTTP_POST, none[i]).allowed, 0);
    }
}

static void a_wrong_method_is_told_the_right_ones(void **state)
{
    (void)state;
    struct route_match found = match(HTTP_DELETE, "/a");
    struct text allowed;
    text_init(&allowed, 256);
    assert_null(found.route);
    routes_write_allowed(&allowed, found.allowed);
    assert_string_equal(allowed.at, "GET, HEAD, POST");
    text_clear(&allowed);
    routes_write_allowed(&allowed, match(HTTP_GET, "/x/1/y/2/z").allowed);
    assert_string_equal(allowed.at, "POST");
    text_done(&allowed);
}

static void every_row_of_the_front_door_is_whole_and_reached(void **state)
{
    (void)state;
    for (size_t i = 0; i < routes_count; i++) {
        struct route_match found;
        assert_non_null(routes[i].handle);
        assert_non_null(routes[i].name);
        assert_in_range(routes[i].method, HTTP_GET, HTTP_OPTIONS);
        routes_match(routes,
                     routes_count,
                     routes[i].method,
                     span_of(routes[i].pattern),
                     &found);
        assert_ptr_equal(found.route, &routes[i]);
    }
}

static void every_row_is_printed_with_who_may_come_in(void **state)
{
    (void)state;
    struct text printed;
    size_t lines = 0;
    text_init(&printed, 64 * 1024);
    routes_write(&printed);
    assert_false(printed.full);
    for (struct span rest = text_span(&printed); rest.len > 0; lines++) {
        struct span line = span_cut(rest, '\n', &rest);
        struct span pattern = span_of(routes[lines].pattern);
        assert_non_null(memmem(line.at, line.len, pattern.at, pattern.len));
        assert_int_not_equal(line.at[line.len - 1], ' ');
    }
    assert_int_equal(lines, routes_count);
    text_done(&printed);
}

static void people_need_a_role_and_others_have_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < routes_count; i++) {
        assert_int_equal(routes[i].auth == ROUTE_PEOPLE, routes[i].roles != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(method_and_path_pick_the_row),
        cmocka_unit_test(a_parameter_is_one_whole_segment),
        cmocka_unit_test(a_wrong_method_is_told_the_right_ones),
        cmocka_unit_test(every_row_of_the_front_door_is_whole_and_reached),
        cmocka_unit_test(every_row_is_printed_with_who_may_come_in),
        cmocka_unit_test(people_need_a_role_and_others_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
