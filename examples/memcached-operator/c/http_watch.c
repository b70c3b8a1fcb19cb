/* Watches that only ring, and the waiting of the thread that works. */
#include "http_internal.h"

#include <stdio.h>

#define WATCH_MS                                                                                             \
    360000L /* the server ends a watch after 300 s, see controller.c; this is for a lost connection */
#define WATCH_LASTING 5000 /* a watch that lasted this long ended for no fault */

static size_t ring(char *bytes, size_t one, size_t size, void *user)
{
    struct watch *watch = user;
    long status = 0;
    (void)curl_easy_getinfo(watch->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return http_keep(bytes, one, size, &watch->said);
    watch->http->rung = 1;
    return size;
}

void http_watch_close(struct watch *watch)
{
    if (!watch->easy)
        return;
    (void)curl_multi_remove_handle(watch->http->multi, watch->easy);
    curl_easy_cleanup(watch->easy);
    watch->easy = NULL;
    http_answer_clear(&watch->said);
}

/* It is opened anew in the next round: at once when it was a good one, else when that is due for another
 * reason. */
static void watch_ended(struct watch *watch, CURLcode code)
{
    char *url = NULL;
    struct http_answer *said = &watch->said;
    (void)curl_easy_getinfo(watch->easy, CURLINFO_RESPONSE_CODE, &said->status);
    (void)curl_easy_getinfo(watch->easy, CURLINFO_EFFECTIVE_URL, &url);
    (void)snprintf(said->problem, sizeof said->problem, "%s", curl_easy_strerror(code));
    if (said->status != 200)
        watch->http->refused(url, said);
    else if (now_ms() - watch->opened_at >= WATCH_LASTING)
        watch->http->rung = 1;
    http_watch_close(watch);
}

int http_step(struct http *http, const CURL *awaited, CURLcode *code)
{
    int running;
    int left;
    int ended = 0;
    const CURLMsg *message;
    (void)curl_multi_perform(http->multi, &running);
    while ((message = curl_multi_info_read(http->multi, &left))) {
        CURL *easy = message->easy_handle;
        CURLcode result = message->data.result; /* the message does not outlive its handle */
        if (easy == awaited) {
            *code = result;
            ended = 1;
        }
        for (int i = 0; i < HTTP_WATCHES; i++)
            if (easy == http->watches[i].easy)
                watch_ended(&http->watches[i], result);
    }
    return ended;
}

void http_watch(struct http *http, int which, const char *path)
{
    struct watch *watch = &http->watches[which];
    if (watch->easy)
        return;
    watch->easy = http_request(http, path, WATCH_MS);
    if (!watch->easy)
        return;
    watch->opened_at = now_ms();
    (void)curl_easy_setopt(watch->easy, CURLOPT_WRITEFUNCTION, ring);
    (void)curl_easy_setopt(watch->easy, CURLOPT_WRITEDATA, watch);
    if (curl_multi_add_handle(http->multi, watch->easy) != CURLM_OK)
        http_watch_close(watch);
}

void http_forget_news(struct http *http)
{
    http->rung = 0;
}

static void wait_for(struct http *http, int64_t ms, int news_too)
{
    int64_t until = now_ms() + ms;
    CURLcode ignored;
    for (;;) {
        (void)http_step(http, NULL, &ignored);
        int64_t left = until - now_ms();
        /* What woke us during a request is still in `woken`, though curl has forgotten it. */
        if (atomic_exchange(&http->woken, 0) || (news_too && http->rung) || left <= 0)
            return;
        (void)curl_multi_poll(http->multi, NULL, 0, (int)left, NULL);
    }
}

void http_await_news(struct http *http, int64_t timeout_ms)
{
    wait_for(http, timeout_ms, 1);
}

void http_pause(struct http *http, int64_t ms)
{
    wait_for(http, ms, 0);
}

void http_wake(struct http *http)
{
    atomic_store(&http->woken, 1);
    (void)curl_multi_wakeup(http->multi);
}
