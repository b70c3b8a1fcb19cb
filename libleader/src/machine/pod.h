/* Pods as leader-for-life sees them: which one, and what became of it. */
#ifndef KL_POD_H
#define KL_POD_H

/* Without the NUL. A longer uid ends in '~' and a hash of the whole; real ones are UUIDs. */
#define KL_POD_NAME_MAX 253
#define KL_POD_UID_MAX  63

struct kl_pod_ref {
    char name[KL_POD_NAME_MAX + 1];
    char uid[KL_POD_UID_MAX + 1];
};

/*
 * What became of the Pod with one UID. It goes this way only: no Pod comes back. FORBIDDEN is the exception:
 * it says that nothing can be learnt for now.
 */
enum kl_pod_state {
    KL_POD_UNKNOWN,
    KL_POD_LIVE,
    KL_POD_DELETING, /* deletionTimestamp is set: its containers may still run */
    KL_POD_TERMINAL, /* phase Failed (also Evicted, Preempting) or Succeeded: its containers have ended */
    KL_POD_ABSENT,   /* no longer in the API; another may have its name */
    KL_POD_FORBIDDEN
};

struct kl_pod_sighting {
    struct kl_pod_ref pod; /* whom it is about */
    enum kl_pod_state state;
};

#endif
