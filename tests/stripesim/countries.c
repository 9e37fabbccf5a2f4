/* SPDX-License-Identifier: MIT
 * The countries that Stripe works in. */
#include "tests/stripesim/countries.h"

#include "tests/stripesim/call.h"

static const char codes[] =
    "AE AT AU BE BG BR CA CH CI CR CY CZ DE DK EE ES FI FR GB GI GR HK HR HU ID IE IN IT "
    "JP LI LT LU LV MT MX MY NL NO NZ PL PT RO SE SG SI SK TH US";

bool countries_check(struct call *call, const char *param, struct span code)
{
    struct span rest = span_of(codes);
    while (rest.len > 0) {
        if (span_equal(span_cut(rest, ' ', &rest), code)) {
            return true;
        }
    }
    call_refuse(call,
                &(struct refusal){.code = "country_code_invalid", .param = param},
                "Country '%.*s' is unknown. Try using a 2-character alphanumeric country "
                "code instead, such as 'US', 'EG', or 'GB'. A full list of country codes "
                "is available at https://en.wikipedia.org/wiki/ISO_3166-1_alpha-2.",
                SPAN_ARGS(code));
    return false;
}
