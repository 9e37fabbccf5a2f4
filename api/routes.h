/* SPDX-License-Identifier: MIT
 *
 * routes - the table of everything the front door answers, and how a request finds its
 * row.
 *
 * Owns:    nothing; pure
 * Callers: dispatch, edge and cors (OPTIONS), options (--routes), metrics, tests
 * Blocks:  never
 *
 * A pattern's {name} takes one whole segment of the path. Aliases are rows of their own
 * that share a name. A GET row answers HEAD as well.
 */
#ifndef API_ROUTES_H
#define API_ROUTES_H

#include <stddef.h>

#include "api/http.h"
#include "common/base/text.h"
#include "common/model/role.h"

struct request;

/* Who may come in; dispatch has one gate for each. */
enum route_auth {
    ROUTE_ANYONE, /* or whoever the handler itself finds good: a signature */
    ROUTE_OBSERVERS, /* addresses in api.metrics_allow */
    ROUTE_PEOPLE, /* whoever has a session and one of the row's roles */
};
enum { ROUTE_AUTHS = ROUTE_PEOPLE + 1 };

/* Sets of enum role that rows of ROUTE_PEOPLE name. Which amicale's things they may touch
 * is the handler's to say, or its job's. */
enum route_roles {
    ROUTE_SELLERS = ROLE_POMPIER | ROLE_ADMIN,
    ROUTE_TREASURERS = ROLE_ADMIN | ROLE_OPERATOR, /* change what is an amicale's */
    ROUTE_BOOKKEEPERS = ROLE_ADMIN | ROLE_VIEWER | ROLE_OPERATOR, /* read it */
    ROUTE_EVERYBODY = ROLE_POMPIER | ROLE_ADMIN | ROLE_VIEWER | ROLE_OPERATOR,
};

/* What the body must be. */
enum route_body {
    ROUTE_BODY_ANY, /* the handler looks at it */
    ROUTE_BODY_JSON,
};

enum { ROUTE_PARAMS = 4, ROUTES_MOST = 96 };

struct route {
    enum http_method method;
    const char *pattern;
    const char *name; /* of metrics and the log */
    void (*handle)(struct request *request);
    enum route_auth auth;
    enum route_body body;
    size_t body_most; /* bytes; 0: api.body_bytes */
    unsigned roles; /* of ROUTE_PEOPLE: a set of enum role */
};

extern const struct route routes[];
extern const size_t routes_count;

struct route_match {
    const struct route *route; /* NULL: none */
    struct span params[ROUTE_PARAMS];
    unsigned allowed; /* when only the method is wrong: a set of 1 << enum http_method */
};

void routes_match(const struct route *table,
                  size_t count,
                  enum http_method method,
                  struct span path,
                  struct route_match *out_match);
/* The whole table, a row a line: method, pattern, and who may come in (`anyone`,
 * `observers`, or roles by commas). */
void routes_write(struct text *out);
/* "GET, HEAD, POST" of a set. */
void routes_write_allowed(struct text *out, unsigned allowed);

#endif
