/*
 * The leader election record: the part of the lock object that says who leads. Two records that are equal
 * mean "nothing was heard from the holder"; everything else on the object (labels, annotations,
 * resourceVersion) is not part of it.
 */
#ifndef KL_RECORD_H
#define KL_RECORD_H

#include <stdint.h>
#include <string.h>

/*
 * A time as another program wrote it: microseconds since 1970 where it could be read, else a number that
 * stands for the unreadable text. Only ever compared for equality: other machines' clocks mean nothing here.
 */
typedef int64_t kl_stamp;
#define KL_STAMP_NONE INT64_MIN

/* Longest identity this library writes or keeps, without the NUL. */
#define KL_IDENTITY_MAX 255

struct kl_record {
    char holder[KL_IDENTITY_MAX +
                1]; /* "" when free. A longer foreign one ends in '~' and a hash of the whole. */
    kl_stamp acquire_time;
    kl_stamp renew_time;
    int64_t duration_s;  /* as recorded; <= 0: missing or unreadable */
    int64_t transitions; /* missing counts as 0 */
};

/* Equality of all five members. */
static inline int kl_record_equal(const struct kl_record *a, const struct kl_record *b)
{
    return a->acquire_time == b->acquire_time && a->renew_time == b->renew_time &&
           a->duration_s == b->duration_s && a->transitions == b->transitions &&
           strcmp(a->holder, b->holder) == 0;
}

#endif
