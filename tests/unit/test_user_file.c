/* SPDX-License-Identifier: MIT
 * Files of users: roles, where they belong, and the hashes of their passwords. */
#include "tests/unit/cmocka_all.h"

#include "common/base/arena.h"
#include "ctl/user_file.h"

enum { ARENA_BYTES = 4 << 20 };

#define HASH "$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq"

/* Complaints as "line.column name: text", or rows as "line: [cell] ...". */
static void assert_reads(const char *file, const char *expected)
{
    struct arena arena;
    struct sheet sheet;
    struct text out;
    arena_init(&arena, ARENA_BYTES);
    text_init(&out, 1 << 16);
    text_add_string(&out, "");
    sheet_read(&user_sheet, span_of(file), &arena, &sheet);
    for (size_t i = 0; i < sheet.complaint_count; i++) {
        const struct sheet_complaint *complaint = &sheet.complaints[i];
        text_addf(&out,
                  "%zu.%zu %s: %s\n",
                  complaint->line,
                  complaint->column,
                  complaint->name ? complaint->name : "-",
                  complaint->text);
    }
    for (size_t i = 0; i < sheet.count && sheet.complaint_count == 0; i++) {
        text_addf(&out, "%zu:", sheet.rows[i].line);
        for (size_t cell = 0; cell < USER_CELLS; cell++) {
            text_addf(&out, "[%.*s]", SPAN_ARGS(sheet.rows[i].cells[cell]));
        }
        text_add_char(&out, '\n');
    }
    assert_string_equal(out.at, expected);
    text_done(&out);
    arena_done(&arena);
}

static void columns_stand_in_any_order(void **state)
{
    (void)state;
    assert_reads("role;Password-Hash;amicale;email;name\n"
                 "pompier;" HASH ";7;A@B.fr;Ada\nviewer;" HASH ";;c@b.fr;Bo\n",
                 "2:[Ada][a@b.fr][pompier][7][" HASH "]\n"
                 "3:[Bo][c@b.fr][viewer][][" HASH "]\n");
    assert_reads("nom,email,role,password_hash\nBo,c@b.fr,operator," HASH "\n",
                 "2:[Bo][c@b.fr][operator][][" HASH "]\n");
}

static void every_wrong_cell_is_told_and_no_hash_is_shown(void **state)
{
    (void)state;
    assert_reads("nom,email,role,amicale,password_hash\n"
                 "A,a@b.fr,chef,7," HASH "\n"
                 "B,b@b.fr,admin,," HASH "\n"
                 "C,c@b.fr,operator,7," HASH "\n"
                 "D,d@b.fr,viewer,,secret\n"
                 "E,D@b.fr,viewer,,\n",
                 "2.3 role: a role is pompier, admin, viewer or operator\n"
                 "3.4 amicale: a pompier and an admin belong to an amicale\n"
                 "4.4 amicale: a viewer and an operator belong to no amicale\n"
                 "5.5 password_hash: it is no whole hash of bcrypt ($2y$, $2b$, $2a$) or "
                 "yescrypt ($y$), or one that costs too much\n"
                 "6.2 email: line 5 has the same address\n"
                 "6.5 password_hash: it is empty\n");
}

static void a_pompier_wants_the_column_of_amicales(void **state)
{
    (void)state;
    assert_reads("nom,email,role,password_hash\nA,a@b.fr,pompier," HASH "\n",
                 "2.0 amicale: a pompier and an admin belong to an amicale\n");
    assert_reads("nom,email\n",
                 "1.0 role: the column is missing\n"
                 "1.0 password_hash: the column is missing\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_stand_in_any_order),
        cmocka_unit_test(every_wrong_cell_is_told_and_no_hash_is_shown),
        cmocka_unit_test(a_pompier_wants_the_column_of_amicales),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
