/* SPDX-License-Identifier: MIT
 * The command line taken apart. */
#include "ctl/words.h"

#include <string.h>

#include "ctl/verbs.h"

/* The words in reading order. */
struct reader {
    struct words *words;
    char **argv;
    int argc;
    int at;
    const char *plain[WORDS_MOST]; /* what is no option */
    size_t plain_count;
    struct text *wrong;
};

static bool find_verb(struct reader *reader);
static bool is_known_value_option(const char *word);
static bool read_word(struct reader *reader);
static bool read_own_option(struct reader *reader, const char *word);
static bool value_of(struct reader *reader, const char *word, const char **out_value);
static bool check_count(struct reader *reader);

bool words_read(struct words *words, int argc, char **argv, struct text *wrong)
{
    memset(words, 0, sizeof(*words));
    words->options.sets = words->sets;
    struct reader reader = {.words = words, .argv = argv, .argc = argc, .wrong = wrong};
    if (argc > WORDS_MOST) {
        text_add_string(wrong, "there are too many words");
        return false;
    }
    if (!find_verb(&reader)) {
        return false;
    }
    for (reader.at = 1; reader.at < argc; reader.at++) {
        if (!read_word(&reader)) {
            return false;
        }
    }
    return check_count(&reader);
}

/* The verb is known first, so that its options may stand anywhere. */
static bool find_verb(struct reader *reader)
{
    const char *plain[WORDS_MOST];
    size_t count = 0;
    for (int i = 1; i < reader->argc; i++) {
        const char *word = reader->argv[i];
        if (strcmp(word, "--") == 0) {
            break;
        }
        if (is_known_value_option(word)) {
            i++;
        } else if (word[0] != '-') {
            plain[count++] = word;
        }
    }
    if (count > 0 && strcmp(plain[0], "help") == 0) {
        reader->words->help = true;
        memmove(plain, plain + 1, --count * sizeof(plain[0]));
    }
    size_t name_words = 0;
    if (count > 0) {
        reader->words->verb = verb_find(plain, count, &name_words);
        if (!reader->words->verb && !verbs_is_group(plain[0])) {
            text_addf(reader->wrong, "there is no verb %s", plain[0]);
            return false;
        }
        reader->words->group = reader->words->verb ? NULL : plain[0];
    }
    return true;
}

static bool is_known_value_option(const char *word)
{
    return strcmp(word, "--config") == 0 || strcmp(word, "--set") == 0;
}

static bool read_word(struct reader *reader)
{
    struct words *words = reader->words;
    const char *word = reader->argv[reader->at];
    static const struct {
        const char *name;
        size_t offset;
    } flags[] = {
        {"--json", offsetof(struct words, json)},
        {"--check", offsetof(struct words, check)},
        {"--help", offsetof(struct words, help)},
        {"-h", offsetof(struct words, help)},
        {"--version", offsetof(struct words, version)},
    };
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strcmp(word, flags[i].name) == 0) {
            *(bool *)((char *)words + flags[i].offset) = true;
            return true;
        }
    }
    if (strcmp(word, "--") == 0) {
        for (reader->at++; reader->at < reader->argc; reader->at++) {
            reader->plain[reader->plain_count++] = reader->argv[reader->at];
        }
        return true;
    }
    if (strcmp(word, "--config") == 0) {
        return value_of(reader, word, &words->options.config);
    }
    if (strcmp(word, "--set") == 0) {
        return value_of(reader, word, &words->sets[words->options.set_count++]);
    }
    if (word[0] == '-' && word[1] != '\0') {
        return read_own_option(reader, word);
    }
    reader->plain[reader->plain_count++] = word;
    return true;
}

static bool read_own_option(struct reader *reader, const char *word)
{
    const struct verb *verb = reader->words->verb;
    for (size_t i = 0; verb && verb->options[i].name; i++) {
        if (strcmp(word, verb->options[i].name) != 0) {
            continue;
        }
        if (!verb->options[i].value) {
            reader->words->given[i] = "";
            return true;
        }
        return value_of(reader, word, &reader->words->given[i]);
    }
    text_addf(reader->wrong, "%s has no option %s", verb ? verb->name : "tocsin", word);
    return false;
}

static bool value_of(struct reader *reader, const char *word, const char **out_value)
{
    if (reader->at + 1 >= reader->argc) {
        text_addf(reader->wrong, "%s wants a value", word);
        return false;
    }
    *out_value = reader->argv[++reader->at];
    return true;
}

/* What is left without the verb's name are the verb's own words. */
static bool check_count(struct reader *reader)
{
    struct words *words = reader->words;
    const struct verb *verb = words->verb;
    if (words->group && !words->help) {
        text_addf(reader->wrong, "%s wants one of: ", words->group);
        verbs_name_group(words->group, reader->wrong);
        return false;
    }
    if (!verb || words->help) {
        return true;
    }
    size_t skip = 0;
    (void)verb_find(reader->plain, reader->plain_count, &skip);
    words->own_count = reader->plain_count - skip;
    memcpy(words->own, reader->plain + skip, words->own_count * sizeof(words->own[0]));
    if (words->own_count < verb->least || words->own_count > verb->most) {
        text_addf(reader->wrong,
                  "%s wants %s%s",
                  verb->name,
                  verb->most ? "" : "no words",
                  verb->arguments);
        return false;
    }
    return true;
}
