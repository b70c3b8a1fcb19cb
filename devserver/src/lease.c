#include "lease.h"

#include <inttypes.h>

#include "member.h"
#include "tree.h"

static const struct ds_member members[] = {
    {"holderIdentity", DS_STRING},  {"leaseDurationSeconds", DS_INT32}, {"acquireTime", DS_MICRO_TIME},
    {"renewTime", DS_MICRO_TIME},   {"leaseTransitions", DS_INT32},     {"strategy", DS_STRING},
    {"preferredHolder", DS_STRING},
};

struct json_object *ds_lease_spec(struct json_object *lease, char **problem)
{
    struct json_object *spec = json_object_new_object();
    struct json_object *given = ds_tree_get(lease, "spec");
    if (given == NULL)
        return spec;
    if (ds_members_check_type("Lease", "spec", given, DS_OBJECT, problem) &&
        ds_members_take(members, sizeof members / sizeof members[0], "LeaseSpec.spec", given, spec, problem))
        return spec;
    json_object_put(spec);
    return NULL;
}

void ds_lease_validate(struct json_object *spec, struct ds_complaints *complaints)
{
    struct json_object *duration = ds_tree_get(spec, "leaseDurationSeconds");
    struct json_object *transitions = ds_tree_get(spec, "leaseTransitions");
    if (duration != NULL && json_object_get_int64(duration) <= 0)
        ds_complain(complaints, "FieldValueInvalid", "spec.leaseDurationSeconds",
                    "Invalid value: %" PRId64 ": must be greater than 0", json_object_get_int64(duration));
    if (transitions != NULL && json_object_get_int64(transitions) < 0)
        ds_complain(complaints, "FieldValueInvalid", "spec.leaseTransitions",
                    "Invalid value: %" PRId64 ": must be greater than or equal to 0",
                    json_object_get_int64(transitions));
    if (!ds_empty(ds_tree_string(spec, "preferredHolder")) && ds_empty(ds_tree_string(spec, "strategy")))
        ds_complain(complaints, "FieldValueForbidden", "spec.preferredHolder",
                    "Forbidden: may only be specified if `strategy` is defined");
}

static void add_unknown(void *data, const char *name)
{
    ds_text_printf(data, "spec.%s\n", name);
}

void ds_lease_unknown_members(struct json_object *lease, struct ds_text *paths)
{
    ds_members_unknown(members, sizeof members / sizeof members[0], ds_tree_get(lease, "spec"), add_unknown,
                       paths);
}

void ds_lease_prune_coordinated(struct json_object *spec, struct json_object *stored)
{
    static const char *const coordinated[] = {"strategy", "preferredHolder"};
    for (size_t i = 0; i < sizeof coordinated / sizeof coordinated[0]; i++)
        if (ds_tree_get(stored, coordinated[i]) == NULL)
            json_object_object_del(spec, coordinated[i]);
}
