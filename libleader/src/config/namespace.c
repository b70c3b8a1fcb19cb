/* Which namespace the lock is in. Never guessed: two candidates in two namespaces would both lead. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/cluster.h"
#include "config/serviceaccount.h"
#include "error.h"

/* A checked copy. */
static int take(const char *what, const char *name, char **out, k8sleader_error **err)
{
    int result = kl_check_dns_label(what, name, err);
    if (result)
        return result;
    *out = strdup(name);
    return *out ? 0 : kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "no memory for the namespace");
}

int kl_serviceaccount_namespace(const char *root, char **out, k8sleader_error **err)
{
    char *path = NULL;
    struct kl_pem file = {0};
    int result = 0;
    *out = NULL;
    if (asprintf(&path, "%s" KL_SERVICEACCOUNT "/namespace", root) < 0)
        return kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "no memory for the namespace");
    /* Not mounted is no failure; there but not readable is one: passing it over could put the lock elsewhere.
     */
    if (access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR))
        result = kl_file_read(path, 4096, &file, err);
    if (file.bytes) {
        static const char space[] = " \t\r\n";
        char *name = file.bytes + strspn(file.bytes, space);
        size_t length = strlen(name);
        while (length && strchr(space, name[length - 1]))
            name[--length] = '\0';
        if (length)
            result = take(path, name, out, err);
        free(file.bytes);
    }
    free(path);
    return result;
}

int kl_namespace_resolve(const struct kl_cluster *cluster, const char *option, const char *root, char **out,
                         k8sleader_error **err)
{
    /* An empty option is most likely an unset variable: going on with another namespace would be a guess. */
    if (option)
        return take("namespace", option, out, err);
    const char *variable = getenv("POD_NAMESPACE");
    if (variable && *variable)
        return take("namespace in POD_NAMESPACE", variable, out, err);

    char *mounted = NULL;
    k8sleader_error *why = NULL;
    int result = kl_serviceaccount_namespace(root, &mounted, &why);
    if (result == K8SLEADER_ERR_FILE || result == K8SLEADER_ERR_TOO_LARGE)
        result = kl_fail(err, K8SLEADER_ERR_NO_NAMESPACE,
                         "no namespace: %s; set the option namespace, or POD_NAMESPACE in the environment",
                         k8sleader_error_message(why));
    else if (result)
        result = kl_fail(err, result, "%s", k8sleader_error_message(why));
    k8sleader_error_free(why);
    if (result)
        return result;
    if (mounted) {
        *out = mounted;
        return 0;
    }
    if (cluster->namespace_from_explicit_context && cluster->namespace_)
        return take("namespace of the kubeconfig's context", cluster->namespace_, out, err);
    return kl_fail(err, K8SLEADER_ERR_NO_NAMESPACE,
                   "no namespace: set the option namespace, or POD_NAMESPACE in the environment%s",
                   cluster->source == KL_SOURCE_KUBECONFIG && !cluster->namespace_from_explicit_context
                       ? " (a kubeconfig's namespace counts only when its context is named)"
                       : "");
}
