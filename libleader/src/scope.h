/*
 * The elections of one client in one namespace, and how they watch their locks: each by a stream of its own,
 * or all by one stream over the namespace, when that is allowed and ours are a good part of its Leases.
 * Worker thread only.
 */
#ifndef KL_SCOPE_H
#define KL_SCOPE_H

#include "client_object.h"

/* -1 without memory. */
int kl_scope_join(k8sleader_election *election);
void kl_scope_leave(k8sleader_election *election);

/* After a batch of elections has joined: gives those that have none a watch. */
void kl_scopes_settle(k8sleader_client *client);

/* The watch missed something this election learnt elsewhere: open it anew. */
void kl_scope_suspect(k8sleader_election *election);

/* Streams that heard nothing since then are opened anew, on other connections. */
void kl_scopes_suspect_silent(k8sleader_client *client, int64_t since);

void kl_scopes_free(k8sleader_client *client);

/* For the watches of the scope: those who are concerned by an object's name. */
void kl_scope_for_name(struct kl_scope *scope, const char *name, void (*each)(k8sleader_election *, void *),
                       void *user);
void kl_scope_for_all(struct kl_scope *scope, void (*each)(k8sleader_election *, void *), void *user);
/* The shared watch lost its place (410): list again. */
void kl_scope_relist(struct kl_scope *scope);
/* The shared watch is not allowed. */
void kl_scope_unshare(struct kl_scope *scope);

#endif
