/*
 * A program that uses the library, in C and in C++: it makes one of each, stands for a lock of a server that
 * is not there, and frees all again. Prints the library's version.
 */
#include <k8sleader.h>

#include <stdio.h>
#include <string.h>

static int destroyed;

static void destroy(void *user)
{
    destroyed += user == (void *)&destroyed;
}

static int on_event(k8sleader_election *election, const k8sleader_event *event, void *user)
{
    (void)election;
    (void)event;
    (void)user;
    return K8SLEADER_DONE;
}

#ifdef __cplusplus
extern "C"
#endif
    int
    use_k8sleader(void);

int use_k8sleader(void)
{
    k8sleader_error *error = NULL;
    k8sleader_client *client = NULL;
    k8sleader_election *election = NULL;
    k8sleader_config *config = k8sleader_config_new();
    k8sleader_options *options = k8sleader_options_new(K8SLEADER_LEASE, "web");
    k8sleader_callbacks *callbacks = k8sleader_callbacks_new();
    int failed = strcmp(k8sleader_version(), K8SLEADER_VERSION) != 0;
    failed |= k8sleader_config_set_server(config, "http://127.0.0.1:1") != K8SLEADER_OK;
    failed |= k8sleader_config_set_log_level(config, K8SLEADER_LOG_NONE, 0) != K8SLEADER_OK;
    failed |= k8sleader_options_set_namespace(options, "default") != K8SLEADER_OK;
    failed |= k8sleader_options_set(options, "lease-duration", "no time", &error) != K8SLEADER_ERR_OPTION;
    failed |=
        k8sleader_error_code(error) != K8SLEADER_ERR_OPTION || k8sleader_error_message(error)[0] == '\0';
    failed |= k8sleader_callbacks_set_on_event(callbacks, on_event) != K8SLEADER_OK;
    failed |= k8sleader_client_new(config, &client, NULL) != K8SLEADER_OK;
    failed |= k8sleader_election_start(client, options, callbacks, &destroyed, destroy, &election, NULL) !=
              K8SLEADER_OK;
    failed |= k8sleader_election_is_leader(election) != 0 ||
              k8sleader_election_user(election) != (void *)&destroyed;
    k8sleader_election_free(election);
    k8sleader_client_free(client);
    k8sleader_callbacks_free(callbacks);
    k8sleader_options_free(options);
    k8sleader_error_free(error);
    failed |= destroyed != 1;
    printf("%s\n", k8sleader_version());
    return failed;
}

#ifndef WITHOUT_MAIN
int main(void)
{
    return use_k8sleader();
}
#endif
