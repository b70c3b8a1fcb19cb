/* What a Pod finds of its service account (kubernetes.io/docs/tasks/run-application/access-api-from-pod). */
#ifndef KL_SERVICEACCOUNT_H
#define KL_SERVICEACCOUNT_H

#include "k8sleader.h"

#define KL_SERVICEACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

/*
 * The namespace that is mounted below root, checked, in *out; NULL there when none is mounted, or an empty
 * one. Errors: NAMESPACE, FILE, TOO_LARGE, NO_MEMORY.
 */
int kl_serviceaccount_namespace(const char *root, char **out, k8sleader_error **err);

#endif
