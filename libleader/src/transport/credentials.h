/*
 * What every request carries and what TLS trusts, kept fresh: the token file is read again each minute and
 * after a 401, and the CA file with it.
 */
#ifndef KL_CREDENTIALS_H
#define KL_CREDENTIALS_H

#include <curl/curl.h>
#include <stdint.h>

#include "config/cluster.h"

/* Request headers, shared by the requests under way; replaced when the token changes. */
struct kl_headers {
    struct curl_slist *list;
    unsigned references;
};

struct kl_credentials {
    struct kl_cluster *cluster; /* borrowed */
    struct kl_headers *headers;
    char *host_header; /* "Host: …" when tls-server-name stands in the URL instead */
    char *token;       /* as last read from the file */
    struct kl_pem ca;  /* as last read from ca_file */
    int64_t read_at;
    int stale;
};

int kl_credentials_init(struct kl_credentials *credentials, struct kl_cluster *cluster,
                        const char *host_header);
void kl_credentials_clear(struct kl_credentials *credentials);

/*
 * Reads the files again when it is time. 1: the CA has changed (open new connections), else 0. A file that
 * can't be read leaves what there is in force: the server will say if it no longer does.
 */
int kl_credentials_refresh(struct kl_credentials *credentials, int64_t now);

/* A 401 came: read again before the next request. */
void kl_credentials_rejected(struct kl_credentials *credentials);

/* The headers to send now: a new reference; NULL without memory. */
struct kl_headers *kl_credentials_headers(struct kl_credentials *credentials);
void kl_headers_unref(struct kl_headers *headers);

#endif
