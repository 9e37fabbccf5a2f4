/* SPDX-License-Identifier: MIT
 *
 * sheet_file - a sheet comes from its file, and what is wrong with it is told.
 *
 * Owns:    nothing; what is read lives in the run's arena
 * Callers: ctl (the verbs that import)
 * Blocks:  as the file's disk and the checks of its kind do
 */
#ifndef CTL_SHEET_FILE_H
#define CTL_SHEET_FILE_H

struct ctl;
struct sheet;
struct sheet_kind;

/* CTL_OK, also of a sheet with complaints; else a message says why. */
int sheet_file_read(struct ctl *ctl,
                    const char *path,
                    const struct sheet_kind *kind,
                    struct sheet *out_sheet);
/* Every complaint on standard error, and the exit code of a file that is not imported. */
int sheet_file_tell(const char *path, struct sheet *sheet);

#endif
