/*
 * Runs a target over its corpus without libFuzzer: each file whole, then cut off at each of its bytes, so
 * that the corpus counts under every compiler and sanitizer. Arguments: files and folders.
 */
#include "fuzz.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

/* Cuts a large file less often: so many times at most. */
#define CUTS_MOST 512

static int files;
static int inputs;

/* In memory of its own size, so that reading beyond it is seen. */
static void run(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    REQUIRE(copy);
    if (size)
        memcpy(copy, bytes, size);
    REQUIRE(LLVMFuzzerTestOneInput(copy, size) == 0);
    free(copy);
    inputs++;
}

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (!file || fstat(fileno(file), &status) != 0) {
        perror(path);
        exit(1);
    }
    size_t size = (size_t)status.st_size;
    uint8_t *bytes = malloc(size ? size : 1);
    REQUIRE(bytes);
    REQUIRE(fread(bytes, 1, size, file) == size);
    (void)fclose(file);
    files++;
    run(bytes, size);
    for (size_t end = 0; end < size; end += 1 + size / CUTS_MOST)
        run(bytes, end);
    free(bytes);
}

static void run_path(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder) {
        run_file(path);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char inside[4096];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        run_file(inside);
    }
    (void)closedir(folder);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        run_path(argv[i]);
    if (files == 0) {
        (void)fprintf(stderr, "no input\n");
        return 1;
    }
    (void)printf("%d inputs of %d files\n[==========] 1 test(s) run.\n", inputs, files);
    return 0;
}
