/* SPDX-License-Identifier: MIT
 * Preloaded into redis-server by the tests of the queue: wall time is what the test wrote
 * into a file (microseconds, 8 bytes) that both have mapped. libfaketime cannot do this:
 * it allocates inside clock_gettime, which jemalloc calls while it starts. Monotonic
 * time, which drives the server's own loop, is left alone. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

static const volatile int64_t *wall_us;

__attribute__((constructor)) static void map_the_clock(void)
{
    const char *path = getenv("QUEUE_TEST_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) {
        return;
    }
    void *mapped = mmap(NULL, sizeof(*wall_us), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    wall_us = mapped == MAP_FAILED ? NULL : mapped;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    (void)zone;
    if (!wall_us) {
        abort();
    }
    int64_t now_us = *wall_us;
    time->tv_sec = now_us / 1000000;
    time->tv_usec = now_us % 1000000;
    return 0;
}
