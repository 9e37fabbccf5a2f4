/* SPDX-License-Identifier: MIT
 * Every setting: one row each, in the order in which the settings file shows them. */
#include "common/base/settings.h"

#include <stddef.h>

#define FIELD(section_, key_) #section_, #key_
#define AT(section_, key_) offsetof(struct settings, section_.key_)
/* section, key, programs, help, then what the kind needs. */
#define NUMBER(section_, key_, fallback_, least_, most_, programs_, help_)               \
    {                                                                                    \
        FIELD(section_, key_), SETTINGS_NUMBER, fallback_, least_, most_, NULL,          \
            programs_, false, help_, AT(section_, key_)                                  \
    }
#define BOOL(section_, key_, fallback_, programs_, help_)                                \
    {                                                                                    \
        FIELD(section_, key_), SETTINGS_BOOL, fallback_, 0, 0, NULL, programs_, false,   \
            help_, AT(section_, key_)                                                    \
    }
#define STRING(section_, key_, fallback_, programs_, help_)                              \
    {                                                                                    \
        FIELD(section_, key_), SETTINGS_STRING, fallback_, 0, 0, NULL, programs_, false, \
            help_, AT(section_, key_)                                                    \
    }
#define CHOICE(section_, key_, fallback_, choices_, programs_, help_)                    \
    {                                                                                    \
        FIELD(section_, key_), SETTINGS_CHOICE, fallback_, 0, 0, choices_, programs_,    \
            false, help_, AT(section_, key_)                                             \
    }
/* A file that must be readable when its name is not empty. */
#define FILE_(section_, key_, fallback_, programs_, help_)                               \
    {                                                                                    \
        FIELD(section_, key_), SETTINGS_FILE, fallback_, 0, 0, NULL, programs_, false,   \
            help_, AT(section_, key_)                                                    \
    }

#define API SETTINGS_API
#define WORKER SETTINGS_WORKER
#define CTL SETTINGS_CTL
#define ALL SETTINGS_ALL

/* One row, one setting. */
/* clang-format off */
const struct settings_row settings_table[] = {
    CHOICE(log, level, "info", "error warning info debug", ALL,
        "lines above this level are not written"),

    STRING(redis, address, "127.0.0.1:6379", ALL, "host:port, [v6]:port or unix:/path"),
    STRING(redis, username, "", ALL, "ACL user; empty: the default user"),
    FILE_(redis, password_file, "", ALL, "file with the password; empty: none"),
    NUMBER(redis, partitions, "1", 1, 16, ALL,
        "partitions of the queue; all programs must agree, and it may change only while "
        "the queue is empty"),
    NUMBER(redis, connect_ms, "2000", 50, 60000, ALL, "limit for connecting"),
    NUMBER(redis, command_ms, "5000", 50, 60000, ALL,
        "limit for one command and its reply"),

    STRING(mariadb, socket, "", ALL, "path of the server's socket; wins over host"),
    STRING(mariadb, host, "127.0.0.1", ALL, "host of the server"),
    NUMBER(mariadb, port, "3306", 1, 65535, ALL, "port of the server"),
    STRING(mariadb, database, "tocsin", ALL, "database"),
    STRING(mariadb, user, "tocsin", WORKER | CTL, "user that may write"),
    FILE_(mariadb, password_file, "", WORKER | CTL,
        "file with that user's password; empty: none"),
    STRING(mariadb, reader_user, "tocsin_reader", API,
        "user of the front door, who may only SELECT"),
    FILE_(mariadb, reader_password_file, "", API,
        "file with that user's password; empty: none"),
    NUMBER(mariadb, connect_ms, "5000", 1000, 60000, ALL,
        "limit for connecting; whole seconds count"),
    NUMBER(mariadb, query_ms, "20000", 1000, 600000, ALL,
        "limit for one answer of the server; whole seconds count"),

    FILE_(seal, keys_file, "/etc/tocsin/queue.keys", ALL,
        "key ring for payloads and results in Redis (make it with: tocsin keygen)"),
    FILE_(seal, pii_keys_file, "/etc/tocsin/pii.keys", WORKER | CTL,
        "key ring for personal data in MariaDB"),

    STRING(api, listen, "127.0.0.1:8080", API,
        "host:port, [v6]:port or unix:/path; a socket handed over by systemd wins"),
    NUMBER(api, loops, "0", 0, 64, API, "event loops; 0: one for each core"),
    NUMBER(api, connections_max, "4096", 1, 100000, API,
        "connections at once, over all loops; more wait in the listening queue"),
    NUMBER(api, connections_share, "50", 1, 100, API,
        "percent of them that one address may have (of IPv6: a /64), a unix socket and "
        "trusted proxies apart; more are closed at once"),
    NUMBER(api, header_bytes, "16384", 1024, 65536, API,
        "most bytes of a request's line and headers"),
    NUMBER(api, body_bytes, "1048576", 1024, 1048576, API,
        "most bytes of a request's body"),
    NUMBER(api, header_ms, "10000", 100, 120000, API,
        "limit from a request's first byte to the end of its headers"),
    NUMBER(api, body_ms, "20000", 100, 300000, API,
        "limit from the end of the headers to the end of the body"),
    NUMBER(api, idle_ms, "75000", 100, 600000, API,
        "how long a connection may wait for its next request"),
    NUMBER(api, answer_ms, "20000", 100, 300000, API,
        "limit for the client to take an answer"),
    NUMBER(api, drain_ms, "10000", 100, 120000, API,
        "limit for answering what is in flight when it is told to stop"),
    NUMBER(api, redis_ms, "200", 20, 10000, API,
        "limit for Redis to keep an event; then the answer is 503"),
    STRING(api, metrics_allow, "127.0.0.0/8 ::1", API,
        "networks that may read /metrics, separated by spaces; whoever is connected must "
        "be in them, and whom a trusted proxy names too"),

    NUMBER(api, wait_ms, "10000", 0, 25000, API,
        "how long a request waits for its job before the answer is 202, unless it says "
        "so itself (Prefer: wait=N)"),
    NUMBER(api, readers, "2", 1, 32, API,
        "threads that read MariaDB for requests, and as many that take offline sales in"),
    NUMBER(api, read_ms, "5000", 100, 60000, API,
        "limit for one read of MariaDB, its waiting in line included; then it is 503"),
    NUMBER(api, streams_max, "256", 0, 100000, API,
        "streams of server-sent events of one loop; who comes beyond is asked to come later"),
    STRING(api, trusted_proxies, "", API,
        "networks of proxies whose X-Forwarded-For and X-Forwarded-Proto count, "
        "separated by spaces; `unix` stands for a unix socket"),
    STRING(api, cors_origins, "", API,
        "origins of web pages that may call, as https://admin.example.org, separated by "
        "spaces"),
    STRING(api, tls_listen, "", API,
        "host:port or [v6]:port for HTTPS, beside `listen`; empty: none; a socket handed "
        "over by systemd under the name https wins"),
    FILE_(api, tls_certificate_file, "", API,
        "PEM chain, the server's certificate first; SIGHUP reads it anew"),
    FILE_(api, tls_key_file, "", API, "its private key"),
    NUMBER(api, hsts_s, "31536000", 0, 63072000, API,
        "Strict-Transport-Security of answers over HTTPS, in seconds; 0: none"),

    NUMBER(session, idle_s, "2592000", 60, 31536000, API | WORKER,
        "a session that was not used for so long has ended"),
    NUMBER(session, most_s, "15552000", 60, 63072000, WORKER,
        "a session ends so long after its login, however it was used"),

    STRING(stripe, api_base, "https://api.stripe.com", ALL, "Stripe, or the simulator"),
    FILE_(stripe, secret_key_file, "", WORKER | CTL,
        "file with the secret key (sk_test_... or sk_live_...)"),
    FILE_(stripe, webhook_secrets_file, "", API,
        "file with the platform endpoint's secrets (whsec_...), one a line"),
    FILE_(stripe, connect_webhook_secrets_file, "", API,
        "file with the Connect endpoint's secrets, one a line"),
    STRING(stripe, publishable_key, "", API,
        "publishable key (pk_test_... or pk_live_...) that phones are told"),
    STRING(stripe, return_url, "", WORKER,
        "where Stripe sends an administrator after onboarding; empty: public_url and "
        "/stripe/success"),
    STRING(stripe, refresh_url, "", WORKER,
        "where Stripe sends them when a link has expired; empty: public_url and "
        "/stripe/refresh"),
    STRING(stripe, public_url, "http://localhost:8080", WORKER | CTL,
        "where the front door can be reached from outside, without a slash at its end"),
    BOOL(stripe, livemode, "false", ALL, "which events count: live ones, or test ones"),
    NUMBER(stripe, signature_tolerance_s, "300", 10, 3600, API,
        "how far a signature's time may be from now"),
    NUMBER(stripe, connect_ms, "3000", 100, 30000, WORKER | CTL,
        "limit for connecting to Stripe"),
    NUMBER(stripe, total_ms, "20000", 1000, 60000, WORKER | CTL,
        "limit for one call, its repetitions included"),
    NUMBER(stripe, rate_per_s, "80", 1, 1000, WORKER | CTL,
        "calls a second over all workers (Stripe allows 100 live, 25 in test mode)"),

    NUMBER(worker, slots, "32", 4, 512, WORKER,
        "jobs at once; a quarter of the slots serve only the live lane"),
    NUMBER(worker, lease_ms, "60000", 5000, 600000, WORKER,
        "how long a taken job is this worker's without a beat"),
    NUMBER(worker, drain_ms, "30000", 1000, 600000, WORKER,
        "limit for finishing what runs when it is told to stop"),
    NUMBER(worker, beat_ms, "2000", 100, 5000, WORKER,
        "how often it says that it is alive"),
    NUMBER(worker, dead_after_ms, "7000", 500, 60000, WORKER | CTL,
        "a worker that was silent for so long is dead, and its jobs go back"),
    BOOL(worker, plans, "true", WORKER,
        "enqueues the jobs that come with each period (walks through Stripe's events, "
        "reconciliation); one worker that does is enough"),

    NUMBER(queue, done_keep_count, "100000", 0, 10000000, WORKER,
        "finished jobs that Redis remembers, at most"),
    NUMBER(queue, done_keep_s, "172800", 60, 31536000, WORKER,
        "how long Redis remembers a finished job"),
    NUMBER(queue, dead_keep_s, "2592000", 60, 31536000, WORKER,
        "how long Redis remembers a dead job that MariaDB has archived"),

    STRING(mail, host, "127.0.0.1", WORKER, "mail server"),
    NUMBER(mail, port, "25", 1, 65535, WORKER, "its port"),
    CHOICE(mail, tls, "none", "none starttls implicit", WORKER,
        "how the connection is encrypted; starttls and implicit insist on it"),
    FILE_(mail, ca_file, "", WORKER, "certificates to trust; empty: the system's"),
    STRING(mail, username, "", WORKER, "user for AUTH; empty: none"),
    FILE_(mail, password_file, "", WORKER, "file with that user's password"),
    STRING(mail, from, "recus@localhost", WORKER, "address that receipts come from"),
    STRING(mail, from_name, "Reçus", WORKER, "name that receipts come from"),
    STRING(mail, message_id_domain, "localhost", WORKER,
        "domain of Message-IDs and of EHLO; never change it while receipts are UNSURE"),
    STRING(mail, disputes_to, "", WORKER,
        "address where admins send what they know of a disputed sale; empty: their letter "
        "names none"),
    NUMBER(mail, connect_ms, "5000", 100, 60000, WORKER,
        "limit for connecting to the mail server"),
    NUMBER(mail, total_ms, "30000", 1000, 300000, WORKER,
        "limit for handing over one message"),

    NUMBER(books, fee_percent_bp, "0", 0, 10000, ALL,
        "the platform's fee in hundredths of a percent"),
    NUMBER(books, fee_minimum_minor, "0", 0, 50000, ALL,
        "the platform's least fee in cents"),
    NUMBER(books, calendar_year, "0", 0, 2100, WORKER,
        "year of the calendars that are sold; 0: the next one from July on, else this "
        "one"),
    NUMBER(books, idempotency_keep_days, "30", 1, 365, WORKER,
        "how long the answer to an Idempotency-Key is kept"),
    NUMBER(books, body_keep_days, "90", 1, 3650, WORKER,
        "how long the sealed bodies of events are kept for replay"),
    NUMBER(books, address_keep_months, "13", 1, 120, WORKER,
        "how long buyers' addresses are kept; what is still needed then stays longer"),
    NUMBER(books, catchup_s, "300", 1, 86400, WORKER,
        "how often Stripe's list of events is held against the ledger"),
    NUMBER(books, catchup_accounts_s, "3600", 1, 86400, WORKER,
        "the same for the list of each connected account"),
    NUMBER(books, overlap_s, "3600", 0, 86400, WORKER,
        "how far back each walk through a list of events begins again, since events may be "
        "listed late"),
    NUMBER(books, reconcile_s, "600", 1, 86400, WORKER,
        "how often payments that are open are looked for"),
    NUMBER(books, open_s, "900", 0, 86400, WORKER,
        "a payment that is open and was not looked at for so long is retrieved; an older "
        "one is after a quarter of its age"),
    NUMBER(books, daily_hour, "4", 0, 23, WORKER,
        "hour of the day in Europe/Paris at which the books are held against Stripe's"),
    NUMBER(books, window_days, "35", 1, 366, WORKER | CTL,
        "how many days back the daily reconciliation looks"),
    NUMBER(books, margin_s, "600", 0, 86400, WORKER,
        "what happened so lately may still be on its way, and is not compared"),

    NUMBER(sync, skew_s, "300", 1, 86400, API | CTL,
        "a phone whose clock is off by more is flagged, and a sale that lies further ahead "
        "is refused"),
    NUMBER(sync, oldest_days, "90", 1, 3650, API, "an offline sale that is older is refused"),
    NUMBER(sync, backlog_most, "200000", 100, 100000000, API,
        "jobs that wait in the lane sync; with more, phones are asked to come back later"),
    NUMBER(sync, user_most, "5000", 1000, 1000000, API,
        "offline sales that a user may hand over at once; so many again come back over ten "
        "minutes"),
    NUMBER(sync, retry_s, "30", 1, 3600, API,
        "how long such a phone is asked to wait at least; at most three times as long"),
    NUMBER(sync, collect_s, "86400", 60, 31536000, WORKER,
        "a PaymentIntent made for an offline sale is canceled when nobody collected it for "
        "so long"),

    STRING(devices, ios_least_version, "16.4", API,
        "least version of iOS for Tap to Pay on iPhone"),
    NUMBER(devices, list_ms, "60000", 100, 3600000, API,
        "how long the list of certified Android phones is believed"),
};
/* clang-format on */
const size_t settings_table_count = sizeof(settings_table) / sizeof(settings_table[0]);
