/* SPDX-License-Identifier: MIT
 * The datagrams of sd_notify(3) and the variables of sd_listen_fds(3). */
#include "common/base/notify.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/text.h"

static int64_t number_in(const char *variable);

void notify_send(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') ||
        strlen(path) >= sizeof(address.sun_path)) {
        return;
    }
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@') {
        address.sun_path[0] = '\0'; /* the abstract namespace */
    }
    int socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket_fd < 0) {
        return;
    }
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    ssize_t sent = sendto(socket_fd,
                          state,
                          strlen(state),
                          MSG_NOSIGNAL,
                          (const struct sockaddr *)&address,
                          len);
    (void)sent; /* systemd's watchdog notices what it does not hear */
    close(socket_fd);
}

int64_t notify_watchdog_ms(void)
{
    int64_t pid = number_in("WATCHDOG_PID");
    if (pid != 0 && pid != (int64_t)getpid()) {
        return 0;
    }
    return number_in("WATCHDOG_USEC") / 2000;
}

int notify_listen_fds(void)
{
    if (number_in("LISTEN_PID") != (int64_t)getpid()) {
        return 0;
    }
    int count = (int)number_in("LISTEN_FDS");
    for (int fd = 3; fd < 3 + count; fd++) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    return count;
}

bool notify_listen_name_is(int number, const char *name)
{
    struct span rest = span_of(getenv("LISTEN_FDNAMES"));
    struct span one = {NULL, 0};
    for (int i = 0; i <= number; i++) {
        one = span_cut(rest, ':', &rest);
    }
    return span_is(one, name);
}

static int64_t number_in(const char *variable)
{
    int64_t number = 0;
    return span_to_i64(span_of(getenv(variable)), &number) && number > 0 ? number : 0;
}
