/* SPDX-License-Identifier: MIT
 * settings_files - writes the example settings file, or docs/settings.md, from the table
 * of settings, so that neither can lag behind. */
#include <stdio.h>
#include <string.h>

#include "common/base/settings.h"
#include "common/base/text.h"

enum { FILE_BYTES_MOST = 1 << 20 };

static int write_conf(void);
static int write_markdown(void);
static void describe_values(const struct settings_row *row, struct text *out);
static void describe_programs(int programs, struct text *out);
static int print(struct text *text);

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "conf") == 0) {
        return write_conf();
    }
    if (argc == 2 && strcmp(argv[1], "markdown") == 0) {
        return write_markdown();
    }
    fputs("usage: settings_files conf|markdown\n", stderr);
    return 2;
}

static int write_conf(void)
{
    struct text text;
    text_init(&text, FILE_BYTES_MOST);
    text_add_string(
        &text,
        "# Settings of Tocsin: the api, the workers and the command line.\n"
        "# Each line that is commented out shows the value in force without it.\n"
        "# Check this file with: tocsin-api --check\n\n");
    settings_describe(&text);
    return print(&text);
}

static int write_markdown(void)
{
    struct text text;
    text_init(&text, FILE_BYTES_MOST);
    text_add_string(
        &text,
        "# Settings\n\n"
        "This page is made from the table in `common/base/settings_table.c`; a test "
        "keeps "
        "it so.\n\n"
        "All programs read one file, `/etc/tocsin/tocsin.conf` or `--config FILE`. The "
        "environment (`TOCSIN__SECTION__KEY`) wins over the file, and `--set "
        "section.key=value` wins over both. An unknown key or a value out of range stops "
        "the start with the file and the line. Secrets stand in files of their own, "
        "which "
        "`*_file` keys name. `--check` reads everything and exits.\n");
    const char *section = "";
    for (size_t i = 0; i < settings_table_count; i++) {
        const struct settings_row *row = &settings_table[i];
        if (strcmp(section, row->section) != 0) {
            section = row->section;
            text_addf(&text,
                      "\n## [%s]\n\n| key | default | values | read by | what it is |\n"
                      "|---|---|---|---|---|\n",
                      section);
        }
        text_addf(&text, "| `%s` | ", row->key);
        if (row->fallback[0]) {
            text_addf(&text, "`%s`", row->fallback);
        }
        text_add_string(&text, " | ");
        describe_values(row, &text);
        text_add_string(&text, " | ");
        describe_programs(row->programs, &text);
        text_addf(&text, " | %s |\n", row->help);
    }
    return print(&text);
}

static void describe_values(const struct settings_row *row, struct text *out)
{
    switch (row->kind) {
    case SETTINGS_NUMBER:
        text_addf(out, "%lld to %lld", (long long)row->least, (long long)row->most);
        break;
    case SETTINGS_BOOL:
        text_add_string(out, "true, false");
        break;
    case SETTINGS_CHOICE:
        text_add_string(out, row->choices);
        break;
    case SETTINGS_FILE:
        text_add_string(out, "a file");
        break;
    case SETTINGS_STRING:
        text_add_string(out, "text");
        break;
    }
}

static void describe_programs(int programs, struct text *out)
{
    static const struct {
        int program;
        const char *name;
    } names[] = {{SETTINGS_API, "api"},
                 {SETTINGS_WORKER, "worker"},
                 {SETTINGS_CTL, "tocsin"}};
    if (programs == SETTINGS_ALL) {
        text_add_string(out, "all");
        return;
    }
    const char *between = "";
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (programs & names[i].program) {
            text_addf(out, "%s%s", between, names[i].name);
            between = ", ";
        }
    }
}

static int print(struct text *text)
{
    bool whole = !text->full;
    if (whole) {
        fwrite(text->at, 1, text->len, stdout);
    }
    text_done(text);
    return whole && fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
