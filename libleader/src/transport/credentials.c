#include "transport/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define REREAD_PERIOD INT64_C(60000000000)
#define CA_FILE_MOST  ((size_t)1 << 20)

void kl_headers_unref(struct kl_headers *headers)
{
    if (!headers || --headers->references > 0)
        return;
    for (struct curl_slist *line = headers->list; line; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(headers->list);
    free(headers);
}

static int append(struct kl_headers *headers, const char *line)
{
    struct curl_slist *list = curl_slist_append(headers->list, line);
    if (!list)
        return -1;
    headers->list = list;
    return 0;
}

static struct kl_headers *build_headers(const char *token, const char *host_header)
{
    struct kl_headers *headers = calloc(1, sizeof *headers);
    if (!headers)
        return NULL;
    headers->references = 1;
    struct utsname machine;
    char agent[256];
    if (uname(&machine) != 0)
        (void)snprintf(agent, sizeof agent, "User-Agent: k8sleader/%s", K8SLEADER_VERSION);
    else
        (void)snprintf(agent, sizeof agent, "User-Agent: k8sleader/%s (%s/%s)", K8SLEADER_VERSION,
                       machine.sysname, machine.machine);
    int failed = append(headers, agent) | append(headers, "Accept: application/json") |
                 append(headers, "Content-Type: application/json") | append(headers, "Expect:");
    if (host_header)
        failed |= append(headers, host_header);
    if (token) {
        size_t size = strlen(token) + sizeof "Authorization: Bearer ";
        char *line = malloc(size);
        if (line) {
            (void)snprintf(line, size, "Authorization: Bearer %s", token);
            failed |= append(headers, line);
            kl_secret_free(line, size);
        } else {
            failed = -1;
        }
    }
    if (failed) {
        kl_headers_unref(headers);
        return NULL;
    }
    return headers;
}

int kl_credentials_init(struct kl_credentials *c, struct kl_cluster *cluster, const char *host_header)
{
    memset(c, 0, sizeof *c);
    c->cluster = cluster;
    c->stale = 1;
    if (host_header && !(c->host_header = strdup(host_header)))
        return -1;
    return 0;
}

void kl_credentials_clear(struct kl_credentials *c)
{
    kl_headers_unref(c->headers);
    if (c->token)
        kl_secret_free(c->token, strlen(c->token));
    free(c->ca.bytes);
    free(c->host_header);
    memset(c, 0, sizeof *c);
}

static void refresh_token(struct kl_credentials *c)
{
    char *token = NULL;
    if (!c->cluster->token_file || kl_token_read(c->cluster->token_file, &token, NULL) != 0)
        return;
    if (c->token && strcmp(c->token, token) == 0) {
        kl_secret_free(token, strlen(token));
        return;
    }
    if (c->token)
        kl_secret_free(c->token, strlen(c->token));
    c->token = token;
    kl_headers_unref(c->headers);
    c->headers = NULL;
}

static int refresh_ca(struct kl_credentials *c)
{
    struct kl_pem ca = {0};
    if (!c->cluster->ca_file || kl_file_read(c->cluster->ca_file, CA_FILE_MOST, &ca, NULL) != 0)
        return 0;
    int first = c->ca.bytes == NULL;
    if (!first && c->ca.size == ca.size && memcmp(c->ca.bytes, ca.bytes, ca.size) == 0) {
        free(ca.bytes);
        return 0;
    }
    free(c->ca.bytes);
    c->ca = ca;
    return !first;
}

int kl_credentials_refresh(struct kl_credentials *c, int64_t now)
{
    if (!c->stale && now - c->read_at < REREAD_PERIOD)
        return 0;
    c->stale = 0;
    c->read_at = now;
    refresh_token(c);
    return refresh_ca(c);
}

void kl_credentials_rejected(struct kl_credentials *c)
{
    c->stale = 1;
}

struct kl_headers *kl_credentials_headers(struct kl_credentials *c)
{
    if (!c->headers)
        c->headers = build_headers(c->token ? c->token : c->cluster->token, c->host_header);
    if (c->headers)
        c->headers->references++;
    return c->headers;
}
