/* SPDX-License-Identifier: MIT
 * JSON laid out as Stripe sends it. */
#include "tests/stripesim/pretty.h"

#include <stdbool.h>
#include <string.h>

static size_t string_end(struct span json, size_t at);
static void break_line(struct text *out, size_t depth);

void pretty_add(struct text *out, struct span json)
{
    size_t depth = 0;
    size_t i = 0;
    while (i < json.len) {
        char byte = json.at[i];
        size_t end = i + 1;
        switch (byte) {
        case '"':
            end = string_end(json, i);
            break;
        case '{':
        case '[':
            if (end < json.len && (json.at[end] == '}' || json.at[end] == ']')) {
                end++;
            } else {
                text_add_char(out, byte);
                break_line(out, ++depth);
                i = end;
                continue;
            }
            break;
        case '}':
        case ']':
            break_line(out, --depth);
            break;
        case ',':
            text_add_char(out, ',');
            break_line(out, depth);
            i = end;
            continue;
        case ':':
            text_add(out, SPAN(": "));
            i = end;
            continue;
        default:
            while (end < json.len && !strchr("{}[],:\"", json.at[end])) {
                end++;
            }
            break;
        }
        text_add(out, (struct span){json.at + i, end - i});
        i = end;
    }
}

/* Behind the closing quote. */
static size_t string_end(struct span json, size_t at)
{
    size_t i = at + 1;
    while (i < json.len && json.at[i] != '"') {
        i += json.at[i] == '\\' ? 2 : 1;
    }
    return i + 1;
}

static void break_line(struct text *out, size_t depth)
{
    static const char spaces[] = "\n                                                    ";
    size_t len = 1 + 2 * depth;
    text_add(out,
             (struct span){spaces, len < sizeof(spaces) - 1 ? len : sizeof(spaces) - 1});
}
