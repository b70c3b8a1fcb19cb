/* The API server: one lock, its versions, and the watches of it. */
#include "world.h"

#include <string.h>

/* Every change gets here: it is remembered for watches that resume, and shown on those that are open. */
void server_changed(struct world *w, const char *by)
{
    char text[120];
    w->lock.version = w->revision;
    story_about(w, &w->lock, text, sizeof text);
    tell(w, "the lock: %s, by %s", text, by);
    w->history[w->history_count++ % REPLAYABLE] = w->lock;
    judge_lock(w);
    for (unsigned i = 0; i < w->nodes; i++)
        if (w->node[i].running && w->node[i].stream)
            network_event(w, i, &w->lock);
}

void server_remove(struct world *w, const char *by)
{
    w->lock.present = 0;
    w->revision++;
    w->lock_gone_at = w->time.now;
    server_changed(w, by);
}

static enum kl_outcome serve_lease(struct world *w, const struct happening *m)
{
    struct object *lock = &w->lock;
    const struct kl_lease_request *request = &m->lease;
    switch (request->verb) {
    case KL_REQUEST_READ:
        return lock->present ? KL_OUTCOME_OK : KL_OUTCOME_NOT_FOUND;
    case KL_REQUEST_CREATE:
        if (lock->present)
            return KL_OUTCOME_CONFLICT;
        break;
    case KL_REQUEST_CREATE_BY_PUT:
        if (lock->present)
            return KL_OUTCOME_REFUSED;
        break;
    case KL_REQUEST_UPDATE:
        if (!lock->present)
            return KL_OUTCOME_NOT_FOUND;
        if (lock->version != m->base)
            return KL_OUTCOME_CONFLICT;
        break;
    }
    if (lock->present && kl_record_equal(&lock->record, &request->record))
        return KL_OUTCOME_OK; /* nothing changes: no new version, and no event */
    if (w->time.now < w->unwritten_until)
        return lock->present ? KL_OUTCOME_OK : KL_OUTCOME_AMBIGUOUS;
    struct object before = *lock;
    w->revision += 1 + dice(w, 5); /* other objects are written, too */
    lock->present = 1;
    lock->version = w->revision;
    lock->record = request->record;
    lock->writer = 1 + m->node;
    lock->writer_life = m->life;
    if (request->acquires || !before.present)
        lock->term = w->revision;
    w->last_write_at = w->time.now;
    server_changed(w, w->node[m->node].name);
    judge_written(w, m, &before);
    return KL_OUTCOME_OK;
}

static enum kl_outcome serve_life(struct world *w, const struct happening *m)
{
    struct object *lock = &w->lock;
    switch (m->verb) {
    case KL_LIFE_READ:
        return lock->present ? KL_OUTCOME_OK : KL_OUTCOME_NOT_FOUND;
    case KL_LIFE_CREATE:
        if (lock->present)
            return KL_OUTCOME_CONFLICT;
        judge_written(w, m, lock);
        w->revision++;
        lock->present = 1;
        lock->owner_kind = KL_OWNER_POD;
        lock->owner = m->node;
        cluster_lock_created(w, m);
        server_changed(w, w->node[m->node].name);
        return KL_OUTCOME_OK;
    case KL_LIFE_DELETE:
        if (!lock->present)
            return KL_OUTCOME_NOT_FOUND;
        if (lock->version != m->base)
            return KL_OUTCOME_CONFLICT;
        judge_written(w, m, lock);
        server_remove(w, w->node[m->node].name);
        return KL_OUTCOME_OK;
    case KL_LIFE_DELETE_POD:
        if (w->node[m->about].pod_state == KL_POD_ABSENT)
            return KL_OUTCOME_NOT_FOUND;
        judge_written(w, m, lock);
        cluster_pod_vanishes(w, m->about);
        return KL_OUTCOME_OK;
    }
    return KL_OUTCOME_REFUSED;
}

void server_serve(struct world *w, const struct happening *m)
{
    static const enum kl_outcome kinds[] = {KL_OUTCOME_THROTTLED, KL_OUTCOME_FORBIDDEN, KL_OUTCOME_REFUSED,
                                            KL_OUTCOME_AMBIGUOUS};
    if (w->time.now < w->down_until)
        return; /* nobody answers */
    int64_t retry_after = (int64_t)dice(w, (uint64_t)(dice(w, 10) ? 4000 : 60000)) * MS;
    if (w->time.now < w->throttled_until) {
        network_answer(w, m, m->copied ? KL_OUTCOME_AMBIGUOUS : KL_OUTCOME_THROTTLED, retry_after);
        return;
    }
    if (trouble(w, FAULT_REFUSAL)) {
        enum kl_outcome kind = kinds[dice(w, 4)];
        kind = m->copied ? KL_OUTCOME_AMBIGUOUS : kind;
        tell(w, "%s is refused", w->node[m->node].name);
        network_answer(w, m, kind, retry_after);
        return;
    }
    enum kl_outcome outcome = w->mode == MODE_LEASE ? serve_lease(w, m) : serve_life(w, m);
    network_answer(w, m, outcome, 0);
}

/* Watches end, and what they could be resumed from is forgotten. */
void server_restart(struct world *w, int64_t down_until)
{
    w->down_until = down_until;
    w->compacted = w->revision;
    for (unsigned i = 0; i < w->nodes; i++)
        if (w->node[i].running && w->node[i].stream)
            node_watch_breaks(w, i, within(w, 100));
}

static const struct object *history_at(const struct world *w, unsigned index)
{
    return &w->history[index % REPLAYABLE];
}

static void open_fresh(struct world *w, unsigned node)
{
    struct node *n = &w->node[node];
    unsigned shown = w->history_count;
    /* A watch cache may lag behind what is stored: it shows an older state, and then what followed. */
    if (shown > 1 && trouble(w, FAULT_WATCH))
        shown -= (unsigned)dice(w, (uint64_t)kl_min(shown, 8));
    struct object object = shown ? *history_at(w, shown - 1) : w->lock;
    n->watch_version = object.version;
    tell(w, "%s opens its watch: %llu%s", n->name, (unsigned long long)object.version,
         object.present ? "" : ", none");
    if (object.present) {
        judge_shown(w, node, &object);
        struct kl_lease_object lease = {.version = told_version(w, object.version), .record = &object.record};
        struct kl_life_object life = {.version = told_version(w, object.version), .kind = object.owner_kind};
        if (object.owner_kind == KL_OWNER_POD)
            life.owner = w->node[object.owner].pod;
        node_step(w, node, &(struct kl_input){.type = KL_INPUT_SEEN, .object = &lease, .ownership = &life});
    } else if (w->mode == MODE_LIFE && dice(w, 2)) { /* some lists say so; else the read will */
        node_step(w, node,
                  &(struct kl_input){.type = KL_INPUT_GONE, .version = told_version(w, w->revision)});
    }
    uint64_t stream = n->stream;
    if (n->running)
        node_step(w, node, &(struct kl_input){.type = KL_INPUT_WATCH_OPENED, .fresh = 1});
    for (; shown < w->history_count && n->running && n->stream == stream && stream; shown++)
        network_event(w, node, history_at(w, shown));
}

static void resume(struct world *w, unsigned node, unsigned from)
{
    node_step(w, node, &(struct kl_input){.type = KL_INPUT_WATCH_OPENED});
    uint64_t stream = w->node[node].stream;
    for (; from < w->history_count && w->node[node].running && w->node[node].stream == stream && stream;
         from++)
        network_event(w, node, history_at(w, from));
}

/* The watch gets to the server: from the version where the last one ended, or afresh. */
void server_watch(struct world *w, unsigned node)
{
    struct node *n = &w->node[node];
    uint64_t since = n->resume_from;
    n->stream = ++n->streams;
    n->watch_last = w->time.now;
    n->watch_silent_until = 0;
    n->watch_failures = 0;
    unsigned oldest = w->history_count > REPLAYABLE ? w->history_count - REPLAYABLE : 0;
    int gone = since < w->compacted || trouble(w, FAULT_WATCH); /* 410 */
    for (unsigned i = oldest; i < w->history_count && since && !gone; i++)
        if (history_at(w, i)->version == since) {
            tell(w, "%s resumes its watch from %llu", n->name, (unsigned long long)since);
            resume(w, node, i + 1);
            return;
        }
    open_fresh(w, node);
}
