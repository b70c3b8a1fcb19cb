/* Which connections a transfer goes to. */
#include "transport/http_internal.h"

#include <stdlib.h>

/* So many transfers are given to a connection; what it takes beyond that is left for requests beside streams.
 */
#define STREAMS_PER_CONNECTION 80U

/* ---- pools ---- */

/*
 * Its connection takes no more: the server is leaving (GOAWAY), or allows fewer streams than we use. libcurl
 * has opened another one for what came then, and would do so for each that comes before that one is made.
 */
static int is_outgrown(const struct kl_pool *pool)
{
    return pool->multiplexes && pool->sockets > 1;
}

static struct kl_pool *pool_with_room(struct kl_generation *generation)
{
    struct kl_pool **link = &generation->pools;
    for (; *link; link = &(*link)->next)
        if (!(*link)->broken && (*link)->transfers < STREAMS_PER_CONNECTION && !is_outgrown(*link))
            return *link;
    *link = kl_pool_new(generation); /* behind the others: the first fill up, and the last can be closed */
    return *link;
}

static int is_better(const struct kl_pool *pool, const struct kl_pool *than)
{
    if (is_outgrown(pool) != is_outgrown(than))
        return is_outgrown(than);
    return pool->transfers < than->transfers;
}

struct kl_pool *kl_pool_beside_streams(const struct kl_http *http)
{
    const struct kl_generation *streams = http->current[KL_CHANNEL_STREAMS];
    struct kl_pool *best = NULL;
    for (struct kl_pool *pool = streams ? streams->pools : NULL; pool; pool = pool->next)
        if (pool->multiplexed > 0 && !pool->broken && (!best || is_better(pool, best)))
            best = pool;
    return best;
}

void kl_pool_hold(struct kl_pool *pool)
{
    pool->transfers++;
    pool->generation->transfers++;
}

/* One without transfers is kept only for those that come next: the last there is. */
static void close_unused(struct kl_generation *generation)
{
    for (struct kl_pool **link = &generation->pools; *link;) {
        struct kl_pool *pool = *link;
        int is_last = pool == generation->pools && !pool->next;
        if (pool->transfers > 0 || (is_last && !generation->retired && !pool->broken)) {
            link = &pool->next;
            continue;
        }
        *link = pool->next;
        kl_pool_free(pool);
    }
}

void kl_pool_release(struct kl_pool *pool)
{
    struct kl_generation *generation = pool->generation;
    generation->transfers--;
    if (--pool->transfers == 0)
        close_unused(generation);
    if (generation->transfers == 0 && generation->retired)
        free(generation);
}

/* ---- generations ---- */

static struct kl_generation *current(struct kl_http *http, enum kl_channel channel)
{
    if (http->current[channel])
        return http->current[channel];
    struct kl_generation *generation = calloc(1, sizeof *generation);
    if (!generation)
        return NULL;
    generation->http = http;
    generation->channel = channel;
    http->current[channel] = generation;
    return generation;
}

struct kl_pool *kl_pool_take(struct kl_http *http, enum kl_channel channel, int beside_streams)
{
    struct kl_pool *pool = beside_streams ? kl_pool_beside_streams(http) : NULL;
    if (!pool) {
        struct kl_generation *generation = current(http, channel);
        pool = generation ? pool_with_room(generation) : NULL;
    }
    if (pool)
        kl_pool_hold(pool);
    return pool;
}

void kl_generation_retire(struct kl_http *http, enum kl_channel channel)
{
    struct kl_generation *generation = http->current[channel];
    if (!generation)
        return;
    http->current[channel] = NULL;
    generation->retired = 1;
    close_unused(generation);
    if (generation->transfers == 0)
        free(generation);
}

void kl_generations_free(struct kl_http *http)
{
    for (int channel = 0; channel < KL_CHANNELS; channel++)
        kl_generation_retire(http, (enum kl_channel)channel);
}
