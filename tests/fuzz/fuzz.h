/*
 * What the fuzz targets share. A target is one function, LLVMFuzzerTestOneInput: libFuzzer calls it (preset
 * `fuzz`), and in the other presets replay.c does, over the corpus. It checks what must hold of any input,
 * not only that nothing crashes.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold of this input. */
#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);             \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* A copy ended with NUL, at least one byte long: what is read beyond it is seen by AddressSanitizer. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    REQUIRE(text);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)data[i];
    text[size] = '\0';
    return text;
}

/* The next of a row of numbers that is the same in each run: where an input is cut into pieces. */
static inline uint32_t fuzz_next(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

#endif
