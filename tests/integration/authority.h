/* A certificate authority for tests of what TLS refuses: the certificates are issued as each test wants them
 * wrong. */
#ifndef AUTHORITY_H
#define AUTHORITY_H

struct authority;

struct authority *authority_new(void);
void authority_free(struct authority *authority);

/* Its own certificate, PEM; owned by it. */
const char *authority_pem(const struct authority *authority);

/*
 * A server's certificate and its key as files in the authority's own folder: for this name or address, valid
 * from and until so many seconds from now.
 */
void authority_issue(struct authority *authority, const char *host, long from_s, long until_s);

/* A certificate that is wrong in another way than its name and time, for 127.0.0.1. */
enum authority_oddity {
    AUTHORITY_SELF_SIGNED, /* by its own key */
    AUTHORITY_FOR_CLIENTS, /* extended key usage clientAuth */
    AUTHORITY_FOR_SIGNING, /* key usage: none that a handshake needs */
    AUTHORITY_WEAK_KEY,    /* RSA of 1024 bits */
    AUTHORITY_NO_NAMES     /* neither a subject's nor alternative names */
};
void authority_issue_odd(struct authority *authority, enum authority_oddity oddity);

/* The files last issued; owned by it. */
const char *authority_cert_file(const struct authority *authority);
const char *authority_key_file(const struct authority *authority);

#endif
