/* After fork(): the child may not use what the parent made, may make its own, and the parent goes on as if
 * nothing was. */
#include "sanitized.h"
#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child a failed test must not go on with the parent's: it says where and ends. */
#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            (void)fprintf(stderr, "in the child: %s:%d: %s\n", __FILE__, __LINE__, #condition);              \
            _exit(1);                                                                                        \
        }                                                                                                    \
    } while (0)

struct family {
    struct world world;
    k8sleader_election *leader;
    k8sleader_event *event;
    k8sleader_config *config;
    k8sleader_options *options;
    k8sleader_callbacks *callbacks;
    k8sleader_lock_list *list;
    k8sleader_error *error;
    uint64_t token;
};

static int destroyed;
static sem_t was_destroyed;

static void count_destroy(void *user)
{
    (void)user;
    destroyed++;
    (void)sem_post(&was_destroyed);
}

static void found(struct family *family)
{
    memset(family, 0, sizeof *family);
    destroyed = 0;
    world_start(&family->world);
    family->options = brisk_options("web", "parent");
    family->callbacks = k8sleader_callbacks_new();
    family->config = k8sleader_config_new();
    assert_int_equal(k8sleader_election_start(family->world.client, family->options, NULL, family,
                                              count_destroy, &family->leader, NULL),
                     0);
    family->event = await_event(family->world.client, family->leader, K8SLEADER_EVENT_STARTED_LEADING);
    family->token = k8sleader_event_token(family->event);
    assert_int_equal(k8sleader_client_list_locks(family->world.client, NULL, "default", NULL, PATIENCE_MS,
                                                 &family->list, NULL),
                     0);
    assert_int_equal(k8sleader_options_set(family->options, "no-such", "", &family->error),
                     K8SLEADER_ERR_OPTION);
}

static void part(struct family *family)
{
    k8sleader_event_unref(family->event);
    k8sleader_config_free(family->config);
    k8sleader_options_free(family->options);
    k8sleader_callbacks_free(family->callbacks);
    k8sleader_lock_list_free(family->list);
    k8sleader_error_free(family->error);
    stop_and_free(family->world.client, family->leader);
    assert_int_equal(destroyed, 1);
    world_stop(&family->world);
}

static void await_end(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("the child ended with status %d", status);
}

/* Runs it in a child; the child has to come to an end by itself, and well. */
static void in_a_child(struct family *family, void (*run)(struct family *))
{
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)alarm(PATIENCE_MS / 1000); /* a hang is a failure, not a longer test */
        run(family);
        _exit(0);
    }
    await_end(child);
}

/* The same term, and renewed after the child was. */
static void leads_on(struct family *family)
{
    struct devserver *server = family->world.server;
    int64_t puts = devserver_requests(server, "update", "leases");
    assert_int_equal(devserver_wait_requests(server, "update", "leases", puts + 3, PATIENCE_MS), 0);
    assert_int_equal(k8sleader_election_holds(family->leader, family->token), 1);
    expect_no_event(family->world.client, family->leader, K8SLEADER_EVENT_STOPPED_LEADING, 1500);
    assert_int_equal(k8sleader_election_holds(family->leader, family->token), 1);
}

static void call_everything(struct family *family)
{
    k8sleader_client *client = family->world.client;
    k8sleader_election *leader = family->leader;
    k8sleader_event *event = NULL;
    k8sleader_election *started = NULL;
    k8sleader_lock_list *list = NULL;
    k8sleader_client *made = NULL;
    k8sleader_error *error = NULL;
    uint64_t token = 0;
    char text[8];
    CHECK(k8sleader_client_get_fd(client) == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_client_next_event(client, -1, &event) == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_client_dispatch(client, -1) == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_client_start_dispatcher(client) == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_client_wake(client) == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_client_list_locks(client, "leases", "default", NULL, -1, &list, &error) ==
          K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_error_code(error) == K8SLEADER_ERR_FORKED && k8sleader_error_message(error)[0]);
    k8sleader_error_free(error);
    error = NULL;
    CHECK(!list);
    CHECK(k8sleader_election_start(client, family->options, NULL, NULL, count_destroy, &started, &error) ==
          K8SLEADER_ERR_FORKED);
    CHECK(!started && destroyed == 1); /* this one's user data is the child's own */
    k8sleader_error_free(error);
    error = NULL;

    CHECK(k8sleader_election_is_leader(leader) == 0);
    CHECK(k8sleader_election_holds(leader, family->token) == 0);
    CHECK(k8sleader_election_may_finish(leader, family->token) == 0);
    CHECK(k8sleader_election_time_left_ms(leader) == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_election_grace_left_ms(leader) == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_election_fencing_token(leader, &token, &error) == K8SLEADER_ERR_FORKED);
    CHECK(token == 0 && k8sleader_error_code(error) == K8SLEADER_ERR_FORKED);
    k8sleader_error_free(error);
    error = NULL;
    CHECK(k8sleader_election_leader(leader, text, sizeof text) == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_election_wait(leader, -1) == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_election_stop(leader) == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_election_drained(leader, family->token) == K8SLEADER_ERR_FORKED);

    CHECK(k8sleader_config_set_server(family->config, "https://127.0.0.1:1") == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_config_set_token(family->config, "t") == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_config_error(family->config) == NULL);
    CHECK(k8sleader_config_set_token_file(family->config, "/t") == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_config_set_tls_server_name(family->config, "t") == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_config_set_log_level(family->config, 0, 0) == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_config_load_kubeconfig(family->config, "/none", NULL, NULL) == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_config_load_incluster(family->config, NULL) == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_client_new(family->config, &made, &error) == K8SLEADER_ERR_FORKED && !made);
    k8sleader_error_free(error);
}

static void test_every_call_is_refused(void **state)
{
    struct family family;
    (void)state;
    found(&family);
    in_a_child(&family, call_everything);
    leads_on(&family);
    part(&family);
}

static void free_everything(struct family *family)
{
    k8sleader_client_close(family->world.client);
    k8sleader_election_free(family->leader);
    k8sleader_client_free(family->world.client);
    k8sleader_config_free(family->config);
    CHECK(destroyed == 0);
    /* Refused still, not freed. */
    CHECK(k8sleader_election_stop(family->leader) == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_client_wake(family->world.client) == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_config_set_token(family->config, "t") == K8SLEADER_ERR_FORKED);
}

static void test_every_free_does_nothing(void **state)
{
    struct family family;
    (void)state;
    found(&family);
    in_a_child(&family, free_everything);
    leads_on(&family);
    part(&family);
}

static int never(k8sleader_election *election, const k8sleader_event *event, void *user)
{
    (void)election;
    (void)event;
    (void)user;
    return K8SLEADER_DONE;
}

/* Values are the child's own copies: to be read, changed and freed. */
static void use_values(struct family *family)
{
    CHECK(k8sleader_event_type(family->event) == K8SLEADER_EVENT_STARTED_LEADING);
    CHECK(k8sleader_event_token(family->event) == family->token);
    CHECK(k8sleader_event_election(family->event) == family->leader);
    CHECK(k8sleader_event_ref(family->event) == family->event);
    k8sleader_event_unref(family->event);
    k8sleader_event_unref(family->event);
    /* What never changes of an election can be read, also when its last event is freed. */
    CHECK(strcmp(k8sleader_election_identity(family->leader), "parent") == 0);
    CHECK(strcmp(k8sleader_election_lock(family->leader), "default/web") == 0);
    CHECK(k8sleader_election_user(family->leader) == family);
    CHECK(k8sleader_election_stop(family->leader) == K8SLEADER_ERR_FORKED);

    CHECK(k8sleader_error_code(family->error) == K8SLEADER_ERR_OPTION);
    CHECK(k8sleader_error_message(family->error)[0]);
    k8sleader_error_free(family->error);
    CHECK(k8sleader_lock_list_count(family->list) == 1);
    CHECK(strcmp(k8sleader_lock_list_holder(family->list, 0), "parent") == 0);
    k8sleader_lock_list_free(family->list);
    CHECK(k8sleader_options_set_identity(family->options, "child") == 0);
    CHECK(k8sleader_options_set(family->options, "lease-duration", "20s", NULL) == 0);
    k8sleader_options_free(family->options);
    CHECK(k8sleader_callbacks_set_on_event(family->callbacks, never) == 0);
    k8sleader_callbacks_free(family->callbacks);
    CHECK(destroyed == 0);
}

static void test_values_are_the_childs(void **state)
{
    struct family family;
    (void)state;
    found(&family);
    in_a_child(&family, use_values);
    leads_on(&family);
    part(&family);
}

/* The last references to an election and to its client may be those of events. */
static void free_the_last_event(struct family *family)
{
    k8sleader_event_unref(family->event);
    CHECK(k8sleader_election_stop(family->leader) == K8SLEADER_ERR_FORKED);
    CHECK(k8sleader_client_wake(family->world.client) == K8SLEADER_ERR_FORKED);
}

static void test_an_event_outlives_its_client(void **state)
{
    struct family family;
    (void)state;
    found(&family);
    k8sleader_election_free(family.leader);
    k8sleader_client_free(family.world.client);
    assert_int_equal(destroyed, 1);
    in_a_child(&family, free_the_last_event);
    assert_string_equal(k8sleader_election_identity(k8sleader_event_election(family.event)), "parent");
    k8sleader_event_unref(family.event);
    k8sleader_config_free(family.config);
    k8sleader_options_free(family.options);
    k8sleader_callbacks_free(family.callbacks);
    k8sleader_lock_list_free(family.list);
    k8sleader_error_free(family.error);
    devserver_stop(family.world.server);
}

/* ---- a fork in a callback ---- */

static _Atomic pid_t child_of_callback;
static pid_t parent;

static int fork_at_the_end(k8sleader_election *election, const k8sleader_event *event, void *user)
{
    (void)election;
    (void)user;
    if (k8sleader_event_type(event) == K8SLEADER_EVENT_CLOSED) {
        (void)fflush(NULL);
        child_of_callback = fork();
    }
    return K8SLEADER_DONE;
}

static k8sleader_election *stand_to_fork(struct world *world)
{
    k8sleader_election *election = NULL;
    destroyed = 0;
    (void)sem_init(&was_destroyed, 0, 0);
    child_of_callback = -1;
    parent = getpid();
    world_start(world);
    k8sleader_options *options = brisk_options("web", "parent");
    k8sleader_callbacks *callbacks = k8sleader_callbacks_new();
    assert_int_equal(k8sleader_callbacks_set_on_event(callbacks, fork_at_the_end), 0);
    assert_int_equal(
        k8sleader_election_start(world->client, options, callbacks, NULL, count_destroy, &election, NULL), 0);
    k8sleader_options_free(options);
    k8sleader_callbacks_free(callbacks);
    assert_int_equal(k8sleader_election_stop(election), 0);
    return election;
}

/*
 * The child returns from the callback into the library, whose locks may be held for ever: it is told that it
 * is a child, and none of what follows a callback is done, least of all destroy().
 */
static void test_fork_in_a_callback(void **state)
{
    struct world world;
    int result = 0;
    (void)state;
    k8sleader_election *election = stand_to_fork(&world);
    while (child_of_callback < 0 && result == 0)
        result = k8sleader_client_dispatch(world.client, PATIENCE_MS);
    if (getpid() != parent) {
        CHECK(result == K8SLEADER_ERR_FORKED);
        CHECK(destroyed == 0);
        _exit(0);
    }
    assert_int_equal(result, 0);
    assert_int_equal(destroyed, 1);
    await_end(child_of_callback);
    k8sleader_election_free(election);
    world_stop(&world);
}

/* A child that ends as most do, by exit(): whatever that runs must not touch the parent's connections. */
static void leave_by_exit(struct family *family)
{
    (void)family;
    exit(0);
}

static void test_exit_in_the_child(void **state)
{
    struct family family;
    (void)state;
#if SANITIZED
    skip(); /* they wait at exit() for threads that a child does not have */
#endif
    found(&family);
    in_a_child(&family, leave_by_exit);
    leads_on(&family);
    part(&family);
}

/* The same on the library's own thread: in the child there is nobody else, and it ends with that thread. */
static void test_fork_in_a_callback_of_the_dispatcher(void **state)
{
    struct world world;
    (void)state;
#if SANITIZED
    skip(); /* as above: it ends with exit() */
#endif
    k8sleader_election *election = stand_to_fork(&world);
    assert_int_equal(k8sleader_client_start_dispatcher(world.client), 0);
    while (sem_wait(&was_destroyed) != 0) /* behind its last callback */
        assert_int_equal(errno, EINTR);
    assert_true(child_of_callback > 0);
    k8sleader_election_free(election);
    await_end(child_of_callback);
    world_stop(&world);
}

/* The child's own client stands in the parent's election, and takes over when the parent is gone. */
static void stand_in_the_child(struct family *family)
{
    k8sleader_client *client = NULL;
    k8sleader_election *election = NULL;
    k8sleader_error *error = NULL;
    const char *ca = devserver_ca_pem(family->world.server);
    k8sleader_config *config = k8sleader_config_new();
    k8sleader_options *options = k8sleader_options_new(K8SLEADER_LEASE, "child");
    CHECK(k8sleader_config_set_server(config, devserver_url(family->world.server)) == 0);
    CHECK(k8sleader_config_set_token(config, devserver_token(family->world.server)) == 0);
    CHECK(k8sleader_config_set_ca_pem(config, ca, strlen(ca)) == 0);
    CHECK(k8sleader_client_new(config, &client, &error) == 0);
    CHECK(k8sleader_options_set_namespace(options, "default") == 0);
    CHECK(k8sleader_options_set_identity(options, "child") == 0);
    CHECK(k8sleader_election_start(client, options, NULL, NULL, NULL, &election, &error) == 0);
    k8sleader_options_free(options);
    CHECK(k8sleader_election_wait(election, PATIENCE_MS) == 1);
    CHECK(k8sleader_election_is_leader(election) == 1);
    CHECK(k8sleader_election_stop(election) == 0);
    for (int type = 0; type != K8SLEADER_EVENT_CLOSED;) {
        k8sleader_event *event = NULL;
        CHECK(k8sleader_client_next_event(client, PATIENCE_MS, &event) == 0);
        type = k8sleader_event_type(event);
        if (type == K8SLEADER_EVENT_STOPPED_LEADING)
            CHECK(k8sleader_election_drained(election, k8sleader_event_token(event)) == 0);
        k8sleader_event_unref(event);
    }
    k8sleader_election_free(election);
    k8sleader_client_free(client);
}

static void test_a_client_of_the_child(void **state)
{
    struct family family;
    (void)state;
#if SANITIZED
    /* ThreadSanitizer can't follow a thread that a child starts, and AddressSanitizer's allocator may be left
     * locked. */
    print_message("skipped: the sanitizers can't follow threads that a child of fork() starts\n");
    skip();
#endif
    found(&family);
    in_a_child(&family, stand_in_the_child);
    char *holder = lease_field(&family.world, "child", "holderIdentity");
    assert_string_equal(holder, ""); /* it led, and gave it back */
    free(holder);
    char *transitions = lease_field(&family.world, "child", "leaseTransitions");
    assert_string_equal(transitions, "0");
    free(transitions);
    leads_on(&family);
    part(&family);
}

/* What a child is that runs another program: the connections must not live on in it, when the parent is long
 * dead. */
static void test_connections_end_with_exec(void **state)
{
    struct family family;
    int connections = 0;
    (void)state;
    found(&family);
    int server_port = atoi(strrchr(devserver_url(family.world.server), ':') + 1);
    for (int fd = 0; fd < 1024; fd++) {
        struct sockaddr_in peer = {0};
        socklen_t length = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &length) != 0 || peer.sin_family != AF_INET ||
            ntohs(peer.sin_port) != server_port)
            continue;
        connections++;
        assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    }
    assert_true(connections > 0);
    assert_int_equal(fcntl(k8sleader_client_get_fd(family.world.client), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    part(&family);
}

/* The child of a child: what its own parent made is the grandparent's as little as its own. */
static void fork_again(struct family *family)
{
    k8sleader_config *config = k8sleader_config_new();
    int status = 1;
    CHECK(k8sleader_config_set_token(config, "t") == 0);
    pid_t grandchild = fork();
    CHECK(grandchild >= 0);
    if (grandchild == 0) {
        CHECK(k8sleader_config_set_token(config, "t") == K8SLEADER_ERR_FORKED);
        CHECK(k8sleader_election_stop(family->leader) == K8SLEADER_ERR_FORKED);
        _exit(0);
    }
    CHECK(waitpid(grandchild, &status, 0) == grandchild);
    CHECK(status == 0);
    CHECK(k8sleader_config_set_token(config, "t") == 0);
    k8sleader_config_free(config);
}

static void test_generations(void **state)
{
    struct family family;
    (void)state;
    found(&family);
    in_a_child(&family, fork_again);
    leads_on(&family);
    part(&family);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call_is_refused),
        cmocka_unit_test(test_every_free_does_nothing),
        cmocka_unit_test(test_values_are_the_childs),
        cmocka_unit_test(test_an_event_outlives_its_client),
        cmocka_unit_test(test_fork_in_a_callback),
        cmocka_unit_test(test_fork_in_a_callback_of_the_dispatcher),
        cmocka_unit_test(test_exit_in_the_child),
        cmocka_unit_test(test_a_client_of_the_child),
        cmocka_unit_test(test_connections_end_with_exec),
        cmocka_unit_test(test_generations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
