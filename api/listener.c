/* SPDX-License-Identifier: MIT
 * Makes the listening socket, or takes it from systemd. */
#include "api/listener.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/notify.h"
#include "common/base/settings.h"
#include "common/link/dial.h"

enum { BACKLOG = 1024, FIRST_HANDED_OVER = 3 };

static enum outcome take_handed_over(int count, int *out_fd, struct fault *fault);
static int listen_path(const char *path);
static int listen_host(const struct dial *address, const char **out_why);
static int bind_and_listen(int family, const struct sockaddr *address, socklen_t len);

enum outcome listener_check(const struct settings *settings, struct fault *fault)
{
    struct dial address;
    enum outcome outcome = dial_init(&address, settings->api.listen, fault);
    if (outcome == OUTCOME_DONE) {
        dial_done(&address);
    } else {
        fault_lay_to(fault, "api.listen");
    }
    return outcome;
}

enum outcome listener_open(const struct settings *settings,
                           struct listener *out_listener,
                           struct fault *fault)
{
    struct listener listener = {.fd = -1};
    int handed_over = notify_listen_fds();
    if (handed_over > 0) {
        enum outcome outcome = take_handed_over(handed_over, &listener.fd, fault);
        if (outcome == OUTCOME_DONE) {
            listener.handed_over = true;
            *out_listener = listener;
        }
        return outcome;
    }
    struct dial address;
    enum outcome outcome = dial_init(&address, settings->api.listen, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    const char *why = NULL;
    if (address.path) {
        listener.fd = listen_path(address.path);
        listener.path = listener.fd >= 0 ? strdup(address.path) : NULL;
    } else {
        listener.fd = listen_host(&address, &why);
    }
    if (listener.fd < 0) {
        outcome = fault_set(fault,
                            OUTCOME_NEVER,
                            "listener",
                            errno,
                            "cannot listen on %s (api.listen): %s",
                            settings->api.listen,
                            why ? why : strerrordesc_np(errno));
    } else {
        *out_listener = listener;
    }
    dial_done(&address);
    return outcome;
}

void listener_shorten(const struct listener *listener)
{
    if (!listener->handed_over) {
        int told = listen(listener->fd, 0);
        assert(told == 0); /* a socket that listens may be told so again */
    }
}

void listener_close(struct listener *listener)
{
    if (listener->fd >= 0) {
        close(listener->fd);
        listener->fd = -1;
    }
    if (listener->path) {
        unlink(listener->path);
        free(listener->path);
        listener->path = NULL;
    }
}

static enum outcome take_handed_over(int count, int *out_fd, struct fault *fault)
{
    int flags = fcntl(FIRST_HANDED_OVER, F_GETFL);
    if (count != 1 || flags < 0 ||
        fcntl(FIRST_HANDED_OVER, F_SETFL, flags | O_NONBLOCK) != 0) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "listener",
                         count,
                         "systemd handed over %d sockets, not one",
                         count);
    }
    int accepts = 0;
    socklen_t len = sizeof(accepts);
    if (getsockopt(FIRST_HANDED_OVER, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &len) != 0 ||
        !accepts) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "listener",
                         count,
                         "what systemd handed over is no socket that listens "
                         "(ListenStream=, and Accept=no)");
    }
    *out_fd = FIRST_HANDED_OVER;
    return OUTCOME_DONE;
}

/* A file that a dead process left behind is removed; a living one keeps its place. */
static int listen_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path)); /* dial_init saw to the length */
    const struct sockaddr *generic = (const struct sockaddr *)&address;
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe >= 0) {
        if (connect(probe, generic, sizeof(address)) == 0) {
            close(probe);
            errno = EADDRINUSE;
            return -1;
        }
        if (errno == ECONNREFUSED) {
            unlink(path);
        }
        close(probe);
    }
    return bind_and_listen(AF_UNIX, generic, sizeof(address));
}

static int listen_host(const struct dial *address, const char **out_why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    int error = getaddrinfo(address->host, address->port, &hints, &found);
    if (error != 0) {
        *out_why = gai_strerror(error);
        return -1;
    }
    int fd = bind_and_listen(found->ai_family, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return fd;
}

static int bind_and_listen(int family, const struct sockaddr *address, socklen_t len)
{
    int on = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, address, len) != 0 || listen(fd, BACKLOG) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}
