/*
 * Where the API server is and how to log in, for the operator's own requests. The library finds the same for
 * itself: inside a Pod the service account, else the kubeconfig that KUBECONFIG names.
 */
#ifndef CLUSTER_H
#define CLUSTER_H

#include <stddef.h>

struct pem {
    char *bytes;
    size_t size;
};

struct cluster {
    char *server;     /* https://10.0.0.1:443 */
    char *ca_file;    /* NULL: ca, and without that the system's */
    char *token_file; /* read for each request, since the kubelet replaces it */
    char *token;
    struct pem ca, certificate, key;
};

/* 0, or -1 with a line on what is wrong and what to do in why. */
int cluster_find(struct cluster *cluster, char *why, size_t size);
/* What cluster_find() takes when there is no service account. */
int cluster_read_kubeconfig(struct cluster *cluster, const char *path, char *why, size_t size);
void cluster_clear(struct cluster *cluster);

#endif
