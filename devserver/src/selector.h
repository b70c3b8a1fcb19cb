/* Which objects a LIST or WATCH is about: field and label selectors. */
#ifndef DS_SELECTOR_H
#define DS_SELECTOR_H

#include "version.h"

struct ds_requirement {
    char *key;
    char *value; /* NULL: the key is set (=) or not set (!=), whatever its value */
    int negated;
};

struct ds_selector {
    struct ds_requirement *fields;
    size_t field_count;
    struct ds_requirement *labels;
    size_t label_count;
};

/* NULL texts select everything. 0, or -1 with *problem set to a malloc'd message. */
int ds_selector_parse(struct ds_selector *selector, const struct ds_resource *resource, const char *fields,
                      const char *labels, char **problem);
void ds_selector_free(struct ds_selector *selector);

int ds_selector_matches(const struct ds_selector *selector, const struct ds_version *version);

/* The one value that a field must have; NULL when it may have others. */
const char *ds_selector_exact(const struct ds_selector *selector, const char *field);

#endif
