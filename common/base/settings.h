/* SPDX-License-Identifier: MIT
 *
 * settings - every setting of every program, in one table, parsed once.
 *
 * Owns:    the strings of a struct settings, until settings_done
 * Callers: the three main.c, and tests; everything else is handed the const struct
 * Units:   in the names (_ms, _s, _bytes, _minor)
 * Faults:  NEVER with file and line for an unknown key, a value out of range, a missing
 *          file of a secret
 *
 * Sources, the later wins: the table's default, the file (INI), the environment
 * (TOCSIN__SECTION__KEY), the command line (--set section.key=value). Secrets are only
 * ever named by a file (`*_file`), whose content is read by whoever needs it.
 */
#ifndef COMMON_BASE_SETTINGS_H
#define COMMON_BASE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"

/* Which programs read a setting. */
enum settings_program {
    SETTINGS_API = 1,
    SETTINGS_WORKER = 2,
    SETTINGS_CTL = 4,
    SETTINGS_ALL = 7,
};

struct settings {
    struct {
        const char *level;
    } log;
    struct {
        const char *address; /* host:port, [v6]:port or unix:/path */
        const char *username;
        const char *password_file;
        int64_t partitions;
        int64_t connect_ms;
        int64_t command_ms;
    } redis;
    struct {
        const char *socket; /* wins over host when not empty */
        const char *host;
        int64_t port;
        const char *database;
        const char *user;
        const char *password_file;
        const char *reader_user; /* the front door's: may only SELECT */
        const char *reader_password_file;
        int64_t connect_ms;
        int64_t query_ms;
    } mariadb;
    struct {
        const char *keys_file; /* the ring for payloads and results in Redis */
        const char *pii_keys_file; /* the ring for personal data in MariaDB */
    } seal;
    struct {
        const char *listen;
        int64_t loops;
        int64_t connections_max;
        int64_t connections_share;
        int64_t header_bytes;
        int64_t body_bytes;
        int64_t header_ms;
        int64_t body_ms;
        int64_t idle_ms;
        int64_t answer_ms;
        int64_t drain_ms;
        int64_t redis_ms;
        const char *metrics_allow;
        int64_t wait_ms;
        int64_t readers;
        int64_t read_ms;
        int64_t streams_max;
        const char *trusted_proxies;
        const char *cors_origins;
        const char *tls_listen;
        const char *tls_certificate_file;
        const char *tls_key_file;
        int64_t hsts_s;
    } api;
    struct {
        int64_t idle_s;
        int64_t most_s;
    } session;
    struct {
        const char *api_base;
        const char *secret_key_file;
        const char *webhook_secrets_file;
        const char *connect_webhook_secrets_file;
        const char *publishable_key;
        const char *return_url;
        const char *refresh_url;
        const char *public_url;
        bool livemode;
        int64_t signature_tolerance_s;
        int64_t connect_ms;
        int64_t total_ms;
        int64_t rate_per_s;
    } stripe;
    struct {
        int64_t slots;
        int64_t lease_ms;
        int64_t drain_ms;
        int64_t beat_ms;
        int64_t dead_after_ms;
        bool plans;
    } worker;
    struct {
        int64_t done_keep_count;
        int64_t done_keep_s;
        int64_t dead_keep_s;
    } queue;
    struct {
        const char *host;
        int64_t port;
        const char *tls; /* none, starttls or implicit */
        const char *ca_file;
        const char *username;
        const char *password_file;
        const char *from;
        const char *from_name;
        const char *message_id_domain;
        const char *disputes_to;
        int64_t connect_ms;
        int64_t total_ms;
    } mail;
    struct {
        int64_t fee_percent_bp; /* hundredths of a percent */
        int64_t fee_minimum_minor;
        int64_t calendar_year; /* 0: by the date */
        int64_t idempotency_keep_days;
        int64_t body_keep_days;
        int64_t address_keep_months;
        int64_t catchup_s;
        int64_t catchup_accounts_s;
        int64_t overlap_s;
        int64_t reconcile_s;
        int64_t open_s;
        int64_t daily_hour; /* in Europe/Paris */
        int64_t window_days;
        int64_t margin_s;
    } books;
    struct {
        int64_t skew_s;
        int64_t oldest_days;
        int64_t backlog_most;
        int64_t user_most;
        int64_t retry_s;
        int64_t collect_s;
    } sync;
    struct {
        const char *ios_least_version;
        int64_t list_ms;
    } devices;

    struct text strings_; /* what the pointers above point into */
};

enum settings_kind {
    SETTINGS_NUMBER,
    SETTINGS_BOOL,
    SETTINGS_STRING,
    SETTINGS_CHOICE,
    SETTINGS_FILE
};

struct settings_row {
    const char *section;
    const char *key;
    enum settings_kind kind;
    const char *fallback; /* as it would be written in the file */
    int64_t least; /* of a number */
    int64_t most;
    const char *choices; /* of a choice: "none starttls implicit" */
    int programs; /* a set of enum settings_program */
    bool reloads; /* SIGHUP takes a new value over */
    const char *help; /* one line */
    size_t offset; /* of the field in struct settings */
};

extern const struct settings_row settings_table[];
extern const size_t settings_table_count;

/* What was asked on the command line, besides the program's own words. */
struct settings_options {
    const char *config; /* --config FILE; NULL for the default file */
    const char *const *sets; /* --set section.key=value, in order */
    size_t set_count;
};

#define SETTINGS_DEFAULT_FILE "/etc/tocsin/tocsin.conf"

/* Reads all sources and checks all values, also of other programs' settings; files that
 * `program` needs must be readable. */
MUST_USE enum outcome settings_load(struct settings *settings,
                                    enum settings_program program,
                                    const struct settings_options *options,
                                    struct fault *fault);
void settings_done(struct settings *settings);

/* The value in force, as it would be written in the file. */
void settings_show(const struct settings *settings,
                   const struct settings_row *row,
                   struct text *out);
/* The whole table as a commented settings file (for --help-settings and
 * docs/settings.md). */
void settings_describe(struct text *out);

/* A secret's file: its one line without the newline; refuses an empty file. The text is
 * begun here and is the caller's then: text_wipe it. */
MUST_USE enum outcome settings_read_secret(const char *path,
                                           struct text *out_secret,
                                           struct fault *fault);

#endif
