/* SPDX-License-Identifier: MIT
 * A new password is read, or the hash of an old one. */
#include "ctl/password.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "common/base/password.h"

static enum outcome read_first(const char *file,
                               struct text *out_line,
                               struct fault *fault);
static enum outcome read_line(FILE *from, struct text *out_line, struct fault *fault);
static enum outcome ask(const char *question, struct text *out_line, struct fault *fault);
static enum outcome check(struct span password, struct fault *fault);

enum outcome password_read(const char *file,
                           struct text *out_password,
                           struct fault *fault)
{
    enum outcome outcome;
    if (file) {
        outcome = read_first(file, out_password, fault);
    } else if (!isatty(STDIN_FILENO)) {
        outcome = read_line(stdin, out_password, fault);
    } else {
        struct text again;
        outcome = ask("Password: ", out_password, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        outcome = ask("Once more: ", &again, fault);
        if (outcome == OUTCOME_DONE) {
            if (!span_equal(text_span(out_password), text_span(&again))) {
                outcome =
                    fault_set(fault, OUTCOME_NEVER, "password", 0, "the two differ");
            }
            text_wipe(&again);
        }
        if (outcome != OUTCOME_DONE) {
            text_wipe(out_password);
        }
    }
    if (outcome == OUTCOME_DONE) {
        outcome = check(text_span(out_password), fault);
        if (outcome != OUTCOME_DONE) {
            text_wipe(out_password);
        }
    }
    return outcome;
}

enum outcome password_hash_read(const char *file,
                                char out_hash[PASSWORD_HASH_BYTES],
                                struct fault *fault)
{
    struct text line;
    enum outcome outcome = read_first(file, &line, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    struct span hash = text_span(&line);
    if (password_hash_is_good(hash)) {
        snprintf(out_hash, PASSWORD_HASH_BYTES, "%.*s", SPAN_ARGS(hash));
    } else {
        outcome = fault_set(fault,
                            OUTCOME_NEVER,
                            "password",
                            0,
                            "%s holds no whole hash of bcrypt or yescrypt, or one that "
                            "costs too much",
                            file);
    }
    text_wipe(&line);
    return outcome;
}

static enum outcome read_first(const char *file,
                               struct text *out_line,
                               struct fault *fault)
{
    FILE *from = fopen(file, "re");
    if (!from) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "password",
                         0,
                         "%s cannot be read: %s",
                         file,
                         strerror(errno));
    }
    enum outcome outcome = read_line(from, out_line, fault);
    fclose(from);
    return outcome;
}

/* Without its newline. The stream is not buffered, so that no copy stays behind. */
static enum outcome read_line(FILE *from, struct text *out_line, struct fault *fault)
{
    char *line = NULL;
    size_t room = 0;
    setvbuf(from, NULL, _IONBF, 0);
    ssize_t len = getline(&line, &room, from);
    if (len < 0) {
        free(line);
        return fault_set(fault, OUTCOME_NEVER, "password", 0, "there is no password");
    }
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r')) {
        len--;
    }
    /* One byte more than is allowed is enough to be refused; so is a NUL, as no UTF-8. */
    text_init(out_line, PASSWORD_MOST_BYTES + 1);
    text_add(out_line, (struct span){line, (size_t)len});
    explicit_bzero(line, room);
    free(line);
    return OUTCOME_DONE;
}

static enum outcome ask(const char *question, struct text *out_line, struct fault *fault)
{
    struct termios before;
    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        return fault_set(fault, OUTCOME_NEVER, "password", errno, "no terminal");
    }
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    /* Typed-ahead words are thrown away, so the question comes behind that. */
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    fputs(question, stderr);
    enum outcome outcome = read_line(stdin, out_line, fault);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    return outcome;
}

static enum outcome check(struct span password, struct fault *fault)
{
    size_t characters = 0;
    for (size_t i = 0; i < password.len; i++) {
        characters += ((unsigned char)password.at[i] & 0xC0) != 0x80;
    }
    if (characters < PASSWORD_LEAST_CHARACTERS) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "password",
                         0,
                         "a password has at least %d characters",
                         PASSWORD_LEAST_CHARACTERS);
    }
    if (password.len > PASSWORD_MOST_BYTES || !span_is_utf8(password)) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "password",
                         0,
                         "a password is UTF-8 of at most %d bytes",
                         PASSWORD_MOST_BYTES);
    }
    return OUTCOME_DONE;
}
