#include "kube/path.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

/* As many as kubectl asks for: a page of any objects stays far below what an answer may have. */
#define PAGE 500U

char *kl_lock_path(const struct kl_resource *resource, const char *namespace_, const char *name,
                   const char *query)
{
    char *path = NULL;
    if (asprintf(&path, "%s/namespaces/%s/%s%s%s%s", resource->path, namespace_, resource->plural,
                 name ? "/" : "", name ? name : "", query ? query : "") < 0)
        return NULL;
    return path;
}

char *kl_lock_page_path(const struct kl_resource *resource, const char *namespace_,
                        const char *continue_token)
{
    char *token = curl_easy_escape(NULL, continue_token, 0);
    char *query = NULL;
    char *path = NULL;
    if (token && asprintf(&query, "?limit=%u%s%s", PAGE, token[0] ? "&continue=" : "", token) >= 0) {
        path = kl_lock_path(resource, namespace_, NULL, query);
        free(query);
    }
    curl_free(token);
    return path;
}
