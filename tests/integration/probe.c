#include "probe.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

k8sleader_options *lasting_options(const char *name, const char *identity)
{
    k8sleader_options *options = brisk_options(name, identity);
    assert_int_equal(k8sleader_options_set_lease_duration_ms(options, 15000), 0);
    assert_int_equal(k8sleader_options_set_renew_deadline_ms(options, 10000), 0);
    return options;
}

void probe_init(struct probe *probe, struct world *world, int pump)
{
    pthread_condattr_t monotonic;
    memset(probe, 0, sizeof *probe);
    probe->world = world;
    probe->pump = pump;
    (void)pthread_mutex_init(&probe->mutex, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&probe->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

void probe_end(struct probe *probe)
{
    (void)pthread_cond_destroy(&probe->changed);
    (void)pthread_mutex_destroy(&probe->mutex);
}

int on_any(k8sleader_election *election, const k8sleader_event *event, void *user)
{
    struct probe *probe = user;
    int type = k8sleader_event_type(event);
    int answer = K8SLEADER_DONE;
    assert_ptr_equal(k8sleader_event_election(event), election);
    assert_ptr_equal(k8sleader_election_user(election), user);
    (void)pthread_mutex_lock(&probe->mutex);
    assert_int_equal(probe->running, 0); /* one at a time */
    assert_int_equal(probe->destroyed, 0);
    probe->running = 1;
    probe->thread = pthread_self();
    if (type == K8SLEADER_EVENT_STARTED_LEADING || type == K8SLEADER_EVENT_STOPPED_LEADING)
        probe->token = k8sleader_event_token(event);
    if (type == K8SLEADER_EVENT_STOPPED_LEADING)
        probe->reason = k8sleader_event_reason(event);
    reaction how = !probe->react_to || probe->react_to == type ? probe->react : NULL;
    (void)pthread_mutex_unlock(&probe->mutex);
    if (how)
        answer = how(probe, election, event);
    (void)pthread_mutex_lock(&probe->mutex);
    probe->reacted += how != NULL;
    probe->running = 0;
    probe->counts[type]++;
    probe->total++;
    (void)pthread_cond_broadcast(&probe->changed);
    (void)pthread_mutex_unlock(&probe->mutex);
    return answer;
}

void on_destroy(void *user)
{
    struct probe *probe = user;
    char name[16] = "";
    (void)pthread_getname_np(pthread_self(), name, sizeof name);
    (void)pthread_mutex_lock(&probe->mutex);
    assert_int_equal(probe->running, 0);
    probe->destroyed++;
    probe->destroyed_on = pthread_self();
    probe->destroyed_on_worker = strcmp(name, "k8sleader") == 0;
    (void)pthread_cond_broadcast(&probe->changed);
    (void)pthread_mutex_unlock(&probe->mutex);
}

k8sleader_election *stand_with(struct probe *probe, k8sleader_options *options)
{
    k8sleader_election *election = NULL;
    k8sleader_callbacks *callbacks = k8sleader_callbacks_new();
    assert_non_null(callbacks);
    assert_int_equal(k8sleader_callbacks_set_on_started_leading(callbacks, on_any), 0);
    assert_int_equal(k8sleader_callbacks_set_on_stopped_leading(callbacks, on_any), 0);
    assert_int_equal(k8sleader_callbacks_set_on_new_leader(callbacks, on_any), 0);
    assert_int_equal(k8sleader_callbacks_set_on_event(callbacks, on_any), 0);
    assert_int_equal(k8sleader_election_start(probe->world->client, options, callbacks, probe, on_destroy,
                                              &election, NULL),
                     0);
    k8sleader_callbacks_free(callbacks); /* the election has its copy */
    k8sleader_options_free(options);
    return election;
}

int count_of(struct probe *probe, int type)
{
    (void)pthread_mutex_lock(&probe->mutex);
    int count = type ? probe->counts[type] : probe->destroyed;
    (void)pthread_mutex_unlock(&probe->mutex);
    return count;
}

void until(struct probe *probe, int type, int count)
{
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (count_of(probe, type) < count) {
        int64_t left = deadline - now_ms();
        if (left <= 0)
            fail_msg("waited for %s number %d", type ? k8sleader_event_type_name(type) : "the destruction",
                     count);
        if (probe->pump == PUMP_CALLER) {
            int code = k8sleader_client_dispatch(probe->world->client, left);
            /* CLOSED behind the callback in which the client was freed, or beside which it was. */
            int freed = code == K8SLEADER_ERR_CLOSED && count_of(probe, type) >= count;
            if (code != 0 && code != K8SLEADER_ERR_TIMEOUT && !freed)
                fail_msg("dispatch: %s", k8sleader_error_name(code));
            continue;
        }
        struct timespec at;
        (void)clock_gettime(CLOCK_MONOTONIC, &at);
        at.tv_sec += PATIENCE_MS / 1000;
        (void)pthread_mutex_lock(&probe->mutex);
        while ((type ? probe->counts[type] : probe->destroyed) < count &&
               pthread_cond_timedwait(&probe->changed, &probe->mutex, &at) == 0)
            ;
        (void)pthread_mutex_unlock(&probe->mutex);
    }
}

void react(struct probe *probe, int type, reaction how)
{
    (void)pthread_mutex_lock(&probe->mutex);
    probe->react = how;
    probe->react_to = type;
    (void)pthread_mutex_unlock(&probe->mutex);
}

void pumped_world(struct world *world, int pump)
{
    world_start(world);
    if (pump == PUMP_LIBRARY)
        assert_int_equal(k8sleader_client_start_dispatcher(world->client), 0);
}

void both_ways(void (*test)(int pump))
{
    test(PUMP_CALLER);
    test(PUMP_LIBRARY);
}

void assert_holder(struct world *world, const char *expected)
{
    char *holder = lease_field(world, "web", "holderIdentity");
    assert_string_equal(holder, expected);
    free(holder);
}

void let_it_be_lost(struct world *world)
{
    assert_int_equal(
        devserver_patch_object(world->server, "leases", "default", "web",
                               "{\"spec\":{\"holderIdentity\":\"thief\",\"leaseDurationSeconds\":1}}"),
        0);
}

void let_it_be_free(struct world *world)
{
    assert_int_equal(devserver_patch_object(world->server, "leases", "default", "web",
                                            "{\"spec\":{\"holderIdentity\":\"\"}}"),
                     0);
}
