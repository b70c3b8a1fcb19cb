/*
 * The client and the election from the inside, and who may touch what:
 *
 *   [const]   set before the object is shared, never changed after
 *   [worker]  the worker thread only
 *   [mutex]   under client->mutex
 *   [atomic]  any thread
 *
 * The mutex is never held while user code runs or a system call that may block is made, except waits on its
 * conditions.
 */
#ifndef KL_CLIENT_OBJECT_H
#define KL_CLIENT_OBJECT_H

#include <pthread.h>
#include <stdatomic.h>

#include "config_object.h"
#include "due.h"
#include "error.h"
#include "kube/lock.h"
#include "kube/ownership.h"
#include "machine/lease.h"
#include "machine/life.h"
#include "pace.h"
#include "transport/http.h"
#include "transport/loop.h"

struct kl_mode;
struct kl_observer;
struct kl_subject;
struct kl_scope;
struct kl_watch;
struct kl_lookup;

struct k8sleader_callbacks {
    k8sleader_callback on_started_leading;
    k8sleader_callback on_stopped_leading;
    k8sleader_callback on_new_leader;
    k8sleader_callback on_event;
};

struct k8sleader_event {
    atomic_uint references;
    int type;
    int reason;
    int log_level;
    int64_t time_us;
    uint64_t token;
    int skipped;
    k8sleader_election *election; /* a reference */
    k8sleader_error *error;
    char *text; /* leader or message */
    struct k8sleader_event *next;
};

/* Events not yet taken, oldest first. [mutex], but for fd */
struct kl_queue {
    struct k8sleader_event *first, *last;
    unsigned log_count; /* LOG events among them */
    int fd; /* [const] readable while there is something to take, to wake for, or nothing more to come */
    int signalled;
    pthread_cond_t changed;
};

struct k8sleader_client {
    atomic_uint references;          /* the user's, one an election, one a blocked call */
    unsigned fork_generation;        /* [const] */
    struct k8sleader_config *config; /* [const] */

    /* the worker */
    pthread_t worker;
    struct kl_loop *loop;
    struct kl_http *http;        /* [worker] */
    struct kl_scope *scopes;     /* [worker] */
    struct kl_subject *subjects; /* [worker] the Pods and Nodes that are observed */
    int told_polling;            /* [worker] that they may not be watched */
    struct kl_due due;           /* [worker] elections with a request due */
    struct kl_pace pace;         /* [worker] of candidates, while the server is out of reach */
    struct kl_timer pace_timer;  /* [worker] when the next one may try */
    struct k8sleader_election
        *closed; /* [worker] CLOSED by the machine, to be taken leave of at the round's end */
    struct k8sleader_election *standing; /* [worker] those it has and has not taken leave of */
    unsigned in_flight;                  /* [worker] */
    uint64_t random;                     /* [worker] */
    int64_t beat;                        /* [worker] when wakes with slack come together */
    struct kl_timer end_timer;           /* [worker] bounds what may still be released after free() */
    int finished;                        /* [worker] */

    pthread_mutex_t mutex;
    struct k8sleader_election *elections;   /* [mutex] those still open, or whose user data still lives */
    size_t open_count;                      /* [mutex] how many are not yet CLOSED */
    struct k8sleader_election *inbox_first; /* [mutex] those with commands for the worker */
    struct k8sleader_election *inbox_last;
    struct kl_lookup *lookups; /* [mutex] for the worker to start */
    int closing;               /* [mutex] no new elections */
    int ending;                /* [mutex] free() was called */
    int worker_gone;           /* [mutex] */

    struct kl_queue queue;
    unsigned wakes;            /* [mutex] k8sleader_client_wake() calls not yet answered */
    int dispatching;           /* [mutex] some thread is in dispatch() */
    pthread_t dispatch_thread; /* [mutex] which, while dispatching */
    int awaits_answer;   /* [mutex] on_stopped_leading runs: whether it hands back is still to be heard */
    int dispatcher_runs; /* [mutex] the library's own thread takes the events */
    pthread_t dispatcher;
    int free_deferred;   /* [mutex] free() was called in a callback */
    pthread_cond_t idle; /* a callback or a destroy() returned */
};

/* What leader-with-lease keeps of an election. [worker] */
struct kl_lease_side {
    struct kl_lease machine;
    struct kl_lock lock; /* as last adopted; its record is not used */
};

/* What leader-for-life keeps. [worker] */
struct kl_life_side {
    struct kl_life machine;
    struct kl_ownership lock;    /* as last adopted */
    struct kl_observer *own_pod; /* NULL in a skipped election */
    struct kl_pod_ref observed;  /* whom owner_pod observes */
    struct kl_observer *owner_pod;
    struct kl_observer *node; /* that one's, by option */
};

/* What the user's threads ask the worker to do with an election. */
enum { KL_COMMAND_START = 1, KL_COMMAND_STOP = 2, KL_COMMAND_DRAINED = 4, KL_COMMAND_ABANDON = 8 };

/* Where an election's user data stands. [mutex] */
enum kl_user_state {
    KL_USER_LIVE,
    KL_USER_FREED,
    KL_USER_DESTROYING, /* a thread is in destroy() */
    KL_USER_DESTROYED
};

/* Events that others wait for, for which memory is kept ready: STARTED, STOPPED, LOST_DURING_DRAIN, CLOSED.
 */
#define KL_SPARE_EVENTS 4

struct k8sleader_election {
    atomic_uint references;             /* the user's, the worker's, the inbox's, one an event */
    k8sleader_client *client;           /* a reference; [const] */
    const struct kl_mode *mode;         /* [const] */
    const struct kl_resource *resource; /* [const] */
    char *namespace_;                   /* [const] */
    char *name;                         /* [const] */
    char *lock_name;                    /* [const] "NAMESPACE/NAME" */
    char *identity;                     /* [const] */
    struct kl_label *labels;            /* [const] */
    size_t label_count;
    int64_t dead_peer_ms;                 /* [const] how long a silent peer may go unnoticed */
    struct k8sleader_callbacks callbacks; /* [const] */
    void *user;                           /* [const] */
    void (*destroy)(void *user);          /* [const] */

    /* by the clock, for any thread: see kl_publish() for the order of writes */
    _Atomic int64_t lead_until;  /* 0: does not lead */
    _Atomic int64_t held_until;  /* the same, also during a drain */
    _Atomic int64_t grace_until; /* outlives a loss */
    _Atomic uint64_t token;
    atomic_int token_known;
    atomic_int stop_asked;

    /* [mutex] */
    struct k8sleader_election *next, *previous; /* client->elections */
    struct k8sleader_election *inbox_next;
    int in_inbox;
    unsigned commands;
    uint64_t drained_token;
    int leads;  /* for wait() */
    int closed; /* the worker is done with it */
    enum kl_user_state user_state;
    pthread_t destroying_thread; /* while DESTROYING */
    int in_callback;             /* the type of the event that one of its callbacks is told now; 0: none is */
    struct k8sleader_event
        *queued_leader;        /* the NEW_LEADER that waits in the queue, to be overwritten by a newer one */
    uint64_t queued_errors[2]; /* codes of the ERROR events that wait in the queue */
    unsigned queued_terms;     /* STARTED events that wait in the queue */
    char *leader;              /* last known; NULL for none */
    k8sleader_error *lasting_error; /* the last one that waiting does not mend; NULL for none */
    pthread_cond_t changed;

    /* [worker] */
    struct kl_view view; /* of the machine, as it stands */
    union {
        struct kl_lease_side lease;
        struct kl_life_side life;
    }; /* by mode */
    struct kl_timer timer;
    struct kl_due_entry due;
    struct kl_transfer *transfer;
    int started;
    struct k8sleader_election *closed_next;
    struct k8sleader_election *standing_next, *standing_previous;
    struct kl_scope *scope;
    struct k8sleader_election *scope_next, *scope_previous;
    struct k8sleader_election *name_next;            /* others in the scope with the same name */
    unsigned listed;                                 /* the scope's listing that showed it last */
    struct kl_watch *watch;                          /* of its own; NULL while it shares the scope's */
    struct k8sleader_event *spares[KL_SPARE_EVENTS]; /* see kl_event_new(); NULL: used, and none had since */
};

/* client.c */
int kl_client_usable(const k8sleader_client *client); /* 0, ARGUMENT or FORKED */
int kl_client_forked(const k8sleader_client *client);
void kl_client_ref(k8sleader_client *client);
void kl_client_unref(k8sleader_client *client);

/* queue.c */
int kl_queue_init(struct kl_queue *queue);
void kl_queue_destroy(struct kl_queue *queue);
void kl_queue_push(k8sleader_client *client, k8sleader_event *event); /* takes the event; locks */
void kl_queue_signal(k8sleader_client *client);                       /* [mutex] */
int kl_queue_take(k8sleader_client *client, int64_t timeout_ms, int to_dispatch,
                  k8sleader_event **out); /* locks */
void kl_queue_forget(k8sleader_client *client, const k8sleader_election *election,
                     k8sleader_event **removed); /* [mutex] */

/* Waits on a condition whose clock is CLOCK_MONOTONIC; the deadline is worked out at the first call. [mutex]
 */
int kl_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t timeout_ms, struct timespec *deadline);

/* event.c */

/*
 * NULL without memory; but an event that others wait for (KL_SPARE_EVENTS) is made all the same. [worker],
 * except for LOG events.
 */
k8sleader_event *kl_event_new(k8sleader_election *election, int type);
int kl_events_reserve(k8sleader_election *election); /* before the election is shared: 0, or NO_MEMORY */
void kl_events_unreserve(k8sleader_election *election);

/* election.c */
void kl_election_ref(k8sleader_election *election);
void kl_election_unref(k8sleader_election *election);
void kl_election_command(k8sleader_election *election, unsigned command); /* [mutex] */
void kl_election_hand_back(k8sleader_election *election, uint64_t token); /* [mutex] */
void kl_election_abandon(k8sleader_election *election);                   /* [mutex] */
void kl_election_destroy_user(k8sleader_election *election,
                              int ends_callback); /* destroy() if that is due; locks */
int kl_election_destroyed_elsewhere(
    const k8sleader_election *election); /* another thread is in its destroy(); [mutex] */

/* log.c */
/* A line to stderr. lock: which it is about, or NULL. */
void kl_log_write(int level, const char *lock, const char *text);
void kl_log(k8sleader_client *client, k8sleader_election *election, int level, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
