/*
 * Goes before json-c over the same bytes, in the same pieces. It finds where a document ends, stops at what
 * json-c is lax about even when strict, and finds what json-c need not see at all.
 *
 * Lax: a NUL (the end, to json-c), single quotes, NaN, "1." and, where a number arrives in pieces, "1-". The
 * length of a number is bounded, since json-c reads one that arrives in pieces from its beginning with every
 * piece.
 *
 * Not seen: the array metadata.managedFields of an object. It is longer than all the rest of a Lease, it
 * costs more than half of the time to parse one, and a server keeps its own when an update has none.
 */
#ifndef KL_SCAN_H
#define KL_SCAN_H

#include <stddef.h>

#define KL_JSON_NUMBER_MAX 1024

static inline int kl_json_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Begin with zeros but for object_level; it is ready for the next document when one has ended. */
struct kl_json_scan {
    unsigned object_level; /* 1: the document is an object; 2: a member of it is; 3: the items of a list are;
                              0: nothing goes unseen */
    int dropping;          /* the bytes now belong to what goes unseen */
    const char *wrong;     /* what is wrong with the next byte, after KL_SCAN_WRONG */

    size_t depth;
    unsigned are_objects; /* a bit for each of the outer levels that is an object, not an array */
    int in_string, escaped;
    int expects_key;
    int key;        /* which of the two keys this is, or may be yet */
    size_t matched; /* so many characters of it */
    int in_metadata;
    int place;     /* in a number or a word */
    size_t length; /* of that number or word */
};

enum kl_scanned {
    KL_SCAN_ALL,         /* the document goes on behind these bytes */
    KL_SCAN_DROP_BEGINS, /* what follows goes unseen: for json-c an empty array stands there */
    KL_SCAN_DROP_ENDS,
    KL_SCAN_DOCUMENT_ENDS,
    KL_SCAN_WRONG
};

/* *good: how many of the bytes come before what is returned. */
enum kl_scanned kl_json_scan(struct kl_json_scan *scan, const char *bytes, size_t size, size_t *good);

#endif
