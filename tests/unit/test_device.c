/* SPDX-License-Identifier: MIT
 * Which phones take cards by themselves. */
#include "tests/unit/cmocka_all.h"

#include <string.h>

#include "common/model/device.h"

static const struct device_certified certified[] = {
    {SPAN("Samsung"), SPAN("Galaxy S21"), SPAN("SM-G991B"), 11},
    {SPAN("Samsung"), SPAN("Galaxy S24"), SPAN("SM-S921B"), 14},
    {SPAN("Google"), SPAN("Pixel 6"), SPAN("oriole"), 12},
    {SPAN("Nokia"), SPAN("X30"), SPAN("TA-1450"), 13},
    {SPAN("Nokia"), SPAN("X30"), SPAN("TA-1443"), 12},
};
enum { CERTIFIED = sizeof(certified) / sizeof(certified[0]) };

static struct device_version version(const char *text)
{
    struct device_version version = {.parts = {0}};
    assert_true(device_read_version(span_of(text), &version));
    return version;
}

static void iphones_are_judged_by_their_generation(void **state)
{
    static const struct {
        const char *identifier;
        enum device_verdict verdict;
    } cases[] = {
        {"iPhone11,2", DEVICE_SUPPORTED}, /* XS */
        {"iPhone11,4", DEVICE_SUPPORTED},
        {"iPhone11,8", DEVICE_SUPPORTED}, /* XR */
        {"iPhone12,8", DEVICE_SUPPORTED}, /* SE of 2020 */
        {"iPhone14,6", DEVICE_SUPPORTED}, /* SE of 2022 */
        {"iPhone99,1", DEVICE_SUPPORTED},
        {"iPhone100,1", DEVICE_SUPPORTED},
        {" iphone11,2 ", DEVICE_SUPPORTED},
        {"iPhone10,6", DEVICE_TOO_OLD}, /* X */
        {"iPhone9,3", DEVICE_TOO_OLD},
        {"iPhone1,1", DEVICE_TOO_OLD}, /* a prefix of iPhone11,1 */
        {"iPhone1,12", DEVICE_TOO_OLD},
        {"iPad13,4", DEVICE_NO_PHONE},
        {"iPod9,1", DEVICE_NO_PHONE},
        {"Watch6,1", DEVICE_NO_PHONE},
        {"Mac14,2", DEVICE_NO_PHONE},
        {"iPhone", DEVICE_UNKNOWN},
        {"iPhone11", DEVICE_UNKNOWN},
        {"iPhone11,", DEVICE_UNKNOWN},
        {"iPhone11,x", DEVICE_UNKNOWN},
        {"iPhone11,2b", DEVICE_UNKNOWN},
        {"iPhone,2", DEVICE_UNKNOWN},
        {"iPhone-11,2", DEVICE_UNKNOWN},
        {"iPhone99999999999999999999,1", DEVICE_UNKNOWN},
        {"myiPhone11,2", DEVICE_UNKNOWN},
        {"x86_64", DEVICE_UNKNOWN}, /* the simulator */
        {"arm64", DEVICE_UNKNOWN},
        {"SM-G991B", DEVICE_UNKNOWN},
        {"", DEVICE_UNKNOWN},
    };
    (void)state;
    const struct device_version least = version("16.4");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct device device = {.identifier = span_of(cases[i].identifier),
                                .system = version("17.0.1")};
        struct device as_model = {.model = device.identifier, .system = device.system};
        if (device_check_ios(&device, &least) != cases[i].verdict ||
            device_check_ios(&as_model, &least) != cases[i].verdict) {
            fail_msg("%s is judged wrongly", cases[i].identifier);
        }
    }
}

static void the_name_that_an_iphone_is_sold_under_does_where_it_tells(void **state)
{
    static const struct {
        const char *name;
        enum device_verdict verdict;
    } cases[] = {
        {"iPhone XS", DEVICE_SUPPORTED},
        {"iPhone XS Max", DEVICE_SUPPORTED},
        {"iPhone XR", DEVICE_SUPPORTED},
        {"iphone xr", DEVICE_SUPPORTED},
        {"iPhone 11", DEVICE_SUPPORTED},
        {"iPhone 12 mini", DEVICE_SUPPORTED},
        {"iPhone 15 Pro", DEVICE_SUPPORTED},
        {"iPhone 15 Pro Max", DEVICE_SUPPORTED},
        {"iPhone 16e", DEVICE_SUPPORTED},
        {"iPhone X", DEVICE_TOO_OLD},
        {"iPhone 8 Plus", DEVICE_TOO_OLD},
        {"iPhone 6s", DEVICE_TOO_OLD},
        {"iPhone 5c", DEVICE_TOO_OLD},
        {"iPhone SE", DEVICE_UNKNOWN},
        {"iPhone SE (2nd generation)", DEVICE_UNKNOWN},
        {"iPhone 11,2", DEVICE_UNKNOWN},
        {"iPhone Air", DEVICE_UNKNOWN},
        {"iPhone ", DEVICE_UNKNOWN},
        {"iPhone XYZ", DEVICE_UNKNOWN},
        {"Jeanne's iPhone", DEVICE_UNKNOWN},
        {"iPad Pro", DEVICE_NO_PHONE},
    };
    (void)state;
    const struct device_version least = version("16.4");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct device device = {.model = span_of(cases[i].name), .system = version("17")};
        if (device_check_ios(&device, &least) != cases[i].verdict) {
            fail_msg("%s is judged wrongly", cases[i].name);
        }
    }
}

static void an_identifier_wins_over_the_name_that_goes_with_it(void **state)
{
    (void)state;
    const struct device_version least = version("16.4");
    struct device device = {.model = SPAN("iPhone SE"),
                            .identifier = SPAN("iPhone12,8"),
                            .system = version("17")};
    assert_int_equal(device_check_ios(&device, &least), DEVICE_SUPPORTED);
    device.identifier = SPAN("iPhone8,4");
    assert_int_equal(device_check_ios(&device, &least), DEVICE_TOO_OLD);
    device.model = SPAN("iPhone 15");
    assert_int_equal(device_check_ios(&device, &least), DEVICE_TOO_OLD);
    device.identifier = SPAN("?");
    assert_int_equal(device_check_ios(&device, &least), DEVICE_SUPPORTED);
}

static void versions_are_compared_by_their_numbers(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        int sign;
    } cases[] = {
        {"17", "17.0.0", 0},
        {"16.4", "16.4", 0},
        {"16.10", "16.4", 1},
        {"16.3.9", "16.4", -1},
        {"9.3", "16.4", -1},
        {"100", "16.4", 1},
        {"16.4.0.1", "16.4", 1},
        {" 17 ", "17", 0},
        {"016.04", "16.4", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct device_version a = version(cases[i].a);
        struct device_version b = version(cases[i].b);
        int there = device_compare_versions(&a, &b);
        int back = device_compare_versions(&b, &a);
        if ((there > 0) - (there < 0) != cases[i].sign || there != -back) {
            fail_msg("%s and %s compare wrongly", cases[i].a, cases[i].b);
        }
    }
}

static void what_is_no_version_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        ".",
                                        "17.",
                                        ".17",
                                        "17..1",
                                        "v17",
                                        "17b2",
                                        "iOS 17",
                                        "-1",
                                        "+1",
                                        "17,1",
                                        "17 1",
                                        "1.2.3.4.5",
                                        "12L",
                                        "latest",
                                        "1234567",
                                        "17.99999999999999999999"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct device_version version;
        if (device_read_version(span_of(texts[i]), &version)) {
            fail_msg("%s is taken for a version", texts[i]);
        }
    }
}

static void an_iphone_needs_the_least_version_of_ios(void **state)
{
    static const struct {
        const char *system;
        enum device_verdict verdict;
    } cases[] = {
        {"16.3.1", DEVICE_SYSTEM_TOO_OLD},
        {"16.4", DEVICE_SUPPORTED},
        {"16.4.1", DEVICE_SUPPORTED},
        {"16.10", DEVICE_SUPPORTED},
        {"17", DEVICE_SUPPORTED},
        {"9", DEVICE_SYSTEM_TOO_OLD},
    };
    (void)state;
    const struct device_version least = version("16.4");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct device device = {.identifier = SPAN("iPhone11,2"),
                                .system = version(cases[i].system)};
        assert_int_equal(device_check_ios(&device, &least), cases[i].verdict);
        device.identifier = SPAN("iPhone10,6");
        assert_int_equal(device_check_ios(&device, &least), DEVICE_TOO_OLD);
    }
}

static void android_phones_are_looked_up_in_the_list(void **state)
{
    static const struct {
        const char *manufacturer;
        const char *model;
        const char *identifier;
        const char *system;
        enum device_verdict verdict;
        int least;
    } cases[] = {
        {"Samsung", "Galaxy S21", "", "11", DEVICE_SUPPORTED, 0},
        {"samsung", "galaxy s21", "", "14.0.1", DEVICE_SUPPORTED, 0},
        {"samsung", "SM-G991B", "", "13", DEVICE_SUPPORTED, 0},
        {"samsung", "SM-G991B", "o1s", "13", DEVICE_SUPPORTED, 0},
        {"samsung", "", "SM-G991B", "13", DEVICE_SUPPORTED, 0},
        {" Google ", " Pixel 6 ", "oriole", "12", DEVICE_SUPPORTED, 0},
        {"Google", "Pixel 6", "oriole", "11", DEVICE_SYSTEM_TOO_OLD, 12},
        {"Samsung", "Galaxy S24", "", "13.9", DEVICE_SYSTEM_TOO_OLD, 14},
        {"Samsung", "Galaxy S24", "", "9", DEVICE_SYSTEM_TOO_OLD, 14},
        {"Nokia", "X30", "", "12", DEVICE_SUPPORTED, 0},
        {"Nokia", "", "TA-1450", "12", DEVICE_SYSTEM_TOO_OLD, 13},
        {"Google", "Galaxy S21", "", "14", DEVICE_NOT_CERTIFIED, 0},
        {"Samsung", "Galaxy S2", "", "14", DEVICE_NOT_CERTIFIED, 0},
        {"Samsung", "Galaxy S21 Ultra", "", "14", DEVICE_NOT_CERTIFIED, 0},
        {"Samsung", "", "", "14", DEVICE_NOT_CERTIFIED, 0},
        {"", "Pixel 6", "", "14", DEVICE_NOT_CERTIFIED, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct device device = {.manufacturer = span_of(cases[i].manufacturer),
                                .model = span_of(cases[i].model),
                                .identifier = span_of(cases[i].identifier),
                                .system = version(cases[i].system)};
        int64_t least = 0;
        enum device_verdict verdict =
            device_check_android(&device, certified, CERTIFIED, &least);
        if (verdict != cases[i].verdict || least != cases[i].least) {
            fail_msg("%s %s %s with %s is judged wrongly",
                     cases[i].manufacturer,
                     cases[i].model,
                     cases[i].identifier,
                     cases[i].system);
        }
        assert_int_equal(device_check_android(&device, certified, 0, &least),
                         DEVICE_NOT_CERTIFIED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iphones_are_judged_by_their_generation),
        cmocka_unit_test(the_name_that_an_iphone_is_sold_under_does_where_it_tells),
        cmocka_unit_test(an_identifier_wins_over_the_name_that_goes_with_it),
        cmocka_unit_test(versions_are_compared_by_their_numbers),
        cmocka_unit_test(what_is_no_version_is_refused),
        cmocka_unit_test(an_iphone_needs_the_least_version_of_ios),
        cmocka_unit_test(android_phones_are_looked_up_in_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
