/* RFC 3339 times: kube/time.h. */
#include "kube/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <time.h>

#define SECOND   INT64_C(1000000)
#define NOV_22   (INT64_C(1795329600) * SECOND) /* 2026-11-22T06:40:00Z */
#define STRIDE_S INT64_C(183719) /* two days and some: every day of the year and time of day comes up */

static void readable(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        kl_stamp stamp;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.000001Z", 1},
        {"1969-12-31T23:59:59.999999Z", -1},
        {"2026-11-22T06:40:00.123456Z", NOV_22 + 123456},
        /* 't', 'z', blank */
        {"2026-11-22t06:40:00z", NOV_22},
        {"2026-11-22 06:40:00Z", NOV_22},
        /* offsets */
        {"2026-11-22T06:40:00+00:00", NOV_22},
        {"2026-11-22T06:40:00-00:00", NOV_22},
        {"2026-11-22T07:40:00+01:00", NOV_22},
        {"2026-11-22T12:10:00+05:30", NOV_22},
        {"2026-11-21T20:40:00-10:00", NOV_22},
        {"2026-11-23T06:39:00+23:59", NOV_22},
        {"2026-11-22T07:40:00.5+01:00", NOV_22 + 500000},
        /* 0 to 9 fractional digits, cut beyond six */
        {"2026-11-22T06:40:00.1Z", NOV_22 + 100000},
        {"2026-11-22T06:40:00.01Z", NOV_22 + 10000},
        {"2026-11-22T06:40:00.1234Z", NOV_22 + 123400},
        {"2026-11-22T06:40:00.1234569Z", NOV_22 + 123456},
        {"2026-11-22T06:40:00.123456999Z", NOV_22 + 123456},
        {"2026-11-22T06:40:00.000000999Z", NOV_22},
        /* leap seconds and leap years */
        {"2016-12-31T23:59:60Z", INT64_C(1483228800) * SECOND},
        {"2016-12-31T23:59:60.5Z", INT64_C(1483228800) * SECOND + 500000},
        {"2000-02-29T00:00:00Z", INT64_C(951782400) * SECOND},
        {"2024-02-29T00:00:00Z", INT64_C(1709164800) * SECOND},
        /* the ends */
        {"0000-01-01T00:00:00Z", INT64_C(-62167219200) * SECOND},
        {"0001-01-01T00:00:00Z", INT64_C(-62135596800) * SECOND},
        {"9999-12-31T23:59:59.999999Z", INT64_C(253402300799) * SECOND + 999999},
        {"9999-12-31T23:58:60Z", INT64_C(253402300740) * SECOND},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        kl_stamp stamp = kl_time_parse(rows[i].text);
        if (stamp != rows[i].stamp)
            fail_msg("%s: %lld, not %lld", rows[i].text, (long long)stamp, (long long)rows[i].stamp);
        assert_true(kl_time_is_real(stamp));
    }
}

static const char *const not_times[] = {
    "x",
    " ",
    "null",
    "1795329600",
    "2026-11-22",
    "2026-11-22T06:40Z",
    "2026-11-22T06:40:00",
    "2026-11-22T06:40:00.Z",
    "2026-11-22T06:40:00,5Z",
    "2026-11-22T06:40:00.1234567890Z",
    "2026-11-22T06:40:00.12x4Z",
    " 2026-11-22T06:40:00Z",
    "2026-11-22T06:40:00Z ",
    "2026-11-22T06:40:00ZZ",
    "2026-11-22  06:40:00Z",
    "2026-11-22_06:40:00Z",
    "2026-00-22T06:40:00Z",
    "2026-13-22T06:40:00Z",
    "2026-11-00T06:40:00Z",
    "2026-11-31T06:40:00Z",
    "2026-02-29T06:40:00Z",
    "1900-02-29T06:40:00Z",
    "2024-02-30T06:40:00Z",
    "2026-12-32T06:40:00Z",
    "2026-11-22T24:00:00Z",
    "2026-11-22T06:60:00Z",
    "2026-11-22T06:40:61Z",
    "2026-1-22T06:40:00Z",
    "+026-11-22T06:40:00Z",
    "2026-11-22T-6:40:00Z",
    "2026/11/22T06:40:00Z",
    "2026-11-22T06.40.00Z",
    "12026-11-22T06:40:00Z",
    "2026-11-22T06:40:00+0100",
    "2026-11-22T06:40:00+01",
    "2026-11-22T06:40:00+24:00",
    "2026-11-22T06:40:00+01:60",
    "2026-11-22T06:40:00*01:00",
    "2026-11-22T06:40:00Z+01:00",
    /* readable, but of a year there is none of */
    "0000-01-01T00:00:00+00:01",
    "9999-12-31T23:59:00-00:01",
    "9999-12-31T23:59:60Z",
};

static void unreadable(void **state)
{
    (void)state;
    const size_t count = sizeof not_times / sizeof not_times[0];
    for (size_t i = 0; i < count; i++) {
        kl_stamp stamp = kl_time_parse(not_times[i]);
        if (stamp >= -(INT64_C(1) << 62) || stamp == KL_STAMP_NONE || kl_time_is_real(stamp))
            fail_msg("%s: %lld", not_times[i], (long long)stamp);
        char copy[64];
        strcpy(copy, not_times[i]);
        assert_int_equal(kl_time_parse(copy), stamp);
        for (size_t other = 0; other < i; other++)
            if (kl_time_parse(not_times[other]) == stamp)
                fail_msg("%s and %s have one stamp", not_times[i], not_times[other]);
    }
}

static void none(void **state)
{
    (void)state;
    assert_true(kl_time_parse(NULL) == KL_STAMP_NONE);
    assert_true(kl_time_parse("") == KL_STAMP_NONE);
    assert_false(kl_time_is_real(KL_STAMP_NONE));
}

static void format(void **state)
{
    (void)state;
    static const struct {
        kl_stamp stamp;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {NOV_22 + 123456, "2026-11-22T06:40:00.123456Z"},
        {NOV_22 + 6, "2026-11-22T06:40:00.000006Z"},
        {INT64_C(951868799) * SECOND, "2000-02-29T23:59:59.000000Z"},
        {INT64_C(-62167219200) * SECOND, "0000-01-01T00:00:00.000000Z"},
        {INT64_C(-62167219200) * SECOND - 1, ""},
        {INT64_C(253402300799) * SECOND + 999999, "9999-12-31T23:59:59.999999Z"},
        {INT64_C(253402300800) * SECOND, ""},
        {INT64_MAX, ""},
        {KL_STAMP_NONE, ""},
        {KL_STAMP_NONE + 1, ""},
        {-(INT64_C(1) << 62) - 1, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[KL_TIME_TEXT_SIZE + 1];
        memset(text, 'x', sizeof text);
        kl_time_format(rows[i].stamp, text);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(kl_time_is_real(rows[i].stamp), *rows[i].text != '\0');
        assert_int_equal(text[KL_TIME_TEXT_SIZE], 'x');
    }
}

/* The C library's calendar agrees, all the way, at every time of day; and what is written is read as the
 * same. */
static void whole_calendar(void **state)
{
    (void)state;
    int64_t microsecond = 0;
    for (int64_t second = INT64_C(-62167219200); second <= INT64_C(253402300799); second += STRIDE_S) {
        char text[KL_TIME_TEXT_SIZE], expected[64], fraction[16];
        microsecond = (microsecond + 104729) % SECOND;
        kl_stamp stamp = second * SECOND + microsecond;
        kl_time_format(stamp, text);

        time_t seconds = (time_t)second;
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        (void)snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
                       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        (void)snprintf(fraction, sizeof fraction, ".%06dZ", (int)microsecond);
        strcat(expected, fraction);
        assert_string_equal(text, expected);
        assert_true(kl_time_parse(text) == stamp);
    }
}

/* Every prefix of a time, and every single byte of it replaced: read without harm, and never as that time. */
static void damaged(void **state)
{
    (void)state;
    const char whole[] = "2026-11-22T06:40:00.123456+01:00";
    const kl_stamp stamp = kl_time_parse(whole);
    for (size_t i = 0; i < sizeof whole - 1; i++) {
        char text[sizeof whole];
        memcpy(text, whole, i);
        text[i] = '\0';
        assert_true(kl_time_parse(text) != stamp);
        for (int c = 1; c < 256; c++) {
            memcpy(text, whole, sizeof whole);
            text[i] = (char)c;
            int same = text[i] == whole[i] || (i == 10 && (c == 't' || c == ' '));
            assert_int_equal(kl_time_parse(text) == stamp, same);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readable), cmocka_unit_test(unreadable),     cmocka_unit_test(none),
        cmocka_unit_test(format),   cmocka_unit_test(whole_calendar), cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
