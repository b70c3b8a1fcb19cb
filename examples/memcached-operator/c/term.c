#include "term.h"

#include "api.h"
#include "controller.h"

#define WRITE_MS 10000 /* two of them fit into the drain timeout, see settings.c */

int term_may_start(const struct term *term)
{
    return k8sleader_election_holds(term->election, term->token);
}

int64_t term_may_write_ms(const struct term *term)
{
    if (!k8sleader_election_may_finish(term->election, term->token)) /* true during a drain, too */
        return 0;
    /* By then another may lead: nothing of ours may still be waiting for an answer. (For life: no limit.) */
    int64_t grace_ms = k8sleader_election_grace_left_ms(term->election);
    return grace_ms <= 0 ? 0 : grace_ms < WRITE_MS ? grace_ms : WRITE_MS;
}

static void *work(void *user)
{
    controller_run(user);
    return NULL;
}

int term_begin(struct term *term, k8sleader_election *election, uint64_t token)
{
    term->election = election;
    term->token = token;
    term->http = http_new(term->cluster, api_watch_refused);
    term->is_running = term->http && pthread_create(&term->thread, NULL, work, term) == 0;
    return term->is_running ? 0 : -1;
}

void term_end(struct term *term)
{
    if (term->is_running) {
        http_wake(term->http); /* it may be waiting for news; a request that is under way is finished */
        (void)pthread_join(term->thread, NULL);
    }
    term->is_running = 0;
    http_free(term->http);
    term->http = NULL;
}
