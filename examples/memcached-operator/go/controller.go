package main

import (
	"context"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	k8sleader "k8sleader.test/bindings/go-cgo"
)

const (
	resync      = 15 * time.Second // should a watch be deaf
	roundLeast  = 100 * time.Millisecond
	retryFirst  = 200 * time.Millisecond
	retryMost   = 30 * time.Second
	watchLasts  = 300 * time.Second
	watchLasted = 5 * time.Second // a watch that lasted this long ended for no fault
)

// controller is the work of one term: it reads all, mends what differs, and waits for a watch to ring.
type controller struct {
	cluster *cluster
	term    *k8sleader.Term
	token   uint64
	news    chan struct{} // holds one ring
	bells   map[schema.GroupVersionResource]chan struct{}
}

func newController(cluster *cluster, term *k8sleader.Term, token uint64) *controller {
	return &controller{cluster: cluster, term: term, token: token, news: make(chan struct{}, 1),
		bells: map[schema.GroupVersionResource]chan struct{}{}}
}

// run works until the term is to end. When it returns nothing of it is under way but watches, which only read.
func (c *controller) run() {
	// What is read ends with the term; what is written does not.
	ctx, cancel := context.WithCancel(c.term.Context())
	defer cancel()
	badRounds := 0
	for c.term.IsLeader() {
		began := time.Now()
		select {
		case <-c.news:
		default:
		}
		pause := resync
		if c.round(ctx) {
			badRounds = 0
		} else {
			pause = backOff(badRounds)
			badRounds++
		}
		c.pause(pause, c.news)
		c.pause(roundLeast-time.Since(began), nil) // a burst of changes is one round
	}
}

func (c *controller) pause(duration time.Duration, news <-chan struct{}) {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-news:
	case <-c.term.Done():
	}
}

// round says whether all is as it should be.
func (c *controller) round(ctx context.Context) bool {
	wanted := c.cluster.list(ctx, memcacheds, "")
	if wanted == nil || !c.term.IsLeader() {
		return false
	}
	there := c.cluster.list(ctx, deployments, selector)
	if there == nil {
		return false
	}
	c.watch(ctx, memcacheds, "", wanted.GetResourceVersion())
	c.watch(ctx, deployments, selector, there.GetResourceVersion())
	byName := map[string]*unstructured.Unstructured{}
	for i := range there.Items {
		byName[there.Items[i].GetName()] = &there.Items[i]
	}
	good := true
	for i := range wanted.Items {
		// A stop lets the one that is being looked at be finished, and the next one not be begun.
		if !c.term.IsLeader() {
			return false
		}
		m, err := newMemcached(&wanted.Items[i])
		if err != nil {
			// Nothing to retry: whoever mends it makes the watch ring.
			logProblem("Memcached %.80s is malformed, it is left as it is: %v", wanted.Items[i].GetName(), err)
			continue
		}
		good = c.reconcile(m, byName[m.name]) && good
	}
	return good
}

// watch keeps a watch that only rings, on a goroutine of its own.
func (c *controller) watch(ctx context.Context, what schema.GroupVersionResource, selector, version string) {
	if ended := c.bells[what]; ended != nil {
		select {
		case <-ended:
		default:
			return
		}
	}
	ended := make(chan struct{})
	c.bells[what] = ended
	go func() {
		defer close(ended)
		began := time.Now()
		stream, err := c.cluster.watch(ctx, what, selector, version)
		if err == nil {
			defer stream.Stop()
			for event := range stream.ResultChan() {
				if event.Type == watch.Error {
					err = apierrors.FromObject(event.Object)
					break
				}
				c.ring()
			}
		}
		// Too old: it is listed again.
		if err != nil && !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) {
			complain("GET", what, err)
		}
		if time.Since(began) >= watchLasted {
			c.ring()
		}
	}()
}

func (c *controller) ring() {
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// backOff doubles with each bad round in a row, half of it by chance: not all operators of a cluster come back at once.
func backOff(badRounds int) time.Duration {
	delay := min(retryFirst<<min(badRounds, 16), retryMost)
	return delay/2 + rand.N(delay/2)
}
