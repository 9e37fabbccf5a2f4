/* SPDX-License-Identifier: MIT
 * Files of amicales: every cell is checked, and everything that is wrong is told. */
#include "tests/unit/cmocka_all.h"

#include <string.h>

#include "common/base/arena.h"
#include "ctl/amicale_file.h"

enum { ARENA_BYTES = 64 << 20 };

/* Complaints as "line.column name: text", then rows as "line: [cell] ...". */
static char *read_file(struct span file, struct arena *arena)
{
    struct sheet read;
    struct text out;
    text_init(&out, 1 << 20);
    text_add_string(&out, "");
    sheet_read(&amicale_sheet, file, arena, &read);
    for (size_t i = 0; i < read.complaint_count; i++) {
        const struct sheet_complaint *complaint = &read.complaints[i];
        text_addf(&out,
                  "%zu.%zu %s: %s\n",
                  complaint->line,
                  complaint->column,
                  complaint->name ? complaint->name : "-",
                  complaint->text);
    }
    for (size_t i = 0; i < read.count && read.complaint_count == 0; i++) {
        text_addf(&out, "%zu:", read.rows[i].line);
        for (size_t cell = 0; cell < AMICALE_CELLS; cell++) {
            text_addf(&out, "[%.*s]", SPAN_ARGS(read.rows[i].cells[cell]));
        }
        text_add_char(&out, '\n');
    }
    char *copy = arena_copy(arena, text_span(&out));
    text_done(&out);
    return copy;
}

static void assert_reads(const char *file, const char *expected)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    assert_string_equal(read_file(span_of(file), &arena), expected);
    arena_done(&arena);
}

static void columns_stand_in_any_order(void **state)
{
    (void)state;
    assert_reads("email,nom\na@b.fr,Amicale\n", "2:[Amicale][a@b.fr][][][][]\n");
    assert_reads("ville;code_postal;adresse2;adresse1;email;name\n"
                 "Rennes;35000;;1 rue;A@B.fr ; Amicale \n",
                 "2:[Amicale][a@b.fr][1 rue][][35000][Rennes]\n");
    assert_reads("\xEF\xBB\xBF\"Nom\";email;tel\n",
                 "1.3 -: there is no such column; known are nom, email, adresse1, "
                 "adresse2, code_postal and ville\n");
}

static void titles_may_be_written_as_people_do(void **state)
{
    (void)state;
    assert_reads("NOM;Email;Code postal\nA;a@b.fr;01000\n",
                 "2:[A][a@b.fr][][][01000][]\n");
    assert_reads("nom,email,code-postal\nA,a@b.fr,\n", "2:[A][a@b.fr][][][][]\n");
}

static void a_file_without_what_must_be_there_is_refused(void **state)
{
    (void)state;
    assert_reads("", "1.0 -: the file is empty\n");
    assert_reads("nom\nA\n", "1.0 email: the column is missing\n");
    assert_reads("nom,email,name\n", "1.3 nom: it is there twice\n");
    assert_reads("nom,email\n", "");
    assert_reads("nom,\"email\n", "1.2 -: a quote is opened and never closed\n");
}

static void every_wrong_cell_is_told_with_its_place(void **state)
{
    (void)state;
    assert_reads(
        "nom;email;code_postal\n"
        ";a@b.fr;35000\n"
        "B;nobody;1000\n"
        "C;c@d.fr\n"
        "D;d@e.fr;35000;x\n"
        "E;;AB123\n"
        "F;f@\"g.fr;\n"
        "\"G\nG\";g@h.fr;\n",
        "2.1 nom: it is empty\n"
        "3.2 email: it is no address\n"
        "3.3 code_postal: a postal code has 5 digits (a spreadsheet drops a 0 in front)\n"
        "4.0 -: cells are missing\n"
        "5.0 -: there are more cells than columns\n"
        "6.2 email: it is empty\n"
        "6.3 code_postal: a postal code has 5 digits (a spreadsheet drops a 0 in front)\n"
        "7.2 -: a quote stands in a cell that is not in quotes\n"
        "8.1 nom: it holds a line end, a tab or another control character\n");
}

static void letters_of_an_old_code_page_are_told(void **state)
{
    (void)state;
    assert_reads("nom;email\nSaint-R\xE9my;a@b.fr\n",
                 "2.1 nom: it is not UTF-8: save the file as \"CSV UTF-8\"\n");
    assert_reads("nom;email\nSaint-R\xC3\xA9my;a@b.fr\n",
                 "2:[Saint-R\xC3\xA9my][a@b.fr][][][][]\n");
}

static void an_address_stands_for_one_amicale(void **state)
{
    (void)state;
    assert_reads("nom;email\nA;x@y.fr\nB;b@y.fr\nC; X@Y.FR\nD;x@y.fr\n",
                 "4.2 email: line 2 has the same address\n"
                 "5.2 email: line 4 has the same address\n");
}

static void rows_without_anything_in_them_are_skipped(void **state)
{
    (void)state;
    assert_reads("nom;email\n\nA;a@b.fr\n;\n ; \n", "3:[A][a@b.fr][][][][]\n");
}

static void what_the_books_cannot_keep_is_refused(void **state)
{
    (void)state;
    struct arena arena;
    struct text file;
    arena_init(&arena, ARENA_BYTES);
    text_init(&file, 1 << 20);
    text_add_string(&file, "email,nom,ville\na@b.fr,");
    for (int i = 0; i < 200; i++) {
        text_add_char(&file, 'x');
    }
    text_add_string(&file, ",\nc@d.fr,");
    for (int i = 0; i < 201; i++) {
        text_add_char(&file, 'x');
    }
    text_add_string(&file, ",\n");
    assert_string_equal(read_file(text_span(&file), &arena), "3.2 nom: it is too long\n");
    text_done(&file);
    arena_done(&arena);
}

static void a_file_has_an_end(void **state)
{
    (void)state;
    struct arena arena;
    struct text file;
    arena_init(&arena, ARENA_BYTES);
    text_init(&file, SHEET_BYTES);
    text_add_string(&file, "nom,email\n");
    for (int i = 0; i <= SHEET_ROWS; i++) {
        text_addf(&file, "A,a%d@b.fr\n", i);
    }
    assert_string_equal(read_file(text_span(&file), &arena),
                        "20002.0 -: there are too many rows\n");
    text_done(&file);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_stand_in_any_order),
        cmocka_unit_test(titles_may_be_written_as_people_do),
        cmocka_unit_test(a_file_without_what_must_be_there_is_refused),
        cmocka_unit_test(every_wrong_cell_is_told_with_its_place),
        cmocka_unit_test(letters_of_an_old_code_page_are_told),
        cmocka_unit_test(an_address_stands_for_one_amicale),
        cmocka_unit_test(rows_without_anything_in_them_are_skipped),
        cmocka_unit_test(what_the_books_cannot_keep_is_refused),
        cmocka_unit_test(a_file_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
