/* SPDX-License-Identifier: MIT
 * Opens stream sockets within a deadline; names are looked up beside the caller's thread.
 */
#include "common/link/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/text.h"

enum { LONGEST_WAIT_MS = 3600 * 1000 };

/* A look-up that the resolver's own thread works on. It cannot always be cancelled, so it
 * lives on the heap and is waited for again by the next dial. */
struct dial_lookup {
    struct gaicb request;
    struct addrinfo hints;
};

static enum outcome split_host(struct dial *dial,
                               struct span address,
                               struct fault *fault);
static enum outcome open_path(const char *path,
                              int64_t deadline_ms,
                              int *out_fd,
                              struct fault *fault);
static enum outcome open_host(struct dial *dial,
                              int64_t deadline_ms,
                              int *out_fd,
                              struct fault *fault);
static enum outcome resolve(struct dial *dial,
                            int64_t deadline_ms,
                            struct addrinfo **out_found,
                            struct fault *fault);
static bool lookup_start(struct dial *dial);
static int lookup_wait(struct dial *dial, int64_t deadline_ms);
static int open_address(int family,
                        const struct sockaddr *address,
                        socklen_t len,
                        int64_t deadline_ms,
                        int *out_errno);
static int wait_connected(int fd, int64_t deadline_ms);
static int64_t left_ms(int64_t deadline_ms);
static char *copy_of(struct span span);

enum outcome dial_init(struct dial *dial, const char *address, struct fault *fault)
{
    *dial = (struct dial){0};
    struct span rest = span_of(address);
    if (!span_starts(rest, "unix:")) {
        return split_host(dial, rest, fault);
    }
    struct span path = {rest.at + strlen("unix:"), rest.len - strlen("unix:")};
    size_t room = sizeof(((struct sockaddr_un *)NULL)->sun_path);
    if (path.len == 0 || path.len >= room) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "dial",
                         DIAL_BAD_ADDRESS,
                         "\"%s\": the path of a socket has 1 to %zu bytes",
                         address,
                         room - 1);
    }
    dial->path = copy_of(path);
    return OUTCOME_DONE;
}

void dial_done(struct dial *dial)
{
    if (dial->lookup) {
        if (gai_cancel(&dial->lookup->request) == EAI_NOTCANCELED) {
            (void)lookup_wait(dial, INT64_MAX);
        }
        if (dial->lookup->request.ar_result) {
            freeaddrinfo(dial->lookup->request.ar_result);
        }
        free(dial->lookup);
    }
    free(dial->host);
    free(dial->port);
    free(dial->path);
    *dial = (struct dial){0};
}

enum outcome dial_open(struct dial *dial,
                       int64_t deadline_ms,
                       int *out_fd,
                       struct fault *fault)
{
    if (dial->path) {
        return open_path(dial->path, deadline_ms, out_fd, fault);
    }
    return open_host(dial, deadline_ms, out_fd, fault);
}

/* The port follows the last colon; a host with colons of its own stands in brackets. */
static enum outcome split_host(struct dial *dial,
                               struct span address,
                               struct fault *fault)
{
    size_t colon = address.len;
    while (colon > 0 && address.at[colon - 1] != ':') {
        colon--;
    }
    struct span host = {address.at, colon > 0 ? colon - 1 : 0};
    struct span port = {address.at + colon, address.len - colon};
    bool bracketed = host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
    if (bracketed) {
        host = (struct span){host.at + 1, host.len - 2};
    }
    bool colons = host.len > 0 && memchr(host.at, ':', host.len) != NULL;
    int64_t number = 0;
    if (colon == 0 || host.len == 0 || (colons && !bracketed) ||
        !span_to_i64(port, &number) || number < 1 || number > 65535) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "dial",
                         DIAL_BAD_ADDRESS,
                         "\"%.*s\" is none of host:port, [v6]:port, unix:/path",
                         SPAN_ARGS(address));
    }
    dial->host = copy_of(host);
    dial->port = copy_of(port);
    return OUTCOME_DONE;
}

static enum outcome open_path(const char *path,
                              int64_t deadline_ms,
                              int *out_fd,
                              struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path));
    int error = 0;
    int fd = open_address(AF_UNIX,
                          (const struct sockaddr *)&address,
                          sizeof(address),
                          deadline_ms,
                          &error);
    if (fd < 0) {
        return fault_set(fault,
                         OUTCOME_LATER,
                         "dial",
                         DIAL_UNREACHABLE,
                         "%s: %s",
                         path,
                         strerrordesc_np(error));
    }
    *out_fd = fd;
    return OUTCOME_DONE;
}

/* A name may have several addresses: each gets its share of the time that is left, so
 * that one that swallows packets does not hide the next. */
static enum outcome open_host(struct dial *dial,
                              int64_t deadline_ms,
                              int *out_fd,
                              struct fault *fault)
{
    struct addrinfo *found = NULL;
    enum outcome outcome = resolve(dial, deadline_ms, &found, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    int count = 0;
    for (const struct addrinfo *at = found; at; at = at->ai_next) {
        count++;
    }
    int fd = -1;
    int error = ETIMEDOUT;
    for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next) {
        int64_t now = clock_mono_ms(&clock_system);
        int64_t share = now + left_ms(deadline_ms) / count--;
        fd = open_address(at->ai_family, at->ai_addr, at->ai_addrlen, share, &error);
    }
    freeaddrinfo(found);
    if (fd < 0) {
        return fault_set(fault,
                         OUTCOME_LATER,
                         "dial",
                         DIAL_UNREACHABLE,
                         "%s port %s: %s",
                         dial->host,
                         dial->port,
                         strerrordesc_np(error));
    }
    int on = 1; /* both only tune: a socket without them works */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    *out_fd = fd;
    return OUTCOME_DONE;
}

/* Numbers are read at once; only a name goes to the resolver, which knows no deadlines.
 */
static enum outcome resolve(struct dial *dial,
                            int64_t deadline_ms,
                            struct addrinfo **out_found,
                            struct fault *fault)
{
    const struct addrinfo numeric = {.ai_socktype = SOCK_STREAM,
                                     .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    if (getaddrinfo(dial->host, dial->port, &numeric, out_found) == 0) {
        return OUTCOME_DONE;
    }
    int error = EAI_MEMORY;
    if (dial->lookup || lookup_start(dial)) {
        error = lookup_wait(dial, deadline_ms);
    }
    if (error == EAI_INPROGRESS) {
        return fault_set(fault,
                         OUTCOME_LATER,
                         "dial",
                         DIAL_UNREACHABLE,
                         "%s: looking up the name takes too long",
                         dial->host);
    }
    struct addrinfo *found = dial->lookup ? dial->lookup->request.ar_result : NULL;
    free(dial->lookup);
    dial->lookup = NULL;
    if (error != 0 || !found) {
        return fault_set(fault,
                         OUTCOME_LATER,
                         "dial",
                         DIAL_UNREACHABLE,
                         "%s: %s",
                         dial->host,
                         gai_strerror(error));
    }
    *out_found = found;
    return OUTCOME_DONE;
}

static bool lookup_start(struct dial *dial)
{
    struct dial_lookup *lookup = calloc(1, sizeof(*lookup));
    if (!lookup) {
        abort();
    }
    lookup->hints.ai_socktype = SOCK_STREAM;
    lookup->hints.ai_flags = AI_NUMERICSERV;
    lookup->request.ar_name = dial->host;
    lookup->request.ar_service = dial->port;
    lookup->request.ar_request = &lookup->hints;
    struct gaicb *list[] = {&lookup->request};
    if (getaddrinfo_a(GAI_NOWAIT, list, 1, NULL) != 0) {
        free(lookup);
        return false;
    }
    dial->lookup = lookup;
    return true;
}

/* 0 when it found something, EAI_INPROGRESS when the deadline came first, else why not.
 */
static int lookup_wait(struct dial *dial, int64_t deadline_ms)
{
    const struct gaicb *list[] = {&dial->lookup->request};
    int error = gai_error(&dial->lookup->request);
    while (error == EAI_INPROGRESS) {
        int64_t left = left_ms(deadline_ms);
        if (left == 0) {
            return error;
        }
        struct timespec wait = {(time_t)(left / 1000), (long)(left % 1000) * 1000000};
        (void)gai_suspend(list, 1, deadline_ms == INT64_MAX ? NULL : &wait);
        error = gai_error(&dial->lookup->request);
    }
    return error;
}

/* The socket, or -1 and why. */
static int open_address(int family,
                        const struct sockaddr *address,
                        socklen_t len,
                        int64_t deadline_ms,
                        int *out_errno)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        *out_errno = errno;
        return -1;
    }
    int error = connect(fd, address, len) == 0 ? 0 : errno;
    if (error == EINPROGRESS || error == EINTR) {
        error = wait_connected(fd, deadline_ms);
    }
    if (error != 0) {
        close(fd);
        *out_errno = error;
        return -1;
    }
    return fd;
}

static int wait_connected(int fd, int64_t deadline_ms)
{
    for (;;) {
        struct pollfd waiter = {.fd = fd, .events = POLLOUT};
        int ready = poll(&waiter, 1, (int)left_ms(deadline_ms));
        if (ready == 0) {
            return ETIMEDOUT;
        }
        if (ready > 0) {
            int error = 0;
            socklen_t len = sizeof(error);
            return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error
                                                                           : errno;
        }
        if (errno != EINTR) {
            return errno;
        }
    }
}

/* What is left, at most an hour so that it fits where seconds and ints are wanted. */
static int64_t left_ms(int64_t deadline_ms)
{
    int64_t left = deadline_ms - clock_mono_ms(&clock_system);
    return left < 0 ? 0 : left < LONGEST_WAIT_MS ? left : LONGEST_WAIT_MS;
}

static char *copy_of(struct span span)
{
    char *copy = strndup(span.at, span.len);
    if (!copy) {
        abort();
    }
    return copy;
}
