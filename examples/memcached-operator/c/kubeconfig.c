/*
 * A kubeconfig as JSON, which is YAML as well, so that the library reads the same file:
 *
 *   kubectl config view --minify --flatten --raw -o json >kubeconfig.json
 *
 * --minify leaves the one context that is current, --flatten puts what files hold into it.
 */
#include "cluster.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct json_object *member(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    return json_object_is_type(object, json_type_object) && json_object_object_get_ex(object, key, &value)
               ? value
               : NULL;
}

/* A copy, NULL when it is missing. */
static char *text(struct json_object *object, const char *key)
{
    struct json_object *value = member(object, key);
    return json_object_is_type(value, json_type_string) ? strdup(json_object_get_string(value)) : NULL;
}

/* The only one of a list, as --minify leaves it. */
static struct json_object *only(struct json_object *config, const char *list, const char *key)
{
    struct json_object *array = member(config, list);
    if (!json_object_is_type(array, json_type_array) || json_object_array_length(array) != 1)
        return NULL;
    return member(json_object_array_get_idx(array, 0), key);
}

/* 0, also when there is none; -1 for what is no base64. */
static int decode(struct json_object *object, const char *key, struct pem *pem)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *encoded = text(object, key);
    if (!encoded)
        return 0;
    unsigned bits = 0;
    int count = 0;
    int bad = 0;
    pem->bytes = calloc(1, strlen(encoded) + 1);
    for (const char *c = encoded; pem->bytes && *c && *c != '=' && !bad; c++) {
        const char *digit = strchr(digits, *c);
        bad = !digit;
        bits = bits << 6 | (digit ? (unsigned)(digit - digits) : 0);
        count += 6;
        if (count >= 8) {
            count -= 8;
            pem->bytes[pem->size++] = (char)(bits >> count & 0xff);
        }
    }
    free(encoded);
    return bad || !pem->bytes ? -1 : 0;
}

int cluster_read_kubeconfig(struct cluster *cluster, const char *path, char *why, size_t size)
{
    int result = -1;
    struct json_object *config = json_object_from_file(path);
    struct json_object *place = only(config, "clusters", "cluster");
    struct json_object *user = only(config, "users", "user");
    if (!config)
        (void)snprintf(
            why, size,
            "%s can't be read as JSON; make it with: kubectl config view --minify --flatten --raw -o json",
            path);
    else if (!place || !user)
        (void)snprintf(why, size, "%s has not exactly one cluster and one user; make it with --minify", path);
    else if (!(cluster->server = text(place, "server")))
        (void)snprintf(why, size, "%s: the cluster has no server", path);
    else if (decode(place, "certificate-authority-data", &cluster->ca) != 0 ||
             decode(user, "client-certificate-data", &cluster->certificate) != 0 ||
             decode(user, "client-key-data", &cluster->key) != 0)
        (void)snprintf(why, size, "%s: a certificate or key in it is no base64", path);
    else if (member(user, "exec"))
        (void)snprintf(why, size, "%s logs in by a program (exec), which this example does not run", path);
    else
        result = 0;
    if (result == 0) {
        cluster->token = text(user, "token");
        cluster->token_file = text(user, "tokenFile");
    }
    json_object_put(config);
    return result;
}
