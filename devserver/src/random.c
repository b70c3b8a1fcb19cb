#include "random.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static void fill(void *out, size_t size)
{
    /* Requests of up to 256 bytes are never cut short. */
    if (getrandom(out, size, 0) != (ssize_t)size)
        abort();
}

void ds_random_uuid(char out[DS_UUID_SIZE])
{
    unsigned char b[16];
    fill(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(out, DS_UUID_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

void ds_random_suffix(char out[6])
{
    /* Those of Kubernetes: no vowels, no bad words. */
    static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
    for (int i = 0; i < 5; i++)
        out[i] = alphabet[ds_random_below(sizeof alphabet - 1)];
    out[5] = '\0';
}

void ds_random_token(char out[DS_TOKEN_SIZE])
{
    unsigned char b[(DS_TOKEN_SIZE - 1) / 2];
    fill(b, sizeof b);
    for (size_t i = 0; i < sizeof b; i++)
        snprintf(out + 2 * i, 3, "%02x", b[i]);
}

uint64_t ds_random_below(uint64_t bound)
{
    uint64_t value;
    fill(&value, sizeof value);
    return value % bound;
}
