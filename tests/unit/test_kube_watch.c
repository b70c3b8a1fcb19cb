/* The decoder of watch streams: kube/watch.h. */
#include "kube/watch.h"

#include "error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <json-c/json.h>

#define MAX_EVENT ((size_t)200)

/* What the handler saw, as text: "ADDED {...}\n" an event. */
struct log {
    char text[4096];
    size_t size;
};

static void handler(void *user, enum kl_watch_event_type type, struct json_object *object)
{
    static const char *const names[] = {"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"};
    struct log *log = user;
    const char *json = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
    int length = snprintf(log->text + log->size, sizeof log->text - log->size, "%s %s\n", names[type], json);
    log->size += (size_t)length;
    assert_true(log->size < sizeof log->text);
}

struct fed {
    int code;
    int at_boundary;
    struct log log;
    char message[300];
};

/* Feeds the bytes in up to three pieces, from memory that ends where the piece ends. */
static void feed(struct fed *fed, const char *bytes, size_t size, size_t first, size_t second)
{
    const size_t ends[] = {first, second, size};
    *fed = (struct fed){0};
    struct kl_watch_decoder *decoder = kl_watch_decoder_new(MAX_EVENT, handler, &fed->log);
    assert_non_null(decoder);
    for (size_t i = 0, from = 0; i < 3; from = ends[i++]) {
        char *piece = malloc(ends[i] - from + 1);
        assert_non_null(piece);
        memcpy(piece, bytes + from, ends[i] - from);
        char *exact = realloc(piece, ends[i] > from ? ends[i] - from : 1);
        k8sleader_error *err = NULL;
        int code = kl_watch_decoder_feed(decoder, exact, ends[i] - from, &err);
        free(exact);
        assert_int_equal(k8sleader_error_code(err), code);
        if (fed->code && (code != fed->code || strcmp(k8sleader_error_message(err), fed->message) != 0))
            fail_msg("after \"%s\": %d \"%s\"", fed->message, code, k8sleader_error_message(err));
        (void)snprintf(fed->message, sizeof fed->message, "%s", k8sleader_error_message(err));
        k8sleader_error_free(err);
        fed->code = code;
    }
    fed->at_boundary = kl_watch_decoder_at_boundary(decoder);
    kl_watch_decoder_free(decoder);
}

#define TEXT(literal) literal, sizeof literal - 1
#define A             "{\"type\":\"ADDED\",\"object\":{\"a\":1}}"
#define A_LOG         "ADDED {\"a\":1}\n"

static const struct {
    const char *bytes;
    size_t size;
    int code;
    int at_boundary;
    const char *log;
} streams[] = {
    {TEXT(""), 0, 1, ""},
    {TEXT(" \r\n\t\n"), 0, 1, ""},
    {TEXT(A), 0, 1, A_LOG},
    {TEXT(A "\n"), 0, 1, A_LOG},
    {TEXT(A A), 0, 1, A_LOG A_LOG},
    {TEXT("\n" A "\r\n\r\n" A " " A "\n"), 0, 1, A_LOG A_LOG A_LOG},
    {TEXT("{ \"object\" :\n{ \"b\" : [ 1 , -2.5e3, \"x\" ] } , \"type\" : \"MODIFIED\" }\n"), 0, 1,
     "MODIFIED {\"b\":[1,-2.5e3,\"x\"]}\n"},
    {TEXT("{\"type\":\"DELETED\",\"object\":{}}"), 0, 1, "DELETED {}\n"},
    {TEXT("{\"type\":\"BOOKMARK\",\"object\":{}}"), 0, 1, "BOOKMARK {}\n"},
    {TEXT("{\"type\":\"ERROR\",\"object\":{\"code\":410}}"), 0, 1, "ERROR {\"code\":410}\n"},
    {TEXT("{\"type\":\"\\u0041DDED\",\"object\":{\"ä€𝄞\":\"\\\"}{\\\\'\\u00e4\\ud834\\udd1e\"}}"), 0, 1,
     "ADDED {\"ä€𝄞\":\"\\\"}{\\\\'ä𝄞\"}\n"},
    {TEXT("{\"type\":\"ADDED\",\"object\":{\"n\":[9223372036854775807,true,false,null]},\"more\":0}"), 0, 1,
     "ADDED {\"n\":[9223372036854775807,true,false,null]}\n"},
    /* metadata.managedFields of the object goes unseen, and nothing else that is called so */
    {TEXT("{\"object\":{\"metadata\":{\"managedFields\":[{\"a\":[1,\"]\\\"\"]},2],\"b\":1}},\"type\":"
          "\"ADDED\"}" A),
     0, 1, "ADDED {\"metadata\":{\"managedFields\":[],\"b\":1}}\n" A_LOG},
    {TEXT("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"a\":\"managedFields\",\"b\":[1]},\"c\":["
          "\"metadata\"]}}"),
     0, 1, "ADDED {\"metadata\":{\"a\":\"managedFields\",\"b\":[1]},\"c\":[\"metadata\"]}\n"},
    {TEXT("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"labels\":{\"managedFields\":[1]},\"managedField\":"
          "[1]}}}"),
     0, 1, "ADDED {\"metadata\":{\"labels\":{\"managedFields\":[1]},\"managedField\":[1]}}\n"},
    {TEXT("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"managedFieldsX\":[1],\"managed\\u0046ields\":[1]}}"
          "}"),
     0, 1, "ADDED {\"metadata\":{\"managedFieldsX\":[1],\"managedFields\":[1]}}\n"},
    {TEXT("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"managedFields\":{\"a\":[1]}},\"managedFields\":[1]"
          "}}"),
     0, 1, "ADDED {\"metadata\":{\"managedFields\":{\"a\":[1]}},\"managedFields\":[1]}\n"},
    {TEXT("{\"type\":\"ADDED\",\"object\":{\"metadata\":[{\"managedFields\":[1]}],\"spec\":{"
          "\"managedFields\":[1]}}}"),
     0, 1, "ADDED {\"metadata\":[{\"managedFields\":[1]}],\"spec\":{\"managedFields\":[1]}}\n"},
    {TEXT("{\"metadata\":{\"managedFields\":[1]},\"type\":\"ADDED\",\"object\":{\"a\":\"metadata\",\"b\":{"
          "\"managedFields\":[1]}}}"),
     0, 1, "ADDED {\"a\":\"metadata\",\"b\":{\"managedFields\":[1]}}\n"},
    {TEXT("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"managedFields\":[{\"a\":-x}]}}}"),
     K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"managedFields\":[{\"a\":1"), 0, 0, ""},
    /* an event of an unknown type is passed over, whatever its object */
    {TEXT("{\"type\":\"SYNC\",\"object\":{}}" A "{\"type\":\"added\"}" A), 0, 1, A_LOG A_LOG},
    /* an event that has not ended */
    {TEXT(A "{"), 0, 0, A_LOG},
    {TEXT(A "{\"type\":\"ADDED\",\"object\":{}"), 0, 0, A_LOG},
    {TEXT(A "{\"type\":\"ADD"), 0, 0, A_LOG},
    /* no JSON */
    {TEXT("<html>"), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("x"), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("\xef\xbb\xbf" A), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT(A ", " A), K8SLEADER_ERR_PROTOCOL, 0, A_LOG},
    {TEXT(A "\n}"), K8SLEADER_ERR_PROTOCOL, 0, A_LOG},
    {TEXT(A "\nnull\n" A), K8SLEADER_ERR_PROTOCOL, 0, A_LOG},
    {TEXT(A "[" A "]"), K8SLEADER_ERR_PROTOCOL, 0, A_LOG},
    {TEXT("\"ADDED\""), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("12"), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("/* */" A), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("{\"type\" \"ADDED\""), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("{\"type\":\"ADDED\",}"), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("{'type':\"ADDED\",\"object\":{}}"), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("{\"type\":\"ADDED\",\"object\":{\"a\":TRUE}}"), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("{\"type\":\"ADDED\",\"object\":{\"a\":1]}}"), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("{\"type\":\"ADDED\",\"object\":{\"a\":1-}}"), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("{\"type\":\"ADDED\",\"object\":{\"a\":1.}}"), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("{\"type\":\"ADDED\",\"object\":{\"a\":-Infinity}}"), K8SLEADER_ERR_PROTOCOL, 0, ""},
    /* no such event */
    {TEXT("{}"), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("{\"kind\":\"Status\",\"code\":403}"), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("{\"type\":1,\"object\":{}}"), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("{\"type\":null,\"object\":{}}"), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("{\"type\":\"ADDED\\u0000\",\"object\":{}}"), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("{\"type\":\"ADDED\"}"), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("{\"type\":\"ADDED\",\"object\":null}"), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT("{\"type\":\"ADDED\",\"object\":[]}"), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT(A "{\"type\":\"ADDED\"}" A), K8SLEADER_ERR_PROTOCOL, 0, A_LOG},
    /* a NUL byte, wherever */
    {TEXT("\0"), K8SLEADER_ERR_PROTOCOL, 0, ""},
    {TEXT(A "\0" A), K8SLEADER_ERR_PROTOCOL, 0, A_LOG},
    {TEXT(A "{\"type\":\"AD\0DED\",\"object\":{}}"), K8SLEADER_ERR_PROTOCOL, 0, A_LOG},
    {TEXT(A "{\"type\":\0\"ADDED\",\"object\":{}}"), K8SLEADER_ERR_PROTOCOL, 0, A_LOG},
    {TEXT(A "{\"type\":\"ADDED\\\0\",\"object\":{}}"), K8SLEADER_ERR_PROTOCOL, 0, A_LOG},
};

/* The outcome of a stream is the same wherever it is split, in two or in three. */
static void all_splits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++)
        for (size_t first = 0; first <= streams[i].size; first++)
            for (size_t second = first; second <= streams[i].size; second++) {
                struct fed fed;
                feed(&fed, streams[i].bytes, streams[i].size, first, second);
                if (fed.code != streams[i].code || fed.at_boundary != streams[i].at_boundary ||
                    strcmp(fed.log.text, streams[i].log) != 0)
                    fail_msg("%s split at %zu and %zu: code %d, boundary %d, \"%s\", events:\n%s",
                             streams[i].bytes, first, second, fed.code, fed.at_boundary, fed.message,
                             fed.log.text);
            }
}

static void byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
        struct log log = {0};
        struct kl_watch_decoder *decoder = kl_watch_decoder_new(MAX_EVENT, handler, &log);
        int code = 0;
        for (size_t at = 0; at < streams[i].size; at++)
            code = kl_watch_decoder_feed(decoder, &(const char){streams[i].bytes[at]}, 1, NULL);
        assert_int_equal(code, streams[i].code);
        assert_int_equal(kl_watch_decoder_at_boundary(decoder), streams[i].at_boundary);
        assert_string_equal(log.text, streams[i].log);
        kl_watch_decoder_free(decoder);
    }
}

/* Between and inside events: the boundary is there exactly when nothing has begun. */
static void boundary(void **state)
{
    (void)state;
    struct log log = {0};
    struct kl_watch_decoder *decoder = kl_watch_decoder_new(MAX_EVENT, handler, &log);
    const char stream[] = "\n" A "\n " A;
    const size_t begin[] = {1, sizeof A + 2};
    for (size_t at = 0; at < sizeof stream - 1; at++) {
        int inside = 0;
        for (int event = 0; event < 2; event++)
            inside |= at > begin[event] && at < begin[event] + sizeof A - 1;
        assert_int_equal(kl_watch_decoder_at_boundary(decoder), !inside);
        assert_int_equal(kl_watch_decoder_feed(decoder, stream + at, 1, NULL), 0);
    }
    assert_true(kl_watch_decoder_at_boundary(decoder));
    assert_string_equal(log.text, A_LOG A_LOG);
    kl_watch_decoder_free(decoder);
}

/* An event of the given size, not counting what is around it. */
static size_t event_of_size(char *to, size_t size)
{
    static const char begin[] = "{\"type\":\"ADDED\",\"object\":{\"a\":\"", end[] = "\"}}";
    memset(to, 'x', size);
    memcpy(to, begin, sizeof begin - 1);
    memcpy(to + size - (sizeof end - 1), end, sizeof end - 1);
    return size;
}

static void size_limit(void **state)
{
    (void)state;
    static const struct {
        size_t before; /* blanks */
        size_t size;
        size_t after;
        int code;
    } rows[] = {
        {0, MAX_EVENT - 1, 0, 0},
        {0, MAX_EVENT, 0, 0},
        {0, MAX_EVENT + 1, 0, K8SLEADER_ERR_TOO_LARGE},
        {0, 3 * MAX_EVENT, 0, K8SLEADER_ERR_TOO_LARGE},
        {2 * MAX_EVENT, MAX_EVENT, 2 * MAX_EVENT, 0},
        {2 * MAX_EVENT, MAX_EVENT + 1, 0, K8SLEADER_ERR_TOO_LARGE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char stream[5 * MAX_EVENT + 100];
        memset(stream, ' ', sizeof stream);
        size_t size = rows[i].before;
        size += event_of_size(stream + size, rows[i].size) + rows[i].after;
        /* the event before and the event after have counts of their own */
        memmove(stream + sizeof A - 1, stream, size);
        memcpy(stream, A, sizeof A - 1);
        memcpy(stream + sizeof A - 1 + size, A, sizeof A - 1);
        size += 2 * (sizeof A - 1);
        for (size_t split = 0; split <= size; split++) {
            struct fed fed;
            feed(&fed, stream, size, split, split);
            assert_int_equal(fed.code, rows[i].code);
            size_t events = 0;
            for (const char *at = fed.log.text; (at = strchr(at, '\n')) != NULL; at++)
                events++;
            assert_int_equal(events, rows[i].code ? 1 : 3);
        }
    }
}

/* The bound holds also for an event that never says more, and one that is only blanks inside. */
static void endless_events(void **state)
{
    (void)state;
    static const struct {
        const char *begin;
        char more;
        int code;
    } rows[] = {
        {"{\"", 'x', K8SLEADER_ERR_TOO_LARGE},
        {"{", ' ', K8SLEADER_ERR_TOO_LARGE},
        {"{\"type\":", '\n', K8SLEADER_ERR_TOO_LARGE},
        {"{\"a\":1", '1', K8SLEADER_ERR_PROTOCOL},
        {"{\"a\":", '{', K8SLEADER_ERR_PROTOCOL},
        {"{\"a\":", '[', K8SLEADER_ERR_PROTOCOL},
        {"", ' ', 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct log log = {0};
        struct kl_watch_decoder *decoder = kl_watch_decoder_new(2000, handler, &log);
        int code = kl_watch_decoder_feed(decoder, rows[i].begin, strlen(rows[i].begin), NULL);
        for (int n = 0; n < 3000 && !code; n++)
            code = kl_watch_decoder_feed(decoder, &rows[i].more, 1, NULL);
        assert_int_equal(code, rows[i].code);
        kl_watch_decoder_free(decoder);
    }
}

static void number_limit(void **state)
{
    (void)state;
    for (size_t digits = 1022; digits <= 1026; digits++) {
        char stream[1200];
        int size = snprintf(stream, sizeof stream, "{\"type\":\"ADDED\",\"object\":{\"a\":1.");
        memset(stream + size, '5', digits - 2);
        strcpy(stream + size + digits - 2, "}}");
        struct log log = {0};
        struct kl_watch_decoder *decoder = kl_watch_decoder_new(sizeof stream, handler, &log);
        int code = kl_watch_decoder_feed(decoder, stream, strlen(stream), NULL);
        assert_int_equal(code, digits <= 1024 ? 0 : K8SLEADER_ERR_PROTOCOL);
        assert_int_equal(log.size > 0, digits <= 1024);
        kl_watch_decoder_free(decoder);
    }
}

/* 32 levels of values: the event, its object, arrays, and a number in the innermost. */
static void depth_limit(void **state)
{
    (void)state;
    for (size_t levels = 3; levels < 40; levels++) {
        char stream[200] = "{\"type\":\"ADDED\",\"object\":{\"a\":", arrays[40] = "";
        memset(arrays, '[', levels - 3);
        strcat(strcat(stream, arrays), "1");
        memset(arrays, ']', levels - 3);
        strcat(strcat(stream, arrays), "}}");
        for (size_t split = 0; split <= strlen(stream); split++) {
            struct fed fed;
            feed(&fed, stream, strlen(stream), split, split);
            assert_int_equal(fed.code, levels <= 32 ? 0 : K8SLEADER_ERR_PROTOCOL);
            assert_int_equal(fed.log.size > 0, levels <= 32);
        }
    }
}

static void messages(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *message;
    } rows[] = {
        {TEXT("<html>\n\x1b[31m"), "watch stream: not JSON: <html>??[31m"},
        {TEXT("\xc3\xa4"), "watch stream: not JSON: ??"},
        {TEXT("<0123456789012345678901234567890123456789012345678901234567890123456789"),
         "watch stream: not JSON: <01234567890123456789012345678901234567890123456789012345..."},
        {TEXT("{\"type\":xyz"), "watch stream: not JSON: xyz"},
        {TEXT("{\"type\":\0xyz"), "watch stream: a NUL byte: ?xyz"},
        {TEXT("{\"kind\":\"Status\"}"), "watch stream: no event: {\"kind\":\"Status\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fed fed;
        feed(&fed, rows[i].bytes, rows[i].size, rows[i].size, rows[i].size);
        assert_int_equal(fed.code, K8SLEADER_ERR_PROTOCOL);
        assert_string_equal(fed.message, rows[i].message);
    }
}

static void keep(void *user, enum kl_watch_event_type type, struct json_object *object)
{
    (void)type;
    struct json_object **kept = user;
    *kept = json_object_get(object);
}

static void an_object_may_be_kept(void **state)
{
    (void)state;
    struct json_object *kept = NULL;
    struct kl_watch_decoder *decoder = kl_watch_decoder_new(MAX_EVENT, keep, &kept);
    assert_int_equal(kl_watch_decoder_feed(decoder, A, sizeof A - 1, NULL), 0);
    kl_watch_decoder_free(decoder);
    assert_string_equal(json_object_to_json_string_ext(kept, JSON_C_TO_STRING_PLAIN), "{\"a\":1}");
    assert_int_equal(json_object_put(kept), 1); /* the last reference */
    kl_watch_decoder_free(NULL);
}

static double seconds_for(size_t size, const char *begin, char more)
{
    struct log log = {0};
    struct timespec from, to;
    struct kl_watch_decoder *decoder = kl_watch_decoder_new(SIZE_MAX, handler, &log);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    kl_watch_decoder_feed(decoder, begin, strlen(begin), NULL);
    for (size_t i = 0; i < size; i++)
        kl_watch_decoder_feed(decoder, &more, 1, NULL);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    kl_watch_decoder_free(decoder);
    return (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}

/* Eight times the bytes, one at a time, cost some eight times as much; were it quadratic, 64 times. */
static void linear_time(void **state)
{
    (void)state;
    static const struct {
        const char *begin;
        char more;
    } rows[] = {{"{\"", 'x'}, {"{\"a\":\"", 'x'}, {"{", ' '}, {"{\"a\":1", '1'}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const size_t size = 20000;
        double once = seconds_for(size, rows[i].begin, rows[i].more);
        double eight = seconds_for(8 * size, rows[i].begin, rows[i].more);
        if (eight > 30 * once && eight > 0.5)
            fail_msg("%s: %g s, then %g s", rows[i].begin, once, eight);
    }
}

/* Any byte of a stream replaced by any other does no harm, and what is split makes no difference to the
 * outcome. */
static void damaged(void **state)
{
    (void)state;
    static const char good[] =
        "{\"type\":\"ADDED\",\"object\":{\"a\":[-1.5e2,\"\\u00e4\\n\",null,true]}}\n" A;
    for (size_t i = 0; i < sizeof good - 1; i++)
        for (int c = 0; c < 256; c++) {
            char stream[sizeof good];
            memcpy(stream, good, sizeof good);
            stream[i] = (char)c;
            struct fed whole, split;
            feed(&whole, stream, sizeof good - 1, 0, 0);
            feed(&split, stream, sizeof good - 1, i, i + 1);
            struct log log = {0};
            struct kl_watch_decoder *decoder = kl_watch_decoder_new(MAX_EVENT, handler, &log);
            int code = 0;
            for (size_t at = 0; at < sizeof good - 1; at++)
                code = kl_watch_decoder_feed(decoder, stream + at, 1, NULL);
            kl_watch_decoder_free(decoder);
            if (whole.code != code || strcmp(whole.log.text, log.text) != 0)
                fail_msg("%s: %d at once, %d byte by byte", stream, whole.code, code);
            if (whole.code != split.code || strcmp(whole.log.text, split.log.text) != 0)
                fail_msg("%s: %d at once, %d in pieces (%s)", stream, whole.code, split.code, split.message);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_splits),
        cmocka_unit_test(byte_by_byte),
        cmocka_unit_test(boundary),
        cmocka_unit_test(size_limit),
        cmocka_unit_test(endless_events),
        cmocka_unit_test(number_limit),
        cmocka_unit_test(depth_limit),
        cmocka_unit_test(messages),
        cmocka_unit_test(an_object_may_be_kept),
        cmocka_unit_test(linear_time),
        cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
