package main

import (
	"errors"
	"regexp"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Two of them fit into the drain timeout.
const writePatience = 10 * time.Second

// reconcile looks at one Memcached, and says whether all is as it should be. Every write carries the term's token, is for the
// one version that was looked at, and is asked for first.
func (c *controller) reconcile(m *memcached, deployment *unstructured.Unstructured) bool {
	if m.GetDeletionTimestamp() != nil {
		return true
	}
	done := false
	if deployment == nil {
		done = c.create(m)
	} else {
		done = c.mend(m, deployment)
	}
	// The status says what is so, not what should be.
	return done && c.mendStatus(m, deployment)
}

// mayWrite gives the time a write may take; 0 for none. Not 0 during a drain, too.
func (c *controller) mayWrite(what string) time.Duration {
	if !c.term.MayFinish() {
		logLine("%s: not written, the lock is no longer ours", what)
		return 0
	}
	// By then another may lead: nothing of ours may still be waiting for an answer. (For life: no limit.)
	return min(c.term.GraceLeft(), writePatience)
}

// isNewer: a newer leader has written: hands off, though we lead, and it is said.
func (c *controller) isNewer(what, stamped string) bool {
	if stamped == "" {
		return false
	}
	token, err := strconv.ParseUint(stamped, 10, 64)
	if err != nil || !onlyDigits.MatchString(stamped) {
		logProblem("%s: the fencing token on it, %.40q, is no number: left alone; when no other operator writes to it, remove it",
			what, stamped)
		return true
	}
	if token > c.token {
		// The other way to get here is an etcd that was restored from a backup, since which versions count from lower.
		logProblem("%s: written with the fencing token %d, ours is %d: a newer leader is at work, it is left alone",
			what, token, c.token)
		return true
	}
	return false
}

var onlyDigits = regexp.MustCompile("^[0-9]{1,20}$")

func (c *controller) create(m *memcached) bool {
	what := "Deployment " + m.name
	patience := c.mayWrite(what)
	if patience == 0 {
		return false
	}
	err := c.cluster.create(deployments, m.deployment(c.token), patience)
	switch {
	case errors.Is(err, errConflict): // not among those with our label
		logProblem("%s: there is one already, and not one of ours as far as can be seen: left alone", what)
	case err == nil:
		logLine("%s: created with %d replicas (token %d)", what, m.size, c.token)
	}
	return err == nil
}

func (c *controller) mend(m *memcached, deployment *unstructured.Unstructured) bool {
	what := "Deployment " + m.name
	if !isOwned(deployment, m) {
		logProblem("%s: belongs to another Memcached of that name, or to nobody: left alone until it is gone", what)
		return false
	}
	stamped := deployment.GetAnnotations()[tokenKey]
	if deployment.GetDeletionTimestamp() != nil || c.isNewer(what, stamped) {
		return false
	}
	replicas, _, _ := unstructured.NestedInt64(deployment.Object, "spec", "replicas")
	token := strconv.FormatUint(c.token, 10)
	if stamped == token && replicas == m.size {
		return true
	}
	change := object{
		"metadata": object{"resourceVersion": deployment.GetResourceVersion(), "annotations": object{tokenKey: token}},
		"spec":     object{"replicas": m.size},
	}
	patience := c.mayWrite(what)
	if patience == 0 || !wrote(what, c.cluster.patch(deployments, m.name, change, patience)) {
		return false
	}
	if replicas != m.size {
		logLine("%s: from %d to %d replicas (token %d)", what, replicas, m.size, c.token)
	} else {
		logLine("%s: taken over (token %d)", what, c.token)
	}
	return true
}

func isOwned(deployment *unstructured.Unstructured, m *memcached) bool {
	for _, owner := range deployment.GetOwnerReferences() {
		if owner.UID == m.GetUID() {
			return true
		}
	}
	return false
}

func (c *controller) mendStatus(m *memcached, deployment *unstructured.Unstructured) bool {
	what := "status of Memcached " + m.name
	if stamped := m.status["fencingToken"]; stamped != nil {
		text, _ := stamped.(string)
		if text == "" {
			text = "no text"
		}
		if c.isNewer(what, text) {
			return false
		}
	}
	count := func(field string) int64 {
		if deployment == nil {
			return 0
		}
		found, _, _ := unstructured.NestedInt64(deployment.Object, "status", field)
		return found
	}
	status := object{"fencingToken": strconv.FormatUint(c.token, 10), "observedGeneration": m.GetGeneration(),
		"replicas": count("replicas"), "readyReplicas": count("readyReplicas")}
	same := true
	for key, value := range status {
		same = same && m.status[key] == value
	}
	if same {
		return true
	}
	change := object{"metadata": object{"resourceVersion": m.GetResourceVersion()}, "status": status}
	patience := c.mayWrite(what)
	return patience > 0 && wrote(what, c.cluster.patch(memcacheds, m.name, change, patience, "status"))
}

func wrote(what string, err error) bool {
	if errors.Is(err, errConflict) {
		logProblem("%s: changed, or was created, by another hand meanwhile: it is looked at again", what)
	}
	return err == nil
}
