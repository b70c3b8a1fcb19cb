/* Times: what can be read is written and read back equal, in the order of time; what can't is told apart. */
#include "fuzz.h"

#include "kube/time.h"

#include <string.h>

#define UNREADABLE (-(INT64_C(1) << 62))

/* A stamp that is a time has one text, and later ones have later texts. */
static void check_stamp(kl_stamp stamp)
{
    char text[KL_TIME_TEXT_SIZE];
    char next[KL_TIME_TEXT_SIZE];
    kl_time_format(stamp, text);
    if (!kl_time_is_real(stamp)) {
        REQUIRE(text[0] == '\0');
        return;
    }
    REQUIRE(strlen(text) == KL_TIME_TEXT_SIZE - 1);
    REQUIRE(text[10] == 'T' && text[19] == '.' && text[26] == 'Z');
    REQUIRE(kl_time_parse(text) == stamp);
    kl_time_format(stamp + 1, next);
    REQUIRE(next[0] == '\0' || strcmp(text, next) < 0);
}

/* The same time by another clock. */
static void check_offset(const char *text, size_t length, kl_stamp stamp)
{
    if (text[length - 1] != 'Z')
        return;
    char *moved = malloc(length + 6);
    REQUIRE(moved);
    memcpy(moved, text, length - 1);
    memcpy(moved + length - 1, "+01:30", 7);
    kl_stamp earlier = kl_time_parse(moved);
    REQUIRE(earlier == stamp - INT64_C(5400000000) || !kl_time_is_real(stamp - INT64_C(5400000000)));
    free(moved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    kl_stamp stamp = kl_time_parse(text);
    size_t length = strlen(text);
    REQUIRE(kl_time_parse(text) == stamp);
    REQUIRE((stamp == KL_STAMP_NONE) == (length == 0));
    if (kl_time_is_real(stamp)) {
        check_offset(text, length, stamp);
    } else {
        REQUIRE(stamp < UNREADABLE);
    }
    check_stamp(stamp);
    free(text);
    if (size >= sizeof stamp) {
        memcpy(&stamp, data, sizeof stamp);
        check_stamp(stamp);
        check_stamp(stamp % INT64_C(253402300800000000)); /* most numbers are no time */
    }
    return 0;
}
