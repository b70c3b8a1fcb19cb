/* Every allocation of kube/ fails once: nothing is lost, nothing is half done. Linked with --wrap
 * (kube.cmake). */
#include "error.h"
#include "kube/json.h"
#include "kube/lock.h"
#include "kube/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <json-c/json.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

/* How many more allocations succeed; below zero: all. */
static int left = -1;

static int refuse(void)
{
    return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return refuse() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refuse() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return refuse() ? NULL : __real_realloc(old, size);
}

static struct json_object *lease(size_t note_size)
{
    static const char json[] = "{\"metadata\":{\"name\":\"web\",\"labels\":{\"a\":\"b\"}},\"spec\":{}}";
    struct json_object *object = kl_json_parse(json, sizeof json - 1);
    char *note = calloc(1, note_size + 1);
    assert_non_null(note);
    memset(note, 'n', note_size);
    json_object_object_add(object, "note", json_object_new_string(note));
    free(note);
    return object;
}

static void decode(void **state)
{
    (void)state;
    static const struct {
        size_t note_size;
        int allocations;
    } rows[] = {{10, 1}, {5000, 2}};
    static const struct kl_lock zero;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json_object *object = lease(rows[i].note_size);
        struct kl_lock lock;
        for (int n = 0; n < rows[i].allocations; n++) {
            left = n;
            int code = kl_lock_decode(&kl_leases, object, &lock, NULL);
            left = -1;
            assert_int_equal(code, K8SLEADER_ERR_NO_MEMORY);
            assert_memory_equal(&lock, &zero, sizeof lock);
        }
        left = rows[i].allocations;
        assert_int_equal(kl_lock_decode(&kl_leases, object, &lock, NULL), 0);
        assert_int_equal(left, 0); /* no more than so many are made */
        left = -1;
        kl_lock_clear(&lock);
        json_object_put(object);
    }
}

static void encode(void **state)
{
    (void)state;
    static char long_text[4000];
    memset(long_text, 'x', sizeof long_text - 1);
    static char key[] = "k";
    const struct {
        struct kl_label label;
        size_t count;
        int allocations;
    } rows[] = {
        {{key, key}, 0, 1},
        {{key, key}, 1, 1},
        {{key, long_text}, 1, 2},
        {{long_text, long_text}, 1, 3}, /* the text, the key to compare, the text grown */
    };
    struct json_object *object = lease(10);
    struct kl_lock lock;
    assert_int_equal(kl_lock_decode(&kl_leases, object, &lock, NULL), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t size;
        for (int n = 0; n < rows[i].allocations; n++) {
            left = n;
            char *json = kl_lock_encode(&kl_leases, &lock, "", "", &lock.record, &rows[i].label, rows[i].count, &size);
            left = -1;
            assert_null(json);
        }
        left = rows[i].allocations;
        char *json = kl_lock_encode(&kl_leases, &lock, "", "", &lock.record, &rows[i].label, rows[i].count, &size);
        assert_int_equal(left, 0);
        left = -1;
        assert_non_null(json);
        free(json);
    }
    kl_lock_clear(&lock);
    json_object_put(object);
}

static void watch(void **state)
{
    (void)state;
    left = 0;
    struct kl_watch_decoder *decoder = kl_watch_decoder_new(100, NULL, NULL);
    left = -1;
    assert_null(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(decode), cmocka_unit_test(encode),
                                       cmocka_unit_test(watch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
