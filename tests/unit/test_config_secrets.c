/*
 * Tokens and keys are wiped before their memory is freed. Linked with --wrap=free: every block that our own
 * code frees is searched for the secrets first (not what libyaml and OpenSSL free inside).
 */
#include "test_config_support.h"

#include <malloc.h>

#include "config_object.h"

#define TOKEN "hunter2-hunter2-hunter2"

void __real_free(void *block);
void __wrap_free(void *block);

static volatile int watching;
static volatile int leaks;

static void search(const void *block, const char *secret)
{
    if (*secret && memmem(block, malloc_usable_size((void *)(uintptr_t)block), secret, strlen(secret)))
        leaks++;
}

void __wrap_free(void *block)
{
    /* A part of the key that holds no line break of the PEM. */
    char part[33] = "";
    char part_base64[33] = "";
    if (block && watching) {
        memcpy(part, strchr(identity_a.key, '\n') + 20, 32);
        memcpy(part_base64, identity_a.key_base64 + 60, 32);
        search(block, TOKEN);
        search(block, part);
        search(block, part_base64);
    }
    __real_free(block);
}

/* The watch works at all. */
static void sees_a_secret(void **state)
{
    (void)state;
    leaks = 0;
    watching = 1;
    const char *const secrets[] = {TOKEN, identity_a.key, identity_a.key_base64};
    for (size_t i = 0; i < 3; i++) {
        char *volatile copy = strdup(secrets[i]); /* volatile: or the compiler leaves out both calls */
        free(copy);
    }
    watching = 0;
    assert_int_equal(leaks, 3);
}

static void loads(const char *user, int code)
{
    static char text[8192];
    k8sleader_config *config = k8sleader_config_new();
    (void)snprintf(text, sizeof text,
                   "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
                   "clusters: [{name: k, cluster: {server: 'https://h'}}]\nusers:\n- name: u\n  user:\n%s",
                   user);
    const char *path = write_text("config", text);
    leaks = 0;
    watching = 1;
    int result = k8sleader_config_load_kubeconfig(config, path, NULL, NULL);
    k8sleader_config_free(config);
    watching = 0;
    assert_int_equal(result, code);
    assert_int_equal(leaks, 0);
}

static void kubeconfigs(void **state)
{
    (void)state;
    char user[4096];
    (void)write_text("token", TOKEN "\n");
    (void)write_text("two-lines", TOKEN "\n" TOKEN "\n");
    (void)write_text("cert.pem", identity_a.certificate);
    (void)write_text("key.pem", identity_a.key);
    loads("    token: " TOKEN "\n", 0);
    loads("    token: [" TOKEN "]\n", K8SLEADER_ERR_CONFIG);
    loads("    token: " TOKEN "\n    broken\n", K8SLEADER_ERR_CONFIG);
    loads("    token: " TOKEN "\n    exec: {}\n", K8SLEADER_ERR_UNSUPPORTED);
    loads("    tokenFile: token\n", 0);
    loads("    tokenFile: two-lines\n", K8SLEADER_ERR_CONFIG);
    loads("    client-certificate: cert.pem\n    client-key: key.pem\n", 0);
    loads("    client-certificate: missing\n    client-key: key.pem\n", K8SLEADER_ERR_FILE);
    loads("    client-key: key.pem\n", K8SLEADER_ERR_CONFIG);
    (void)snprintf(user, sizeof user, "    client-certificate: cert.pem\n    client-key-data: %s\n",
                   identity_a.key_base64);
    loads(user, 0);
    (void)snprintf(user, sizeof user, "    client-certificate: cert.pem\n    client-key-data: %s%%\n",
                   identity_a.key_base64);
    loads(user, K8SLEADER_ERR_CONFIG);
}

static void setters(void **state)
{
    (void)state;
    k8sleader_config *config = k8sleader_config_new();
    const char *certificate = identity_a.certificate;
    leaks = 0;
    watching = 1;
    int wrong = k8sleader_config_set_token(config, TOKEN) || k8sleader_config_set_token(config, TOKEN "2") ||
                k8sleader_config_set_token_file(config, "/t") || k8sleader_config_set_token(config, TOKEN);
    for (int i = 0; i < 2; i++)
        wrong |= k8sleader_config_set_client_certificate_pem(config, certificate, strlen(certificate),
                                                             identity_a.key, strlen(identity_a.key));
    int refused =
        k8sleader_config_set_client_certificate_pem(config, "x", 1, identity_a.key, strlen(identity_a.key));
    k8sleader_config_free(config);
    watching = 0;
    assert_int_equal(wrong, 0);
    assert_int_equal(refused, K8SLEADER_ERR_CONFIG);
    assert_int_equal(leaks, 0);
}

/* A buffer that grows while it is read. */
static void pipes(void **state)
{
    (void)state;
    int ends[2];
    char path[64];
    static char padding[10000];
    struct kl_pem file = {0};
    memset(padding, ' ', sizeof padding);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], TOKEN, strlen(TOKEN)), strlen(TOKEN));
    assert_int_equal(write(ends[1], padding, sizeof padding), sizeof padding);
    close(ends[1]);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    leaks = 0;
    watching = 1;
    int result = kl_file_read(path, 5000, &file, NULL); /* grows once, then is too large */
    watching = 0;
    close(ends[0]);
    assert_int_equal(result, K8SLEADER_ERR_TOO_LARGE);
    assert_int_equal(leaks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sees_a_secret),
        cmocka_unit_test(kubeconfigs),
        cmocka_unit_test(setters),
        cmocka_unit_test(pipes),
    };
    return cmocka_run_group_tests(tests, make_all, remove_folder);
}
