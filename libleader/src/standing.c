/* What an election is made from: options, checked and filled in from where we are. */
#include "client_object.h"
#include "config/serviceaccount.h"
#include "kube/pod.h"
#include "modes.h"
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define MS INT64_C(1000000)

/* leader-for-life has no deadline of its own to notice a dead connection by: as with the default lease. */
#define DEAD_PEER_MS INT64_C(9000)

void kl_labels_free(struct kl_label *labels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(labels[i].key);
        free(labels[i].value);
    }
    free(labels);
}

static int check_range(const char *name, int64_t ms, k8sleader_error **err)
{
    if (ms > 0 && ms <= KL_DURATION_MOST_MS)
        return K8SLEADER_OK;
    return kl_fail(err, K8SLEADER_ERR_DURATION, "%s is %lld ms: it must be more than 0 and at most a day",
                   name, (long long)ms);
}

static int check_durations(const k8sleader_options *o, k8sleader_error **err)
{
    const struct {
        const char *name;
        int64_t ms;
    } all[] = {{"lease-duration", o->lease_duration_ms},
               {"renew-deadline", o->renew_deadline_ms},
               {"retry-period", o->retry_period_ms},
               {"drain-timeout", o->drain_timeout_ms}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        int code = check_range(all[i].name, all[i].ms, err);
        if (code != 0)
            return code;
    }
    if (o->lease_duration_ms <= o->renew_deadline_ms)
        return kl_fail(
            err, K8SLEADER_ERR_DURATION,
            "lease-duration (%lld ms) must be longer than renew-deadline (%lld ms): a leader has to stop "
            "before others may start",
            (long long)o->lease_duration_ms, (long long)o->renew_deadline_ms);
    if (o->renew_deadline_ms * 10 <= o->retry_period_ms * 12)
        return kl_fail(
            err, K8SLEADER_ERR_DURATION,
            "renew-deadline (%lld ms) must be longer than 1.2 times retry-period (%lld ms): a leader needs "
            "time for another attempt",
            (long long)o->renew_deadline_ms, (long long)o->retry_period_ms);
    return K8SLEADER_OK;
}

static int random_bytes(void *bytes, size_t size)
{
    return getrandom(bytes, size, 0) == (ssize_t)size ? 0 : -1;
}

/* HOSTNAME_UUID, a random UUID (RFC 9562, version 4). */
static char *default_identity(void)
{
    unsigned char b[16];
    char host[128];
    char *identity = NULL;
    if (random_bytes(b, sizeof b) != 0)
        return NULL;
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    if (gethostname(host, sizeof host) != 0)
        (void)snprintf(host, sizeof host, "localhost");
    host[sizeof host - 1] = '\0';
    if (asprintf(&identity, "%s_%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", host,
                 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                 b[14], b[15]) < 0)
        return NULL;
    return identity;
}

static int copy_labels(struct kl_standing *standing, const k8sleader_options *options, k8sleader_error **err)
{
    if (options->label_count == 0)
        return 0;
    standing->labels = calloc(options->label_count, sizeof *standing->labels);
    if (!standing->labels)
        return K8SLEADER_ERR_NO_MEMORY;
    for (size_t i = 0; i < options->label_count; i++) {
        const struct kl_label *label = &options->labels[i];
        int code = kl_check_label(label->key, label->value, err);
        if (code != 0)
            return code;
        struct kl_label *copy = &standing->labels[standing->label_count++];
        copy->key = strdup(label->key);
        copy->value = strdup(label->value);
        if (!copy->key || !copy->value)
            return K8SLEADER_ERR_NO_MEMORY;
    }
    return 0;
}

void kl_standing_clear(struct kl_standing *standing)
{
    kl_labels_free(standing->labels, standing->label_count);
    free(standing->namespace_);
    free(standing->name);
    free(standing->lock_name);
    free(standing->identity);
    memset(standing, 0, sizeof *standing);
}

/* What belongs to the other mode is refused, not ignored. */
static int check_mode(const k8sleader_options *o, k8sleader_error **err)
{
    const char *foreign = NULL;
    if (o->mode == K8SLEADER_FOR_LIFE)
        foreign = o->identity                                    ? "identity"
                  : o->resume                                    ? "resume"
                  : o->resource && o->resource != &kl_configmaps ? "lock-resource"
                                                                 : NULL;
    else
        foreign = o->delete_leader_pod     ? "delete-leader-pod"
                  : o->take_from_lost_node ? "take-from-lost-node"
                                           : NULL;
    if (!foreign)
        return K8SLEADER_OK;
    return kl_fail(
        err, K8SLEADER_ERR_OPTION,
        o->mode == K8SLEADER_FOR_LIFE
            ? "%s is an option of leader-with-lease: leader-for-life elects Pods, by a ConfigMap that "
              "the leader's Pod owns; leave it unset"
            : "%s is an option of leader-for-life; leave it unset, or choose that mode",
        foreign);
}

static int resolve_lease(struct kl_standing *standing, const k8sleader_options *o,
                         const struct kl_cluster *cluster, k8sleader_error **err)
{
    int code = check_durations(o, err);
    if (code == 0 && o->identity)
        code = kl_check_identity(o->identity, err);
    if (code == 0)
        code = kl_namespace_resolve(cluster, o->namespace_, "", &standing->namespace_, err);
    if (code != 0)
        return code;
    standing->mode = &kl_mode_lease;
    standing->resource = o->resource ? o->resource : &kl_leases;
    standing->identity = o->identity ? strdup(o->identity) : default_identity();
    standing->dead_peer_ms = o->lease_duration_ms * 6 / 10;
    standing->lease = (struct kl_lease_config){
        .identity = standing->identity,
        .lease_duration = o->lease_duration_ms * MS,
        .renew_deadline = o->renew_deadline_ms * MS,
        .retry_period = o->retry_period_ms * MS,
        .drain_timeout = o->drain_timeout_ms * MS,
        .rejoin = o->rejoin,
        .resume = o->resume,
        .put_creates = standing->resource->put_creates,
    };
    return standing->identity ? K8SLEADER_OK : K8SLEADER_ERR_NO_MEMORY;
}

int kl_outside_cluster(void)
{
    static const char *const traces[] = {"KUBERNETES_SERVICE_HOST", "POD_NAME", "POD_NAMESPACE"};
    char *mounted = NULL;
    for (size_t i = 0; i < sizeof traces / sizeof traces[0]; i++)
        if (getenv(traces[i]))
            return 0;
    int code = kl_serviceaccount_namespace("", &mounted, NULL);
    int is_mounted = mounted != NULL;
    free(mounted);
    return code == K8SLEADER_ERR_NO_MEMORY ? code : code == 0 && !is_mounted;
}

/* 1, 0, or NO_MEMORY. */
static int is_skipped(const k8sleader_options *o)
{
    return o->mode == K8SLEADER_FOR_LIFE && !o->namespace_ ? kl_outside_cluster() : 0;
}

static int resolve_pod(struct kl_standing *standing, const k8sleader_options *o,
                       const struct kl_cluster *cluster, k8sleader_error **err)
{
    struct kl_cluster without_context = *cluster; /* a kubeconfig's namespace is none that a Pod is in */
    const char *name = getenv("POD_NAME");
    const char *uid = getenv("POD_UID");
    k8sleader_error *why = NULL;
    without_context.namespace_from_explicit_context = 0;
    int code = kl_namespace_resolve(&without_context, o->namespace_, "", &standing->namespace_, &why);
    if (code != 0) {
        (void)kl_fail(err, code, "%s; " KL_DOWNWARD_API, k8sleader_error_message(why));
        k8sleader_error_free(why);
        return code;
    }
    if (!name || !*name)
        return kl_fail(err, K8SLEADER_ERR_NO_POD,
                       "leader-for-life elects Pods, and POD_NAME is %s; " KL_DOWNWARD_API,
                       name ? "empty" : "not set");
    if (kl_check_dns_subdomain("POD_NAME", name, &why) != 0) {
        code = kl_fail(err, K8SLEADER_ERR_NO_POD, "%s; " KL_DOWNWARD_API, k8sleader_error_message(why));
        k8sleader_error_free(why);
        return code;
    }
    standing->identity = strdup(name);
    (void)snprintf(standing->life.pod.name, sizeof standing->life.pod.name, "%s", name);
    kl_pod_set_uid(&standing->life.pod, uid ? uid : "");
    return K8SLEADER_OK;
}

static int resolve_life(struct kl_standing *standing, const k8sleader_options *o,
                        const struct kl_cluster *cluster, k8sleader_error **err)
{
    int code = check_range("retry-period", o->retry_period_ms, err);
    if (code == 0)
        code = check_range("drain-timeout", o->drain_timeout_ms, err);
    if (code != 0)
        return code;
    int skipped = is_skipped(o);
    if (skipped < 0)
        return skipped;
    standing->life.skipped = skipped;
    if (skipped) {
        standing->namespace_ = strdup("");
        standing->identity = default_identity();
    } else {
        code = resolve_pod(standing, o, cluster, err);
        if (code != 0)
            return code;
    }
    standing->mode = &kl_mode_life;
    standing->resource = &kl_configmaps;
    standing->dead_peer_ms = DEAD_PEER_MS;
    standing->life.retry_period = o->retry_period_ms * MS;
    standing->life.drain_timeout = o->drain_timeout_ms * MS;
    standing->life.rejoin = o->rejoin;
    standing->life.delete_pod = o->delete_leader_pod;
    standing->life.take_from_lost_node = o->take_from_lost_node;
    return standing->namespace_ && standing->identity ? K8SLEADER_OK : K8SLEADER_ERR_NO_MEMORY;
}

static int resolve(struct kl_standing *standing, const k8sleader_options *o, const struct kl_cluster *cluster,
                   k8sleader_error **err)
{
    int code = check_mode(o, err);
    if (code == 0)
        code = kl_check_dns_subdomain("the lock's name", o->name, err);
    if (code == 0 && cluster->missing) {
        int skipped = is_skipped(o);
        code = skipped > 0 ? 0 : skipped < 0 ? skipped : kl_fail_as(err, cluster->missing);
    }
    if (code == 0)
        code = o->mode == K8SLEADER_FOR_LIFE ? resolve_life(standing, o, cluster, err)
                                             : resolve_lease(standing, o, cluster, err);
    if (code == 0)
        code = copy_labels(standing, o, err);
    if (code != 0)
        return code;
    const char *namespace_ = standing->namespace_;
    standing->name = strdup(o->name);
    if (asprintf(&standing->lock_name, "%s%s%s", namespace_, *namespace_ ? "/" : "", o->name) < 0)
        standing->lock_name = NULL;
    if (!standing->name || !standing->lock_name || random_bytes(&standing->seed, sizeof standing->seed) != 0)
        return K8SLEADER_ERR_NO_MEMORY;
    return K8SLEADER_OK;
}

int kl_standing_resolve(struct kl_standing *standing, const k8sleader_options *options,
                        const struct kl_cluster *cluster, k8sleader_error **err)
{
    k8sleader_error *why = NULL;
    memset(standing, 0, sizeof *standing);
    int code = resolve(standing, options, cluster, &why);
    if (code == 0)
        return code;
    if (!why)
        (void)kl_fail(&why, code, "no memory for an election");
    if (err)
        *err = why;
    else
        k8sleader_error_free(why);
    kl_standing_clear(standing);
    return code;
}
