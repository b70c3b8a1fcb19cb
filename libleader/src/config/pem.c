#include "config/pem.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

void kl_pem_clear(struct kl_pem *pem)
{
    kl_secret_free(pem->bytes, pem->size);
    *pem = (struct kl_pem){0};
}

int kl_pem_copy(struct kl_pem *out, const void *bytes, size_t size)
{
    char *copy = malloc(size + 1);
    if (!copy)
        return K8SLEADER_ERR_NO_MEMORY;
    memcpy(copy, bytes, size);
    copy[size] = '\0';
    *out = (struct kl_pem){.bytes = copy, .size = size};
    return 0;
}

/* The digits without line breaks, into `out`. Checked here, since EVP_DecodeBlock takes '-' for the end of
 * the text. */
static int base64_digits(const char *text, size_t length, char *out, size_t *size, size_t *padding)
{
    *size = 0;
    *padding = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '\n' || c == '\r')
            continue;
        int digit = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
                    c == '/';
        if (c == '=' && *padding < 2)
            ++*padding;
        else if (!digit || *padding)
            return 0;
        out[(*size)++] = c;
    }
    return *size % 4 == 0;
}

int kl_base64_decode(const char *text, size_t length, struct kl_pem *out)
{
    char *digits = malloc(length + 1);
    const size_t room = length / 4 * 3 + 4;
    char *bytes = malloc(room);
    size_t size = 0;
    size_t padding = 0;
    int result = K8SLEADER_ERR_CONFIG;
    if (!digits || !bytes) {
        result = K8SLEADER_ERR_NO_MEMORY;
    } else if (length <= 2 * KL_FILE_LIMIT && base64_digits(text, length, digits, &size, &padding)) {
        int decoded = EVP_DecodeBlock((unsigned char *)bytes, (unsigned char *)digits, (int)size);
        if (decoded >= (int)padding) {
            size_t used = (size_t)decoded - padding; /* the padding was decoded as zeros */
            bytes[used] = '\0';
            *out = (struct kl_pem){.bytes = bytes, .size = used};
            bytes = NULL;
            result = 0;
        }
    }
    kl_secret_free(digits, digits ? length + 1 : 0);
    /* Nothing was decoded into it, but its memory may be what libyaml had a key in before. */
    kl_secret_free(bytes, bytes ? room : 0);
    return result;
}

/* Without this, OpenSSL asks for a passphrase on the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *user)
{
    (void)buffer, (void)size, (void)writing, (void)user;
    return -1;
}

/* Reads all certificates there are; *first, when not NULL, gets the first one. */
static const char *read_certificates(const struct kl_pem *pem, X509 **first)
{
    if (pem->size > KL_FILE_LIMIT)
        return "larger than 1 MiB";
    BIO *bio = BIO_new_mem_buf(pem->bytes, (int)pem->size);
    if (!bio)
        return "no memory to read it";
    const char *problem = NULL;
    size_t count = 0;
    ERR_set_mark();
    for (;;) {
        X509 *certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
        if (!certificate)
            break;
        if (first && count == 0)
            *first = certificate;
        else
            X509_free(certificate);
        count++;
    }
    unsigned long last = ERR_peek_last_error();
    if (ERR_GET_LIB(last) != ERR_LIB_PEM || ERR_GET_REASON(last) != PEM_R_NO_START_LINE)
        problem = "a certificate in it is malformed";
    else if (count == 0)
        problem = "holds no certificate: PEM is wanted, -----BEGIN CERTIFICATE-----";
    ERR_pop_to_mark();
    BIO_free(bio);
    return problem;
}

static EVP_PKEY *read_key(const struct kl_pem *pem)
{
    BIO *bio = BIO_new_mem_buf(pem->bytes, (int)pem->size);
    if (!bio)
        return NULL;
    ERR_set_mark();
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    ERR_pop_to_mark();
    BIO_free(bio);
    return key;
}

static int contains(const struct kl_pem *pem, const char *text)
{
    return memmem(pem->bytes, pem->size, text, strlen(text)) != NULL;
}

const char *kl_pem_ca_problem(const struct kl_pem *ca)
{
    return read_certificates(ca, NULL);
}

const char *kl_pem_certificate_problem(const struct kl_pem *certificate)
{
    return read_certificates(certificate, NULL);
}

const char *kl_pem_key_problem(const struct kl_pem *key)
{
    if (key->size > KL_FILE_LIMIT)
        return "larger than 1 MiB";
    if (!contains(key, "PRIVATE KEY-----"))
        return "holds no private key: PEM is wanted, -----BEGIN PRIVATE KEY-----";
    if (contains(key, "BEGIN ENCRYPTED PRIVATE KEY-----") || contains(key, "Proc-Type: 4,ENCRYPTED"))
        return "the private key is encrypted; decrypt it (openssl pkey -in KEY -out KEY)";
    EVP_PKEY *pkey = read_key(key);
    EVP_PKEY_free(pkey);
    return pkey ? NULL : "the private key is malformed";
}

const char *kl_pem_pair_problem(const struct kl_pem *certificate, const struct kl_pem *key)
{
    X509 *leaf = NULL;
    const char *problem = read_certificates(certificate, &leaf);
    EVP_PKEY *pkey = read_key(key);
    ERR_set_mark();
    if (!problem && (!leaf || !pkey || X509_check_private_key(leaf, pkey) != 1))
        problem = "the private key is not the certificate's";
    ERR_pop_to_mark();
    EVP_PKEY_free(pkey);
    X509_free(leaf);
    return problem;
}
