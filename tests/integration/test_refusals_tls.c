/* A server whose TLS is not to be trusted: nothing is sent to it, and once it has a good certificate the
 * candidate leads. */
#include "authority.h"
#include "refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN "the-token"
#define DAY_S (24L * 3600)

struct meeting {
    struct authority *authority; /* which the client trusts */
    struct devserver *server;
    char address[32]; /* always the same */
    k8sleader_client *client;
};

/* The server anew, at the same address, with the certificate last issued by this authority; NULL: plain HTTP.
 */
static void serve(struct meeting *meeting, const struct authority *authority)
{
    char *problem = NULL;
    struct devserver_config config = {.token = TOKEN, .plain_http = authority == NULL};
    config.listen = meeting->address[0] ? meeting->address : "127.0.0.1:0";
    if (authority) {
        config.cert_file = authority_cert_file(authority);
        config.key_file = authority_key_file(authority);
    }
    devserver_stop(meeting->server);
    if (devserver_start(&config, &meeting->server, &problem) != 0)
        fail_msg("the embedded API server does not start: %s", problem);
    (void)snprintf(meeting->address, sizeof meeting->address, "%s",
                   strstr(devserver_url(meeting->server), "//") + 2);
}

static k8sleader_config *config_for(const struct meeting *meeting)
{
    char url[64];
    const char *ca = authority_pem(meeting->authority);
    k8sleader_config *config = k8sleader_config_new();
    (void)snprintf(url, sizeof url, "https://%s", meeting->address);
    assert_int_equal(k8sleader_config_set_server(config, url), 0);
    assert_int_equal(k8sleader_config_set_ca_pem(config, ca, strlen(ca)), 0);
    assert_int_equal(k8sleader_config_set_token(config, TOKEN), 0);
    return config;
}

static void meet(struct meeting *meeting)
{
    memset(meeting, 0, sizeof *meeting);
    meeting->authority = authority_new();
}

static void part(struct meeting *meeting)
{
    k8sleader_client_free(meeting->client);
    devserver_stop(meeting->server);
    authority_free(meeting->authority);
}

/* Nothing came through to the server; then it gets a certificate that is good for its address. */
static void good_at_last(struct meeting *meeting, k8sleader_election *election)
{
    stays_calm(meeting->client, election, requests_of, meeting->server);
    assert_true(devserver_requests(meeting->server, NULL, NULL) == 0);
    authority_issue(meeting->authority, "127.0.0.1", -DAY_S, DAY_S);
    serve(meeting, meeting->authority);
    leads_at_last(meeting->client, election);
}

static void test_untrusted(void **state)
{
    struct meeting meeting;
    (void)state;
    meet(&meeting);
    struct authority *other = authority_new();
    authority_issue(other, "127.0.0.1", -DAY_S, DAY_S);
    serve(&meeting, other);
    meeting.client = client_by(config_for(&meeting));
    k8sleader_election *election = stand_patiently(meeting.client, "web", "a");
    refused(meeting.client, election, K8SLEADER_ERR_TLS_UNTRUSTED, 0, meeting.address, "CA",
            "certificate-authority", NULL);
    good_at_last(&meeting, election);
    authority_free(other);
    part(&meeting);
}

static void refused_for_its_time(long from_s, long until_s)
{
    struct meeting meeting;
    meet(&meeting);
    authority_issue(meeting.authority, "127.0.0.1", from_s, until_s);
    serve(&meeting, meeting.authority);
    meeting.client = client_by(config_for(&meeting));
    k8sleader_election *election = stand_patiently(meeting.client, "web", "a");
    refused(meeting.client, election, K8SLEADER_ERR_TLS_EXPIRED, 0, "renew the server's certificate", "clock",
            NULL);
    good_at_last(&meeting, election);
    part(&meeting);
}

static void test_expired(void **state)
{
    (void)state;
    refused_for_its_time(-2 * DAY_S, -DAY_S);
}

static void test_not_yet_valid(void **state)
{
    (void)state;
    refused_for_its_time(DAY_S, 2 * DAY_S);
}

static void refused_for_its_name(const char *name, const char *tls_server_name)
{
    struct meeting meeting;
    meet(&meeting);
    authority_issue(meeting.authority, name, -DAY_S, DAY_S);
    serve(&meeting, meeting.authority);
    k8sleader_config *config = config_for(&meeting);
    if (tls_server_name)
        assert_int_equal(k8sleader_config_set_tls_server_name(config, tls_server_name), 0);
    meeting.client = client_by(config);
    k8sleader_election *election = stand_patiently(meeting.client, "web", "a");
    refused(meeting.client, election, K8SLEADER_ERR_TLS_HOST, 0, "name", "tls-server-name", NULL);
    if (!tls_server_name) {
        good_at_last(&meeting, election);
    } else {
        stays_calm(meeting.client, election, requests_of, meeting.server);
        authority_issue(meeting.authority, tls_server_name, -DAY_S, DAY_S);
        serve(&meeting, meeting.authority);
        leads_at_last(meeting.client, election);
    }
    part(&meeting);
}

static void test_other_host(void **state)
{
    (void)state;
    refused_for_its_name("elsewhere.example", NULL);
}

static void test_other_address(void **state)
{
    (void)state;
    refused_for_its_name("127.0.0.2", NULL);
}

/* With tls-server-name the certificate's name is that one, and the URL's host counts no more. */
static void test_server_name(void **state)
{
    (void)state;
    refused_for_its_name("127.0.0.1", "kubernetes.example");
}

/* Wrong in its kind. Each is said for what it is: to name another authority would not help against most. */
static void test_odd_certificates(void **state)
{
    static const struct {
        enum authority_oddity oddity;
        int code;
        const char *word;
    } rows[] = {
        {AUTHORITY_SELF_SIGNED, K8SLEADER_ERR_TLS_UNTRUSTED, "certificate-authority"},
        {AUTHORITY_FOR_CLIENTS, K8SLEADER_ERR_TLS, "serverAuth"},
        {AUTHORITY_FOR_SIGNING, K8SLEADER_ERR_TLS, "TLS"}, /* the server itself may refuse to use it */
        {AUTHORITY_WEAK_KEY, K8SLEADER_ERR_TLS, "strong enough"},
        {AUTHORITY_NO_NAMES, K8SLEADER_ERR_TLS_HOST, "tls-server-name"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct meeting meeting;
        meet(&meeting);
        authority_issue_odd(meeting.authority, rows[i].oddity);
        serve(&meeting, meeting.authority);
        meeting.client = client_by(config_for(&meeting));
        k8sleader_election *election = stand_patiently(meeting.client, "web", "a");
        refused(meeting.client, election, rows[i].code, 0, meeting.address, rows[i].word, NULL);
        good_at_last(&meeting, election);
        part(&meeting);
    }
}

/* The embedded server's own wrong certificates, as anybody who tests with it would make them. */
static void test_certificates_of_the_dev_server(void **state)
{
    static const struct {
        struct devserver_config config;
        int code;
    } servers[] = {
        {{.cert_lifetime_s = -60}, K8SLEADER_ERR_TLS_EXPIRED},
        {{.cert_host = "elsewhere.example"}, K8SLEADER_ERR_TLS_HOST},
    };
    (void)state;
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
        struct world world;
        world_start_with(&world, &servers[i].config);
        k8sleader_election *election = stand_patiently(world.client, "web", "a");
        k8sleader_event_unref(await_error(world.client, election, servers[i].code));
        stop_and_free(world.client, election);
        world_stop(&world);
    }
}

/* No CA configured: the system's authorities count, and none of them signed this. */
static void test_without_a_ca(void **state)
{
    struct meeting meeting;
    char url[64];
    (void)state;
    meet(&meeting);
    authority_issue(meeting.authority, "127.0.0.1", -DAY_S, DAY_S);
    serve(&meeting, meeting.authority);
    (void)snprintf(url, sizeof url, "https://%s", meeting.address);
    meeting.client = client_at(url, NULL, TOKEN);
    k8sleader_election *election = stand_patiently(meeting.client, "web", "a");
    refused(meeting.client, election, K8SLEADER_ERR_TLS_UNTRUSTED, 0, "certificate-authority", NULL);
    assert_true(devserver_requests(meeting.server, NULL, NULL) == 0);
    stop_and_free(meeting.client, election);
    part(&meeting);
}

static void test_plain_http_behind_https(void **state)
{
    struct meeting meeting;
    (void)state;
    meet(&meeting);
    serve(&meeting, NULL);
    meeting.client = client_by(config_for(&meeting));
    k8sleader_election *election = stand_patiently(meeting.client, "web", "a");
    refused(meeting.client, election, K8SLEADER_ERR_TLS, 0, "speaks TLS", NULL);
    good_at_last(&meeting, election);
    part(&meeting);
}

/* A lookup says the same as an election's event. */
static void test_lookup(void **state)
{
    struct meeting meeting;
    k8sleader_lock_list *list = NULL;
    k8sleader_error *error = NULL;
    (void)state;
    meet(&meeting);
    authority_issue(meeting.authority, "elsewhere.example", -DAY_S, DAY_S);
    serve(&meeting, meeting.authority);
    meeting.client = client_by(config_for(&meeting));
    assert_int_equal(
        k8sleader_client_list_locks(meeting.client, "leases", "default", NULL, -1, &list, &error),
        K8SLEADER_ERR_TLS_HOST);
    assert_null(list);
    says(error, "default", "tls-server-name", NULL);
    k8sleader_error_free(error);
    part(&meeting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_untrusted),        cmocka_unit_test(test_expired),
        cmocka_unit_test(test_not_yet_valid),    cmocka_unit_test(test_other_host),
        cmocka_unit_test(test_other_address),    cmocka_unit_test(test_server_name),
        cmocka_unit_test(test_odd_certificates), cmocka_unit_test(test_certificates_of_the_dev_server),
        cmocka_unit_test(test_without_a_ca),     cmocka_unit_test(test_plain_http_behind_https),
        cmocka_unit_test(test_lookup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
