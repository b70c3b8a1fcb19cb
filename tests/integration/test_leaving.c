/*
 * Programs that leave while they lead: by exit(), in a callback, by a signal, or by unloading the library.
 * They end, in good time and well, and release nothing: the lock runs out. And signals in a program that
 * stays.
 */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t spawn(const char *kubeconfig, const char *how)
{
    static char program[] = LEAVING_PROGRAM;
    static char library[] = LEAVING_LIBRARY;
    char *kubeconfig_copy = strdup(kubeconfig), *how_copy = strdup(how);
    char *arguments[] = {program, library, kubeconfig_copy, how_copy, NULL};
    extern char **environ;
    pid_t child = -1;
    assert_int_equal(posix_spawn(&child, program, NULL, NULL, arguments, environ), 0);
    free(kubeconfig_copy);
    free(how_copy);
    return child;
}

static int status_of(pid_t child)
{
    int status = -1;
    while (waitpid(child, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    return status;
}

static void await_holder(struct world *world, const char *expected)
{
    int64_t deadline = now_ms() + PATIENCE_MS;
    for (int is_so = 0; !is_so;) {
        k8sleader_lock_list *list = NULL;
        assert_true(now_ms() < deadline);
        assert_int_equal(
            k8sleader_client_list_locks(world->client, "leases", "default", "web", PATIENCE_MS, &list, NULL),
            0);
        is_so = strcmp(k8sleader_lock_list_holder(list, 0), expected) == 0;
        k8sleader_lock_list_free(list);
    }
}

/* What became of it, and the lock is still its own. */
static int leaves(const char *how, int signal)
{
    struct world world;
    char kubeconfig[64];
    char *problem = NULL;
    world_start(&world);
    (void)snprintf(kubeconfig, sizeof kubeconfig, "/tmp/k8sleader-leaving-%d", (int)getpid());
    assert_int_equal(devserver_write_kubeconfig(world.server, kubeconfig, &problem), 0);
    pid_t child = spawn(kubeconfig, how);
    if (signal) {
        await_holder(&world, "a");
        assert_int_equal(kill(child, signal), 0);
    }
    int status = status_of(child);
    (void)unlink(kubeconfig);
    char *holder = lease_field(&world, "web", "holderIdentity");
    assert_string_equal(holder, "a");
    free(holder);
    world_stop(&world);
    return status;
}

static void test_exit(void **state)
{
    (void)state;
    assert_int_equal(leaves("exit", 0), 0);
    assert_int_equal(leaves("return", 0), 0);
    assert_int_equal(leaves("exit with a dispatcher", 0), 0);
}

static void test_exit_in_a_callback(void **state)
{
    (void)state;
    assert_int_equal(leaves("exit in a callback", 0), 0);
}

/* The library handles no signal and holds none up: each does what it does in any program. */
static void test_signals_end_it(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGKILL};
    (void)state;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        int status = leaves("wait for a signal", signals[i]);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), signals[i]);
    }
}

static void test_unload(void **state)
{
    (void)state;
    assert_int_equal(leaves("unload", 0), 0);
}

/* ---- signals in a program that stays ---- */

/* A line of a thread's status: what stands behind its name. */
static int read_field(const char *task, const char *file, const char *field, char *value, size_t size)
{
    char path[128], line[256];
    int found = 0;
    (void)snprintf(path, sizeof path, "/proc/self/task/%.20s/%s", task, file);
    FILE *status = fopen(path, "r");
    while (status && !found && fgets(line, sizeof line, status)) {
        found = strncmp(line, field, strlen(field)) == 0;
        (void)snprintf(value, size, "%.*s", (int)strcspn(line + strlen(field), "\n"), line + strlen(field));
    }
    if (status)
        (void)fclose(status);
    return found;
}

/* A signal to the process is never taken by a thread of the library's. */
static void test_signals_are_blocked_in_its_threads(void **state)
{
    struct world world;
    int threads = 0;
    (void)state;
    world_start(&world);
    k8sleader_election *election = stand_as(world.client, "web", "a");
    assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), 1);
    assert_int_equal(k8sleader_client_start_dispatcher(world.client), 0);
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (const struct dirent *task; (task = readdir(tasks)) != NULL;) {
        char name[64], blocked[64];
        if (task->d_name[0] == '.' || !read_field(task->d_name, "comm", "", name, sizeof name) ||
            strncmp(name, "k8sleader", strlen("k8sleader")) != 0)
            continue;
        assert_true(read_field(task->d_name, "status", "SigBlk:\t", blocked, sizeof blocked));
        unsigned long long mask = strtoull(blocked, NULL, 16);
        for (int number = 1; number < 32; number++)
            if (number != SIGKILL && number != SIGSTOP && !(mask >> (number - 1) & 1))
                fail_msg("%s does not block signal %d", name, number);
        threads++;
    }
    (void)closedir(tasks);
    assert_int_equal(threads, 2); /* the worker and the dispatcher */
    k8sleader_election_free(election);
    world_stop(&world);
}

static atomic_int taken;

static void on_signal(int number)
{
    (void)number;
    atomic_fetch_add(&taken, 1);
}

struct storm {
    pthread_t target;
    atomic_int over;
};

static void *storm(void *user)
{
    struct storm *s = user;
    while (!atomic_load(&s->over)) {
        int before = atomic_load(&taken);
        assert_int_equal(pthread_kill(s->target, SIGUSR1), 0);
        while (atomic_load(&taken) == before && !atomic_load(&s->over))
            (void)sched_yield();
    }
    return NULL;
}

/* Who waits goes on waiting while signals come, and no longer than he said. */
static void test_signals_do_not_end_a_wait(void **state)
{
    struct world world;
    struct storm signals = {.target = pthread_self()};
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART */
    struct sigaction before;
    pthread_t thread;
    k8sleader_event *event = NULL;
    (void)state;
    world_start(&world);
    k8sleader_election *leader = stand_as(world.client, "web", "a");
    uint64_t token = await(world.client, leader, K8SLEADER_EVENT_STARTED_LEADING);
    k8sleader_client *other = world_client(&world);
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    assert_int_equal(pthread_create(&thread, NULL, storm, &signals), 0);
    int64_t since = now_ms();
    int result = k8sleader_client_next_event(other, 500, &event);
    int64_t waited = now_ms() - since;
    k8sleader_lock_list *list = NULL;
    int listed = k8sleader_client_list_locks(other, "leases", "default", NULL, PATIENCE_MS, &list, NULL);
    atomic_store(&signals.over, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
    assert_int_equal(result, K8SLEADER_ERR_TIMEOUT);
    assert_true(waited >= 499);
    assert_int_equal(listed, 0);
    assert_true(atomic_load(&taken) > 10);
    assert_int_equal(k8sleader_election_holds(leader, token), 1);
    k8sleader_lock_list_free(list);
    k8sleader_client_free(other);
    stop_and_free(world.client, leader);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit),
        cmocka_unit_test(test_exit_in_a_callback),
        cmocka_unit_test(test_signals_end_it),
        cmocka_unit_test(test_unload),
        cmocka_unit_test(test_signals_are_blocked_in_its_threads),
        cmocka_unit_test(test_signals_do_not_end_a_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
