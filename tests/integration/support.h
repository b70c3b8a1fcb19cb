/*
 * What the integration tests share: an embedded API server with TLS, clients of it, and waiting for events. A wait that is
 * not fulfilled fails the test with what was seen instead; the bounds are far beyond what anything takes.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "k8sleader-devserver.h"
#include "k8sleader.h"

#define PATIENCE_MS 60000

/* A server, and a client of it whose log lines go nowhere. */
struct world {
    struct devserver *server;
    k8sleader_client *client;
};

void world_start(struct world *world);
void world_start_with(struct world *world, const struct devserver_config *config);
void world_stop(struct world *world);

/* One more client of the same server. */
k8sleader_client *world_client(struct world *world);

/* Durations short enough for a test, long enough for a loaded machine: 2 s / 1.4 s / 200 ms. */
k8sleader_options *brisk_options(const char *name, const char *identity);

/* Stands with these options (freed here) and no callbacks. */
k8sleader_election *stand(k8sleader_client *client, k8sleader_options *options);

/* brisk_options and stand in one. */
k8sleader_election *stand_as(k8sleader_client *client, const char *name, const char *identity);

/*
 * Takes events until one of this type comes for this election (NULL: any), and returns it; the caller unrefs it. Others are
 * passed over. Never hands back.
 */
k8sleader_event *await_event(k8sleader_client *client, const k8sleader_election *election, int type);

/* The same without keeping the event; its token. */
uint64_t await(k8sleader_client *client, const k8sleader_election *election, int type);

/* The ERROR with this code; returns its event. */
k8sleader_event *await_error(k8sleader_client *client, const k8sleader_election *election, int code);

/* Takes events for so long, and fails if one of this type comes for this election. */
void expect_no_event(k8sleader_client *client, const k8sleader_election *election, int type, int64_t for_ms);

/* STOPPED, drained, CLOSED, freed. For a standby just CLOSED and freed. */
void stop_and_free(k8sleader_client *client, k8sleader_election *election);

/* A fault of this action on a verb ("update") of leases, the next `count` times (0: always). */
int64_t strike(struct world *world, const char *verb, enum devserver_action action, int64_t count);

/* A text member of the stored lease's spec, as text ("" if missing); malloc'd. */
char *lease_field(struct world *world, const char *name, const char *field);

int64_t now_ms(void);

#endif
