/* SPDX-License-Identifier: MIT
 * A sheet comes from its file, and what is wrong with it goes to standard error. */
#include "ctl/sheet_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/arena.h"
#include "ctl/ctl.h"
#include "ctl/sheet.h"

static int read_bytes(struct ctl *ctl, const char *path, struct span *out_bytes);

int sheet_file_read(struct ctl *ctl,
                    const char *path,
                    const struct sheet_kind *kind,
                    struct sheet *out_sheet)
{
    struct span bytes;
    int code = read_bytes(ctl, path, &bytes);
    if (code == CTL_OK) {
        sheet_read(kind, bytes, &ctl->arena, out_sheet);
    }
    return code;
}

static int read_bytes(struct ctl *ctl, const char *path, struct span *out_bytes)
{
    FILE *from = fopen(path, "re");
    if (!from) {
        return ctl_say(CTL_USAGE, "%s cannot be read: %s", path, strerror(errno));
    }
    char *bytes = arena_take(&ctl->arena, SHEET_BYTES + 1);
    size_t len = fread(bytes, 1, SHEET_BYTES + 1, from);
    int wrong = ferror(from) ? errno : 0;
    fclose(from);
    if (wrong != 0) {
        return ctl_say(CTL_USAGE, "%s cannot be read: %s", path, strerror(wrong));
    }
    if (len > SHEET_BYTES) {
        return ctl_say(CTL_FAILED, "%s is larger than %d MiB", path, SHEET_BYTES >> 20);
    }
    *out_bytes = (struct span){bytes, len};
    return CTL_OK;
}

int sheet_file_tell(const char *path, struct sheet *sheet)
{
    sheet_order(sheet);
    for (size_t i = 0; i < sheet->complaint_count; i++) {
        const struct sheet_complaint *complaint = &sheet->complaints[i];
        char column[64] = "";
        if (complaint->column > 0) {
            snprintf(column, sizeof(column), ", column %zu", complaint->column);
        }
        (void)ctl_say(CTL_FAILED,
                      "%s, line %zu%s%s%s%s: %s",
                      path,
                      complaint->line,
                      column,
                      complaint->name ? " (" : "",
                      complaint->name ? complaint->name : "",
                      complaint->name ? ")" : "",
                      complaint->text);
    }
    return ctl_say(CTL_FAILED,
                   "nothing was imported: %zu to mend",
                   sheet->complaint_count);
}
