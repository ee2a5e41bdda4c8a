/*
 * Runs a target over files, and over all files below folders: every seed and every input that once
 * crashed it. Linked where libFuzzer is not.
 */
#include <ftw.h>
#include <sys/stat.h>

#include "fuzz.h"

static unsigned n_files;

static int run_file(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
        FILE *f;
        uint8_t *data;
        size_t size;

        (void)ftw;
        if (kind != FTW_F)
                return 0;
        f = fopen(path, "re");
        fuzz_claim(f);
        data = malloc((size_t)st->st_size + 1);
        fuzz_claim(data);
        size = fread(data, 1, (size_t)st->st_size, f);
        fclose(f);
        printf("%s\n", path);
        fflush(stdout); /* the last one named is the one that crashed */
        LLVMFuzzerTestOneInput(data, size);
        free(data);
        n_files++;
        return 0;
}

int main(int argc, char **argv)
{
        LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
        for (int i = 1; i < argc; i++)
                if (nftw(argv[i], run_file, 16, FTW_PHYS) != 0) {
                        fprintf(stderr, "%s: cannot be read\n", argv[i]);
                        return 1;
                }
        printf("%u inputs\n", n_files);
        return n_files > 0 ? 0 : 1;
}
