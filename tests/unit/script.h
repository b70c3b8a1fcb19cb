/*
 * Short scripts for machines. A row names the rule it tests and plays a story, one input a line:
 *
 *     TIME INPUT [ARGUMENTS] => WHAT FOLLOWS
 *
 * TIME is in ms, or `wake`: when the machine asked to be woken. What follows is all events and the request
 * that is sent, in their order (`-`: none), then any of the details to check. lease_script.h and
 * life_script.h say which inputs, requests and details each machine has; this is what they share:
 *
 * Inputs: start, tick, opened [fresh], unwatchable (watching is forbidden), watchfail CODE, sound, stop,
 * drained [TOKEN], abandon, gone VERSION, and the failed answers to the request in flight: conflict, missing
 * (404), nonamespace, forbidden, throttled [MS], refused, notsent, timeout, broken, error500; send: the
 * caller has a slot now, after `config queue`. A version `"x` is one without a number.
 *
 * Events: started:TOKEN stopped:REASON lostdrain:REASON leader:NAME error:CODE note:CODE closed
 *
 * Details: phase= wake= slack= (ms, a range lo..hi, or never) suspect; urgency= (none, renew, release,
 * acquire or early) after `config queue`
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include "machine/machine.h"

#include <stddef.h>

struct script_row {
    const char *rule;
    const char *script;
};

/* What must hold of any machine, whatever happens. */
struct script_guard {
    int told_started, closed, in_flight;
    uint64_t token;
};

/* NULL, or what is broken. After each step, and after each send that gave a request. */
const char *script_guard_step(struct script_guard *guard, const struct kl_view *view, int64_t now,
                              int in_flight, const struct kl_input *input, const struct kl_effects *fx);
const char *script_guard_sent(struct script_guard *guard, const struct kl_view *view, int64_t timeout);

/* A row that is being played; the first member of what a kind of script keeps. */
struct script {
    const char *line;
    char followed[512];
    int queue;
    struct kl_effects fx; /* of this line */
    struct script_guard guard;
};

/* The words of a line that are still to be read. */
struct script_words {
    char *rest;
};

struct script_kind {
    size_t size; /* of the struct that begins with a struct script */
    void (*prepare)(struct script *s);
    int (*configure)(struct script *s, const char *word); /* 0: no such setting */
    void (*begin)(struct script *s);
    void (*view)(const struct script *s, struct kl_view *view);
    const char *(*leader)(const struct script *s);
    /* Fills in what the input says beyond what all machines know; 0: no such input. */
    int (*input)(struct script *s, const char *word, struct script_words *words, struct kl_input *in);
    /* Does the step; NULL, or what is broken. */
    const char *(*step)(struct script *s, const struct kl_input *in);
    /* Sends what is wanted and says what it is (script_add); 0: nothing was. */
    int (*send)(struct script *s, int64_t now);
    int (*detail)(struct script *s, const char *word); /* is it so? -1: no such detail */
};

/* Runs each row as a cmocka test named after its rule. */
int script_run_rows(const struct script_kind *kind, const char *group, const struct script_row *rows,
                    size_t count);

/* For those who write a kind. */
void script_add(struct script *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void script_broken(const struct script *s, const char *what);
char *script_word(struct script_words *words); /* NULL: no more */
char *script_need(struct script *s, struct script_words *words);
int64_t script_number(const char *text);
struct kl_version script_version(const char *text);
/* The value of a word `key=value`, or NULL. */
const char *script_value(const char *word, const char *key);
int script_in_range(const char *range, int64_t ns);

#endif
