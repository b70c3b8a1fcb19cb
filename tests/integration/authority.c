#include "authority.h"

#include "support.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define YEAR_S (365L * 24 * 3600)

struct authority {
    char folder[64];
    char cert_file[80];
    char key_file[80];
    char *pem;
    EVP_PKEY *key;
    X509 *certificate;
    long serial;
};

static X509 *unsigned_certificate(const char *name, EVP_PKEY *key, long serial, long from_s, long until_s)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_NAME_new();
    assert_int_equal(
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0), 1);
    assert_int_equal(X509_set_version(certificate, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial), 1);
    assert_int_equal(X509_set_subject_name(certificate, subject), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), from_s));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), until_s));
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    X509_NAME_free(subject);
    return certificate;
}

static void extend(X509 *certificate, X509 *issuer, int kind, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static char *pem_of(X509 *certificate)
{
    char *bytes;
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
    long size = BIO_get_mem_data(bio, &bytes);
    char *pem = calloc(1, (size_t)size + 1);
    assert_int_equal(BIO_read(bio, pem, (int)size), size);
    BIO_free(bio);
    return pem;
}

struct authority *authority_new(void)
{
    struct authority *authority = calloc(1, sizeof *authority);
    assert_non_null(authority);
    (void)snprintf(authority->folder, sizeof authority->folder, "/tmp/k8sleader-authority-XXXXXX");
    assert_non_null(mkdtemp(authority->folder));
    (void)snprintf(authority->cert_file, sizeof authority->cert_file, "%s/cert", authority->folder);
    (void)snprintf(authority->key_file, sizeof authority->key_file, "%s/key", authority->folder);
    authority->key = EVP_EC_gen("P-256");
    authority->certificate = unsigned_certificate("an authority of the tests", authority->key,
                                                  ++authority->serial, -YEAR_S, YEAR_S);
    X509 *own = authority->certificate;
    assert_int_equal(X509_set_issuer_name(own, X509_get_subject_name(own)), 1);
    extend(own, own, NID_basic_constraints, "critical,CA:TRUE");
    extend(own, own, NID_subject_key_identifier, "hash");
    assert_true(X509_sign(own, authority->key, EVP_sha256()) > 0);
    authority->pem = pem_of(own);
    return authority;
}

void authority_free(struct authority *authority)
{
    (void)unlink(authority->cert_file);
    (void)unlink(authority->key_file);
    (void)rmdir(authority->folder);
    X509_free(authority->certificate);
    EVP_PKEY_free(authority->key);
    free(authority->pem);
    free(authority);
}

const char *authority_pem(const struct authority *authority)
{
    return authority->pem;
}

const char *authority_cert_file(const struct authority *authority)
{
    return authority->cert_file;
}

const char *authority_key_file(const struct authority *authority)
{
    return authority->key_file;
}

static void write_files(const struct authority *authority, X509 *certificate, EVP_PKEY *key)
{
    FILE *cert_file = fopen(authority->cert_file, "w");
    FILE *key_file = fopen(authority->key_file, "w");
    assert_non_null(cert_file);
    assert_non_null(key_file);
    assert_int_equal(PEM_write_X509(cert_file, certificate), 1);
    assert_int_equal(PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL), 1);
    (void)fclose(cert_file);
    (void)fclose(key_file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void authority_issue(struct authority *authority, const char *host, long from_s, long until_s)
{
    char names[300];
    unsigned char address[sizeof(struct in6_addr)];
    int is_address = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    (void)snprintf(names, sizeof names, "%s:%s", is_address ? "IP" : "DNS", host);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate =
        unsigned_certificate("a server of the tests", key, ++authority->serial, from_s, until_s);
    assert_int_equal(X509_set_issuer_name(certificate, X509_get_subject_name(authority->certificate)), 1);
    extend(certificate, authority->certificate, NID_authority_key_identifier, "keyid:always");
    extend(certificate, authority->certificate, NID_subject_alt_name, names);
    assert_true(X509_sign(certificate, authority->key, EVP_sha256()) > 0);
    write_files(authority, certificate, key);
}

void authority_issue_odd(struct authority *authority, enum authority_oddity oddity)
{
    int is_own = oddity == AUTHORITY_SELF_SIGNED;
    EVP_PKEY *key = oddity == AUTHORITY_WEAK_KEY ? EVP_RSA_gen(1024) : EVP_EC_gen("P-256");
    assert_non_null(key);
    X509 *certificate =
        unsigned_certificate("an odd server of the tests", key, ++authority->serial, -3600, 3600);
    X509 *issuer = is_own ? certificate : authority->certificate;
    assert_int_equal(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)), 1);
    if (oddity != AUTHORITY_NO_NAMES)
        extend(certificate, issuer, NID_subject_alt_name, "IP:127.0.0.1");
    if (oddity == AUTHORITY_FOR_CLIENTS)
        extend(certificate, issuer, NID_ext_key_usage, "clientAuth");
    if (oddity == AUTHORITY_FOR_SIGNING)
        extend(certificate, issuer, NID_key_usage, "critical,cRLSign");
    assert_true(X509_sign(certificate, is_own ? key : authority->key, EVP_sha256()) > 0);
    write_files(authority, certificate, key);
}
