/* simulate: runs worlds, or replays one. */
#include "world.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EVERY_FAULT ((1U << FAULTS) - 1)
#define LINES       40

static const char *const mode_names[] = {"lease", "life"};

static struct world world;
static int brief; /* the verdict and the seed alone */

static const char usage[] =
    "usage: simulate [--mode lease|life|both] [--runs N] [--first-seed N]   run worlds\n"
    "       simulate [--mode ...] --soak DURATION                           for so long: 90s, 30m, 8h\n"
    "       simulate --mode lease|life --seed N [--faults NAME,...]         replay one, and tell its story\n";

/* 0: not a duration. */
static int64_t seconds(const char *text)
{
    char *end;
    long long n = strtoll(text, &end, 10);
    int unit = *end == 'h' ? 3600 : *end == 'm' ? 60 : 1;
    return n > 0 && (*end == '\0' || (strchr("smh", *end) && end[1] == '\0')) ? n * unit : 0;
}

/* By bit; 0: unknown. */
static int modes_of(const char *name)
{
    for (int i = 0; i < 2; i++)
        if (strcmp(name, mode_names[i]) == 0)
            return 1 << i;
    return strcmp(name, "both") == 0 ? 3 : 0;
}

/* The bits of names with commas between; 0: one is unknown. */
static unsigned faults_of(char *names)
{
    unsigned bits = 0;
    if (strcmp(names, "none") == 0)
        return 1U << FAULTS; /* none of those there are */
    for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
        unsigned bit = 0;
        for (int i = 0; i < FAULTS; i++)
            if (strcmp(name, fault_names[i]) == 0)
                bit = 1U << i;
        if (!bit)
            return 0;
        bits |= bit;
    }
    return bits;
}

static void print_faults(unsigned bits)
{
    const char *comma = "";
    for (int i = 0; i < FAULTS; i++)
        if ((bits >> i) & 1) {
            printf("%s%s", comma, fault_names[i]);
            comma = ",";
        }
    if (!*comma)
        printf("none");
}

/* Fewer faults, the same seed, and still wrong: the story to read. */
static unsigned fewest_faults(enum mode mode, uint64_t seed)
{
    struct totals ignored = {0};
    unsigned faults = EVERY_FAULT;
    for (int i = 0; i < FAULTS; i++)
        if (!run(&world, mode, seed, faults & ~(1U << i), 0, &ignored))
            faults &= ~(1U << i);
    return faults;
}

static void explain(enum mode mode, uint64_t seed)
{
    struct totals ignored = {0};
    printf("WRONG: %s (theme %s)\n", world.verdict, theme_names[world.theme]);
    printf("replay: simulate --mode %s --seed %llu\n", mode_names[mode], (unsigned long long)seed);
    if (brief)
        return;
    unsigned faults = fewest_faults(mode, seed);
    story_keep(LINES);
    (void)run(&world, mode, seed, faults, 1, &ignored);
    printf("with fewest faults: simulate --mode %s --seed %llu --faults ", mode_names[mode],
           (unsigned long long)seed);
    print_faults(faults);
    printf("\n%s; its end:\n", world.verdict);
    story_print();
}

static int replay(enum mode mode, uint64_t seed, unsigned faults)
{
    struct totals totals = {0};
    story_keep(0);
    if (!run(&world, mode, seed, faults, 1, &totals))
        return 1;
    printf("all was well: %llu terms\n", (unsigned long long)totals.terms);
    return 0;
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run_many(enum mode mode, uint64_t first, uint64_t runs, double end)
{
    struct totals t = {0};
    double since = now();
    for (uint64_t seed = first; end > 0 ? now() < end : seed < first + runs; seed++)
        if (!run(&world, mode, seed, EVERY_FAULT, 0, &t)) {
            explain(mode, seed);
            return 1;
        }
    double took = now() - since;
    printf("%s: %u runs in %.1f s (%.0f a second), %llu terms, %llu faults, %llu steps\n", mode_names[mode],
           t.runs, took, t.runs / took, (unsigned long long)t.terms, (unsigned long long)t.faults,
           (unsigned long long)t.steps);
    printf("  a leader at most %.1f s after the faults; at most %u requests in a second, %u in ten",
           (double)t.longest_wait / 1e9, t.most_a_second, t.most_ten_seconds);
    if (mode == MODE_LEASE)
        printf("; beside a foreign hand's holder at most %.1f s, with a sound watch %.3f s",
               (double)t.longest_overlap / 1e9, (double)t.watched_overlap / 1e9);
    else
        printf("; the known exception %u times, candidates that wait for each other %u times", t.superseded,
               t.mutual_waits);
    printf("\n");
    /* Worlds in which nobody ever leads prove nothing. */
    if (t.terms < 2 * (uint64_t)t.runs) {
        printf("WRONG: hardly a term a run\n");
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},       {"runs", required_argument, NULL, 'r'},
        {"first-seed", required_argument, NULL, 'f'}, {"mode", required_argument, NULL, 'm'},
        {"soak", required_argument, NULL, 'k'},       {"faults", required_argument, NULL, 'x'},
        {"no-story", no_argument, NULL, 'b'},         {NULL, 0, NULL, 0}};
    uint64_t seed = 0, runs = 1000, first = 0;
    int64_t soak = 0;
    int has_seed = 0, modes = 3, c;
    unsigned faults = EVERY_FAULT;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 's') {
            seed = strtoull(optarg, NULL, 10);
            has_seed = 1;
        } else if (c == 'r') {
            runs = strtoull(optarg, NULL, 10);
        } else if (c == 'f') {
            first = strtoull(optarg, NULL, 10);
        } else if (c == 'm') {
            modes = modes_of(optarg);
        } else if (c == 'k') {
            soak = seconds(optarg);
            modes = soak ? modes : 0;
        } else if (c == 'x') {
            faults = faults_of(optarg);
            modes = faults ? modes : 0;
        } else if (c == 'b') {
            brief = 1;
        } else {
            modes = 0;
        }
    }
    if (modes == 0 || optind < argc || (has_seed && modes == 3)) {
        fputs(usage, stderr);
        return 2;
    }
    if (has_seed)
        return replay(modes == 1 ? MODE_LEASE : MODE_LIFE, seed, faults);
    if (soak && first == 0) { /* other worlds than the last time */
        first = (uint64_t)time(NULL) * 1000000;
        printf("the first seed is %llu\n", (unsigned long long)first);
    }
    first = first ? first : 1;
    int bad = 0;
    double share = modes == 3 ? (double)soak / 2 : (double)soak;
    for (int mode = MODE_LEASE; mode <= MODE_LIFE; mode++)
        if ((modes >> mode) & 1)
            bad |= run_many((enum mode)mode, first, runs, soak ? now() + share : 0);
    return bad;
}
