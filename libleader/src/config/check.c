/*
 * Names as the API server checks them (k8s.io/apimachinery pkg/util/validation), so that a bad one is said
 * before anything is sent.
 */
#include <string.h>

#include "config/cluster.h"
#include "config/text.h"
#include "error.h"

#define DNS_LABEL_MAX      63
#define DNS_SUBDOMAIN_MAX  253
#define QUALIFIED_NAME_MAX 63
#define IDENTITY_MAX       255
#define QUOTE_CUT          100

size_t kl_utf8_printable(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80)
        return s[0] >= 0x20 && s[0] != 0x7f;
    /* The second byte's range rules out over-long forms, surrogates and what is beyond U+10FFFF; C1 are
     * controls. */
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    size_t length = 0;
    if (s[0] >= 0xc2 && s[0] <= 0xdf) {
        length = 2;
        low = s[0] == 0xc2 ? 0xa0 : 0x80;
    } else if (s[0] >= 0xe0 && s[0] <= 0xef) {
        length = 3;
        low = s[0] == 0xe0 ? 0xa0 : 0x80;
        high = s[0] == 0xed ? 0x9f : 0xbf;
    } else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
        length = 4;
        low = s[0] == 0xf0 ? 0x90 : 0x80;
        high = s[0] == 0xf4 ? 0x8f : 0xbf;
    }
    if (length == 0 || s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

const char *kl_quote(char out[KL_QUOTE_SIZE], const char *text)
{
    static const char digits[] = "0123456789abcdef";
    const char *end = text;
    char *to = out;
    *to++ = '"';
    while (*end && (size_t)(end - text) < QUOTE_CUT) {
        size_t length = kl_utf8_printable(end);
        if (length) {
            memcpy(to, end, length);
            to += length;
            end += length;
        } else {
            unsigned char byte = (unsigned char)*end++;
            *to++ = '\\';
            *to++ = 'x';
            *to++ = digits[byte >> 4];
            *to++ = digits[byte & 15];
        }
    }
    const char *tail = *end ? "...\"" : "\"";
    memcpy(to, tail, strlen(tail) + 1);
    return out;
}

static int is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static int is_alnum(char c)
{
    return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

/* [a-z0-9]([-a-z0-9]*[a-z0-9])? */
static int is_label_text(const char *text, size_t length)
{
    if (length == 0 || !is_lower_alnum(text[0]) || !is_lower_alnum(text[length - 1]))
        return 0;
    for (size_t i = 0; i < length; i++)
        if (!is_lower_alnum(text[i]) && text[i] != '-')
            return 0;
    return 1;
}

/* Labels with dots between them. As in Kubernetes, only the whole is bounded, not each label. */
static int is_subdomain(const char *text, size_t length)
{
    if (length > DNS_SUBDOMAIN_MAX)
        return 0;
    for (;;) {
        const char *dot = memchr(text, '.', length);
        size_t label = dot ? (size_t)(dot - text) : length;
        if (!is_label_text(text, label))
            return 0;
        if (!dot)
            return 1;
        text = dot + 1;
        length -= label + 1;
    }
}

/* ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9] */
static int is_qualified_text(const char *text, size_t length)
{
    if (length == 0 || length > QUALIFIED_NAME_MAX || !is_alnum(text[0]) || !is_alnum(text[length - 1]))
        return 0;
    for (size_t i = 0; i < length; i++)
        if (!is_alnum(text[i]) && text[i] != '-' && text[i] != '_' && text[i] != '.')
            return 0;
    return 1;
}

int kl_check_dns_subdomain(const char *what, const char *name, k8sleader_error **err)
{
    char quote[KL_QUOTE_SIZE];
    if (is_subdomain(name, strlen(name)))
        return 0;
    return kl_fail(
        err, K8SLEADER_ERR_NAME,
        "%s %s is no DNS subdomain (RFC 1123): 1 to %d lower-case letters, digits, '-' and '.', each part "
        "beginning and ending with a letter or digit",
        what, kl_quote(quote, name), DNS_SUBDOMAIN_MAX);
}

int kl_check_dns_label(const char *what, const char *name, k8sleader_error **err)
{
    char quote[KL_QUOTE_SIZE];
    size_t length = strlen(name);
    if (length <= DNS_LABEL_MAX && is_label_text(name, length))
        return 0;
    return kl_fail(
        err, K8SLEADER_ERR_NAMESPACE,
        "%s %s is no DNS label (RFC 1123): 1 to %d lower-case letters, digits and '-', beginning and ending "
        "with a letter or digit",
        what, kl_quote(quote, name), DNS_LABEL_MAX);
}

int kl_check_label(const char *key, const char *value, k8sleader_error **err)
{
    char quote[KL_QUOTE_SIZE];
    const char *slash = strchr(key, '/');
    const char *name = slash ? slash + 1 : key;
    if (slash && !is_subdomain(key, (size_t)(slash - key)))
        return kl_fail(
            err, K8SLEADER_ERR_OPTION,
            "label key %s: what stands before the '/' is no DNS subdomain (RFC 1123): 1 to %d lower-case "
            "letters, digits, '-' and '.', each part beginning and ending with a letter or digit",
            kl_quote(quote, key), DNS_SUBDOMAIN_MAX);
    if (!is_qualified_text(name, strlen(name)))
        return kl_fail(
            err, K8SLEADER_ERR_OPTION,
            "label key %s is not valid: [PREFIX/]NAME with a NAME of 1 to %d letters, digits, '-', '_' and "
            "'.', beginning and ending with a letter or digit",
            kl_quote(quote, key), QUALIFIED_NAME_MAX);
    if (*value && !is_qualified_text(value, strlen(value)))
        return kl_fail(
            err, K8SLEADER_ERR_OPTION,
            "label value %s is not valid: nothing, or up to %d letters, digits, '-', '_' and '.', beginning "
            "and ending with a letter or digit",
            kl_quote(quote, value), QUALIFIED_NAME_MAX);
    return 0;
}

int kl_check_identity(const char *identity, k8sleader_error **err)
{
    char quote[KL_QUOTE_SIZE];
    if (!*identity)
        return kl_fail(err, K8SLEADER_ERR_IDENTITY,
                       "the identity is empty: an empty holder means that nobody leads");
    if (strlen(identity) > IDENTITY_MAX)
        return kl_fail(err, K8SLEADER_ERR_IDENTITY, "identity %s has %zu bytes, %d are allowed",
                       kl_quote(quote, identity), strlen(identity), IDENTITY_MAX);
    for (const char *at = identity; *at;) {
        size_t length = kl_utf8_printable(at);
        if (!length)
            return kl_fail(err, K8SLEADER_ERR_IDENTITY,
                           "identity %s is not valid: UTF-8 without control characters is allowed",
                           kl_quote(quote, identity));
        at += length;
    }
    return 0;
}
