/* SPDX-License-Identifier: MIT
 * Hashes against published vectors; sealing, rolling keys, and refusals. */
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/digest.h"
#include "common/base/seal.h"

#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_B "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA="

static struct seal_ring *ring_of(const char *lines)
{
    char path[] = "/tmp/tocsin-test-ring-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, lines, strlen(lines)), strlen(lines));
    close(fd);
    struct seal_ring *ring = NULL;
    struct fault fault = {0};
    enum outcome outcome = seal_open(path, &ring, &fault);
    unlink(path);
    if (outcome != OUTCOME_DONE) {
        assert_int_equal(fault.code, SEAL_BAD_FILE);
        return NULL;
    }
    return ring;
}

static void hashes_agree_with_the_published_vectors(void **state)
{
    (void)state;
    struct digest digest;
    char hex[DIGEST_HEX_BYTES];
    digest_sha256(SPAN("abc"), &digest); /* FIPS 180-4 */
    digest_hex(&digest, hex);
    assert_string_equal(
        hex,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    /* RFC 4231, test case 2, in two parts. */
    const struct span parts[] = {SPAN("what do ya want "), SPAN("for nothing?")};
    digest_hmac(SPAN("Jefe"), parts, 2, &digest);
    digest_hex(&digest, hex);
    assert_string_equal(
        hex,
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    /* RFC 4231, test case 6: a key longer than a block. */
    char key[131];
    memset(key, 0xaa, sizeof(key));
    const struct span data =
        SPAN("Test Using Larger Than Block-Size Key - Hash Key First");
    digest_hmac((struct span){key, sizeof(key)}, &data, 1, &digest);
    digest_hex(&digest, hex);
    assert_string_equal(
        hex,
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    struct digest again;
    assert_true(digest_from_hex(span_of(hex), &again));
    assert_true(digest_equal(&digest, &again));
    again.bytes[31] ^= 1;
    assert_false(digest_equal(&digest, &again));
    hex[0] = 'G';
    assert_false(digest_from_hex(span_of(hex), &again));
}

static void sealed_bytes_open_only_under_their_own_context(void **state)
{
    (void)state;
    struct seal_ring *ring = ring_of("# ring\n1 " KEY_A "\nindex " KEY_B "\n");
    struct arena arena;
    struct fault fault = {0};
    struct span plain = {0};
    assert_non_null(ring);
    arena_init(&arena, 1 << 20);
    struct span sealed =
        seal_seal(ring, SPAN("evt_1|stripe.event"), SPAN("secret"), &arena);
    struct span twice =
        seal_seal(ring, SPAN("evt_1|stripe.event"), SPAN("secret"), &arena);
    assert_int_equal(sealed.len, strlen("secret") + SEAL_OVERHEAD_BYTES);
    assert_memory_not_equal(sealed.at, twice.at, sealed.len);
    assert_int_equal(
        seal_unseal(ring, SPAN("evt_1|stripe.event"), sealed, &arena, &plain, &fault),
        OUTCOME_DONE);
    assert_span(plain, "secret");
    assert_int_equal(
        seal_unseal(ring, SPAN("evt_2|stripe.event"), sealed, &arena, &plain, &fault),
        OUTCOME_NEVER);
    assert_int_equal(fault.code, SEAL_DAMAGED);
    for (size_t i = 0; i < sealed.len; i++) {
        char *changed = arena_copy(&arena, sealed);
        changed[i] = (char)(changed[i] ^ 1);
        struct span bytes = {changed, sealed.len};
        assert_int_equal(
            seal_unseal(ring, SPAN("evt_1|stripe.event"), bytes, &arena, &plain, &fault),
            OUTCOME_NEVER);
    }
    for (size_t len = 0; len < sealed.len; len++) {
        struct span cut = {sealed.at, len};
        assert_int_equal(
            seal_unseal(ring, SPAN("evt_1|stripe.event"), cut, &arena, &plain, &fault),
            OUTCOME_NEVER);
    }
    sealed = seal_seal(ring, SPAN("c"), SPAN(""), &arena);
    assert_int_equal(seal_unseal(ring, SPAN("c"), sealed, &arena, &plain, &fault),
                     OUTCOME_DONE);
    assert_int_equal(plain.len, 0);
    arena_done(&arena);
    seal_close(ring);
}

static void a_rolled_ring_opens_what_the_old_key_sealed(void **state)
{
    (void)state;
    struct seal_ring *old_ring = ring_of("1 " KEY_A "\nindex " KEY_B "\n");
    struct seal_ring *rolled = ring_of("2 " KEY_B "\n1 " KEY_A "\nindex " KEY_B "\n");
    struct seal_ring *dropped = ring_of("2 " KEY_B "\nindex " KEY_B "\n");
    struct arena arena;
    struct fault fault = {0};
    struct span plain = {0};
    struct digest before;
    struct digest after;
    arena_init(&arena, 1 << 20);
    struct span sealed = seal_seal(old_ring, SPAN("c"), SPAN("secret"), &arena);
    assert_int_equal(seal_unseal(rolled, SPAN("c"), sealed, &arena, &plain, &fault),
                     OUTCOME_DONE);
    assert_int_equal(seal_unseal(dropped, SPAN("c"), sealed, &arena, &plain, &fault),
                     OUTCOME_NEVER);
    assert_int_equal(fault.code, SEAL_UNKNOWN_KEY);
    seal_fingerprint(old_ring, SPAN("email"), SPAN("a@b.fr"), &before);
    seal_fingerprint(rolled, SPAN("email"), SPAN("a@b.fr"), &after);
    assert_true(digest_equal(&before, &after));
    seal_fingerprint(rolled, SPAN("other"), SPAN("a@b.fr"), &after);
    assert_false(digest_equal(&before, &after));
    arena_done(&arena);
    seal_close(old_ring);
    seal_close(rolled);
    seal_close(dropped);
}

static void a_key_file_that_is_wrong_is_refused(void **state)
{
    (void)state;
    static const char *const files[] = {
        "",
        "1 " KEY_A "\n", /* no index key */
        "index " KEY_A "\n", /* only that */
        "0 " KEY_A "\nindex " KEY_B "\n",
        "256 " KEY_A "\nindex " KEY_B "\n",
        "1 " KEY_A "\n1 " KEY_B "\nindex " KEY_B "\n",
        "1 AAAA\nindex " KEY_B "\n",
        "one " KEY_A "\nindex " KEY_B "\n",
        "1 not base64 at all\nindex " KEY_B "\n",
        "index " KEY_B "\nindex " KEY_B "\n1 " KEY_A "\n",
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        assert_null(ring_of(files[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_agree_with_the_published_vectors),
        cmocka_unit_test(sealed_bytes_open_only_under_their_own_context),
        cmocka_unit_test(a_rolled_ring_opens_what_the_old_key_sealed),
        cmocka_unit_test(a_key_file_that_is_wrong_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
