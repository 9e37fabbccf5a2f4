/* SPDX-License-Identifier: MIT
 * Makes the listening sockets, or takes them from systemd. */
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

static enum outcome take_handed_over(const struct settings *settings,
                                     struct listener *listeners,
                                     struct fault *fault);
static enum outcome see_to(int fd, struct fault *fault);
static enum outcome open_address(const char *address,
                                 const char *setting,
                                 struct listener *listener,
                                 struct fault *fault);
static int listen_path(const char *path);
static int listen_host(const struct dial *address, const char **out_why);
static int bind_and_listen(int family, const struct sockaddr *address, socklen_t len);

enum outcome listener_check(const struct settings *settings, struct fault *fault)
{
    struct dial address;
    enum outcome outcome = dial_init(&address, settings->api.listen, fault);
    if (outcome != OUTCOME_DONE) {
        fault_lay_to(fault, "api.listen");
        return outcome;
    }
    dial_done(&address);
    if (settings->api.tls_listen[0] == '\0') {
        return OUTCOME_DONE;
    }
    outcome = dial_init(&address, settings->api.tls_listen, fault);
    if (outcome == OUTCOME_DONE) {
        bool is_path = address.path != NULL;
        dial_done(&address);
        if (is_path) {
            outcome =
                fault_set(fault, OUTCOME_NEVER, "listener", 0, "HTTPS needs host:port");
        }
    }
    if (outcome != OUTCOME_DONE) {
        fault_lay_to(fault, "api.tls_listen");
    }
    return outcome;
}

enum outcome listener_open(const struct settings *settings,
                           struct listener out_listeners[LISTENERS],
                           struct fault *fault)
{
    const struct {
        const char *address;
        const char *setting;
    } own[LISTENERS] = {
        [LISTENER_PLAIN] = {settings->api.listen, "api.listen"},
        [LISTENER_SECURE] = {settings->api.tls_listen, "api.tls_listen"},
    };
    struct listener listeners[LISTENERS] = {{.fd = -1}, {.fd = -1}};
    enum outcome outcome = take_handed_over(settings, listeners, fault);
    for (int i = 0; i < LISTENERS && outcome == OUTCOME_DONE; i++) {
        if (listeners[i].fd < 0 && own[i].address[0] != '\0') {
            outcome = open_address(own[i].address, own[i].setting, &listeners[i], fault);
        }
    }
    for (int i = 0; i < LISTENERS; i++) {
        if (outcome == OUTCOME_DONE) {
            out_listeners[i] = listeners[i];
        } else {
            listener_close(&listeners[i]);
        }
    }
    return outcome;
}

void listener_shorten(const struct listener *listener)
{
    if (listener->fd >= 0 && !listener->handed_over) {
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

static enum outcome take_handed_over(const struct settings *settings,
                                     struct listener *listeners,
                                     struct fault *fault)
{
    int count = notify_listen_fds();
    for (int i = 0; i < count; i++) {
        bool secure = notify_listen_name_is(i, "https");
        struct listener *listener = &listeners[secure ? LISTENER_SECURE : LISTENER_PLAIN];
        if (listener->fd >= 0) {
            return fault_set(fault,
                             OUTCOME_NEVER,
                             "listener",
                             count,
                             "systemd handed over %d sockets, two of them for %s",
                             count,
                             secure ? "HTTPS" : "HTTP");
        }
        if (secure && settings->api.tls_certificate_file[0] == '\0') {
            return fault_set(fault,
                             OUTCOME_NEVER,
                             "listener",
                             count,
                             "systemd handed over a socket for HTTPS, and "
                             "api.tls_certificate_file is not set");
        }
        enum outcome outcome = see_to(FIRST_HANDED_OVER + i, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        listener->fd = FIRST_HANDED_OVER + i;
        listener->handed_over = true;
    }
    return OUTCOME_DONE;
}

static enum outcome see_to(int fd, struct fault *fault)
{
    int accepts = 0;
    socklen_t len = sizeof(accepts);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &len) != 0 || !accepts) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "listener",
                         fd,
                         "what systemd handed over is no socket that listens "
                         "(ListenStream=, and Accept=no)");
    }
    return OUTCOME_DONE;
}

static enum outcome open_address(const char *text,
                                 const char *setting,
                                 struct listener *listener,
                                 struct fault *fault)
{
    struct dial address;
    const char *why = NULL;
    enum outcome outcome = dial_init(&address, text, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (address.path) {
        listener->fd = listen_path(address.path);
        listener->path = listener->fd >= 0 ? strdup(address.path) : NULL;
    } else {
        listener->fd = listen_host(&address, &why);
    }
    if (listener->fd < 0) {
        outcome = fault_set(fault,
                            OUTCOME_NEVER,
                            "listener",
                            errno,
                            "cannot listen on %s (%s): %s",
                            text,
                            setting,
                            why ? why : strerrordesc_np(errno));
    }
    dial_done(&address);
    return outcome;
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
