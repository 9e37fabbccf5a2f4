/* SPDX-License-Identifier: MIT
 * Pieces of an arena, and what is left of secret ones. */
#include "common/base/arena.h"

#include <stdalign.h>
#include <string.h>

#include "tests/unit/cmocka_all.h"

static void pieces_are_zeroed_and_aligned_for_any_type(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    for (size_t round = 0; round < 2; round++) {
        for (size_t bytes = 1; bytes < 2000; bytes += 7) {
            unsigned char *piece = arena_take(&arena, bytes);
            assert_int_equal((uintptr_t)piece % alignof(max_align_t), 0);
            for (size_t i = 0; i < bytes; i++) {
                assert_int_equal(piece[i], 0);
            }
            memset(piece, 0xa5, bytes);
        }
        arena_reset(&arena); /* memory that was used comes zeroed too */
    }
    arena_done(&arena);
    arena_done(&arena);
}

static void a_copy_ends_with_a_nul_and_stands_by_itself(void **state)
{
    (void)state;
    struct arena arena;
    char text[] = "calendrier";
    arena_init(&arena, 1 << 20);
    char *copy = arena_copy(&arena, (struct span){text, 4});
    text[0] = 'C';
    assert_string_equal(copy, "cale");
    assert_string_equal(arena_copy(&arena, (struct span){NULL, 0}), "");
    assert_string_equal(arena_format(&arena, "%s-%d", "a", 7), "a-7");
    arena_done(&arena);
}

/* Where every piece is a malloc of its own, nothing is left to be looked at. */
static void what_was_secret_is_overwritten(void **state)
{
    (void)state;
#ifndef TOCSIN_ARENA_MALLOC
    struct arena arena;
    arena_init(&arena, 1 << 20);
    char *first = arena_copy(&arena, SPAN("mot de passe"));
    arena_reset(&arena); /* keeps its block */
    assert_string_equal(first, "mot de passe");
    char *second = arena_copy(&arena, SPAN("mot de passe"));
    assert_ptr_equal(first, second);
    arena.secret = true;
    arena_reset(&arena);
    assert_string_equal(second, "");
    assert_false(arena.secret);
    arena_done(&arena);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_and_aligned_for_any_type),
        cmocka_unit_test(a_copy_ends_with_a_nul_and_stands_by_itself),
        cmocka_unit_test(what_was_secret_is_overwritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
