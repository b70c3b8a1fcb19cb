/* Files read whole and bounded, and the tokens in them. */
#include "test_config_support.h"

#include <fcntl.h>

static void reads_whole_files(void **state)
{
    (void)state;
    static char large[20000];
    struct kl_pem file = {0};
    memset(large, 'x', sizeof large);
    static const size_t sizes[] = {0, 1, 4094, 4095, 4096, 4097, 20000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(kl_file_read(write_bytes("f", large, sizes[i]), sizes[i], &file, NULL), 0);
        assert_int_equal(file.size, sizes[i]);
        assert_memory_equal(file.bytes, large, sizes[i]);
        assert_int_equal(file.bytes[file.size], '\0');
        kl_pem_clear(&file);
        assert_null(file.bytes);
    }
}

/* fstat() tells no size for a pipe: the buffer has to grow. */
static void reads_pipes(void **state)
{
    (void)state;
    int ends[2];
    char path[64];
    static char text[30000];
    struct kl_pem file = {0};
    memset(text, 'p', sizeof text);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, sizeof text), sizeof text);
    close(ends[1]);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    assert_int_equal(kl_file_read(path, sizeof text, &file, NULL), 0);
    assert_int_equal(file.size, sizeof text);
    assert_memory_equal(file.bytes, text, sizeof text);
    kl_pem_clear(&file);
    close(ends[0]);
}

static void says_why_not(void **state)
{
    (void)state;
    struct kl_pem file = {0};
    k8sleader_error *error = NULL;
    int result = kl_file_read(in_folder("missing"), 10, &file, &error);
    expect_error("missing", result, error, K8SLEADER_ERR_FILE, "/missing: ", "No such file", NULL);
    result = kl_file_read(test_folder, 10, &file, &error);
    expect_error("folder", result, error, K8SLEADER_ERR_FILE, test_folder, "Is a directory", NULL);
    result = kl_file_read(write_text("f", "12345678901"), 10, &file, &error);
    expect_error("large", result, error, K8SLEADER_ERR_TOO_LARGE, "/f: larger than 10 bytes", NULL);
    result = kl_file_read("/dev/zero", 100000, &file, &error);
    expect_error("endless", result, error, K8SLEADER_ERR_TOO_LARGE, "/dev/zero", NULL);
    assert_null(file.bytes);
}

static void tokens(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        const char *token;
        const char *message;
    } rows[] = {
        {"abc.def-1", 9, "abc.def-1", NULL},
        {" \r\n\tabc\r\n\n", 10, "abc", NULL},
        {"two words", 9, "two words", NULL},
        {"", 0, NULL, "/t: the token is empty"},
        {" \n", 2, NULL, "/t: the token is empty"},
        {"abc\ndef", 7, NULL, "/t: the token has a line break"},
        {"abc\r\nX-Evil: 1", 14, NULL, "control character"},
        {"abc\x01", 4, NULL, "control character"},
        {"abc\x7f", 4, NULL, "control character"},
        {"abc\0def", 7, NULL, "/t: the token has a NUL"},
        {"abc\0", 4, NULL, "NUL"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *token = NULL;
        k8sleader_error *error = NULL;
        int result = kl_token_read(write_bytes("t", rows[i].text, rows[i].size), &token, &error);
        if (rows[i].token) {
            expect_ok(rows[i].token, result, error);
            assert_string_equal(token, rows[i].token);
        } else {
            assert_null(token);
            assert_null(strstr(k8sleader_error_message(error), "abc")); /* never quoted */
            expect_error(rows[i].message, result, error, K8SLEADER_ERR_CONFIG, rows[i].message, NULL);
        }
        kl_secret_free(token, token ? strlen(token) : 0);
    }
}

static void token_bounds(void **state)
{
    (void)state;
    static char text[65537];
    char *token = NULL;
    k8sleader_error *error = NULL;
    memset(text, 't', sizeof text);
    assert_int_equal(kl_token_read(write_bytes("t", text, 65536), &token, NULL), 0);
    assert_int_equal(strlen(token), 65536);
    kl_secret_free(token, 65536);
    int result = kl_token_read(write_bytes("t", text, 65537), &token, &error);
    expect_error("large", result, error, K8SLEADER_ERR_CONFIG, "/t: ", "larger than 64 KiB", NULL);
    assert_int_equal(kl_token_read(in_folder("t"), &token, NULL), K8SLEADER_ERR_CONFIG);
    result = kl_token_read(in_folder("missing"), &token, &error);
    expect_error("missing", result, error, K8SLEADER_ERR_FILE, "/missing", "No such file", NULL);
    kl_secret_free(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_whole_files), cmocka_unit_test(reads_pipes),
        cmocka_unit_test(says_why_not),      cmocka_unit_test(tokens),
        cmocka_unit_test(token_bounds),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
