/*
 * What each refusal is tested for: its own code and a message that says what to do; no crash, no hang, no
 * busy loop; and that the candidate, which stands all the while, leads once the cause is gone.
 */
#ifndef REFUSAL_H
#define REFUSAL_H

#include "support.h"

/* A client of any address; ca_pem and token NULL: none. Fails the test when there is none to be had. */
k8sleader_client *client_at(const char *url, const char *ca_pem, const char *token);

/* A client by this configuration, which it takes. */
k8sleader_client *client_by(k8sleader_config *config);

/*
 * Stands with a retry period of 200 ms, but with the default time for an answer: on a slow machine no request
 * may fail for another reason than the one that is tested.
 */
k8sleader_election *stand_patiently(k8sleader_client *client, const char *name, const char *identity);

/* The message holds each of these words, up to a NULL. */
void says(const k8sleader_error *error, ...) __attribute__((sentinel));

/* The ERROR event with this code comes, with this HTTP status (0: none); each of the words is in its message.
 */
void refused(k8sleader_client *client, k8sleader_election *election, int code, int http_status, ...)
    __attribute__((sentinel));

/*
 * For a second: it does not lead, it is not over, the process hardly computes, and what `count` counts (NULL:
 * nothing is counted) grows by no more than attempts at the retry period explain.
 */
void stays_calm(k8sleader_client *client, k8sleader_election *election, int64_t (*count)(void *), void *user);

/* For stays_calm: all requests to a devserver. */
int64_t requests_of(void *server);

/* It comes to lead; then it is stopped, released and freed. */
void leads_at_last(k8sleader_client *client, k8sleader_election *election);

#endif
