/*
 * A world: candidates, an API server, and the network between them, in virtual time. Everything that is left
 * to chance comes from one seed.
 *
 *   timeline.c  what will happen, in order
 *   network.c   the way from a candidate to the server and back
 *   server.c    the lock and its watches
 *   cluster.c   Pods, kubelets, garbage collector (leader-for-life)
 *   node.c      a process with a clock; lease_node.c, life_node.c: with a machine in it
 *   faults.c    what goes wrong
 *   judge.c     what must hold whatever goes wrong
 *   run.c       the course of one run
 *   main.c      the program
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "../unit/script.h"
#include "timeline.h"

#include <setjmp.h>

#define MS         KL_MILLISECOND
#define NODES_MOST 40 /* leader-for-life: all Pods there ever were */
#define REPLAYABLE 64 /* versions that a watch can be resumed from */

enum mode { MODE_LEASE, MODE_LIFE };

/* What a run is about, drawn from its seed: each breaks other assumptions, so each promises other things. */
enum theme {
    /* leader-with-lease */
    LEASE_CLOCKS,    /* rates within 1/0.9: no two leaders, no two works */
    LEASE_WIDE,      /* rates within leaseDuration/renewDeadline: no two leaders */
    LEASE_BEYOND,    /* rates beyond: an overlap as long as the rates say */
    LEASE_SUSPENDED, /* clocks that stop with their machine: the same */
    LEASE_HANDS,     /* foreign edits and deletes: an overlap no longer than renewDeadline */
    LEASE_WATCHED,   /* the same on a sound network: no longer than the watch takes */
    LEASE_TWINS,     /* one identity used twice */
    LEASE_BLIND,     /* no watch may be opened: polling */
    LEASE_STRANGE,   /* resourceVersions that are no numbers: no token, and all else as with clocks */
    LEASE_THEMES,
    /* leader-for-life */
    LIFE_PLAIN = LEASE_THEMES,
    LIFE_FOREGROUND, /* foreground deletions too */
    LIFE_HANDS,      /* and locks deleted by hand */
    LIFE_FORBIDDEN,  /* Pods can't be read at times: what that costs is the contract's, not a violation */
    THEMES
};

enum fault {
    FAULT_DELAY,
    FAULT_LOSS,
    FAULT_LOST_ANSWER,
    FAULT_TWICE,     /* a request is applied twice (a proxy that tries again) */
    FAULT_REFUSAL,   /* 403, 429, 5xx */
    FAULT_UNWRITTEN, /* 200, but nothing was written */
    FAULT_WATCH,     /* broken, silent, late, doubled, 410 */
    FAULT_CUT,       /* partitions, one way and both */
    FAULT_SERVER,    /* restarts */
    FAULT_PAUSE,
    FAULT_CRASH,
    FAULT_STOP,
    FAULT_CLOCK, /* clocks that stop */
    FAULT_HANDS,
    FAULT_PODS, /* deletions and evictions */
    FAULTS
};

#define SENT_KEPT 128

struct node {
    char name[16];
    enum mode mode;
    int running;
    unsigned life; /* counts its processes */
    struct script_guard guard;
    struct kl_view view;

    struct kl_lease_config lease_config;
    struct kl_lease lease;
    struct kl_life pod_machine;

    /* its clock: local = clock_local + (now - clock_true) * rate / 1e6 */
    int64_t rate, clock_true, clock_local;
    int64_t paused_until;
    int clock_stops; /* with the pause */
    int wall_stands;

    int slot, waiting, working;
    uint64_t serial, stream, streams, wake;
    int64_t watch_last, watch_silent_until, next_open;
    uint64_t watch_version, resume_from;
    unsigned watch_failures;
    int64_t cut_up_until, cut_down_until; /* the network, there and back */

    /* for the judge */
    int64_t sent[SENT_KEPT];
    unsigned sent_count;
    struct object known; /* the newest that it was shown in this life */
    int knows;
    uint64_t known_version;         /* of that, or of the deletion after it */
    int64_t known_since, known_for; /* its clock when the record changed; the longest duration in its term */
    int64_t not_its_since;          /* since when the lock is no longer its term's; 0: it is */
    unsigned losses;

    /* its Pod (leader-for-life) */
    struct kl_pod_ref pod;
    enum kl_pod_state pod_state;
    int ended, evicted, replaced;
    unsigned start_order;
    uint64_t superseded;
    int64_t pods_last;
    char observed[KL_POD_UID_MAX + 1];
    unsigned last_owner;            /* the Pod, + 1, that it saw last as the lock's owner; 0: none */
    unsigned last_other;            /* the same, of others than itself, since it led last */
    int sent_for;                   /* it asked for the lock in this life */
    unsigned char told[NODES_MOST]; /* what it knows of Pods: enum kl_pod_state */
};

struct world {
    struct timeline time;
    uint64_t seed, random;
    enum mode mode;
    enum theme theme;
    unsigned allowed; /* faults, by bit */
    int trouble;      /* per mille: how often messages fare badly */
    int meddling;     /* faults are planned */
    int quiet;        /* nothing is in the way, one leads: no losses, no needless requests */
    unsigned nodes, replicas;
    struct node node[NODES_MOST];

    struct object lock;
    uint64_t revision, compacted;
    struct object history[REPLAYABLE];
    unsigned history_count;
    int64_t down_until, throttled_until, unwritten_until;

    /* leader-for-life */
    int stateful, delete_pod;
    int64_t lock_gone_at, last_start_at;

    uint64_t token; /* the greatest there was, and whose */
    const struct node *token_of;
    unsigned terms, superseded, mutual_waits, steps, faults, most_a_second, most_ten_seconds;
    int64_t longest_overlap;
    int64_t last_write_at;
    int64_t slowest; /* of the clocks */

    /* the story */
    int telling;
    jmp_buf *out;
    char verdict[256];
};

/* A version as the machines are told it: in one theme there is no order to them. */
static inline struct kl_version told_version(const struct world *w, uint64_t version)
{
    return (struct kl_version){version, w->theme != LEASE_STRANGE};
}

/* chance */
uint64_t dice(struct world *w, uint64_t bound);
int64_t within(struct world *w, int64_t ms); /* a time from now, at least 1 ns */
int trouble(struct world *w, enum fault fault);
int allowed(const struct world *w, enum fault fault);

/* story.c */
void tell(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void story_keep(int lines); /* 0: printed at once; else the last ones are kept for story_print() */
void story_print(void);
void story_about(struct world *w, const struct object *object, char *text, size_t size);
_Noreturn void wrong(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* network.c */
struct happening *plan(struct world *w, enum happening_kind kind, unsigned node, int64_t at);
void network_request(struct world *w, unsigned node, const struct happening *request);
void network_answer(struct world *w, const struct happening *request, enum kl_outcome outcome,
                    int64_t retry_after);
void network_event(struct world *w, unsigned node, const struct object *object);
void network_partition(struct world *w, unsigned node, int up, int down, int64_t until);

/* server.c */
void server_serve(struct world *w, const struct happening *request);
void server_changed(struct world *w, const char *by);
void server_remove(struct world *w, const char *by);
void server_restart(struct world *w, int64_t down_until);
void server_watch(struct world *w, unsigned node);

/* cluster.c */
void cluster_new_pod(struct world *w, const char *name);
void cluster_replace(struct world *w);
enum cascade { BACKGROUND, FOREGROUND, ORPHAN };
void cluster_delete_pod(struct world *w, unsigned pod, enum cascade cascade);
void cluster_evict(struct world *w, unsigned pod);
void cluster_happens(struct world *w, const struct happening *h);
void cluster_pod_vanishes(struct world *w, unsigned pod);
void cluster_lock_created(struct world *w, const struct happening *request);
void cluster_tell_state(struct world *w, unsigned node, unsigned about, enum kl_pod_state state);

/* node.c */
int64_t node_clock(const struct world *w, const struct node *n);
int64_t node_true(const struct world *w, const struct node *n, int64_t local);
void node_start(struct world *w, unsigned node);
void node_crash(struct world *w, unsigned node);
void node_pause(struct world *w, unsigned node, int64_t until);
void node_step(struct world *w, unsigned node, struct kl_input *input);
void node_happens(struct world *w, const struct happening *h);
void node_watch_breaks(struct world *w, unsigned node, int64_t noticed_at);

/* lease_node.c, life_node.c */
void lease_node_init(struct world *w, unsigned node);
void life_node_init(struct world *w, unsigned node);
int lease_node_send(struct world *w, unsigned node, struct happening *request);
int life_node_send(struct world *w, unsigned node, struct happening *request);
void life_node_observe(struct world *w, unsigned node);

/* faults.c */
void faults_begin(struct world *w);
void faults_happen(struct world *w);
void faults_end(struct world *w);

/* judge.c, judge_life.c */
int judge_leads(const struct world *w, const struct node *n);
void judge_step(struct world *w, unsigned node, const struct kl_input *input, const struct kl_effects *fx);
void judge_sent(struct world *w, unsigned node, const struct happening *request);
void judge_shown(struct world *w, unsigned node, const struct object *object);
void judge_written(struct world *w, const struct happening *request, const struct object *before);
void judge_leaders(struct world *w);
void judge_lock(struct world *w); /* it has changed */
void judge_life_sent(struct world *w, unsigned node);
void judge_life_written(struct world *w, const struct happening *request);
void judge_life_leaders(struct world *w);
void judge_life_step(struct world *w, unsigned node);
void judge_life_started(struct world *w, struct node *n);

/* run.c */
struct totals {
    unsigned runs, superseded, mutual_waits;
    uint64_t steps, terms, faults;
    int64_t longest_overlap, watched_overlap, longest_wait; /* beside foreign hands; with a sound watch */
    unsigned most_a_second, most_ten_seconds;
};
/* 1: all was well */
int run(struct world *w, enum mode mode, uint64_t seed, unsigned allowed, int telling, struct totals *totals);

extern const char *const theme_names[THEMES];
extern const char *const fault_names[FAULTS];

#endif
