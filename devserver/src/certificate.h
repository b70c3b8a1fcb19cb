/* A certificate made for the occasion, signed by an authority made for it. */
#ifndef DS_CERTIFICATE_H
#define DS_CERTIFICATE_H

#include <stdint.h>

struct ds_certificate {
    char *certificate; /* PEM; malloc'd, as the others */
    char *key;
    char *ca;
};

/* Valid for these names or addresses (the second may be NULL) and so long; negative: expired. 0 or -1. */
int ds_certificate_make(struct ds_certificate *out, const char *host, const char *other_host,
                        int64_t lifetime_s);

#endif
