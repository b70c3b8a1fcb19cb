/*
 * From a change in the store to the watches it concerns: the history of each resource, for watches that
 * resume, and the open watches, indexed by what they look at. All functions are called with the server's lock
 * held.
 */
#ifndef DS_HUB_H
#define DS_HUB_H

#include <stdint.h>

#include "selector.h"
#include "version.h"
#include "watch.h"

struct ds_hub;

/* `history` events of each resource are kept; `oldest` is the resourceVersion before the first change. */
struct ds_hub *ds_hub_new(int64_t history, uint64_t oldest);
void ds_hub_free(struct ds_hub *hub);

/* before NULL: created. now NULL: deleted, `before` being its last version under the deletion's number. */
void ds_hub_publish(struct ds_hub *hub, struct ds_version *before, struct ds_version *now, uint64_t number);

void ds_hub_open(struct ds_hub *hub, struct ds_watch *watch);
void ds_hub_close(struct ds_hub *hub, struct ds_watch *watch);

/* Queues what happened after that resourceVersion. -1: it is older than the history, which begins after
 * *oldest. */
int ds_hub_replay(struct ds_hub *hub, struct ds_watch *watch, uint64_t since, uint64_t *oldest);

/* Forgets the history up to that resourceVersion. */
void ds_hub_compact(struct ds_hub *hub, uint64_t number);

#endif
