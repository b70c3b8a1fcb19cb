/* What every file of the package includes: the library's header, its version, and the few lines that are C. */
#ifndef K8SLEADER_GO_GLUE_H
#define K8SLEADER_GO_GLUE_H

#if defined(__has_include)
#if !__has_include(<k8sleader.h>)
#define K8SLEADER_GO_MISSING
#error "k8sleader.h was not found: install libk8sleader 1.0 or later (Debian: libk8sleader-dev), or set PKG_CONFIG_PATH to the folder of its k8sleader.pc"
#endif
#endif

#ifndef K8SLEADER_GO_MISSING
#include <k8sleader.h>
#if K8SLEADER_VERSION_MAJOR < 1
#error "libk8sleader is too old for this binding: 1.0 or later is needed; see what pkg-config --modversion k8sleader says"
#endif

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* One event as plain values: one call from Go instead of a dozen. The strings and the error live as long as the event. */
typedef struct {
    k8sleader_event *event;
    const k8sleader_error *error;
    const char *leader;
    const char *message;
    uint64_t token;
    int64_t time_us;
    uintptr_t id; /* of the election, as given to go_election_start(); 0 for none */
    int type;
    int reason;
    int skipped;
    int level;
} go_event;

/* Does not wait. */
static inline int go_next_event(k8sleader_client *client, go_event *out)
{
    k8sleader_event *event = NULL;
    int code = k8sleader_client_next_event(client, 0, &event);
    out->event = event;
    if (code != K8SLEADER_OK)
        return code;
    k8sleader_election *election = k8sleader_event_election(event);
    out->id = election ? (uintptr_t)k8sleader_election_user(election) : 0;
    out->error = k8sleader_event_error(event);
    out->leader = k8sleader_event_leader(event);
    out->message = k8sleader_event_message(event);
    out->token = k8sleader_event_token(event);
    out->time_us = k8sleader_event_time_us(event);
    out->type = k8sleader_event_type(event);
    out->reason = k8sleader_event_reason(event);
    out->skipped = k8sleader_event_skipped(event);
    out->level = k8sleader_event_log_level(event);
    return code;
}

/* The election is known by a number: no pointer of Go's is kept here. */
static inline int go_election_start(k8sleader_client *client, const k8sleader_options *options, uintptr_t id,
                                    k8sleader_election **out, k8sleader_error **err)
{
    return k8sleader_election_start(client, options, NULL, (void *)id, NULL, out, err);
}

/* The library's clock, which goes on while the machine is suspended, as Go's does not. */
static inline int64_t go_boottime_ms(void)
{
    struct timespec now = {0, 0};
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
#endif

#endif /* K8SLEADER_GO_GLUE_H */
