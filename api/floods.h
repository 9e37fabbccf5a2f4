/* SPDX-License-Identifier: MIT
 *
 * floods - how many places of the front door one client's address may have: among the
 * connections, and among the reads of tokens that nobody knows.
 *
 * Owns:    a table of fixed size in memory, 768 KB, whoever comes
 * Callers: loop and connection (connections), session and its routes (tokens); any thread
 * Blocks:  never
 *
 * An address is an IPv4 address, or the /64 of an IPv6 one. It falls into one of
 * FLOODS_CELLS cells by a hash with a random key: nobody can choose whose cell to fall
 * into, and two that share one by chance share its places. What an address does is
 * forgotten as it leaves its places: nobody is locked out for what was.
 *
 * A token that neither memory nor Redis knows has a place while MariaDB is asked for it, so
 * that no address can fill the line that all share (reader.h). When FLOODS_TOKENS of an
 * address are read already it gets 429. A token that was let in here before needs no place,
 * as long as it is among the last FLOODS_KNOWN or so: a phone in use goes on whatever its
 * neighbours behind a carrier's address send.
 */
#ifndef API_FLOODS_H
#define API_FLOODS_H

#include <stdbool.h>
#include <stdint.h>

struct address;
struct digest;
struct floods;

enum flood { FLOOD_CONNECTIONS, FLOOD_TOKENS };
enum {
    FLOODS = FLOOD_TOKENS + 1,
    FLOODS_CELLS = 16384,
    FLOODS_KNOWN = 65536,
    /* Of an address at once; of READER_LINE. A village behind one address, whose phones
     * all come back to a front door that was started anew, has a place for each. */
    FLOODS_TOKENS = 256,
};

struct floods *floods_open(void);
void floods_close(struct floods *floods); /* NULL does nothing */

/* Takes a place; false when the address has `most`. Whoever has one leaves it. */
bool floods_enter(struct floods *floods,
                  enum flood flood,
                  const struct address *address,
                  int64_t most);
void floods_leave(struct floods *floods, enum flood flood, const struct address *address);

/* Tokens that were let in, by their hash. */
bool floods_knows(struct floods *floods, const struct digest *token_hash);
void floods_know(struct floods *floods, const struct digest *token_hash);
void floods_forget(struct floods *floods, const struct digest *token_hash);

#endif
