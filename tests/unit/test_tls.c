/* SPDX-License-Identifier: MIT
 * A stream over TLS against a client of OpenSSL's own, over a pair of sockets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "api/stream.h"
#include "api/tls.h"
#include "common/base/settings.h"
#include "tests/unit/cmocka_all.h"

enum { BIG_BYTES = 4 << 20, VALID_S = 3600 };

/* Both ends of one connection. */
struct pair {
    struct stream server;
    SSL_CTX *context;
    SSL *client;
    int fd; /* the client's */
};

static char directory[] = "/tmp/test_tls.XXXXXX";
static char certificate_file[64];
static char key_file[64];
static struct settings settings;

static void write_pair(const char *certificate_path, const char *key_path)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    assert_non_null(key);
    assert_non_null(certificate);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_S);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate),
                               "CN",
                               MBSTRING_ASC,
                               (const unsigned char *)"localhost",
                               -1,
                               -1,
                               0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    FILE *file = fopen(certificate_path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    fclose(file);
    file = fopen(key_path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static int make_files(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(certificate_file, sizeof(certificate_file), "%s/pem", directory);
    snprintf(key_file, sizeof(key_file), "%s/key", directory);
    write_pair(certificate_file, key_file);
    settings.api.tls_certificate_file = certificate_file;
    settings.api.tls_key_file = key_file;
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    unlink(certificate_file);
    unlink(key_file);
    return rmdir(directory);
}

static struct tls *opened(void)
{
    struct tls *tls = NULL;
    struct fault fault;
    assert_int_equal(tls_open(&settings, &tls, &fault), OUTCOME_DONE);
    return tls;
}

static struct pair connected(struct tls *tls)
{
    struct pair pair = {.context = SSL_CTX_new(TLS_client_method())};
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    stream_open(&pair.server, fds[0], tls);
    pair.fd = fds[1];
    pair.client = SSL_new(pair.context);
    SSL_set_mode(pair.client, SSL_MODE_ENABLE_PARTIAL_WRITE);
    assert_int_equal(SSL_set_fd(pair.client, pair.fd), 1);
    SSL_set_connect_state(pair.client);
    return pair;
}

static void shake_hands(struct pair *pair)
{
    char byte;
    for (int turn = 0; turn < 10 && !SSL_is_init_finished(pair->client); turn++) {
        (void)SSL_do_handshake(pair->client);
        assert_int_equal(stream_read(&pair->server, &byte, 1), STREAM_AGAIN);
    }
    assert_true(SSL_is_init_finished(pair->client));
}

static void disconnect(struct pair *pair)
{
    stream_close(&pair->server, true);
    stream_close(&pair->server, true);
    SSL_free(pair->client);
    SSL_CTX_free(pair->context);
    if (pair->fd >= 0) {
        close(pair->fd);
    }
}

static void what_a_record_holds_comes_piece_by_piece(void **state)
{
    (void)state;
    struct tls *tls = opened();
    struct pair pair = connected(tls);
    char bytes[8];
    shake_hands(&pair);
    assert_int_equal(SSL_write(pair.client, "0123456789", 10), 10);
    assert_true(stream_has_bytes(&pair.server));
    assert_int_equal(stream_read(&pair.server, bytes, 4), 4);
    assert_memory_equal(bytes, "0123", 4);
    assert_true(pair.server.more);
    assert_true(stream_has_bytes(&pair.server));
    assert_int_equal(stream_read(&pair.server, bytes, 8), 6);
    assert_memory_equal(bytes, "456789", 6);
    assert_false(pair.server.more);
    assert_false(stream_has_bytes(&pair.server));
    assert_int_equal(stream_read(&pair.server, bytes, 8), STREAM_AGAIN);
    disconnect(&pair);
    tls_close(tls);
}

static void what_does_not_go_at_once_goes_on_where_it_stopped(void **state)
{
    (void)state;
    struct tls *tls = opened();
    struct pair pair = connected(tls);
    char *all = malloc(BIG_BYTES);
    char *got = malloc(BIG_BYTES);
    assert_true(all && got);
    size_t sent = 0;
    size_t received = 0;
    int stops = 0;
    for (size_t i = 0; i < BIG_BYTES; i++) {
        all[i] = (char)(i * 31 >> 3);
    }
    shake_hands(&pair);
    while (received < BIG_BYTES) {
        if (sent < BIG_BYTES) {
            /* The rest stands elsewhere each time, as it does in a buffer that moves. */
            char *rest = malloc(BIG_BYTES - sent);
            assert_non_null(rest);
            memcpy(rest, all + sent, BIG_BYTES - sent);
            ssize_t more =
                stream_write(&pair.server, (struct span){rest, BIG_BYTES - sent});
            assert_true(more >= 0);
            sent += (size_t)more;
            stops += sent < BIG_BYTES ? 1 : 0;
            free(rest);
        }
        int more = SSL_read(pair.client, got + received, BIG_BYTES - (int)received);
        received += more > 0 ? (size_t)more : 0;
    }
    assert_memory_equal(all, got, BIG_BYTES);
    assert_true(stops > 1);
    free(all);
    free(got);
    disconnect(&pair);
    tls_close(tls);
}

static void an_end_that_is_said_is_no_cut(void **state)
{
    (void)state;
    struct tls *tls = opened();
    struct pair pair = connected(tls);
    char byte;
    shake_hands(&pair);
    assert_int_equal(SSL_shutdown(pair.client), 0);
    assert_int_equal(stream_read(&pair.server, &byte, 1), STREAM_ENDED);
    /* It may still be answered. */
    assert_int_equal(stream_write(&pair.server, SPAN("bye")), 3);
    assert_true(stream_end(&pair.server));
    disconnect(&pair);
    tls_close(tls);
}

static void an_end_that_is_not_said_is_a_cut(void **state)
{
    (void)state;
    struct tls *tls = opened();
    struct pair pair = connected(tls);
    char byte;
    shake_hands(&pair);
    assert_int_equal(shutdown(pair.fd, SHUT_WR), 0);
    assert_int_equal(stream_read(&pair.server, &byte, 1), STREAM_BROKEN);
    assert_int_equal(stream_read(&pair.server, &byte, 1), STREAM_BROKEN);
    assert_int_equal(stream_write(&pair.server, SPAN("x")), -1);
    disconnect(&pair);
    tls_close(tls);
}

static void what_is_no_tls_is_told_from_a_cut(void **state)
{
    (void)state;
    static const char *const noises[] = {"GET / HTTP/1.1\r\nHost: t\r\n\r\n",
                                         "\x16\x03\x01\x00\x05hello",
                                         "SSH-2.0-OpenSSH_9.2\r\n"};
    struct tls *tls = opened();
    for (size_t i = 0; i < sizeof(noises) / sizeof(noises[0]); i++) {
        struct pair pair = connected(tls);
        char byte;
        size_t len = strlen(noises[i]) + (i == 1 ? 7 : 0);
        assert_true(send(pair.fd, noises[i], len, 0) > 0);
        assert_int_equal(stream_read(&pair.server, &byte, 1), STREAM_ALIEN);
        disconnect(&pair);
    }
    tls_close(tls);
}

static void our_end_is_said_too(void **state)
{
    (void)state;
    struct tls *tls = opened();
    struct pair pair = connected(tls);
    char byte;
    shake_hands(&pair);
    assert_true(stream_end(&pair.server));
    int got = SSL_read(pair.client, &byte, 1);
    assert_int_equal(SSL_get_error(pair.client, got), SSL_ERROR_ZERO_RETURN);
    disconnect(&pair);
    tls_close(tls);
}

static SSL_SESSION *ticket_of(struct pair *pair)
{
    char byte;
    assert_true(stream_write(&pair->server, SPAN("x")) == 1);
    assert_int_equal(SSL_read(pair->client, &byte, 1), 1);
    return SSL_get1_session(pair->client);
}

static void a_new_key_for_tickets_ends_the_old_ones_and_nothing_else(void **state)
{
    (void)state;
    struct tls *tls = opened();
    struct pair first = connected(tls);
    shake_hands(&first);
    SSL_SESSION *session = ticket_of(&first);
    struct pair second = connected(tls);
    SSL_set_session(second.client, session);
    shake_hands(&second);
    assert_true(SSL_session_reused(second.client));
    tls_renew_tickets(tls);
    struct pair third = connected(tls);
    SSL_set_session(third.client, session);
    shake_hands(&third);
    assert_false(SSL_session_reused(third.client));
    /* What was open goes on. */
    assert_int_equal(stream_write(&first.server, SPAN("on")), 2);
    SSL_SESSION_free(session);
    disconnect(&first);
    disconnect(&second);
    disconnect(&third);
    tls_close(tls);
}

static void a_pair_that_does_not_fit_leaves_the_old_one(void **state)
{
    (void)state;
    struct tls *tls = opened();
    struct fault fault;
    char other[80];
    int64_t expires_ms = tls_expires_ms(tls);
    assert_true(expires_ms > 0);
    snprintf(other, sizeof(other), "%s/other", directory);
    write_pair(other, key_file);
    unlink(other);
    assert_int_equal(tls_reload(tls, &fault), OUTCOME_NEVER);
    assert_non_null(strstr(fault.text, "api.tls_key_file"));
    assert_int_equal(tls_expires_ms(tls), expires_ms);
    struct pair pair = connected(tls);
    shake_hands(&pair);
    disconnect(&pair);
    write_pair(certificate_file, key_file);
    assert_int_equal(tls_reload(tls, &fault), OUTCOME_DONE);
    tls_close(tls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_record_holds_comes_piece_by_piece),
        cmocka_unit_test(what_does_not_go_at_once_goes_on_where_it_stopped),
        cmocka_unit_test(an_end_that_is_said_is_no_cut),
        cmocka_unit_test(an_end_that_is_not_said_is_a_cut),
        cmocka_unit_test(what_is_no_tls_is_told_from_a_cut),
        cmocka_unit_test(our_end_is_said_too),
        cmocka_unit_test(a_new_key_for_tickets_ends_the_old_ones_and_nothing_else),
        cmocka_unit_test(a_pair_that_does_not_fit_leaves_the_old_one),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
