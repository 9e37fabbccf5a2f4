/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/model/pii.h"

enum { CEILING = 4096 };

typedef void (*rewrite_fn)(struct span, struct text *);

static void assert_rewrites(rewrite_fn rewrite, const char *from, const char *to)
{
    struct text out;
    text_init(&out, CEILING);
    text_add_string(&out, "");
    rewrite(span_of(from), &out);
    assert_string_equal(out.at ? out.at : "", to);
    text_done(&out);
}

static void addresses_that_mail_can_be_sent_to_are_addresses(void **state)
{
    (void)state;
    static const char *const good[] = {
        "jean@example.fr",
        "jean.dupont+calendrier@mail.example.co.uk",
        "o'neil@example.com",
        "x@a.b",
        "recus@localhost",
        "A_B-c=d%e@X-1.example",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(pii_is_address(span_of(good[i])));
    }
}

static void what_could_end_a_line_or_leave_its_place_is_no_address(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "jean",
        "@example.fr",
        "jean@",
        "jean@example",
        "jean@example.",
        "jean@.fr",
        "jean@exa..mple.fr",
        "jean@-example.fr",
        "jean@example-.fr",
        ".jean@example.fr",
        "jean.@example.fr",
        "je..an@example.fr",
        "je an@example.fr",
        " jean@example.fr",
        "jean@example.fr ",
        "jean@exam ple.fr",
        "jean@example.fr\r\nBcc: x@y.z",
        "jean@example.fr\n",
        "jean\t@example.fr",
        "jean@example.fr>",
        "<jean@example.fr>",
        "Jean <jean@example.fr>",
        "\"jean\"@example.fr",
        "jean(a)@example.fr",
        "jean@[127.0.0.1]",
        "jean@exa_mple.fr",
        "a@b.c,d@e.f",
        "a@b.c;d@e.f",
        "a@b@c.d",
        "jos\xc3\xa9@example.fr",
        "jean@ex\xc3\xa9mple.fr",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (pii_is_address(span_of(bad[i]))) {
            fail_msg("\"%s\" counts as an address", bad[i]);
        }
    }
    assert_false(pii_is_address(SPAN("jean@example.fr\0x")));
}

static void the_lengths_of_rfc_5321_hold(void **state)
{
    (void)state;
    char address[400];
    memset(address, 'a', sizeof(address));
    memcpy(address + 64, "@b.fr", 5);
    assert_true(pii_is_address((struct span){address, 69}));
    memset(address, 'a', sizeof(address));
    memcpy(address + 65, "@b.fr", 5);
    assert_false(pii_is_address((struct span){address, 70}));
    memset(address, 'a', sizeof(address));
    memcpy(address, "x@", 2);
    for (int i = 2 + 60; i < 254; i += 61) {
        address[i] = '.';
    }
    assert_true(pii_is_address((struct span){address, 254}));
    assert_false(pii_is_address((struct span){address, 255}));
}

static void an_address_is_looked_up_in_lower_case_without_spaces(void **state)
{
    (void)state;
    assert_rewrites(pii_canonical_address,
                    " Jean.DUPONT@Example.FR\t",
                    "jean.dupont@example.fr");
}

static void operators_see_enough_to_recognise_and_not_to_use(void **state)
{
    (void)state;
    assert_rewrites(pii_mask_address, "jean.dupont@example.fr", "j***@e***.fr");
    assert_rewrites(pii_mask_address, "a@mail.b.co.uk", "a***@m***.uk");
    assert_rewrites(pii_mask_address, "x@localhost", "x***@l***");
    assert_rewrites(pii_mask_address, "not an address", "***");
    assert_rewrites(pii_mask_address, "", "***");
}

static void every_address_in_a_foreign_text_is_masked(void **state)
{
    (void)state;
    assert_rewrites(pii_mask_text,
                    "550 5.1.1 <jean@example.fr>: Recipient address rejected",
                    "550 5.1.1 <j***@e***.fr>: Recipient address rejected");
    assert_rewrites(pii_mask_text,
                    "452 a@b.fr, c@d.fr. Over quota",
                    "452 a***@b***.fr, c***@d***.fr. Over quota");
    assert_rewrites(pii_mask_text, "421 bye", "421 bye");
    assert_rewrites(pii_mask_text, "weird@@thing", "***");
    assert_rewrites(pii_mask_text, "", "");
}

static void names_and_addresses_in_metadata_are_personal(void **state)
{
    (void)state;
    assert_true(pii_is_personal_key(SPAN("receipt_email")));
    assert_true(pii_is_personal_key(SPAN("pompier_name")));
    assert_false(pii_is_personal_key(SPAN("pompier_id")));
    assert_false(pii_is_personal_key(SPAN("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_that_mail_can_be_sent_to_are_addresses),
        cmocka_unit_test(what_could_end_a_line_or_leave_its_place_is_no_address),
        cmocka_unit_test(the_lengths_of_rfc_5321_hold),
        cmocka_unit_test(an_address_is_looked_up_in_lower_case_without_spaces),
        cmocka_unit_test(operators_see_enough_to_recognise_and_not_to_use),
        cmocka_unit_test(every_address_in_a_foreign_text_is_masked),
        cmocka_unit_test(names_and_addresses_in_metadata_are_personal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
