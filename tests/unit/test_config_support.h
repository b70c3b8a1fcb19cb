/* What the tests of src/config/ share: a folder of their own, certificates made on the spot, and how errors
 * are checked. */
#ifndef TEST_CONFIG_SUPPORT_H
#define TEST_CONFIG_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "config/cluster.h"
#include "config/pem.h"

/* ---- files ---- */

static char test_folder[64]; /* made by the group's setup, emptied by its teardown */

static inline int make_folder(void **state)
{
    (void)state;
    strcpy(test_folder, "/tmp/k8sleader-config-XXXXXX");
    return mkdtemp(test_folder) ? 0 : -1;
}

static inline int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    return remove(path);
}

static inline int remove_folder(void **state)
{
    (void)state;
    return nftw(test_folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* "<folder>/<name>", in one of a few static buffers. */
static inline const char *in_folder(const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];
    (void)snprintf(path, sizeof paths[0], "%s/%s", test_folder, name);
    return path;
}

static inline const char *write_bytes(const char *name, const void *bytes, size_t size)
{
    const char *path = in_folder(name);
    for (char *slash = strchr(path + strlen(test_folder) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

static inline const char *write_text(const char *name, const char *text)
{
    return write_bytes(name, text, strlen(text));
}

/* ---- certificates ---- */

struct test_identity {
    char certificate[2048]; /* PEM, signed by its own key */
    char key[1024];
    char encrypted_key[1024];
    char certificate_base64[4096];
    char key_base64[2048];
};

static struct test_identity identity_a;
static struct test_identity identity_b;

static inline void bio_to_text(BIO *bio, char *out, size_t size)
{
    int length = BIO_read(bio, out, (int)size - 1);
    assert_true(length > 0);
    out[length] = '\0';
    BIO_free(bio);
}

static inline void make_identity(struct test_identity *out, const char *name)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *generator = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, NULL);
    assert_int_equal(EVP_PKEY_keygen_init(generator), 1);
    assert_int_equal(EVP_PKEY_keygen(generator, &key), 1);
    EVP_PKEY_CTX_free(generator);
    X509 *certificate = X509_new();
    assert_int_equal(X509_set_version(certificate, 2), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, NULL) > 0);

    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
    bio_to_text(bio, out->certificate, sizeof out->certificate);
    bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    bio_to_text(bio, out->key, sizeof out->key);
    bio = BIO_new(BIO_s_mem());
    char passphrase[] = "secret";
    assert_int_equal(
        PEM_write_bio_PrivateKey(bio, key, EVP_aes_256_cbc(), (unsigned char *)passphrase, 6, NULL, NULL), 1);
    bio_to_text(bio, out->encrypted_key, sizeof out->encrypted_key);
    EVP_EncodeBlock((unsigned char *)out->certificate_base64, (unsigned char *)out->certificate,
                    (int)strlen(out->certificate));
    EVP_EncodeBlock((unsigned char *)out->key_base64, (unsigned char *)out->key, (int)strlen(out->key));
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* A folder, two identities, and nothing of the surrounding environment. */
static inline int make_all(void **state)
{
    static const char *const variables[] = {"KUBECONFIG", "POD_NAMESPACE", "KUBERNETES_SERVICE_HOST",
                                            "KUBERNETES_SERVICE_PORT"};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        unsetenv(variables[i]);
    make_identity(&identity_a, "a");
    make_identity(&identity_b, "b");
    return make_folder(state);
}

/* ---- errors ---- */

/* The result is `code`, the error's too, and its message holds each of the texts (up to a NULL). Frees the
 * error. */
static inline void expect_error(const char *row, int result, k8sleader_error *error, int code, ...)
{
    if (result != code || k8sleader_error_code(error) != code)
        fail_msg("%s: %s, the error %s (%s); wanted %s", row, k8sleader_error_name(result),
                 k8sleader_error_name(k8sleader_error_code(error)), k8sleader_error_message(error),
                 k8sleader_error_name(code));
    const char *message = k8sleader_error_message(error);
    va_list texts;
    va_start(texts, code);
    for (const char *text = va_arg(texts, const char *); text; text = va_arg(texts, const char *))
        if (!strstr(message, text))
            fail_msg("%s: \"%s\" lacks \"%s\"", row, message, text);
    va_end(texts);
    for (const char *at = message; *at; at++)
        if ((unsigned char)*at < 0x20)
            fail_msg("%s: a control character in \"%s\"", row, message);
    k8sleader_error_free(error);
}

static inline void expect_ok(const char *row, int result, const k8sleader_error *error)
{
    if (result || error)
        fail_msg("%s: %s: %s", row, k8sleader_error_name(result), k8sleader_error_message(error));
}

#endif
