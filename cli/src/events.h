/* Events for people and for programs. */
#ifndef CLI_EVENTS_H
#define CLI_EVENTS_H

#include "cli.h"
#include "output.h"

/*
 * Prints one: as JSON, one object a line with the fields that are a contract (docs), or for people, with
 * errors on stderr. LOG lines go to stderr in any case, CLOSED is for people only.
 */
void cli_print_event(struct cli_output *output, int json, const k8sleader_event *event);

/* 1 for an ERROR after which this process can never lead: it is no Pod that there is. */
int cli_is_hopeless(const k8sleader_event *event);

#endif
