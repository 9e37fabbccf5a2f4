/* SPDX-License-Identifier: MIT
 * Reads a certificate with its key, and hands connections what they need of it. */
#include "api/tls.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "common/base/settings.h"

struct tls {
    const char *certificate_file; /* borrowed from the settings */
    const char *key_file;
    pthread_mutex_t lock; /* of context */
    SSL_CTX *context;
    _Atomic int64_t expires_ms;
};

static SSL_CTX *make_context(void);
static enum outcome load(const struct tls *tls, SSL_CTX *context, struct fault *fault);
static enum outcome load_certificate(const char *path,
                                     SSL_CTX *context,
                                     struct fault *fault);
static enum outcome load_key(const char *path, SSL_CTX *context, struct fault *fault);
static void put_in_use(struct tls *tls, SSL_CTX *context);
static int64_t end_of(const X509 *certificate);
static int refuse_password(char *out, int room, int writes, void *context);
static int choose_protocol(SSL *ssl,
                           const unsigned char **out,
                           unsigned char *out_len,
                           const unsigned char *in,
                           unsigned in_len,
                           void *context);
static const char *last_reason(void);

enum outcome tls_open(const struct settings *settings,
                      struct tls **out_tls,
                      struct fault *fault)
{
    struct tls *tls = calloc(1, sizeof(*tls));
    if (!tls || pthread_mutex_init(&tls->lock, NULL) != 0) {
        abort();
    }
    tls->certificate_file = settings->api.tls_certificate_file;
    tls->key_file = settings->api.tls_key_file;
    enum outcome outcome = tls_reload(tls, fault);
    if (outcome != OUTCOME_DONE) {
        tls_close(tls);
        return outcome;
    }
    *out_tls = tls;
    return OUTCOME_DONE;
}

enum outcome tls_reload(struct tls *tls, struct fault *fault)
{
    SSL_CTX *context = make_context();
    enum outcome outcome = load(tls, context, fault);
    if (outcome != OUTCOME_DONE) {
        SSL_CTX_free(context);
        return outcome;
    }
    put_in_use(tls, context);
    return OUTCOME_DONE;
}

/* A context's keys for tickets live as long as it does, so it gets a successor with the
 * same certificate. */
void tls_renew_tickets(struct tls *tls)
{
    SSL_CTX *context = make_context();
    STACK_OF(X509) *chain = NULL;
    SSL_CTX_get0_chain_certs(tls->context, &chain);
    if (SSL_CTX_use_cert_and_key(context,
                                 SSL_CTX_get0_certificate(tls->context),
                                 SSL_CTX_get0_privatekey(tls->context),
                                 chain,
                                 1) != 1) {
        abort(); /* they were good when they were loaded */
    }
    put_in_use(tls, context);
}

void tls_close(struct tls *tls)
{
    if (tls) {
        SSL_CTX_free(tls->context);
        pthread_mutex_destroy(&tls->lock);
        free(tls);
    }
}

struct ssl_st *tls_accept(struct tls *tls, int fd)
{
    pthread_mutex_lock(&tls->lock);
    SSL *ssl = SSL_new(tls->context);
    pthread_mutex_unlock(&tls->lock);
    if (!ssl || SSL_set_fd(ssl, fd) != 1) {
        abort();
    }
    SSL_set_accept_state(ssl);
    return ssl;
}

int64_t tls_expires_ms(const struct tls *tls)
{
    return atomic_load_explicit(&tls->expires_ms, memory_order_relaxed);
}

static SSL_CTX *make_context(void)
{
    static const unsigned char name[] = "tocsin";
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
        SSL_CTX_set_session_id_context(context, name, sizeof(name) - 1) != 1) {
        abort();
    }
    SSL_CTX_set_options(context,
                        SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                            SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                            SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_mode(context,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                         SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1); /* one call of the system for a record, not two */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    SSL_CTX_set_default_passwd_cb(context, refuse_password);
    return context;
}

static enum outcome load(const struct tls *tls, SSL_CTX *context, struct fault *fault)
{
    ERR_clear_error();
    enum outcome outcome = load_certificate(tls->certificate_file, context, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = load_key(tls->key_file, context, fault);
    }
    if (outcome == OUTCOME_DONE && SSL_CTX_check_private_key(context) != 1) {
        outcome = fault_set(fault,
                            OUTCOME_NEVER,
                            "tls",
                            0,
                            "api.tls_key_file: is not the key of the certificate in "
                            "api.tls_certificate_file");
    }
    ERR_clear_error();
    return outcome;
}

static enum outcome load_certificate(const char *path,
                                     SSL_CTX *context,
                                     struct fault *fault)
{
    if (SSL_CTX_use_certificate_chain_file(context, path) == 1) {
        return OUTCOME_DONE;
    }
    return fault_set(fault,
                     OUTCOME_NEVER,
                     "tls",
                     0,
                     "api.tls_certificate_file: cannot use %.80s: %s",
                     path,
                     last_reason());
}

/* A key that does not go with the certificate is refused at once by OpenSSL. */
static enum outcome load_key(const char *path, SSL_CTX *context, struct fault *fault)
{
    if (SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM) == 1) {
        return OUTCOME_DONE;
    }
    return fault_set(fault,
                     OUTCOME_NEVER,
                     "tls",
                     0,
                     "api.tls_key_file: cannot use %.80s: %s",
                     path,
                     last_reason());
}

static void put_in_use(struct tls *tls, SSL_CTX *context)
{
    int64_t expires_ms = end_of(SSL_CTX_get0_certificate(context));
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *old = tls->context;
    tls->context = context;
    pthread_mutex_unlock(&tls->lock);
    atomic_store_explicit(&tls->expires_ms, expires_ms, memory_order_relaxed);
    SSL_CTX_free(old); /* connections that use it keep it until they close */
}

static int64_t end_of(const X509 *certificate)
{
    struct tm end;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) {
        return 0;
    }
    return (int64_t)timegm(&end) * 1000;
}

/* Without it OpenSSL would ask at the terminal. */
static int refuse_password(char *out, int room, int writes, void *context)
{
    (void)out;
    (void)room;
    (void)writes;
    (void)context;
    return -1;
}

/* A client that names protocols and not ours is told so (RFC 7301, section 3.2). */
static int choose_protocol(SSL *ssl,
                           const unsigned char **out,
                           unsigned char *out_len,
                           const unsigned char *in,
                           unsigned in_len,
                           void *context)
{
    (void)ssl;
    (void)context;
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* The first error is the cause, the others say where it was met. */
static const char *last_reason(void)
{
    unsigned long error = ERR_peek_error();
    const char *reason = NULL;
    if (error != 0 && ERR_SYSTEM_ERROR(error)) {
        return strerrordesc_np(ERR_GET_REASON(error));
    }
    if (ERR_GET_LIB(error) == ERR_LIB_OSSL_DECODER ||
        (ERR_GET_LIB(error) == ERR_LIB_PEM &&
         ERR_GET_REASON(error) == PEM_R_NO_START_LINE)) {
        return "it is no PEM file of that kind";
    }
    if (ERR_GET_REASON(error) == ERR_R_INTERRUPTED_OR_CANCELLED ||
        (ERR_GET_LIB(error) == ERR_LIB_PEM &&
         ERR_GET_REASON(error) == PEM_R_BAD_PASSWORD_READ)) {
        return "it is protected by a password";
    }
    reason = ERR_reason_error_string(error);
    return reason ? reason : "unknown";
}
