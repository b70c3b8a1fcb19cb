#include "refusal.h"
#include "sanitized.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* At a retry period of 200 ms: some ten reads and writes a second, and the watch's attempts with their
 * back-off. */
#define ATTEMPTS_MOST 30
/* A loop without a wait takes a whole second of a processor. Sanitizers make handshakes dear, and what a
 * server in this process does. */
#define COMPUTING_MOST_MS (SANITIZED ? 1500 : 700)

k8sleader_client *client_by(k8sleader_config *config)
{
    k8sleader_client *client = NULL;
    k8sleader_error *error = NULL;
    assert_int_equal(k8sleader_config_set_log_level(config, K8SLEADER_LOG_NONE, 0), 0);
    int code = k8sleader_client_new(config, &client, &error);
    if (code != 0)
        fail_msg("no client: %s: %s", k8sleader_error_name(code), k8sleader_error_message(error));
    return client;
}

k8sleader_client *client_at(const char *url, const char *ca_pem, const char *token)
{
    k8sleader_config *config = k8sleader_config_new();
    assert_non_null(config);
    assert_int_equal(k8sleader_config_set_server(config, url), 0);
    if (ca_pem)
        assert_int_equal(k8sleader_config_set_ca_pem(config, ca_pem, strlen(ca_pem)), 0);
    if (token)
        assert_int_equal(k8sleader_config_set_token(config, token), 0);
    return client_by(config);
}

k8sleader_election *stand_patiently(k8sleader_client *client, const char *name, const char *identity)
{
    k8sleader_options *options = brisk_options(name, identity);
    assert_int_equal(k8sleader_options_set_lease_duration_ms(options, 15000), 0);
    assert_int_equal(k8sleader_options_set_renew_deadline_ms(options, 10000), 0);
    return stand(client, options);
}

static void says_all(const k8sleader_error *error, va_list words)
{
    const char *message = k8sleader_error_message(error);
    for (const char *word = va_arg(words, const char *); word; word = va_arg(words, const char *))
        if (!strstr(message, word))
            fail_msg("\"%s\" does not say \"%s\"", message, word);
}

void says(const k8sleader_error *error, ...)
{
    va_list words;
    va_start(words, error);
    says_all(error, words);
    va_end(words);
}

void refused(k8sleader_client *client, k8sleader_election *election, int code, int http_status, ...)
{
    va_list words;
    k8sleader_event *event = await_error(client, election, code);
    const k8sleader_error *error = k8sleader_event_error(event);
    assert_int_equal(k8sleader_error_http_status(error), http_status);
    va_start(words, http_status);
    says_all(error, words);
    va_end(words);
    k8sleader_event_unref(event);
}

int64_t requests_of(void *server)
{
    return devserver_requests(server, NULL, NULL);
}

static int64_t computed_ms(void)
{
    struct timespec used;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

void stays_calm(k8sleader_client *client, k8sleader_election *election, int64_t (*count)(void *), void *user)
{
    int64_t counted = count ? count(user) : 0;
    int64_t computed = computed_ms();
    int64_t deadline = now_ms() + 1000;
    for (int64_t left = 1000; left > 0; left = deadline - now_ms()) {
        k8sleader_event *event = NULL;
        if (k8sleader_client_next_event(client, left, &event) != 0)
            continue;
        int type = k8sleader_event_type(event);
        if (type == K8SLEADER_EVENT_CLOSED || type == K8SLEADER_EVENT_STARTED_LEADING)
            fail_msg("%s while it was refused", k8sleader_event_type_name(type));
        k8sleader_event_unref(event);
    }
    assert_int_equal(k8sleader_election_is_leader(election), 0);
    assert_int_equal(k8sleader_election_wait(election, 0), 0); /* still a candidate */
    computed = computed_ms() - computed;
    if (computed > COMPUTING_MOST_MS)
        fail_msg("%lld ms of computing in a second of waiting", (long long)computed);
    counted = count ? count(user) - counted : 0;
    if (counted > ATTEMPTS_MOST)
        fail_msg("%lld attempts in a second", (long long)counted);
}

void leads_at_last(k8sleader_client *client, k8sleader_election *election)
{
    assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), 1);
    assert_int_equal(k8sleader_election_is_leader(election), 1);
    stop_and_free(client, election);
}
