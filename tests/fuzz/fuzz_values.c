/*
 * Values that users give as text. The input is "WHAT VALUE": what is accepted means the same when it is given
 * again in the form it was understood in, and what is refused is said in one line.
 */
#include "fuzz.h"

#include "config/cluster.h"
#include "config/pem.h"
#include "config/text.h"
#include "config/token.h"
#include "options.h"

#include <openssl/evp.h>
#include <string.h>

static void is_a_line(const char *text)
{
    REQUIRE(text[0]);
    for (; *text; text++)
        REQUIRE((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void refused(const k8sleader_error *error, int code)
{
    REQUIRE(k8sleader_error_code(error) == code);
    is_a_line(k8sleader_error_message(error));
}

static void check_url(const char *value)
{
    char *once = NULL, *twice = NULL;
    k8sleader_error *error = NULL;
    int code = kl_server_url(value, "server", &once, &error);
    if (code) {
        REQUIRE(code == K8SLEADER_ERR_CONFIG);
        refused(error, code);
        k8sleader_error_free(error);
        return;
    }
    is_a_line(once);
    REQUIRE(strncmp(once, "http://", 7) == 0 || strncmp(once, "https://", 8) == 0);
    REQUIRE(!strpbrk(once, "?# ") && once[strlen(once) - 1] != '/');
    const char *host = strstr(once, "://") + 3;
    REQUIRE(!memchr(host, '@', strcspn(host, "/")));
    REQUIRE(kl_server_url(once, "server", &twice, NULL) == 0);
    REQUIRE(strcmp(once, twice) == 0);
    free(once);
    free(twice);
}

static void check_token(const char *value)
{
    char *once = NULL, *twice = NULL;
    const char *problem = NULL;
    if (kl_token_copy(value, &once, &problem) != 0) {
        REQUIRE(problem);
        is_a_line(problem);
        return;
    }
    is_a_line(once);
    REQUIRE(strstr(value, once));
    REQUIRE(kl_token_copy(once, &twice, &problem) == 0 && strcmp(once, twice) == 0);
    free(once);
    free(twice);
}

/* Encoded again it is the same, but for line breaks, and for bits of the last letter that are none of a
 * byte's: those Go ignores, too. */
static void check_base64(const char *value)
{
    struct kl_pem bytes = {0};
    if (kl_base64_decode(value, strlen(value), &bytes) != 0)
        return;
    unsigned char *again = malloc(bytes.size * 4 / 3 + 8);
    REQUIRE(again && bytes.size <= strlen(value));
    int length = EVP_EncodeBlock(again, (const unsigned char *)bytes.bytes, (int)bytes.size);
    const unsigned char *at = again;
    for (; *value; value++) {
        if (strchr(" \t\r\n", *value))
            continue;
        REQUIRE(at < again + length);
        int is_last = at + 1 == again + length || at[1] == '=';
        REQUIRE((unsigned char)*value == *at || (is_last && *at != '=' && again[length - 1] == '='));
        at++;
    }
    REQUIRE(at == again + length);
    free(again);
    kl_pem_clear(&bytes);
}

static void check_name(const char *value)
{
    k8sleader_error *error = NULL;
    int label = kl_check_dns_label("it", value, NULL);
    int subdomain = kl_check_dns_subdomain("it", value, &error);
    REQUIRE(label != 0 || subdomain == 0); /* a label is a subdomain of one part */
    REQUIRE(label != 0 ||
            kl_check_label(value, value, NULL) == 0); /* and both sides of a label of an object */
    REQUIRE(subdomain != 0 || kl_check_identity(value, NULL) == 0);
    if (subdomain)
        refused(error, K8SLEADER_ERR_NAME);
    k8sleader_error_free(error);
}

static void check_identity(const char *value)
{
    char quote[KL_QUOTE_SIZE];
    k8sleader_error *error = NULL;
    if (kl_check_identity(value, &error) != 0)
        refused(error, K8SLEADER_ERR_IDENTITY);
    else
        is_a_line(value);
    k8sleader_error_free(error);
    is_a_line(kl_quote(quote, value));
    REQUIRE(strlen(quote) < KL_QUOTE_SIZE);
}

/* All that is set but the texts, which are as they were given. */
static int64_t sum_of(const k8sleader_options *options)
{
    return options->lease_duration_ms ^ options->renew_deadline_ms * 3 ^ options->retry_period_ms * 7 ^
           options->drain_timeout_ms * 11;
}

static void check_duration(k8sleader_options *options, const char *name)
{
    char text[32];
    int64_t ms = strcmp(name, "lease-duration") == 0   ? options->lease_duration_ms
                 : strcmp(name, "renew-deadline") == 0 ? options->renew_deadline_ms
                 : strcmp(name, "retry-period") == 0   ? options->retry_period_ms
                                                       : options->drain_timeout_ms;
    int64_t sum = sum_of(options);
    REQUIRE(ms >= 0);
    (void)snprintf(text, sizeof text, "%lldms", (long long)ms);
    REQUIRE(k8sleader_options_set(options, name, text, NULL) == 0);
    REQUIRE(sum_of(options) == sum);
}

static void check_option(const char *name, const char *value)
{
    k8sleader_error *error = NULL;
    k8sleader_options *options = k8sleader_options_new(K8SLEADER_LEASE, "web");
    REQUIRE(options);
    int64_t sum = sum_of(options);
    int code = k8sleader_options_set(options, name, value, &error);
    if (code) {
        REQUIRE(code == K8SLEADER_ERR_OPTION);
        refused(error, code);
        REQUIRE(sum_of(options) == sum);
        k8sleader_error_free(error);
    } else if (strstr("lease-duration renew-deadline retry-period drain-timeout", name)) {
        check_duration(options, name);
    } else {
        REQUIRE(sum_of(options) == sum);
        REQUIRE(k8sleader_options_set(options, name, value, NULL) == 0);
    }
    k8sleader_options_free(options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *what = fuzz_text(data, size);
    char *blank = strchr(what, ' ');
    if (blank) {
        *blank = '\0';
        char *value = fuzz_text(data + (blank + 1 - what), size - (size_t)(blank + 1 - what));
        if (strcmp(what, "url") == 0)
            check_url(value);
        else if (strcmp(what, "token") == 0)
            check_token(value);
        else if (strcmp(what, "base64") == 0)
            check_base64(value);
        else if (strcmp(what, "name") == 0)
            check_name(value);
        else if (strcmp(what, "identity-text") == 0)
            check_identity(value);
        else
            check_option(what, value);
        free(value);
    }
    free(what);
    return 0;
}
