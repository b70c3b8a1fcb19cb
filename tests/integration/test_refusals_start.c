/* What an election refuses to start with: each bad value its own code, and a message that says what would be
 * good. */
#include "refusal.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST_NAME     253
#define LONGEST_LABEL    63
#define LONGEST_IDENTITY 255

static void count_destroy(void *user)
{
    (*(int *)user)++;
}

/* Refused, without an election and with the user data destroyed. *error is the caller's to free. */
static k8sleader_error *start_refused(k8sleader_client *client, const k8sleader_options *options, int code)
{
    int destroyed = 0;
    k8sleader_error *error = NULL;
    k8sleader_election *election = (k8sleader_election *)(void *)&destroyed;
    int result =
        k8sleader_election_start(client, options, NULL, &destroyed, count_destroy, &election, &error);
    if (result != code)
        fail_msg("%s instead of %s: %s", k8sleader_error_name(result), k8sleader_error_name(code),
                 k8sleader_error_message(error));
    assert_null(election);
    assert_int_equal(destroyed, 1);
    assert_int_equal(k8sleader_error_code(error), code);
    assert_int_equal(k8sleader_error_http_status(error), 0);
    assert_int_equal(k8sleader_error_retriable(error), 0);
    /* Without a place for the error it is the same. */
    assert_int_equal(
        k8sleader_election_start(client, options, NULL, &destroyed, count_destroy, &election, NULL), code);
    assert_int_equal(destroyed, 2);
    return error;
}

static void set_durations(k8sleader_options *options, int64_t lease, int64_t renew, int64_t retry,
                          int64_t drain)
{
    assert_int_equal(k8sleader_options_set_lease_duration_ms(options, lease), 0);
    assert_int_equal(k8sleader_options_set_renew_deadline_ms(options, renew), 0);
    assert_int_equal(k8sleader_options_set_retry_period_ms(options, retry), 0);
    assert_int_equal(k8sleader_options_set_drain_timeout_ms(options, drain), 0);
}

static void test_durations(void **state)
{
    static const struct {
        int64_t lease, renew, retry, drain;
        const char *first, *second; /* what the message names */
    } rules[] = {
        {1000, 1000, 100, 1000, "lease-duration (1000 ms)", "renew-deadline (1000 ms)"},
        {1000, 2000, 100, 1000, "lease-duration (1000 ms)", "renew-deadline (2000 ms)"},
        {9000, 1200, 1000, 1000, "renew-deadline (1200 ms)", "retry-period (1000 ms)"},
        {9000, 1000, 2000, 1000, "renew-deadline (1000 ms)", "retry-period (2000 ms)"},
        {0, 1400, 200, 1000, "lease-duration is 0 ms", "more than 0"},
        {2000, 0, 200, 1000, "renew-deadline is 0 ms", "more than 0"},
        {2000, 1400, 0, 1000, "retry-period is 0 ms", "more than 0"},
        {2000, 1400, 200, 0, "drain-timeout is 0 ms", "more than 0"},
        {-5, 1400, 200, 1000, "lease-duration is -5 ms", "more than 0"},
        {INT64_MIN, 1400, 200, 1000, "lease-duration is -", "more than 0"},
        {86400001, 1400, 200, 1000, "lease-duration", "at most a day"},
        {INT64_MAX, 1400, 200, 1000, "lease-duration", "at most a day"},
        {2000, INT64_MAX, 200, 1000, "renew-deadline", "at most a day"},
        {2000, 1400, INT64_MAX, 1000, "retry-period", "at most a day"},
        {2000, 1400, 200, INT64_MAX, "drain-timeout", "at most a day"},
    };
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_options *options = brisk_options("web", "a");
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        set_durations(options, rules[i].lease, rules[i].renew, rules[i].retry, rules[i].drain);
        k8sleader_error *error = start_refused(world.client, options, K8SLEADER_ERR_DURATION);
        says(error, rules[i].first, rules[i].second, NULL);
        k8sleader_error_free(error);
    }
    /* Only just good: 1201 is more than 1.2 times 1000. */
    set_durations(options, 1202, 1201, 1000, 1);
    leads_at_last(world.client, stand(world.client, options));
    /* Nothing was sent for the others. */
    assert_true(devserver_requests(world.server, "create", NULL) == 1);
    world_stop(&world);
}

static char *repeated(char c, size_t count)
{
    char *text = calloc(1, count + 1);
    assert_non_null(text);
    memset(text, c, count);
    return text;
}

static void name_refused(k8sleader_client *client, const char *name)
{
    k8sleader_options *options = brisk_options(name, "a");
    k8sleader_error *error = start_refused(client, options, K8SLEADER_ERR_NAME);
    says(error, "the lock's name", "DNS subdomain (RFC 1123)", "253", NULL);
    k8sleader_error_free(error);
    k8sleader_options_free(options);
}

static void test_names(void **state)
{
    static const char *const bad[] = {"",     "Web",    "web_1", "web/1", "-web",  "web-", ".web",   "web.",
                                      "a..b", "a.-b.c", "web 1", "wéb",   "web\n", "*",    "../web", "a%2Fb"};
    struct world world;
    (void)state;
    world_start(&world);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        name_refused(world.client, bad[i]);
    char *over_long = repeated('a', LONGEST_NAME + 1);
    name_refused(world.client, over_long);
    char *far_too_long = repeated('a', 1 << 20);
    name_refused(world.client, far_too_long);
    over_long[LONGEST_NAME] = '\0';
    leads_at_last(world.client, stand_patiently(world.client, over_long, "a"));
    leads_at_last(world.client, stand_patiently(world.client, "1.web-2.x", "a"));
    free(over_long);
    free(far_too_long);
    world_stop(&world);
}

static void identity_refused(k8sleader_client *client, const char *identity, const char *word)
{
    k8sleader_options *options = brisk_options("web", identity);
    k8sleader_error *error = start_refused(client, options, K8SLEADER_ERR_IDENTITY);
    says(error, "identity", word, NULL);
    k8sleader_error_free(error);
    k8sleader_options_free(options);
}

static void test_identities(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    char *identity = repeated('i', LONGEST_IDENTITY + 1);
    identity_refused(world.client, "", "nobody leads");
    identity_refused(world.client, identity, "255 are allowed");
    identity_refused(world.client, "a\nb", "control characters");
    identity_refused(world.client, "a\x7f", "control characters");
    identity_refused(world.client, "\xc3", "UTF-8");             /* cut off */
    identity_refused(world.client, "\xc0\xaf", "UTF-8");         /* over-long */
    identity_refused(world.client, "\xed\xa0\x80", "UTF-8");     /* a surrogate */
    identity_refused(world.client, "\xf4\x90\x80\x80", "UTF-8"); /* beyond Unicode */
    identity[LONGEST_IDENTITY] = '\0';
    k8sleader_election *election = stand_patiently(world.client, "web", identity);
    assert_string_equal(k8sleader_election_identity(election), identity);
    assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), 1);
    char *holder = lease_field(&world, "web", "holderIdentity");
    assert_string_equal(holder, identity);
    free(holder);
    stop_and_free(world.client, election);
    leads_at_last(world.client, stand_patiently(world.client, "web", "the \"ü\" of \\ 東京 {}"));
    free(identity);
    world_stop(&world);
}

static void namespace_refused(k8sleader_client *client, const char *name)
{
    k8sleader_options *options = brisk_options("web", "a");
    assert_int_equal(k8sleader_options_set_namespace(options, name), 0);
    k8sleader_error *error = start_refused(client, options, K8SLEADER_ERR_NAMESPACE);
    says(error, "namespace", "DNS label (RFC 1123)", "63", NULL);
    k8sleader_error_free(error);
    k8sleader_options_free(options);
    /* The same where it is only looked up. */
    k8sleader_lock_list *list = NULL;
    assert_int_equal(k8sleader_client_list_locks(client, "leases", name, NULL, -1, &list, NULL),
                     K8SLEADER_ERR_NAMESPACE);
    assert_null(list);
}

static void test_namespaces(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    char *over_long = repeated('n', LONGEST_LABEL + 1);
    namespace_refused(world.client, "");
    namespace_refused(world.client, "Team");
    namespace_refused(world.client, "team.a");
    namespace_refused(world.client, "team/a");
    namespace_refused(world.client, "-team");
    namespace_refused(world.client, over_long);
    free(over_long);
    world_stop(&world);
}

/* Options without a namespace, which brisk_options() sets. */
static k8sleader_options *options_anywhere(void)
{
    k8sleader_options *options = k8sleader_options_new(K8SLEADER_LEASE, "web");
    assert_non_null(options);
    set_durations(options, 2000, 1400, 200, 1000);
    return options;
}

static void test_no_namespace(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_options *options = options_anywhere();
    assert_int_equal(unsetenv("POD_NAMESPACE"), 0);
    k8sleader_error *error = start_refused(world.client, options, K8SLEADER_ERR_NO_NAMESPACE);
    says(error, "option namespace", "POD_NAMESPACE", NULL);
    k8sleader_error_free(error);
    k8sleader_lock_list *list = NULL;
    assert_int_equal(k8sleader_client_list_locks(world.client, "leases", NULL, NULL, -1, &list, NULL),
                     K8SLEADER_ERR_NO_NAMESPACE);
    assert_null(list);

    /* Empty is as good as unset, and a bad one is never passed over. */
    assert_int_equal(setenv("POD_NAMESPACE", "", 1), 0);
    k8sleader_error_free(start_refused(world.client, options, K8SLEADER_ERR_NO_NAMESPACE));
    assert_int_equal(setenv("POD_NAMESPACE", "Team", 1), 0);
    error = start_refused(world.client, options, K8SLEADER_ERR_NAMESPACE);
    says(error, "POD_NAMESPACE", "\"Team\"", NULL);
    k8sleader_error_free(error);

    assert_int_equal(setenv("POD_NAMESPACE", "default", 1), 0);
    k8sleader_election *election = stand(world.client, options);
    assert_string_equal(k8sleader_election_lock(election), "default/web");
    leads_at_last(world.client, election);
    assert_int_equal(unsetenv("POD_NAMESPACE"), 0);
    world_stop(&world);
}

/* Labels are set one by one, but a bad one is only seen when the election starts. */
static void test_labels(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_options *options = brisk_options("web", "a");
    assert_int_equal(k8sleader_options_set_label(options, "app", "shop"), 0);
    assert_int_equal(k8sleader_options_set_label(options, "a b", "c"), 0);
    k8sleader_error *error = start_refused(world.client, options, K8SLEADER_ERR_OPTION);
    says(error, "label key \"a b\"", "letters, digits", NULL);
    k8sleader_error_free(error);
    k8sleader_options_free(options);
    world_stop(&world);
}

static void test_missing_handles(void **state)
{
    struct world world;
    int destroyed = 0;
    k8sleader_election *election = NULL;
    k8sleader_error *error = NULL;
    (void)state;
    world_start(&world);
    k8sleader_options *options = brisk_options("web", "a");
    error = start_refused(NULL, options, K8SLEADER_ERR_ARGUMENT);
    k8sleader_error_free(error);
    error = start_refused(world.client, NULL, K8SLEADER_ERR_ARGUMENT);
    says(error, "options", NULL);
    k8sleader_error_free(error);
    assert_int_equal(
        k8sleader_election_start(world.client, options, NULL, &destroyed, count_destroy, NULL, NULL),
        K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(destroyed, 1);
    k8sleader_client_close(world.client);
    error = start_refused(world.client, options, K8SLEADER_ERR_CLOSED);
    says(error, "make a new one", NULL);
    k8sleader_error_free(error);
    assert_null(election);
    k8sleader_options_free(options);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),       cmocka_unit_test(test_names),
        cmocka_unit_test(test_identities),      cmocka_unit_test(test_namespaces),
        cmocka_unit_test(test_no_namespace),    cmocka_unit_test(test_labels),
        cmocka_unit_test(test_missing_handles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
