/* The lock as the server has it: a Lease or a ConfigMap. */
#ifndef SIM_OBJECT_H
#define SIM_OBJECT_H

#include "machine/life.h"
#include "machine/record.h"

struct object {
    int present;
    uint64_t version; /* when absent: of the deletion */
    /* a Lease */
    struct kl_record record;
    unsigned writer, writer_life; /* of the record, for the judge alone; writer 0: a hand, else 1 + node */
    uint64_t term;                /* the version by which its term began */
    /* a ConfigMap */
    enum kl_owner_kind owner_kind;
    unsigned owner; /* a Pod; with KL_OWNER_NONE: the one it had */
};

#endif
