/* Chance, and the story of a run as lines: printed as it goes, or its end kept for when it goes wrong. */
#include "world.h"

#include "machine/random.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINES_MOST 64

static char lines[LINES_MOST][200];
static int kept, next_line;

uint64_t dice(struct world *w, uint64_t bound)
{
    return bound ? kl_random_next(&w->random) % bound : 0;
}

int64_t within(struct world *w, int64_t ms)
{
    return w->time.now + (int64_t)dice(w, (uint64_t)(ms * MS)) + 1;
}

int allowed(const struct world *w, enum fault fault)
{
    return (w->allowed >> fault) & 1;
}

/* The dice fall the same whether a fault is allowed or not. */
int trouble(struct world *w, enum fault fault)
{
    int bad = (int)dice(w, 1000) < w->trouble && allowed(w, fault);
    w->faults += (unsigned)bad;
    return bad;
}

void story_keep(int count)
{
    kept = count;
    next_line = 0;
    memset(lines, 0, sizeof lines);
}

void story_print(void)
{
    for (int i = 0; i < LINES_MOST; i++) {
        const char *line = lines[(next_line + i) % LINES_MOST];
        if (*line && i >= LINES_MOST - kept)
            printf("  %s\n", line);
    }
}

void tell(struct world *w, const char *format, ...)
{
    if (!w->telling)
        return;
    char *line = lines[next_line];
    next_line = (next_line + 1) % LINES_MOST;
    int used = snprintf(line, sizeof lines[0], "%11.3f ms  ", (double)w->time.now / 1e6);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line + used, sizeof lines[0] - (size_t)used, format, args);
    va_end(args);
    if (!kept)
        puts(line);
}

void story_about(struct world *w, const struct object *object, char *text, size_t size)
{
    if (!object->present)
        (void)snprintf(text, size, "none as of %llu", (unsigned long long)object->version);
    else if (w->mode == MODE_LIFE)
        (void)snprintf(text, size, "%llu of %s", (unsigned long long)object->version,
                       object->owner_kind == KL_OWNER_POD ? w->node[object->owner].pod.uid : "no Pod");
    else
        (void)snprintf(text, size, "%llu held by \"%s\", renewed %lld, %lld s, transitions %lld",
                       (unsigned long long)object->version, object->record.holder,
                       (long long)object->record.renew_time, (long long)object->record.duration_s,
                       (long long)object->record.transitions);
}

void wrong(struct world *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(w->verdict, sizeof w->verdict, format, args);
    va_end(args);
    tell(w, "WRONG: %s", w->verdict);
    longjmp(*w->out, 1);
}
