#include "lease_script.h"

#include "k8sleader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS          INT64_C(1000000)
#define WALL_START  INT64_C(1763788800000000)
#define WRITES_MOST 64

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
    {NULL, 0},
};

static const struct name inputs[] = {
    {"start", KL_INPUT_START},
    {"tick", KL_INPUT_TICK},
    {"opened", KL_INPUT_WATCH_OPENED},
    {"unwatchable", KL_INPUT_WATCH_FORBIDDEN},
    {"watchfail", KL_INPUT_WATCH_FAILED},
    {"stop", KL_INPUT_STOP},
    {"drained", KL_INPUT_DRAINED},
    {"abandon", KL_INPUT_ABANDON},
    {"gone", KL_INPUT_GONE},
    {"seen", KL_INPUT_SEEN},
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
    {NULL, 0},
};

static const char *const phases[] = {"candidate", "leading", "draining", "releasing", "lost", "closed"};

struct script {
    const char *line;
    struct kl_lease lease;
    struct kl_lease_config config;
    struct lease_guard guard;
    char identity[64];
    int queue;
    int wall; /* 0 runs, 1 stands still, 2 has jumped back a day */
    struct kl_record writes[WRITES_MOST];
    unsigned write_count;
    struct kl_lease_request request; /* sent by this line, if `sent` */
    int sent;
    struct kl_effects fx;
    char followed[512];
};

static int value_of(const struct name *names, const char *name)
{
    for (; names->name; names++)
        if (strcmp(names->name, name) == 0)
            return names->value;
    return -1000;
}

static const char *name_of(const struct name *names, int value)
{
    for (; names->name; names++)
        if (names->value == value)
            return names->name;
    return "?";
}

static void add(struct script *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct script *s, const char *format, ...)
{
    size_t length = strlen(s->followed);
    va_list ap;
    va_start(ap, format);
    vsnprintf(s->followed + length, sizeof s->followed - length, format, ap);
    va_end(ap);
}

static _Noreturn void broken(const struct script *s, const char *what)
{
    fail_msg("%s\n    %s\n    followed: %s", what, s->line, s->followed);
    abort();
}

const char *lease_guard_step(struct lease_guard *g, const struct kl_lease *m, const struct kl_input *in,
                             const struct kl_effects *fx)
{
    if (in->type == KL_INPUT_ANSWER)
        g->in_flight = 0;
    for (unsigned i = 0; i < fx->event_count; i++) {
        const struct kl_event *e = &fx->events[i];
        if (g->closed)
            return "an event after CLOSED";
        switch (e->type) {
        case KL_EVENT_STARTED:
            if (g->told_started)
                return "STARTED twice without STOPPED";
            if (m->version.ordered && e->token <= g->token)
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
    }
    if (fx->event_count == KL_EVENTS_MOST)
        return "perhaps more events than fit";
    if (g->closed != (m->phase == KL_PHASE_CLOSED))
        return "closed without CLOSED";
    if (!g->closed && g->told_started != (m->phase == KL_PHASE_LEADING))
        return "what was said is not what is";
    if ((m->phase == KL_PHASE_LEADING || m->phase == KL_PHASE_DRAINING) && m->now >= m->lead_until)
        return "holds on after its deadline";
    if (m->grace_until < m->lead_until && m->phase == KL_PHASE_LEADING)
        return "may lead when its work must be dead";
    if (m->wake_at <= m->now)
        return "wants to be woken in the past";
    if (m->want != KL_URGENCY_NONE && m->in_flight)
        return "wants a second request in flight";
    if (!g->closed && m->in_flight != g->in_flight)
        return "does not know what is in flight";
    if (m->phase == KL_PHASE_CLOSED && (m->want != KL_URGENCY_NONE || m->wake_at != KL_NEVER))
        return "wants something after CLOSED";
    if (m->await_news && !m->must_read && m->phase == KL_PHASE_CANDIDATE)
        return "waits for the watch alone";
    if (m->phase == KL_PHASE_CANDIDATE && !m->in_flight && m->want == KL_URGENCY_NONE &&
        m->wake_at == KL_NEVER && in->type != KL_INPUT_TICK && m->lock != KL_LOCK_UNKNOWN && !m->barred)
        return "a candidate for whom nothing will ever happen";
    return NULL;
}

const char *lease_guard_sent(struct lease_guard *g, const struct kl_lease *m,
                             const struct kl_lease_request *request)
{
    if (g->in_flight)
        return "two requests in flight";
    g->in_flight = 1;
    if (g->closed)
        return "a request after CLOSED";
    if (m->want != KL_URGENCY_NONE)
        return "still wants one";
    if (request->timeout <= 0)
        return "a request without time";
    if (request->verb == KL_REQUEST_UPDATE && m->lock != KL_LOCK_PRESENT)
        return "an update of nothing";
    return NULL;
}

static int64_t wall(const struct script *s)
{
    if (s->wall == 0)
        return WALL_START + s->lease.now / 1000;
    return s->wall == 1 ? WALL_START : WALL_START - INT64_C(86400000000) * (s->write_count > 1);
}

static void send_wanted(struct script *s)
{
    static const char *const verbs[] = {"read", "create", "put", "update"};
    s->sent = kl_lease_send(&s->lease, s->lease.now, wall(s), &s->request);
    if (!s->sent)
        return;
    const char *wrong = lease_guard_sent(&s->guard, &s->lease, &s->request);
    if (wrong)
        broken(s, wrong);
    add(s, " %s", verbs[s->request.verb]);
    if (s->request.verb == KL_REQUEST_READ)
        return;
    const char *kind = s->request.acquires                   ? "acquire"
                       : s->request.record.holder[0] == '\0' ? "release"
                                                             : "renew";
    add(s, "/%s", kind);
    assert_true(s->write_count < WRITES_MOST);
    s->writes[s->write_count++] = s->request.record;
}

static void add_events(struct script *s)
{
    for (unsigned i = 0; i < s->fx.event_count; i++) {
        const struct kl_event *e = &s->fx.events[i];
        switch (e->type) {
        case KL_EVENT_STARTED:
            add(s, " started:%llu", (unsigned long long)e->token);
            break;
        case KL_EVENT_STOPPED:
            add(s, " stopped:%s", name_of(reasons, e->reason));
            break;
        case KL_EVENT_LOST_DRAIN:
            add(s, " lostdrain:%s", name_of(reasons, e->reason));
            break;
        case KL_EVENT_NEW_LEADER:
            add(s, " leader:%s", kl_lease_leader(&s->lease));
            break;
        case KL_EVENT_ERROR:
            add(s, " error:%s", name_of(codes, e->code));
            break;
        case KL_EVENT_NOTE:
            add(s, " note:%s", name_of(codes, e->code));
            break;
        case KL_EVENT_CLOSED:
            add(s, " closed");
            break;
        }
    }
}

static int64_t number(const char *text)
{
    return strtoll(text, NULL, 10);
}

static struct kl_version version_of(const char *text)
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

/* The value of a word `key=value`, or NULL. */
static const char *detail(const char *word, const char *key)
{
    size_t length = strlen(key);
    return strncmp(word, key, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static const struct kl_record *written(const struct script *s, const char *word)
{
    unsigned n = (unsigned)number(word + 1);
    if (word[0] != 'w' || n < 1 || n > s->write_count)
        broken(s, "the script names no write");
    return &s->writes[n - 1];
}

static void read_record(struct script *s, char **save, struct kl_record *record,
                        struct kl_lease_object *object)
{
    const char *word = strtok_r(NULL, " ", save);
    assert_non_null(word);
    if (word[0] == 'w' && word[1] >= '0' && word[1] <= '9') {
        *record = *written(s, word);
    } else {
        *record = (struct kl_record){.acquire_time = 1, .duration_s = 15};
        if (strcmp(word, "-") != 0)
            snprintf(record->holder, sizeof record->holder, "%s", word);
        record->renew_time = number(strtok_r(NULL, " ", save));
    }
    while ((word = strtok_r(NULL, " ", save)) != NULL) {
        const char *v;
        if ((v = detail(word, "d")) != NULL)
            record->duration_s = number(v);
        else if ((v = detail(word, "acq")) != NULL)
            record->acquire_time = number(v);
        else if ((v = detail(word, "tr")) != NULL)
            record->transitions = number(v);
        else if (strcmp(word, "coord") == 0)
            object->barred = K8SLEADER_ERR_COORDINATED;
        else
            broken(s, "no such word in a record");
    }
    object->record = record;
}

static void play(struct script *s, char *text)
{
    char *save = NULL;
    const char *time = strtok_r(text, " ", &save);
    const char *word = strtok_r(NULL, " ", &save);
    assert_non_null(word);
    struct kl_record record;
    struct kl_lease_object object = {.record = NULL};
    struct kl_input in = {.type = KL_INPUT_ANSWER};
    in.now = strcmp(time, "wake") == 0 ? s->lease.wake_at : number(time) * MS;
    if (in.now == KL_NEVER)
        broken(s, "nothing will wake it");
    if (strcmp(word, "send") == 0) {
        s->lease.now = in.now;
        send_wanted(s);
        return;
    }
    int type = value_of(inputs, word);
    if (type >= 0) {
        in.type = (enum kl_input_type)type;
    } else {
        int outcome = value_of(outcomes, word);
        if (outcome < 0)
            broken(s, "no such input");
        in.outcome = (enum kl_outcome)outcome;
        in.error_code = value_of(codes, word);
        if (!s->lease.in_flight)
            broken(s, "an answer, but nothing is in flight");
    }
    if (in.type == KL_INPUT_SEEN || (in.type == KL_INPUT_ANSWER && in.outcome == KL_OUTCOME_OK)) {
        object.version = version_of(strtok_r(NULL, " ", &save));
        read_record(s, &save, &record, &object);
        in.object = &object;
    } else if ((word = strtok_r(NULL, " ", &save)) != NULL) {
        in.fresh = strcmp(word, "fresh") == 0;
        in.version = version_of(word);
        in.token = (uint64_t)number(word);
        in.retry_after = number(word) * MS;
        if (in.type == KL_INPUT_WATCH_FAILED)
            in.error_code = value_of(codes, word);
    } else if (in.type == KL_INPUT_DRAINED) {
        in.token = s->lease.token;
    }
    kl_lease_step(&s->lease, &in, &s->fx);
    add_events(s);
    const char *wrong = lease_guard_step(&s->guard, &s->lease, &in, &s->fx);
    if (wrong)
        broken(s, wrong);
    if (!s->queue && s->lease.want != KL_URGENCY_NONE) {
        send_wanted(s);
        if (!s->sent)
            broken(s, "wanted a request, then did not");
    }
}

static int in_range(const char *range, int64_t ns)
{
    if (strcmp(range, "never") == 0)
        return ns == KL_NEVER;
    const char *dots = strstr(range, "..");
    int64_t low = number(range), high = dots ? number(dots + 2) : low;
    return ns != KL_NEVER && ns / MS >= low && ns / MS <= high;
}

static void expect_detail(struct script *s, const char *word)
{
    const struct kl_record *r = &s->request.record;
    const struct kl_lease *m = &s->lease;
    const char *v;
    int right;
    if ((v = detail(word, "phase")) != NULL)
        right = strcmp(phases[m->phase], v) == 0;
    else if ((v = detail(word, "wake")) != NULL)
        right = in_range(v, m->wake_at);
    else if ((v = detail(word, "until")) != NULL)
        right = in_range(v, m->lead_until);
    else if ((v = detail(word, "grace")) != NULL)
        right = in_range(v, m->grace_until);
    else if ((v = detail(word, "timeout")) != NULL)
        right = s->sent && in_range(v, s->request.timeout);
    else if ((v = detail(word, "base")) != NULL)
        right = s->sent && m->request_base.number == version_of(v).number;
    else if ((v = detail(word, "tr")) != NULL)
        right = s->sent && r->transitions == number(v);
    else if ((v = detail(word, "d")) != NULL)
        right = s->sent && r->duration_s == number(v);
    else if ((v = detail(word, "holder")) != NULL)
        right = s->sent && strcmp(r->holder, v) == 0;
    else if ((v = detail(word, "acq")) != NULL)
        right = s->sent &&
                r->acquire_time == (strcmp(v, "new") == 0 ? r->renew_time : written(s, v)->acquire_time);
    else if (strcmp(word, "suspect") == 0)
        right = s->fx.watch_suspect;
    else
        broken(s, "no such detail");
    if (!right) {
        add(s, " (not %s: phase=%s wake=%lld until=%lld grace=%lld timeout=%lld tr=%lld d=%lld)", word,
            phases[m->phase], m->wake_at == KL_NEVER ? -1LL : (long long)(m->wake_at / MS),
            (long long)(m->lead_until / MS), (long long)(m->grace_until / MS),
            (long long)(s->request.timeout / MS), (long long)r->transitions, (long long)r->duration_s);
        broken(s, "another detail");
    }
}

static void expect(struct script *s, char *text)
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
        broken(s, "something else followed");
    for (unsigned i = 0; i < count; i++)
        expect_detail(s, details[i]);
}

static void configure(struct script *s, char *line)
{
    char *save = NULL;
    (void)strtok_r(line, " ", &save);
    for (const char *word; (word = strtok_r(NULL, " ", &save)) != NULL;) {
        const char *v;
        if ((v = detail(word, "lease")) != NULL)
            s->config.lease_duration = number(v) * MS;
        else if ((v = detail(word, "renew")) != NULL)
            s->config.renew_deadline = number(v) * MS;
        else if ((v = detail(word, "retry")) != NULL)
            s->config.retry_period = number(v) * MS;
        else if ((v = detail(word, "drain")) != NULL)
            s->config.drain_timeout = number(v) * MS;
        else if ((v = detail(word, "rejoin")) != NULL)
            s->config.rejoin = (int)number(v);
        else if ((v = detail(word, "resume")) != NULL)
            s->config.resume = (int)number(v);
        else if ((v = detail(word, "put")) != NULL)
            s->config.put_creates = (int)number(v);
        else if ((v = detail(word, "wall")) != NULL)
            s->wall = strcmp(v, "still") == 0 ? 1 : strcmp(v, "back") == 0 ? 2 : 0;
        else if (strcmp(word, "queue") == 0)
            s->queue = 1;
        else
            broken(s, "no such setting");
    }
}

static void run_row(void **state)
{
    const struct lease_row *row = *state;
    struct script s;
    char text[4096], *save = NULL;
    memset(&s, 0, sizeof s);
    s.config = (struct kl_lease_config){.identity = "me",
                                        .lease_duration = 15000 * MS,
                                        .renew_deadline = 10000 * MS,
                                        .retry_period = 2000 * MS,
                                        .drain_timeout = 60000 * MS,
                                        .rejoin = 1,
                                        .put_creates = 1};
    assert_true(strlen(row->script) < sizeof text);
    memcpy(text, row->script, strlen(row->script) + 1);
    int ready = 0;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char whole[512];
        snprintf(whole, sizeof whole, "%s", line);
        s.line = whole;
        s.followed[0] = '\0';
        s.sent = 0;
        memset(&s.fx, 0, sizeof s.fx);
        if (!ready && strncmp(line, "config", 6) == 0) {
            configure(&s, line);
            continue;
        }
        if (!ready)
            kl_lease_init(&s.lease, &s.config, 42);
        ready = 1;
        char *arrow = strstr(line, " => ");
        if (!arrow)
            broken(&s, "a line without =>");
        *arrow = '\0';
        play(&s, line);
        expect(&s, arrow + 4);
    }
}

int lease_run_rows(const char *group, const struct lease_row *rows, size_t count)
{
    static struct CMUnitTest tests[128];
    assert_true(count <= 128);
    for (size_t i = 0; i < count; i++) {
        void *row;
        memcpy(&row, &(const struct lease_row *){&rows[i]}, sizeof row); /* cmocka's states are not const */
        tests[i] = (struct CMUnitTest){.name = rows[i].rule, .test_func = run_row, .initial_state = row};
    }
    return _cmocka_run_group_tests(group, tests, count, NULL, NULL);
}
