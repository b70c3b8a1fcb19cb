/* The resources that are served, and how each differs from the others. */
#ifndef DS_RESOURCE_H
#define DS_RESOURCE_H

#include <stddef.h>

enum {
    DS_LEASES,
    DS_CONFIGMAPS,
    DS_PODS,
    DS_NODES,
    DS_EVENTS,
    DS_NAMESPACES,
    DS_ROLES,
    DS_ROLEBINDINGS,
    DS_RESOURCES
};

struct ds_resource {
    int id;
    const char *plural;
    const char *qualified; /* "leases.coordination.k8s.io": how error messages call it */
    const char *singular;
    const char *kind;
    const char *group; /* "" is the core group */
    const char *api_version;
    const char *short_name;
    int namespaced;
    int has_status;           /* a /status subresource */
    int creates_on_update;    /* a PUT on a missing object creates it */
    int needs_version_on_put; /* a PUT without a resourceVersion is refused */
};

const struct ds_resource *ds_resource_at(int id);
const struct ds_resource *ds_resource_named(const char *plural); /* NULL: none such */

int ds_is_group(const char *name); /* is one of them in that API group? */

enum ds_verb { DS_GET, DS_LIST, DS_WATCH, DS_CREATE, DS_UPDATE, DS_PATCH, DS_DELETE, DS_NO_VERB };

const char *ds_verb_name(enum ds_verb verb);  /* "" for DS_NO_VERB */
enum ds_verb ds_verb_named(const char *name); /* DS_NO_VERB: none such */

#endif
