/* SPDX-License-Identifier: MIT
 *
 * tls - the certificate and key of the HTTPS listener, and what is spoken with them.
 *
 * Owns:    the certificate in use; a new one takes its place while loops run
 * Callers: door (open, close), server (reload), stream (accept), metrics
 * Blocks:  tls_open and tls_reload read files
 * Units:   moments are wall time in milliseconds
 * Order:   tls_open; tls_accept from any loop, tls_reload from one thread; tls_close
 * Faults:  NEVER when a file cannot be read, is no PEM, or the two do not belong together
 *
 * TLS 1.2 and 1.3, with suites that encrypt and authenticate at once and keys that are
 * made for each connection. No renegotiation, no compression, no early data. Sessions are
 * resumed by tickets alone, so that a client that comes often costs no memory; their key
 * is made anew with every reload, and at least once a day.
 */
#ifndef API_TLS_H
#define API_TLS_H

#include <stdint.h>

#include "common/base/fault.h"

struct settings;
struct ssl_st;
struct tls;

MUST_USE enum outcome tls_open(const struct settings *settings,
                               struct tls **out_tls,
                               struct fault *fault);
/* Reads both files anew. On a fault the old certificate stays in use. */
MUST_USE enum outcome tls_reload(struct tls *tls, struct fault *fault);
/* Makes the key of tickets anew. */
void tls_renew_tickets(struct tls *tls);
void tls_close(struct tls *tls); /* NULL does nothing */

/* The server's side of a new connection. Yours. */
struct ssl_st *tls_accept(struct tls *tls, int fd);
/* When the certificate in use stops being valid. */
int64_t tls_expires_ms(const struct tls *tls);

#endif
