/*
 * A candidate that bears witness: stands for locks through the public header only, and writes down when it
 * was told that it leads, and when work guarded by it ran, so that the accounts of several processes can be
 * laid side by side.
 *
 * A thread that never takes an event asks in a loop. What it was told at one instant entitles it to act at
 * that instant, and no library can do more: between an answer and what is done upon it the process may be
 * frozen. So an interval is a row of answers and nothing else. It starts after the first yes was given, and
 * ends before the last one was asked for; a freeze lies outside of it unless the first answer after waking is
 * yes for the same term. What was done long after it was asked for is written down apart, as "late": that is
 * what fencing tokens are for.
 *
 * Intervals that have ended are lines of FILE. Those still open are in FILE.open, a mapped array: what was
 * written there outlives a SIGKILL to the last answer.
 *
 * stdin takes commands, one a line: "pump off", "pump on", "report", "stop". stdout tells events, one JSON
 * object a line; times are seconds on CLOCK_BOOTTIME.
 */
#include <k8sleader.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define MILLISECOND INT64_C(1000000)
/* Between an answer and the act. More, and the process was held up in between: that says nothing of the
 * library. */
#define PROMPT (2 * MILLISECOND)
/* A pause between two questions that is worth telling: the process was frozen. */
#define FROZEN (500 * MILLISECOND)

enum kind { LEAD, WORK, KINDS };

/* In FILE.open, two for each candidate. All zero when no interval is open. */
struct slot {
    _Atomic uint64_t token; /* 0: closed; written last */
    _Atomic int64_t start;
    _Atomic int64_t end;
    int64_t reserved;
};

struct candidate {
    k8sleader_election *election;
    struct slot *slots;
    uint64_t number;
    int tokenless; /* answers in a row that it leads, without a token */
    /* from the thread that takes events to the one that works */
    _Atomic uint64_t started; /* the term to work in; 0: none */
    _Atomic uint64_t stopped; /* the term whose work is to end; 0: none */
    _Atomic int64_t work_until;
};

static struct {
    const char *kubeconfig;
    const char *name;
    const char *record;
    int count;
    int64_t every;
    int64_t drain;
    int log_level;
    int linger; /* after a loss, work until the library's grace has passed: the most that is allowed */
} settings = {.every = 500000, .log_level = K8SLEADER_LOG_WARNING};

static struct candidate *candidates;
static int candidate_count;
static int record_fd;
static atomic_int quit;
static atomic_int pumped;
static _Atomic int64_t least_time_left = INT64_MAX;
static _Atomic int64_t longest_pause;

static void fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "witness: %s: %s\n", what, why);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* One line with one write(), so that lines of two threads, or of two processes, do not mix. */
__attribute__((format(printf, 2, 3))) static void say(int fd, const char *format, ...)
{
    char *line = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&line, format, arguments);
    va_end(arguments);
    if (length < 0)
        fail("line", "no memory");
    if (write(fd, line, (size_t)length) != length)
        _exit(4); /* nobody listens, or the disk is full: this account would have holes */
    free(line);
}

static double seconds(int64_t ns)
{
    return (double)ns / 1e9;
}

/* As the inside of a JSON string. malloc'd. */
static char *quoted(const char *text)
{
    char *result = malloc(6 * strlen(text) + 1);
    if (!result)
        fail("text", "no memory");
    char *at = result;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            at += sprintf(at, "\\%c", c);
        else if (c < ' ')
            at += sprintf(at, "\\u%04x", c);
        else
            *at++ = (char)c;
    }
    *at = '\0';
    return result;
}

/* ---- the intervals ---- */

static void tell_interval(const struct candidate *candidate, const char *kind, uint64_t token, int64_t start,
                          int64_t end)
{
    say(record_fd,
        "{\"kind\":\"%s\",\"candidate\":%" PRIu64 ",\"token\":%" PRIu64 ",\"start\":%" PRId64
        ",\"end\":%" PRId64 "}\n",
        kind, candidate->number, token, start, end);
}

static uint64_t open_token(const struct candidate *candidate, enum kind kind)
{
    return atomic_load_explicit(&candidate->slots[kind].token, memory_order_relaxed);
}

static void open_interval(struct candidate *candidate, enum kind kind, uint64_t token, int64_t at)
{
    struct slot *slot = &candidate->slots[kind];
    atomic_store_explicit(&slot->start, at, memory_order_relaxed);
    atomic_store_explicit(&slot->end, at, memory_order_relaxed);
    atomic_store_explicit(&slot->token, token, memory_order_release);
}

static void extend_interval(struct candidate *candidate, enum kind kind, int64_t to)
{
    struct slot *slot = &candidate->slots[kind];
    if (to > atomic_load_explicit(&slot->end, memory_order_relaxed))
        atomic_store_explicit(&slot->end, to, memory_order_relaxed);
}

static void close_interval(struct candidate *candidate, enum kind kind)
{
    static const char *const names[KINDS] = {"lead", "work"};
    struct slot *slot = &candidate->slots[kind];
    tell_interval(candidate, names[kind], atomic_load(&slot->token), atomic_load(&slot->start),
                  atomic_load(&slot->end));
    atomic_store(&slot->token, 0);
}

/* An answer of yes to a question asked at `asked`: acted upon now. */
static void act(struct candidate *candidate, enum kind kind, int64_t asked)
{
    int64_t done = now_ns();
    extend_interval(candidate, kind, asked);
    if (done - asked > PROMPT)
        tell_interval(candidate, "late", open_token(candidate, kind), asked, done);
}

static void begin_lead(struct candidate *candidate)
{
    k8sleader_election *election = candidate->election;
    uint64_t token = 0;
    int64_t asked = now_ns();
    if (!k8sleader_election_is_leader(election)) {
        candidate->tokenless = 0;
        return;
    }
    int named = k8sleader_election_fencing_token(election, &token, NULL) == 0 &&
                k8sleader_election_holds(election, token);
    int64_t answered = now_ns();
    /* A term can begin or end between two questions, but not again and again. */
    candidate->tokenless = named ? 0 : candidate->tokenless + 1;
    if (candidate->tokenless > 5)
        fail("contradiction", "is_leader, again and again, in no term that has a token");
    /* Had it been frozen in between, the term could have begun long after `asked` or ended long before
     * `answered`. The next question will tell. */
    if (named && answered - asked <= PROMPT)
        open_interval(candidate, LEAD, token, answered);
}

/* Some act on is_leader() and some on holds(): what either of them allows counts. */
static void ask_leads(struct candidate *candidate)
{
    k8sleader_election *election = candidate->election;
    uint64_t token = open_token(candidate, LEAD);
    if (token == 0) {
        begin_lead(candidate);
        return;
    }
    uint64_t current = token;
    int64_t asked = now_ns();
    int holds = k8sleader_election_holds(election, token);
    int leads = k8sleader_election_is_leader(election);
    if (!holds && leads)
        (void)k8sleader_election_fencing_token(election, &current,
                                               NULL); /* of a new term, or left as it is */
    if ((holds || leads) && current == token) {
        act(candidate, LEAD, asked);
        int64_t left = k8sleader_election_time_left_ms(election);
        if (left > 0 && left < atomic_load(&least_time_left))
            atomic_store(&least_time_left, left);
        return;
    }
    close_interval(candidate, LEAD);
    begin_lead(candidate);
}

/* Work goes on while the lock is held, also during a drain, and if it lingers until it must be dead. */
static int may_work(const k8sleader_election *election)
{
    return k8sleader_election_time_left_ms(election) > 0 ||
           (settings.linger && k8sleader_election_grace_left_ms(election) > 0);
}

static void work(struct candidate *candidate)
{
    k8sleader_election *election = candidate->election;
    uint64_t started = atomic_load(&candidate->started);
    uint64_t stopped = atomic_load(&candidate->stopped);
    int64_t asked = now_ns();
    if (open_token(candidate, WORK) != 0) {
        int told_to_end = stopped != 0 && asked >= atomic_load(&candidate->work_until);
        if (!told_to_end && may_work(election)) {
            act(candidate, WORK, asked);
            return;
        }
        close_interval(candidate, WORK);
    } else if (started != 0 && stopped == 0) {
        atomic_store(&candidate->started, 0);
        if (k8sleader_election_holds(election, started)) {
            int64_t answered = now_ns();
            if (answered - asked <= PROMPT)
                open_interval(candidate, WORK, started, answered);
            else
                atomic_store(&candidate->started, started); /* asked again on the next round */
        }
        return;
    }
    if (stopped != 0) {
        atomic_store(&candidate->started, 0);
        atomic_store(&candidate->stopped, 0);
        (void)k8sleader_election_drained(election, stopped);
    }
}

static void *ask_and_work(void *unused)
{
    (void)unused;
    struct timespec pause = {.tv_sec = settings.every / 1000000000, .tv_nsec = settings.every % 1000000000};
    int64_t before = now_ns();
    while (!atomic_load(&quit)) {
        int64_t gap = now_ns() - before;
        int already = atomic_load(&pumped);
        int yes = 0;
        for (int i = 0; i < candidate_count; i++) {
            ask_leads(&candidates[i]);
            yes += open_token(&candidates[i], LEAD) != 0;
            work(&candidates[i]);
        }
        if (gap > atomic_load(&longest_pause))
            atomic_store(&longest_pause, gap);
        if (gap > FROZEN)
            say(STDOUT_FILENO,
                "{\"event\":\"woke\",\"time\":%.6f,\"frozen\":%.6f,\"leads\":%d,\"pumped\":%d}\n",
                seconds(now_ns()), seconds(gap), yes, already);
        before = now_ns();
        (void)nanosleep(&pause, NULL);
    }
    return NULL;
}

/* ---- events and commands ---- */

static void tell_event(const k8sleader_event *event)
{
    const k8sleader_election *election = k8sleader_event_election(event);
    const k8sleader_error *error = k8sleader_event_error(event);
    char *leader = quoted(k8sleader_event_leader(event));
    char *message = quoted(error ? k8sleader_error_message(error) : k8sleader_event_message(event));
    say(STDOUT_FILENO,
        "{\"event\":\"%s\",\"time\":%.6f,\"lock\":\"%s\",\"identity\":\"%s\",\"token\":%" PRIu64
        ",\"reason\":\"%s\","
        "\"leader\":\"%s\",\"code\":\"%s\",\"status\":%d,\"message\":\"%s\"}\n",
        k8sleader_event_type_name(k8sleader_event_type(event)), seconds(now_ns()),
        k8sleader_election_lock(election), k8sleader_election_identity(election),
        k8sleader_event_token(event), k8sleader_reason_name(k8sleader_event_reason(event)), leader,
        k8sleader_error_name(error ? k8sleader_error_code(error) : 0),
        error ? k8sleader_error_http_status(error) : 0, message);
    free(leader);
    free(message);
}

static struct candidate *candidate_of(const k8sleader_election *election)
{
    return k8sleader_election_user(election);
}

/* Returns how many elections have closed. */
static int take_events(k8sleader_client *client)
{
    int closed = 0;
    k8sleader_event *event;
    while (k8sleader_client_next_event(client, 0, &event) == 0) {
        atomic_fetch_add(&pumped, 1);
        uint64_t token = k8sleader_event_token(event);
        int type = k8sleader_event_type(event);
        tell_event(event);
        if (type == K8SLEADER_EVENT_STARTED_LEADING) {
            atomic_store(&candidate_of(k8sleader_event_election(event))->started, token);
        } else if (type == K8SLEADER_EVENT_STOPPED_LEADING) {
            struct candidate *candidate = candidate_of(k8sleader_event_election(event));
            int lingers = k8sleader_event_reason(event) != K8SLEADER_REASON_STOP && settings.linger;
            int64_t drain = k8sleader_event_reason(event) == K8SLEADER_REASON_STOP ? settings.drain : 0;
            atomic_store(&candidate->work_until, lingers ? INT64_MAX : now_ns() + drain);
            atomic_store(&candidate->stopped, token);
        }
        closed += type == K8SLEADER_EVENT_CLOSED;
        k8sleader_event_unref(event);
    }
    return closed;
}

static void report(void)
{
    int leads = 0;
    for (int i = 0; i < candidate_count; i++)
        leads += open_token(&candidates[i], LEAD) != 0;
    int64_t left = atomic_exchange(&least_time_left, INT64_MAX);
    int64_t pause = atomic_exchange(&longest_pause, 0);
    say(STDOUT_FILENO,
        "{\"event\":\"report\",\"time\":%.6f,\"leads\":%d,\"least_time_left\":%.3f,\"longest_pause\":%.6f}\n",
        seconds(now_ns()), leads, left == INT64_MAX ? -1.0 : (double)left / 1e3, seconds(pause));
}

struct ear {
    k8sleader_client *client;
    int pumping;
    char line[256];
    size_t length;
};

static void obey(struct ear *ear, const char *command)
{
    if (strcmp(command, "pump off") == 0)
        ear->pumping = 0;
    else if (strcmp(command, "pump on") == 0)
        ear->pumping = 1;
    else if (strcmp(command, "stop") == 0)
        k8sleader_client_close(ear->client);
    else if (strcmp(command, "report") == 0)
        report();
    else
        fail(command, "no such command");
    if (strcmp(command, "report") != 0)
        say(STDOUT_FILENO, "{\"event\":\"done\",\"time\":%.6f,\"command\":\"%s\"}\n", seconds(now_ns()),
            command);
}

/* 0 when there will be no more. */
static int hear(struct ear *ear)
{
    ssize_t got = read(STDIN_FILENO, ear->line + ear->length, sizeof ear->line - 1 - ear->length);
    if (got <= 0)
        return 0;
    ear->length += (size_t)got;
    ear->line[ear->length] = '\0';
    char *end;
    while ((end = strchr(ear->line, '\n'))) {
        *end = '\0';
        obey(ear, ear->line);
        ear->length -= (size_t)(end + 1 - ear->line);
        memmove(ear->line, end + 1, ear->length + 1);
    }
    return 1;
}

static void loop(k8sleader_client *client, int signals)
{
    struct ear ear = {.client = client, .pumping = 1};
    struct pollfd fds[] = {{.fd = k8sleader_client_get_fd(client), .events = POLLIN},
                           {.fd = signals, .events = POLLIN},
                           {.fd = STDIN_FILENO, .events = POLLIN}};
    int events_fd = fds[0].fd;
    int open = candidate_count;
    while (open > 0) {
        fds[0].fd = ear.pumping ? events_fd : -1;
        fds[0].revents = 0;
        if (poll(fds, 3, -1) < 0) {
            if (errno == EINTR)
                continue;
            fail("poll", strerror(errno));
        }
        struct signalfd_siginfo info;
        if (fds[1].revents && read(signals, &info, sizeof info) == (ssize_t)sizeof info)
            k8sleader_client_close(client);
        if (fds[2].revents && !hear(&ear))
            fds[2].fd = -1;
        if (ear.pumping)
            open -= take_events(client);
    }
}

/* ---- setting up ---- */

static void check(int code, k8sleader_error *error)
{
    if (code == 0)
        return;
    char *message = quoted(k8sleader_error_message(error));
    say(STDOUT_FILENO, "{\"event\":\"refused\",\"time\":%.6f,\"code\":\"%s\",\"message\":\"%s\"}\n",
        seconds(now_ns()), k8sleader_error_name(code), message);
    exit(1);
}

/* --KEY VALUE of its own; any other is the library's option of that name, read when the options are made. */
static void read_arguments(int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        const char *value = argv[i + 1];
        if (strncmp(argv[i], "--", 2) != 0 || !value)
            fail("usage", "--KEY VALUE pairs");
        const char *key = argv[i] + 2;
        if (strcmp(key, "name") == 0)
            settings.name = value;
        else if (strcmp(key, "kubeconfig") == 0)
            settings.kubeconfig = value;
        else if (strcmp(key, "record") == 0)
            settings.record = value;
        else if (strcmp(key, "count") == 0)
            settings.count = atoi(value);
        else if (strcmp(key, "every-us") == 0)
            settings.every = atoll(value) * 1000;
        else if (strcmp(key, "drain-ms") == 0)
            settings.drain = atoll(value) * MILLISECOND;
        else if (strcmp(key, "log-level") == 0)
            settings.log_level = atoi(value);
        else if (strcmp(key, "linger") == 0)
            settings.linger = atoi(value);
        else
            continue;
        argv[i] = NULL; /* not the library's */
    }
    if (!settings.name || !settings.record)
        fail("usage", "--name NAME and --record FILE are needed");
}

static k8sleader_options *make_options(int argc, char **argv, const char *name)
{
    k8sleader_error *error = NULL;
    k8sleader_options *options = k8sleader_options_new(K8SLEADER_LEASE, name);
    if (!options)
        fail("options", "no memory");
    for (int i = 1; i < argc; i += 2)
        if (argv[i])
            check(k8sleader_options_set(options, argv[i] + 2, argv[i + 1], &error), error);
    return options;
}

static struct slot *map_slots(void)
{
    char *path = NULL;
    size_t size = (size_t)candidate_count * KINDS * sizeof(struct slot);
    if (asprintf(&path, "%s.open", settings.record) < 0)
        fail("slots", "no memory");
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
        fail(path, strerror(errno));
    struct slot *slots = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (slots == MAP_FAILED)
        fail(path, strerror(errno));
    (void)close(fd);
    free(path);
    return slots;
}

/* --count N stands for NAME-0 to NAME-(N-1); without it for NAME. */
static void stand(k8sleader_client *client, int argc, char **argv)
{
    candidate_count = settings.count ? settings.count : 1;
    candidates = calloc((size_t)candidate_count, sizeof *candidates);
    if (!candidates)
        fail("candidates", "no memory");
    struct slot *slots = map_slots();
    for (int i = 0; i < candidate_count; i++) {
        struct candidate *candidate = &candidates[i];
        k8sleader_error *error = NULL;
        char *name = NULL;
        int length = settings.count ? asprintf(&name, "%s-%d", settings.name, i)
                                    : asprintf(&name, "%s", settings.name);
        if (length < 0)
            fail("name", "no memory");
        candidate->number = (uint64_t)i;
        candidate->slots = &slots[i * KINDS];
        k8sleader_options *options = make_options(argc, argv, name);
        check(k8sleader_election_start(client, options, NULL, candidate, NULL, &candidate->election, &error),
              error);
        k8sleader_options_free(options);
        char *identity = quoted(k8sleader_election_identity(candidate->election));
        say(record_fd,
            "{\"kind\":\"candidate\",\"candidate\":%d,\"identity\":\"%s\",\"pid\":%ld,\"lock\":\"%s\"}\n", i,
            identity, (long)getpid(), k8sleader_election_lock(candidate->election));
        free(identity);
        free(name);
    }
}

static k8sleader_client *connect_to_cluster(void)
{
    k8sleader_error *error = NULL;
    k8sleader_client *client = NULL;
    k8sleader_config *config = k8sleader_config_new();
    if (!config)
        fail("config", "no memory");
    if (settings.kubeconfig)
        check(k8sleader_config_load_kubeconfig(config, settings.kubeconfig, NULL, &error), error);
    (void)k8sleader_config_set_log_level(config, settings.log_level, 0);
    check(k8sleader_client_new(config, &client, &error), error);
    return client;
}

int main(int argc, char **argv)
{
    sigset_t wanted;
    pthread_t asker;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* frozen or not, it does not outlive its test */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&wanted);
    (void)sigaddset(&wanted, SIGTERM);
    (void)sigaddset(&wanted, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &wanted, NULL);
    int signals = signalfd(-1, &wanted, SFD_CLOEXEC);
    read_arguments(argc, argv);
    record_fd = open(settings.record, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (signals < 0 || record_fd < 0)
        fail(settings.record, strerror(errno));
    k8sleader_client *client = connect_to_cluster();
    stand(client, argc, argv);
    if (pthread_create(&asker, NULL, ask_and_work, NULL) != 0)
        fail("thread", "none to be had");
    loop(client, signals);
    atomic_store(&quit, 1);
    (void)pthread_join(asker, NULL);
    for (int i = 0; i < candidate_count; i++) {
        for (enum kind kind = LEAD; kind < KINDS; kind++)
            if (open_token(&candidates[i], kind) != 0)
                close_interval(&candidates[i], kind);
        k8sleader_election_free(candidates[i].election);
    }
    k8sleader_client_free(client);
    free(candidates);
    return 0;
}
