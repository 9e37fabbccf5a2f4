/* SPDX-License-Identifier: MIT
 * Files with secrets: looked at, and put first in. */
#include "ctl/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/digest.h"

enum { FILE_MOST_BYTES = 64 * 1024, OWNER_AND_GROUP = 0640, OWNER_ALONE = 0600 };

static enum outcome read_file(const char *path, struct text *out, struct fault *fault);
static enum outcome open_beside(const char *path,
                                char fresh[PATH_MAX],
                                char whole[PATH_MAX],
                                int *out_fd,
                                struct fault *fault);
static int write_all(int fd, struct span bytes);
static int sync_directory(const char *path);
static enum outcome failed(const char *path,
                           const char *what,
                           int error,
                           struct fault *fault);

void secret_file_mark(struct span secret, char out_mark[SECRET_MARK_BYTES])
{
    struct digest digest;
    char hex[DIGEST_HEX_BYTES];
    digest_sha256(secret, &digest);
    digest_hex(&digest, hex);
    memcpy(out_mark, hex, SECRET_MARK_BYTES - 1);
    out_mark[SECRET_MARK_BYTES - 1] = '\0';
}

enum outcome secret_file_look(const char *path,
                              struct span mark,
                              struct secret_file *out_file,
                              struct fault *fault)
{
    struct text text;
    struct secret_file file = {0};
    text_init(&text, FILE_MOST_BYTES);
    enum outcome outcome = read_file(path, &text, fault);
    struct span rest = text_span(&text);
    for (size_t number = 1; rest.len > 0; number++) {
        struct span line = span_cut(rest, '\n', &rest);
        if (line.len > 0 && line.at[line.len - 1] == '\r') {
            line.len--;
        }
        line = span_trim(line);
        if (line.len == 0 || line.at[0] == '#') {
            continue;
        }
        if (!span_starts(line, "whsec_")) {
            file.bad_line = file.bad_line ? file.bad_line : number;
            continue;
        }
        char own[SECRET_MARK_BYTES];
        secret_file_mark(line, own);
        file.secrets++;
        file.has_mark = file.has_mark || (mark.len > 0 && span_is(mark, own));
    }
    text_wipe(&text);
    if (outcome == OUTCOME_DONE) {
        *out_file = file;
    }
    return outcome;
}

enum outcome secret_file_try(const char *path, struct fault *fault)
{
    char fresh[PATH_MAX];
    char whole[PATH_MAX];
    int fd = -1;
    struct text text;
    text_init(&text, FILE_MOST_BYTES);
    enum outcome outcome = read_file(path, &text, fault);
    text_wipe(&text);
    if (outcome == OUTCOME_DONE) {
        outcome = open_beside(path, fresh, whole, &fd, fault);
    }
    if (outcome == OUTCOME_DONE) {
        close(fd);
        unlink(fresh);
    }
    return outcome;
}

enum outcome secret_file_put(const char *path, struct span secret, struct fault *fault)
{
    char fresh[PATH_MAX];
    char whole[PATH_MAX];
    int fd = -1;
    struct text old;
    struct text text;
    text_init(&old, FILE_MOST_BYTES);
    text_init(&text, FILE_MOST_BYTES + 1024);
    enum outcome outcome = read_file(path, &old, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = open_beside(path, fresh, whole, &fd, fault);
    }
    if (outcome == OUTCOME_DONE) {
        (void)text_grow(&text, FILE_MOST_BYTES);
        text_add(&text, secret);
        text_add_char(&text, '\n');
        text_add(&text, text_span(&old));
        int error = write_all(fd, text_span(&text));
        error = !error && fsync(fd) != 0 ? errno : error;
        error = close(fd) != 0 && !error ? errno : error;
        error = !error && rename(fresh, whole) != 0 ? errno : error;
        error = !error ? sync_directory(whole) : error;
        if (error) {
            unlink(fresh);
            outcome = failed(path, "written", error, fault);
        }
    }
    text_wipe(&old);
    text_wipe(&text);
    return outcome;
}

static enum outcome read_file(const char *path, struct text *out, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    (void)text_grow(out, FILE_MOST_BYTES); /* it does not move, so no copy stays behind */
    if (fd < 0) {
        return errno == ENOENT ? OUTCOME_DONE : failed(path, "read", errno, fault);
    }
    int error = 0;
    for (;;) {
        char *at = text_grow(out, 4096);
        ssize_t got = at ? read(fd, at, 4096) : 0;
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            error = got < 0 ? errno : at ? 0 : EFBIG;
            break;
        }
        text_grown(out, (size_t)got);
    }
    close(fd);
    return error ? failed(path, "read", error, fault) : OUTCOME_DONE;
}

/* A file of another name in the same directory, which takes the place of the first one
 * when it is whole. `whole` is where a link leads. */
static enum outcome open_beside(const char *path,
                                char fresh[PATH_MAX],
                                char whole[PATH_MAX],
                                int *out_fd,
                                struct fault *fault)
{
    struct stat old;
    bool is_there = realpath(path, whole) != NULL;
    if (!is_there && errno != ENOENT) {
        return failed(path, "found", errno, fault);
    }
    if (!is_there && snprintf(whole, PATH_MAX, "%s", path) >= PATH_MAX) {
        return failed(path, "found", ENAMETOOLONG, fault);
    }
    if (is_there && stat(whole, &old) != 0) {
        return failed(path, "found", errno, fault);
    }
    int len = snprintf(fresh, PATH_MAX, "%s.new", whole);
    if (len < 0 || len >= PATH_MAX) {
        return failed(path, "written", ENAMETOOLONG, fault);
    }
    unlink(fresh); /* what a run that was killed left behind */
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, OWNER_ALONE);
    int error = fd < 0 ? errno : 0;
    if (fd >= 0 && is_there &&
        (fchown(fd, old.st_uid, old.st_gid) != 0 ||
         fchmod(fd, (old.st_mode & OWNER_AND_GROUP) | OWNER_ALONE) != 0)) {
        error = errno;
        close(fd);
        unlink(fresh);
    }
    if (error) {
        return failed(path, "written", error, fault);
    }
    *out_fd = fd;
    return OUTCOME_DONE;
}

/* 0, or the errno. */
static int write_all(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t wrote = write(fd, bytes.at, bytes.len);
        if (wrote < 0 && errno != EINTR) {
            return errno;
        }
        bytes.at += wrote > 0 ? wrote : 0;
        bytes.len -= wrote > 0 ? (size_t)wrote : 0;
    }
    return 0;
}

static int sync_directory(const char *path)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof(copy), "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    int error = fsync(fd) != 0 && errno != EINVAL ? errno : 0;
    close(fd);
    return error;
}

static enum outcome failed(const char *path,
                           const char *what,
                           int error,
                           struct fault *fault)
{
    return fault_set(fault,
                     OUTCOME_NEVER,
                     "secret_file",
                     error,
                     "%s cannot be %s: %s",
                     path,
                     what,
                     strerrordesc_np(error));
}
