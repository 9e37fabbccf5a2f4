/* SPDX-License-Identifier: MIT
 * Form encoding. */
#include "common/link/stripe_form.h"

#include <stdbool.h>
#include <string.h>

static bool is_unreserved(char byte);
static void encode_value(struct span value, struct text *out);

void stripe_form_encode(const struct stripe_param *params, size_t count, struct text *out)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            text_add_char(out, '&');
        }
        text_add_string(out, params[i].name);
        text_add_char(out, '=');
        encode_value(params[i].value, out);
    }
}

static void encode_value(struct span value, struct text *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.at[i];
        if (is_unreserved(value.at[i])) {
            text_add_char(out, value.at[i]);
        } else {
            const char escape[] = {'%', digits[byte >> 4], digits[byte & 15]};
            text_add(out, (struct span){escape, sizeof(escape)});
        }
    }
}

static bool is_unreserved(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || (byte != '\0' && strchr("-._~", byte));
}
