/* SPDX-License-Identifier: MIT
 * replay - runs a fuzzer's seeds once each, for builds without libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void replay(const char *path);

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++) {
        struct dirent **entries;
        int found = scandir(argv[i], &entries, NULL, alphasort);
        if (found < 0) {
            perror(argv[i]);
            return 1;
        }
        for (int k = 0; k < found; k++) {
            if (entries[k]->d_name[0] != '.') {
                char path[4096];
                snprintf(path, sizeof(path), "%s/%s", argv[i], entries[k]->d_name);
                replay(path);
                count++;
            }
            free(entries[k]);
        }
        free(entries);
    }
    printf("%d seeds\n", count);
    return count > 0 ? 0 : 1;
}

static void replay(const char *path)
{
    FILE *file = fopen(path, "rbe");
    if (!file) {
        perror(path);
        exit(1);
    }
    static char bytes[1 << 20];
    size_t len = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    /* A copy of its exact size, so that the sanitizer sees a read past its end. */
    uint8_t *exact = malloc(len ? len : 1);
    if (!exact) {
        abort();
    }
    memcpy(exact, bytes, len);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
}
