#include "controller.h"

#include "api.h"
#include "deployment.h"
#include "log.h"
#include "memcached.h"
#include "reconcile.h"

#include <stdlib.h>

#define LIST_MS        10000
#define RESYNC_MS      15000 /* should a watch be deaf */
#define ROUND_LEAST_MS 100   /* a burst of changes is one round */
#define RETRY_FIRST_MS 200
#define RETRY_MOST_MS  30000

/* Deployments by name. */
static struct json_object *index_of(struct json_object *list)
{
    struct json_object *items = api_member(list, "items");
    struct json_object *index = json_object_new_object();
    for (size_t i = 0; i < json_object_array_length(items); i++) {
        struct json_object *item = json_object_array_get_idx(items, i);
        json_object_object_add(index, api_text(item, "metadata.name"), json_object_get(item));
    }
    return index;
}

static int look_at(struct api *api, const struct term *term, struct json_object *object,
                   struct json_object *deployments)
{
    struct memcached memcached;
    struct json_object *deployment = NULL;
    const char *why;
    if (memcached_read(object, &memcached, &why) != 0) {
        /* Nothing to retry: whoever mends it makes the watch ring. */
        log_problem("Memcached %.80s is malformed, it is left as it is: %s",
                    api_text(object, "metadata.name"), why);
        return 0;
    }
    (void)json_object_object_get_ex(deployments, memcached.name, &deployment);
    return reconcile(api, term, &memcached, deployment);
}

/* Returns: how many are not yet as they should be. */
static int one_round(struct api *api, const struct term *term)
{
    int failures = 0;
    http_forget_news(api->http);
    struct json_object *memcacheds = api_list(api, API_MEMCACHEDS, "", LIST_MS);
    struct json_object *deployments = NULL;
    if (memcacheds && term_may_start(term))
        deployments = api_list(api, API_DEPLOYMENTS, DEPLOYMENT_SELECTOR, LIST_MS);
    if (memcacheds && deployments) {
        api_watch(api, 0, API_MEMCACHEDS, "", memcacheds);
        api_watch(api, 1, API_DEPLOYMENTS, DEPLOYMENT_SELECTOR, deployments);
        struct json_object *items = api_member(memcacheds, "items");
        struct json_object *index = index_of(deployments);
        /* A stop lets the one that is being looked at be finished, and the next one not be begun. */
        for (size_t i = 0; i < json_object_array_length(items) && term_may_start(term); i++)
            failures += look_at(api, term, json_object_array_get_idx(items, i), index) != 0;
        json_object_put(index);
    } else {
        failures = 1;
    }
    json_object_put(memcacheds);
    json_object_put(deployments);
    return failures;
}

/* Doubling with each bad round in a row, half of it by chance: not all operators of a cluster come back at
 * once. */
static int64_t back_off(unsigned bad_rounds)
{
    int64_t delay = RETRY_FIRST_MS;
    while (--bad_rounds > 0 && delay < RETRY_MOST_MS)
        delay *= 2;
    delay = delay < RETRY_MOST_MS ? delay : RETRY_MOST_MS;
    return delay / 2 + random() % (delay / 2);
}

void controller_run(const struct term *term)
{
    struct api api = {.http = term->http, .namespace_ = term->namespace_};
    unsigned bad_rounds = 0;
    while (term_may_start(term)) {
        int64_t began = now_ms();
        bad_rounds = one_round(&api, term) != 0 ? bad_rounds + 1 : 0;
        if (term_may_start(term))
            http_await_news(api.http, bad_rounds ? back_off(bad_rounds) : RESYNC_MS);
        if (term_may_start(term))
            http_pause(api.http, ROUND_LEAST_MS - (now_ms() - began));
    }
}
