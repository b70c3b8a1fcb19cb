/*
 * RFC 3339 times. Calendar arithmetic of our own: timegm() and strptime() differ between C libraries and know
 * no year 0, no ":60" and no offsets with a colon.
 */
#include "kube/time.h"

#include "kube/json.h"

#include <string.h>

#define DAY_S        INT64_C(86400)
#define SECOND_US    INT64_C(1000000)
#define LAST_YEAR    9999
#define FIRST_REAL   (-days_before_year(1970) * DAY_S * SECOND_US)
#define END_OF_REAL  ((days_before_year(LAST_YEAR + 1) - days_before_year(1970)) * DAY_S * SECOND_US)
#define UNREADABLE   (-(INT64_C(1) << 62)) /* the stamps below it stand for text */
#define FRACTION_MAX 9

/* Days from 0000-01-01 to the first day of a year (0 or later): 365 each, and one for each leap year before
 * it. */
static int64_t days_before_year(int64_t year)
{
    return 365 * year + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
}

/* Days in the year before the first day of a month, 1 to 13. */
static int days_before_month(int64_t year, int month)
{
    static const int days[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    int leap = days_before_year(year + 1) - days_before_year(year) == 366;
    return days[month - 1] + (leap && month > 2);
}

/* Takes exactly `count` digits. */
static int take_digits(const char **at, int count, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++, ++*at) {
        if (**at < '0' || **at > '9')
            return 0;
        *value = *value * 10 + (**at - '0');
    }
    return 1;
}

/* Takes one character of a set. */
static int take(const char **at, const char *set)
{
    if (!**at || !strchr(set, **at))
        return 0;
    ++*at;
    return 1;
}

static int take_date(const char **at, int64_t *day)
{
    int year, month, mday;
    if (!take_digits(at, 4, &year) || !take(at, "-") || !take_digits(at, 2, &month) || !take(at, "-") ||
        !take_digits(at, 2, &mday))
        return 0;
    if (month < 1 || month > 12)
        return 0;
    int first = days_before_month(year, month);
    if (mday < 1 || mday > days_before_month(year, month + 1) - first)
        return 0;
    *day = days_before_year(year) - days_before_year(1970) + first + mday - 1;
    return 1;
}

static int take_clock(const char **at, int64_t *second)
{
    int hour, minute, s;
    if (!take_digits(at, 2, &hour) || !take(at, ":") || !take_digits(at, 2, &minute) || !take(at, ":") ||
        !take_digits(at, 2, &s))
        return 0;
    *second = hour * INT64_C(3600) + minute * INT64_C(60) + s;
    return hour < 24 && minute < 60 && s <= 60; /* 60: a leap second, counted as the one after it */
}

static int take_fraction(const char **at, int64_t *microsecond)
{
    *microsecond = 0;
    if (!take(at, "."))
        return 1;
    int count = 0, digit;
    for (int64_t unit = SECOND_US / 10; take_digits(at, 1, &digit); unit /= 10, count++)
        *microsecond += digit * unit;
    return count >= 1 && count <= FRACTION_MAX;
}

static int take_offset(const char **at, int64_t *second)
{
    *second = 0;
    if (take(at, "Zz"))
        return 1;
    int sign = **at == '-' ? -1 : 1;
    int hour, minute;
    if (!take(at, "+-") || !take_digits(at, 2, &hour) || !take(at, ":") || !take_digits(at, 2, &minute))
        return 0;
    *second = sign * (hour * INT64_C(3600) + minute * INT64_C(60));
    return hour < 24 && minute < 60;
}

static int parse(const char *text, kl_stamp *stamp)
{
    int64_t day, second, microsecond, offset;
    if (!take_date(&text, &day) || !take(&text, "Tt ") || !take_clock(&text, &second) ||
        !take_fraction(&text, &microsecond) || !take_offset(&text, &offset) || *text)
        return 0;
    *stamp = (day * DAY_S + second - offset) * SECOND_US + microsecond;
    return kl_time_is_real(*stamp); /* an offset may lead out of the years there are */
}

kl_stamp kl_time_parse(const char *text)
{
    if (!text || !*text)
        return KL_STAMP_NONE;
    kl_stamp stamp;
    if (parse(text, &stamp))
        return stamp;
    /* the modulus keeps it off KL_STAMP_NONE, which is the lowest number there is */
    return UNREADABLE - 1 - (kl_stamp)(kl_hash(text, strlen(text)) % ((UINT64_C(1) << 62) - 1));
}

int kl_time_is_real(kl_stamp stamp)
{
    return stamp >= FIRST_REAL && stamp < END_OF_REAL;
}

/* Writes exactly `count` digits; what comes before them is cut. */
static char *put_digits(char *at, int64_t value, int count)
{
    for (int i = count - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + count;
}

static char *put_char(char *at, char c)
{
    *at = c;
    return at + 1;
}

void kl_time_format(kl_stamp stamp, char text[KL_TIME_TEXT_SIZE])
{
    text[0] = '\0';
    if (!kl_time_is_real(stamp))
        return;
    int64_t microsecond = stamp - FIRST_REAL; /* since the year 0: nothing below is negative */
    int64_t day = microsecond / (DAY_S * SECOND_US);
    int64_t second = microsecond / SECOND_US % DAY_S;

    int64_t year = day * 400 / 146097; /* 400 years have so many days: right, or off by one */
    while (days_before_year(year) > day)
        year--;
    while (days_before_year(year + 1) <= day)
        year++;
    day -= days_before_year(year);
    int month = 12;
    while (days_before_month(year, month) > day)
        month--;
    day -= days_before_month(year, month);

    text = put_char(put_digits(text, year, 4), '-');
    text = put_char(put_digits(text, month, 2), '-');
    text = put_char(put_digits(text, day + 1, 2), 'T');
    text = put_char(put_digits(text, second / 3600, 2), ':');
    text = put_char(put_digits(text, second / 60 % 60, 2), ':');
    text = put_char(put_digits(text, second % 60, 2), '.');
    text = put_char(put_digits(text, microsecond % SECOND_US, 6), 'Z');
    put_char(text, '\0');
}
