#include "resource.h"

#include <string.h>

static const struct ds_resource resources[DS_RESOURCES] = {
    {.id = DS_LEASES,
     .plural = "leases",
     .qualified = "leases.coordination.k8s.io",
     .singular = "lease",
     .kind = "Lease",
     .group = "coordination.k8s.io",
     .api_version = "coordination.k8s.io/v1",
     .namespaced = 1,
     .creates_on_update = 1,
     .needs_version_on_put = 1},
    {.id = DS_CONFIGMAPS,
     .plural = "configmaps",
     .qualified = "configmaps",
     .singular = "configmap",
     .kind = "ConfigMap",
     .group = "",
     .api_version = "v1",
     .short_name = "cm",
     .namespaced = 1},
    {.id = DS_PODS,
     .plural = "pods",
     .qualified = "pods",
     .singular = "pod",
     .kind = "Pod",
     .group = "",
     .api_version = "v1",
     .short_name = "po",
     .namespaced = 1,
     .has_status = 1},
    {.id = DS_NODES,
     .plural = "nodes",
     .qualified = "nodes",
     .singular = "node",
     .kind = "Node",
     .group = "",
     .api_version = "v1",
     .short_name = "no",
     .has_status = 1},
    {.id = DS_EVENTS,
     .plural = "events",
     .qualified = "events",
     .singular = "event",
     .kind = "Event",
     .group = "",
     .api_version = "v1",
     .short_name = "ev",
     .namespaced = 1,
     .creates_on_update = 1},
    {.id = DS_NAMESPACES,
     .plural = "namespaces",
     .qualified = "namespaces",
     .singular = "namespace",
     .kind = "Namespace",
     .group = "",
     .api_version = "v1",
     .short_name = "ns",
     .has_status = 1},
    {.id = DS_ROLES,
     .plural = "roles",
     .qualified = "roles.rbac.authorization.k8s.io",
     .singular = "role",
     .kind = "Role",
     .group = "rbac.authorization.k8s.io",
     .api_version = "rbac.authorization.k8s.io/v1",
     .namespaced = 1,
     .creates_on_update = 1},
    {.id = DS_ROLEBINDINGS,
     .plural = "rolebindings",
     .qualified = "rolebindings.rbac.authorization.k8s.io",
     .singular = "rolebinding",
     .kind = "RoleBinding",
     .group = "rbac.authorization.k8s.io",
     .api_version = "rbac.authorization.k8s.io/v1",
     .namespaced = 1,
     .creates_on_update = 1},
};

static const char *const verbs[] = {"get", "list", "watch", "create", "update", "patch", "delete"};

const struct ds_resource *ds_resource_at(int id)
{
    return &resources[id];
}

const struct ds_resource *ds_resource_named(const char *plural)
{
    for (int id = 0; id < DS_RESOURCES; id++)
        if (strcmp(resources[id].plural, plural) == 0)
            return &resources[id];
    return NULL;
}

int ds_is_group(const char *name)
{
    for (int id = 0; id < DS_RESOURCES; id++)
        if (strcmp(resources[id].group, name) == 0)
            return 1;
    return 0;
}

const char *ds_verb_name(enum ds_verb verb)
{
    return verb < DS_NO_VERB ? verbs[verb] : "";
}

enum ds_verb ds_verb_named(const char *name)
{
    for (int verb = DS_GET; verb < DS_NO_VERB; verb++)
        if (strcmp(verbs[verb], name) == 0)
            return (enum ds_verb)verb;
    return DS_NO_VERB;
}
