#include "script.h"

#include "k8sleader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS KL_MILLISECOND

struct name {
    const char *name;
    int value;
};

static const struct name outcomes[] = {
    {"ok", KL_OUTCOME_OK},
    {"conflict", KL_OUTCOME_CONFLICT},
    {"missing", KL_OUTCOME_NOT_FOUND},
    {"nonamespace", KL_OUTCOME_NO_NAMESPACE},
    {"forbidden", KL_OUTCOME_FORBIDDEN},
    {"throttled", KL_OUTCOME_THROTTLED},
    {"refused", KL_OUTCOME_REFUSED},
    {"notsent", KL_OUTCOME_NOT_SENT},
    {"timeout", KL_OUTCOME_TIMED_OUT},
    {"broken", KL_OUTCOME_AMBIGUOUS},
    {"error500", KL_OUTCOME_AMBIGUOUS},
    {NULL, 0},
};

static const struct name codes[] = {
    {"conflict", 0},
    {"missing", 0},
    {"nonamespace", K8SLEADER_ERR_NAMESPACE_NOT_FOUND},
    {"forbidden", K8SLEADER_ERR_FORBIDDEN},
    {"throttled", K8SLEADER_ERR_THROTTLED},
    {"refused", K8SLEADER_ERR_INVALID},
    {"notsent", K8SLEADER_ERR_CONNECT},
    {"timeout", K8SLEADER_ERR_REQUEST_TIMEOUT},
    {"broken", K8SLEADER_ERR_PROTOCOL},
    {"error500", K8SLEADER_ERR_SERVER},
    {"unwatchable", K8SLEADER_ERR_WATCH_FORBIDDEN},
    {"duplicate", K8SLEADER_ERR_DUPLICATE_IDENTITY},
    {"coordinated", K8SLEADER_ERR_COORDINATED},
    {"tight", K8SLEADER_ERR_TIGHT_DURATIONS},
    {"foreignlock", K8SLEADER_ERR_FOREIGN_LOCK},
    {"nopod", K8SLEADER_ERR_NO_POD},
    {"podending", K8SLEADER_ERR_POD_ENDING},
    {"lockowner", K8SLEADER_ERR_LOCK_OWNER},
    {"podsforbidden", K8SLEADER_ERR_PODS_FORBIDDEN},
    {NULL, 0},
};

static const struct name inputs[] = {
    {"start", KL_INPUT_START},
    {"tick", KL_INPUT_TICK},
    {"opened", KL_INPUT_WATCH_OPENED},
    {"unwatchable", KL_INPUT_WATCH_FORBIDDEN},
    {"watchfail", KL_INPUT_WATCH_FAILED},
    {"sound", KL_INPUT_WATCH_SOUND},
    {"stop", KL_INPUT_STOP},
    {"drained", KL_INPUT_DRAINED},
    {"abandon", KL_INPUT_ABANDON},
    {"gone", KL_INPUT_GONE},
    {NULL, 0},
};

static const struct name reasons[] = {
    {"stop", K8SLEADER_REASON_STOP},
    {"deadline", K8SLEADER_REASON_LOST_DEADLINE},
    {"holder", K8SLEADER_REASON_LOST_HOLDER},
    {"lock", K8SLEADER_REASON_LOST_LOCK},
    {"duplicate", K8SLEADER_REASON_LOST_DUPLICATE},
    {"coordinated", K8SLEADER_REASON_LOST_COORDINATED},
    {"draintimeout", K8SLEADER_REASON_DRAIN_TIMEOUT},
    {"pod", K8SLEADER_REASON_LOST_POD},
    {NULL, 0},
};

static const char *const phases[] = {"candidate", "leading", "draining", "releasing", "lost", "closed"};

static const char *const urgencies[] = {
    [KL_URGENCY_NONE] = "none",       [KL_URGENCY_RENEW] = "renew",       [KL_URGENCY_RELEASE] = "release",
    [KL_URGENCY_ACQUIRE] = "acquire", [KL_URGENCY_RENEW_EARLY] = "early",
};

static const struct name *find(const struct name *names, const char *name)
{
    for (; names->name; names++)
        if (strcmp(names->name, name) == 0)
            return names;
    return NULL;
}

static const char *name_of(const struct name *names, int value)
{
    for (; names->name; names++)
        if (names->value == value)
            return names->name;
    return "?";
}

void script_add(struct script *s, const char *format, ...)
{
    size_t length = strlen(s->followed);
    va_list ap;
    va_start(ap, format);
    vsnprintf(s->followed + length, sizeof s->followed - length, format, ap);
    va_end(ap);
}

_Noreturn void script_broken(const struct script *s, const char *what)
{
    fail_msg("%s\n    %s\n    followed: %s", what, s->line, s->followed);
    abort();
}

char *script_word(struct script_words *words)
{
    return strtok_r(NULL, " ", &words->rest);
}

char *script_need(struct script *s, struct script_words *words)
{
    char *word = script_word(words);
    if (!word)
        script_broken(s, "the line lacks a word");
    return word;
}

int64_t script_number(const char *text)
{
    return strtoll(text, NULL, 10);
}

struct kl_version script_version(const char *text)
{
    struct kl_version v = {0, 1};
    if (text[0] == '"') {
        v.ordered = 0;
        for (const char *c = text + 1; *c; c++)
            v.number = v.number * 31 + (unsigned char)*c;
    } else {
        v.number = strtoull(text, NULL, 10);
    }
    return v;
}

const char *script_value(const char *word, const char *key)
{
    size_t length = strlen(key);
    return strncmp(word, key, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

int script_in_range(const char *range, int64_t ns)
{
    if (strcmp(range, "never") == 0)
        return ns == KL_NEVER;
    const char *dots = strstr(range, "..");
    int64_t low = script_number(range), high = dots ? script_number(dots + 2) : low;
    return ns != KL_NEVER && ns / MS >= low && ns / MS <= high;
}

static const char *guard_event(struct script_guard *g, const struct kl_event *e, const struct kl_input *in)
{
    if (g->closed)
        return "an event after CLOSED";
    switch (e->type) {
    case KL_EVENT_STARTED:
        if (g->told_started)
            return "STARTED twice without STOPPED";
        if (e->token != 0 && e->token <= g->token)
            return "the token did not grow";
        g->token = e->token;
        g->told_started = 1;
        break;
    case KL_EVENT_STOPPED:
        if (!g->told_started)
            return "STOPPED without STARTED";
        if (e->token != g->token)
            return "STOPPED of another term";
        g->told_started = 0;
        break;
    case KL_EVENT_CLOSED:
        if (g->told_started && in->type != KL_INPUT_ABANDON)
            return "CLOSED without STOPPED";
        g->closed = 1;
        break;
    case KL_EVENT_LOST_DRAIN:
    case KL_EVENT_NEW_LEADER:
    case KL_EVENT_ERROR:
    case KL_EVENT_NOTE:
        break;
    }
    return NULL;
}

const char *script_guard_step(struct script_guard *g, const struct kl_view *view, int64_t now, int in_flight,
                              const struct kl_input *in, const struct kl_effects *fx)
{
    if (in->type == KL_INPUT_ANSWER)
        g->in_flight = 0;
    for (unsigned i = 0; i < fx->event_count; i++) {
        const char *wrong = guard_event(g, &fx->events[i], in);
        if (wrong)
            return wrong;
    }
    if (fx->event_count == KL_EVENTS_MOST)
        return "perhaps more events than fit";
    if (g->closed != (view->phase == KL_PHASE_CLOSED))
        return "closed without CLOSED";
    if (!g->closed && g->told_started != (view->phase == KL_PHASE_LEADING))
        return "what was said is not what is";
    if ((view->phase == KL_PHASE_LEADING || view->phase == KL_PHASE_DRAINING) && now >= view->lead_until)
        return "holds on after its deadline";
    if (view->grace_until < view->lead_until && view->phase == KL_PHASE_LEADING)
        return "may lead when its work must be dead";
    if (view->wake_at <= now)
        return "wants to be woken in the past";
    if (view->wake_slack < 0 || (view->wake_slack && view->lead_until - view->wake_slack < view->wake_at))
        return "may be woken too late";
    if (view->want != KL_URGENCY_NONE && in_flight)
        return "wants a second request in flight";
    if (!g->closed && in_flight != g->in_flight)
        return "does not know what is in flight";
    if (view->phase == KL_PHASE_CLOSED && (view->want != KL_URGENCY_NONE || view->wake_at != KL_NEVER))
        return "wants something after CLOSED";
    return NULL;
}

const char *script_guard_sent(struct script_guard *g, const struct kl_view *view, int64_t timeout)
{
    if (g->in_flight)
        return "two requests in flight";
    g->in_flight = 1;
    if (g->closed)
        return "a request after CLOSED";
    if (view->want != KL_URGENCY_NONE)
        return "still wants one";
    if (timeout <= 0)
        return "a request without time";
    return NULL;
}

static void add_events(const struct script_kind *kind, struct script *s)
{
    for (unsigned i = 0; i < s->fx.event_count; i++) {
        const struct kl_event *e = &s->fx.events[i];
        switch (e->type) {
        case KL_EVENT_STARTED:
            script_add(s, " started:%llu", (unsigned long long)e->token);
            break;
        case KL_EVENT_STOPPED:
            script_add(s, " stopped:%s", name_of(reasons, e->reason));
            break;
        case KL_EVENT_LOST_DRAIN:
            script_add(s, " lostdrain:%s", name_of(reasons, e->reason));
            break;
        case KL_EVENT_NEW_LEADER:
            script_add(s, " leader:%s", kind->leader(s));
            break;
        case KL_EVENT_ERROR:
            script_add(s, " error:%s", name_of(codes, e->code));
            break;
        case KL_EVENT_NOTE:
            script_add(s, " note:%s", name_of(codes, e->code));
            break;
        case KL_EVENT_CLOSED:
            script_add(s, " closed");
            break;
        }
    }
}

/* What all machines know; what only one knows is its kind's. */
static void read_common(struct script *s, const char *word, struct script_words *words, struct kl_input *in,
                        uint64_t token)
{
    const struct name *input = find(inputs, word);
    if (!input) {
        const struct name *outcome = find(outcomes, word), *code = find(codes, word);
        if (!outcome || !code)
            script_broken(s, "no such input");
        if (!s->guard.in_flight)
            script_broken(s, "an answer, but nothing is in flight");
        in->type = KL_INPUT_ANSWER;
        in->outcome = (enum kl_outcome)outcome->value;
        in->error_code = code->value;
    } else {
        in->type = (enum kl_input_type)input->value;
        in->token = token;
    }
    if ((word = script_word(words)) == NULL)
        return;
    in->fresh = strcmp(word, "fresh") == 0;
    in->version = script_version(word);
    in->token = (uint64_t)script_number(word);
    in->retry_after = script_number(word) * MS;
    if (in->type == KL_INPUT_WATCH_FAILED) {
        const struct name *code = find(codes, word);
        if (!code)
            script_broken(s, "no such code");
        in->error_code = code->value;
    }
}

static void play(const struct script_kind *kind, struct script *s, char *text)
{
    struct script_words words;
    struct kl_view view;
    const char *time = strtok_r(text, " ", &words.rest);
    if (!time)
        script_broken(s, "a line without a time");
    const char *word = script_need(s, &words);
    struct kl_input in = {.type = KL_INPUT_ANSWER};
    kind->view(s, &view);
    in.now = strcmp(time, "wake") == 0 ? view.wake_at : script_number(time) * MS;
    if (in.now == KL_NEVER)
        script_broken(s, "nothing will wake it");
    if (strcmp(word, "send") == 0) {
        (void)kind->send(s, in.now);
        return;
    }
    if (!kind->input(s, word, &words, &in))
        read_common(s, word, &words, &in, view.token);
    const char *wrong = kind->step(s, &in);
    add_events(kind, s);
    if (wrong)
        script_broken(s, wrong);
    kind->view(s, &view);
    if (!s->queue && view.want != KL_URGENCY_NONE && !kind->send(s, in.now))
        script_broken(s, "wanted a request, then did not");
}

static void expect_detail(const struct script_kind *kind, struct script *s, const char *word)
{
    struct kl_view view;
    const char *v;
    int right;
    kind->view(s, &view);
    if ((v = script_value(word, "phase")) != NULL)
        right = strcmp(phases[view.phase], v) == 0;
    else if ((v = script_value(word, "wake")) != NULL)
        right = script_in_range(v, view.wake_at);
    else if ((v = script_value(word, "urgency")) != NULL)
        right = s->queue && strcmp(urgencies[view.want], v) == 0;
    else if ((v = script_value(word, "slack")) != NULL)
        right = script_in_range(v, view.wake_slack);
    else if (strcmp(word, "suspect") == 0)
        right = s->fx.watch_suspect;
    else
        right = kind->detail(s, word);
    if (right < 0)
        script_broken(s, "no such detail");
    if (!right) {
        script_add(s, " (not %s: phase=%s wake=%lld)", word, phases[view.phase],
                   view.wake_at == KL_NEVER ? -1LL : (long long)(view.wake_at / MS));
        script_broken(s, "another detail");
    }
}

static void expect(const struct script_kind *kind, struct script *s, char *text)
{
    char expected[512] = "";
    char *save = NULL, *details[16];
    unsigned count = 0;
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        if (strchr(word, '=') || strcmp(word, "suspect") == 0) {
            assert_true(count < 16);
            details[count++] = word;
        } else if (strcmp(word, "-") != 0) {
            size_t length = strlen(expected);
            snprintf(expected + length, sizeof expected - length, " %s", word);
        }
    }
    if (strcmp(expected, s->followed) != 0)
        script_broken(s, "something else followed");
    for (unsigned i = 0; i < count; i++)
        expect_detail(kind, s, details[i]);
}

static void configure(const struct script_kind *kind, struct script *s, char *line)
{
    struct script_words words;
    (void)strtok_r(line, " ", &words.rest);
    for (const char *word; (word = script_word(&words)) != NULL;) {
        if (strcmp(word, "queue") == 0)
            s->queue = 1;
        else if (!kind->configure(s, word))
            script_broken(s, "no such setting");
    }
}

/* A row and how to play it. */
struct test {
    const struct script_kind *kind;
    const struct script_row *row;
};

static void run_row(void **state)
{
    const struct test *test = *state;
    const struct script_kind *kind = test->kind;
    struct script *s = test_calloc(1, kind->size);
    char text[4096], *save = NULL;
    kind->prepare(s);
    assert_true(strlen(test->row->script) < sizeof text);
    memcpy(text, test->row->script, strlen(test->row->script) + 1);
    int ready = 0;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char whole[512];
        snprintf(whole, sizeof whole, "%s", line);
        s->line = whole;
        s->followed[0] = '\0';
        memset(&s->fx, 0, sizeof s->fx);
        if (!ready && strncmp(line, "config", 6) == 0) {
            configure(kind, s, line);
            continue;
        }
        if (!ready)
            kind->begin(s);
        ready = 1;
        char *arrow = strstr(line, " => ");
        if (!arrow)
            script_broken(s, "a line without =>");
        *arrow = '\0';
        play(kind, s, line);
        expect(kind, s, arrow + 4);
    }
    assert_true(ready);
    test_free(s);
}

int script_run_rows(const struct script_kind *kind, const char *group, const struct script_row *rows,
                    size_t count)
{
    static struct CMUnitTest tests[128];
    static struct test states[128];
    assert_true(count <= 128);
    for (size_t i = 0; i < count; i++) {
        states[i] = (struct test){kind, &rows[i]};
        tests[i] =
            (struct CMUnitTest){.name = rows[i].rule, .test_func = run_row, .initial_state = &states[i]};
    }
    return _cmocka_run_group_tests(group, tests, count, NULL, NULL);
}
