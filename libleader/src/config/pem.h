/* Certificates and keys as bytes, checked when they are loaded: a bad one is said with its place, not at the
 * first handshake. */
#ifndef KL_PEM_H
#define KL_PEM_H

#include <stddef.h>

#include "config/cluster.h"

/* The most a certificate or key file, or a kubeconfig, may have. */
#define KL_FILE_LIMIT ((size_t)1024 * 1024)

/* Wipes and frees the bytes; *pem is then not set. */
void kl_pem_clear(struct kl_pem *pem);

/* A copy into *out, which is overwritten. Errors: NO_MEMORY. */
int kl_pem_copy(struct kl_pem *out, const void *bytes, size_t size);

/*
 * Base64 (RFC 4648 section 4, padded, line breaks allowed) into *out, which is overwritten. Errors: CONFIG
 * when it is none, NO_MEMORY. Sets no message: the caller knows the place.
 */
int kl_base64_decode(const char *text, size_t length, struct kl_pem *out);

/* What is wrong, as a static phrase for a message; NULL when nothing is. */
const char *kl_pem_ca_problem(const struct kl_pem *ca);
const char *kl_pem_certificate_problem(const struct kl_pem *certificate);
const char *kl_pem_key_problem(const struct kl_pem *key);
/* Both must have been found right by the two above. */
const char *kl_pem_pair_problem(const struct kl_pem *certificate, const struct kl_pem *key);

#endif
