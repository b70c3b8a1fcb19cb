#include "certificate.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "memory.h"
#include "random.h"

enum { HOUR_S = 3600 };

static int is_address(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static int add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    if (extension == NULL)
        return 0;
    int added = X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}

static X509 *unsigned_certificate(EVP_PKEY *key, const char *name, int64_t not_before_s, int64_t not_after_s)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_NAME_new();
    int good =
        certificate != NULL && subject != NULL &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) &&
        X509_set_version(certificate, 2) && X509_set_subject_name(certificate, subject) &&
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), 1 + (ds_random_below(UINT64_MAX) >> 1)) &&
        X509_time_adj_ex(X509_getm_notBefore(certificate), 0, (long)not_before_s, NULL) != NULL &&
        X509_time_adj_ex(X509_getm_notAfter(certificate), 0, (long)not_after_s, NULL) != NULL &&
        X509_set_pubkey(certificate, key);
    X509_NAME_free(subject);
    if (good)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static X509 *make_authority(EVP_PKEY *key)
{
    enum { TEN_YEARS_S = 10 * 365 * 24 * HOUR_S };
    X509 *certificate = unsigned_certificate(key, "k8sleader dev-server CA", -TEN_YEARS_S, TEN_YEARS_S);
    if (certificate == NULL)
        return NULL;
    if (X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) &&
        add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE") &&
        add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        add_extension(certificate, certificate, NID_subject_key_identifier, "hash") &&
        X509_sign(certificate, key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static char *alternative_names(const char *host, const char *other_host)
{
    const char *kind = is_address(host) ? "IP" : "DNS";
    if (other_host == NULL)
        return ds_format("%s:%s", kind, host);
    return ds_format("%s:%s,%s:%s", kind, host, is_address(other_host) ? "IP" : "DNS", other_host);
}

static X509 *make_leaf(EVP_PKEY *key, X509 *authority, EVP_PKEY *authority_key, const char *names,
                       int64_t lifetime_s)
{
    int64_t not_before_s = (lifetime_s < 0 ? lifetime_s : 0) - HOUR_S;
    X509 *certificate = unsigned_certificate(key, "k8sleader dev-server", not_before_s, lifetime_s);
    if (certificate == NULL)
        return NULL;
    if (X509_set_issuer_name(certificate, X509_get_subject_name(authority)) &&
        add_extension(certificate, authority, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(certificate, authority, NID_key_usage, "critical,digitalSignature") &&
        add_extension(certificate, authority, NID_ext_key_usage, "serverAuth") &&
        add_extension(certificate, authority, NID_subject_key_identifier, "hash") &&
        add_extension(certificate, authority, NID_authority_key_identifier, "keyid:always") &&
        add_extension(certificate, authority, NID_subject_alt_name, names) &&
        X509_sign(certificate, authority_key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static char *taken_text(BIO *bio, int written)
{
    char *bytes;
    long length = BIO_get_mem_data(bio, &bytes);
    char *text = written ? ds_copy_bytes(bytes, (size_t)length) : NULL;
    BIO_free(bio);
    return text;
}

static char *certificate_pem(X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    return taken_text(bio, PEM_write_bio_X509(bio, certificate));
}

static char *key_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    return taken_text(bio, PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
}

int ds_certificate_make(struct ds_certificate *out, const char *host, const char *other_host,
                        int64_t lifetime_s)
{
    char *names = alternative_names(host, other_host);
    EVP_PKEY *authority_key = EVP_EC_gen("P-256");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *authority = authority_key == NULL ? NULL : make_authority(authority_key);
    X509 *leaf =
        key == NULL || authority == NULL ? NULL : make_leaf(key, authority, authority_key, names, lifetime_s);
    *out = (struct ds_certificate){0};
    if (leaf != NULL) {
        out->certificate = certificate_pem(leaf);
        out->key = key_pem(key);
        out->ca = certificate_pem(authority);
    }
    X509_free(leaf);
    X509_free(authority);
    EVP_PKEY_free(key);
    EVP_PKEY_free(authority_key);
    free(names);
    return out->certificate != NULL && out->key != NULL && out->ca != NULL ? 0 : -1;
}
