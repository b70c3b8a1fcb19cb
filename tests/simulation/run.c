/*
 * The course of one run: faults for a while; they end, and soon one leads; nothing happens, and next to
 * nothing is sent; the leader dies while what should not count as news goes on, and the next one leads when
 * the lease has run out and not later; a clean handover; all stop.
 */
#include "world.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

const char *const theme_names[THEMES] = {"clocks",     "wide",  "beyond",   "suspended", "hands",
                                         "watched",    "twins", "blind",    "strange",   "plain",
                                         "foreground", "hands", "forbidden"};

static void until(struct world *w, int64_t end)
{
    struct happening h;
    while (timeline_next(&w->time, end, &h)) {
        if (h.kind == FAULT)
            faults_happen(w);
        else if (h.kind == SERVED)
            server_serve(w, &h);
        else if (h.kind == RESTARTS && w->mode == MODE_LEASE && !w->node[h.node].running)
            node_start(w, h.node);
        else if (h.kind >= RESTARTS && w->mode == MODE_LIFE)
            cluster_happens(w, &h);
        else
            node_happens(w, &h);
        if (w->mode == MODE_LIFE)
            cluster_replace(w);
        judge_leaders(w);
    }
    judge_leaders(w);
}

static int leader_of(const struct world *w)
{
    int leader = -1;
    for (unsigned i = 0; i < w->nodes; i++)
        if (judge_leads(w, &w->node[i]))
            leader = leader < 0 ? (int)i : -2;
    return leader;
}

/* The one leader, once there is one; how long that took is what the promise bounds. */
static unsigned await_leader(struct world *w, int64_t most, const char *when, int not_this, int64_t *took)
{
    int64_t since = w->time.now;
    while (w->time.now < since + most) {
        until(w, w->time.now + 10 * MS);
        int leader = leader_of(w);
        if (leader >= 0 && leader != not_this) {
            *took = kl_max(*took, w->time.now - since);
            return (unsigned)leader;
        }
    }
    wrong(w, "no leader within %lld ms %s", (long long)(most / MS), when);
}

static int64_t true_lease(const struct world *w)
{
    int64_t longest = 0;
    for (unsigned i = 0; i < w->nodes; i++)
        longest = kl_max(longest, w->node[i].lease_config.lease_duration);
    return longest * 1000000 / w->slowest;
}

static void set_up_lease(struct world *w)
{
    static const int durations[][3] = {
        {15000, 10000, 2000}, {6000, 4000, 1000}, {10000, 9000, 2000}, {30000, 20000, 3000}};
    const int *mine[NODES_MOST], *all = durations[dice(w, 4)];
    int mixed = dice(w, 3) == 0; /* each leads and waits by the leader's durations, whatever its own are */
    int64_t wide = INT64_MAX, fastest = 1111000;
    w->nodes = 2 + (unsigned)dice(w, 4);
    for (unsigned i = 0; i < w->nodes; i++) {
        const int *d = mixed ? durations[dice(w, 4)] : all;
        mine[i] = d;
        wide = kl_min(wide, d[0] * INT64_C(999000) / kl_min(d[1], d[0] / 10 * 9));
    }
    if (w->theme == LEASE_WIDE)
        fastest = wide;
    else if (w->theme == LEASE_BEYOND)
        fastest = 2500000;
    else if (w->theme != LEASE_CLOCKS && w->theme != LEASE_BLIND && w->theme != LEASE_STRANGE)
        fastest = 1001000;
    w->slowest = 1000000;
    for (unsigned i = 0; i < w->nodes; i++) {
        struct node *n = &w->node[i];
        (void)snprintf(n->name, sizeof n->name, "%c", (char)('a' + i));
        n->rate = dice(w, 2)   ? 1000000
                  : dice(w, 2) ? fastest
                               : 1000000 + (int64_t)dice(w, 100000) % (fastest - 999999);
        n->clock_local = (int64_t)dice(w, 1000) * KL_SECOND;
        n->wall_stands = dice(w, 4) == 0;
        int twin = w->theme == LEASE_TWINS && i == 1;
        n->lease_config = (struct kl_lease_config){.identity = w->node[twin ? 0 : i].name,
                                                   .lease_duration = mine[i][0] * MS,
                                                   .renew_deadline = mine[i][1] * MS,
                                                   .retry_period = mine[i][2] * MS,
                                                   .drain_timeout = 8 * KL_SECOND,
                                                   .rejoin = 1,
                                                   .put_creates = 1};
        plan(w, RESTARTS, i, within(w, 3000));
    }
}

static unsigned sent_since(const struct world *w, unsigned node, int64_t since)
{
    const struct node *n = &w->node[node];
    unsigned count = 0;
    for (unsigned i = 0; i < SENT_KEPT && i < n->sent_count; i++)
        count += n->sent[i] > since;
    return count;
}

static void be_quiet(struct world *w, unsigned leader)
{
    const int64_t span = 20 * KL_SECOND;
    int64_t since = w->time.now;
    w->quiet = 1;
    until(w, since + span);
    for (unsigned i = 0; i < w->nodes; i++) {
        /* What a watch shows without an order to it is read once more: each of the leader's renewals. */
        int echoes = w->theme == LEASE_STRANGE, polls = echoes || w->theme == LEASE_BLIND;
        const struct node *beat = &w->node[echoes ? leader : i];
        int64_t retry = w->mode == MODE_LEASE ? beat->lease_config.retry_period : KL_NEVER;
        unsigned once_each = (unsigned)(span / retry * beat->rate / 1000000) + 2;
        unsigned count = sent_since(w, i, since);
        if (w->theme != LEASE_TWINS && count > once_each * (unsigned)((i == leader) + polls))
            wrong(w, "%s sends %u requests in %lld quiet seconds", w->node[i].name, count,
                  (long long)(span / KL_SECOND));
    }
    if (leader_of(w) != (int)leader)
        wrong(w, "another leads though nothing was in the way");
    w->quiet = 0;
}

/* The holder dies. What goes on meanwhile is no news of it: labels, watches that end and are opened anew. */
static void takeover(struct world *w, unsigned leader)
{
    uint64_t meanwhile = dice(w, 3);
    node_crash(w, leader);
    int64_t next = w->time.now;
    for (;;) {
        int64_t due = w->last_write_at + true_lease(w) + KL_SECOND; /* one may be on its way still */
        next += 700 * MS;
        until(w, kl_min(next, due));
        if (leader_of(w) >= 0)
            break;
        if (w->time.now >= due)
            wrong(w, "nobody leads %lld ms after the last renewal of a dead leader",
                  (long long)((w->time.now - w->last_write_at) / MS));
        if (meanwhile == 1 && w->lock.present) {
            w->revision++;
            server_changed(w, "a hand that labels it");
        } else if (meanwhile == 2) {
            server_restart(w, 0);
        }
    }
    node_start(w, leader);
}

static void hand_over(struct world *w, unsigned leader)
{
    int64_t took = 0;
    w->quiet = 1;
    tell(w, "%s is told to stop", w->node[leader].name);
    node_step(w, leader, &(struct kl_input){.type = KL_INPUT_STOP});
    while (w->node[leader].view.phase == KL_PHASE_DRAINING ||
           w->node[leader].view.phase == KL_PHASE_RELEASING)
        until(w, w->time.now + 10 * MS);
    (void)await_leader(w, 400 * MS, "after a release", (int)leader, &took);
    w->quiet = 0;
}

static void all_stop(struct world *w)
{
    w->quiet = 1;
    for (unsigned i = 0; i < w->nodes; i++)
        node_step(w, i, &(struct kl_input){.type = KL_INPUT_STOP});
    until(w, w->time.now + 30 * KL_SECOND);
    for (unsigned i = 0; i < w->nodes; i++)
        if (w->node[i].view.phase != KL_PHASE_CLOSED)
            wrong(w, "%s is not closed after a stop", w->node[i].name);
    if (w->lock.record.holder[0])
        wrong(w, "the lock is not released after all stopped");
}

static void run_lease(struct world *w, int64_t *took)
{
    set_up_lease(w);
    faults_begin(w);
    until(w, 90 * KL_SECOND);
    faults_end(w);
    /* The longest that a server may have asked to be left alone, then a lease that runs out, and its herd. */
    unsigned leader =
        await_leader(w, KL_RETRY_AFTER_MOST * 2 + 2 * true_lease(w), "after the faults", -1, took);
    if (w->theme == LEASE_TWINS)
        return;                             /* two who are one can't hand over to each other */
    until(w, w->time.now + 60 * KL_SECOND); /* pauses end, silent watches are noticed */
    leader = await_leader(w, 20 * MS, "though it is quiet", -1, &(int64_t){0});
    be_quiet(w, leader);
    if (w->theme != LEASE_BLIND) {
        takeover(w, leader);
        until(w, w->time.now + 10 * KL_SECOND);
        leader = await_leader(w, 20 * MS, "though it is quiet", -1, &(int64_t){0});
        hand_over(w, leader);
    }
    all_stop(w);
}

/*
 * Hands deleted two locks in a row, and what each candidate saw last is the other's (one by a watch that
 * lagged): by the contract each waits for the other's Pod. Nobody leads, which is safe, until a Pod goes.
 */
static int wait_for_each_other(const struct world *w)
{
    unsigned waiting = 0;
    if (w->theme != LIFE_HANDS || w->lock.present)
        return 0;
    for (unsigned i = 0; i < w->nodes; i++) {
        const struct node *n = &w->node[i];
        if (!n->running)
            continue;
        const struct kl_pod_ref *owner = kl_life_observed(&n->pod_machine);
        unsigned of = 0;
        while (owner && of < w->nodes && strcmp(w->node[of].pod.uid, owner->uid) != 0)
            of++;
        if (!owner || of == w->nodes || !w->node[of].running)
            return 0;
        waiting++;
    }
    return waiting > 1;
}

static void await_leader_for_life(struct world *w, int64_t *took)
{
    /* Containers end within 30 s, the collector comes within 40 s, an orphaned lock is mended in 20 s. */
    const int64_t most = 150 * KL_SECOND;
    int64_t end = w->time.now + most;
    while (w->time.now < end && leader_of(w) < 0) {
        int64_t before = w->time.now;
        until(w, before + 100 * MS);
        if (w->mutual_waits == 0 && w->time.now > end - 90 * KL_SECOND && wait_for_each_other(w)) {
            tell(w, "they wait for each other: a hand deletes a Pod");
            w->mutual_waits++;
            for (unsigned i = 0; i < w->nodes; i++)
                if (w->node[i].running)
                    cluster_delete_pod(w, i, BACKGROUND);
        }
    }
    *took = w->time.now - (end - most);
    (void)await_leader(w, most, "after the faults", -1, took);
}

static void run_life(struct world *w, int64_t *took)
{
    w->stateful = dice(w, 2) == 0;
    w->delete_pod = dice(w, 3) == 0;
    w->replicas = 2 + (unsigned)dice(w, 2);
    for (unsigned i = 0; i < w->replicas; i++)
        cluster_new_pod(w, NULL);
    faults_begin(w);
    until(w, 120 * KL_SECOND);
    faults_end(w);
    await_leader_for_life(w, took);
    until(w, w->time.now + 60 * KL_SECOND);
    unsigned leader = await_leader(w, 60 * KL_SECOND, "though it is quiet", -1, took);
    be_quiet(w, leader);
    if (!w->lock.present || w->lock.owner_kind != KL_OWNER_POD || w->lock.owner != leader)
        wrong(w, "%s leads without the lock", w->node[leader].name);
    for (int round = 0; round < 2 && w->nodes < NODES_MOST; round++) {
        cluster_delete_pod(w, leader, BACKGROUND);
        until(w, w->time.now + 40 * KL_SECOND);
        unsigned next =
            await_leader(w, 20 * MS, "after the leader's Pod was deleted", (int)leader, &(int64_t){0});
        if (w->last_start_at - w->lock_gone_at > 300 * MS)
            wrong(w, "the handover takes %lld ms", (long long)((w->last_start_at - w->lock_gone_at) / MS));
        leader = next;
    }
}

int run(struct world *w, enum mode mode, uint64_t seed, unsigned faults, int telling, struct totals *totals)
{
    jmp_buf out;
    int64_t took = 0;
    timeline_start(&w->time);
    memset(&w->seed, 0, sizeof *w - offsetof(struct world, seed)); /* all but the timeline, which is large */
    w->seed = w->random = seed;
    w->mode = mode;
    w->allowed = faults;
    w->telling = telling;
    w->revision = 10;
    w->out = &out;
    w->theme = mode == MODE_LEASE ? (enum theme)dice(w, LEASE_THEMES)
                                  : LEASE_THEMES + (enum theme)dice(w, THEMES - LEASE_THEMES);
    if (setjmp(out))
        return 0;
    tell(w, "%s, theme %s", mode == MODE_LEASE ? "leader-with-lease" : "leader-for-life",
         theme_names[w->theme]);
    if (mode == MODE_LEASE)
        run_lease(w, &took);
    else
        run_life(w, &took);
    totals->runs++;
    totals->terms += w->terms;
    totals->faults += w->faults;
    totals->steps += w->steps;
    totals->superseded += w->superseded;
    totals->mutual_waits += w->mutual_waits;
    int64_t *overlap = w->theme == LEASE_WATCHED ? &totals->watched_overlap : &totals->longest_overlap;
    *overlap = kl_max(*overlap, w->longest_overlap);
    totals->longest_wait = kl_max(totals->longest_wait, took);
    totals->most_a_second =
        w->most_a_second > totals->most_a_second ? w->most_a_second : totals->most_a_second;
    totals->most_ten_seconds =
        w->most_ten_seconds > totals->most_ten_seconds ? w->most_ten_seconds : totals->most_ten_seconds;
    return 1;
}
