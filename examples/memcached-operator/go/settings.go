package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	k8sleader "k8sleader.test/bindings/go-cgo"
)

const usage = `usage: memcached-operator [--mode life|lease] [--lock NAME] [--namespace NAME] [--set OPTION=VALUE]...

  --mode life       leader-for-life (default): the lock is this Pod's until that is gone. Takes POD_NAME, POD_UID and
                    POD_NAMESPACE by the downward API
  --mode lease      leader-with-lease: the lock is renewed, and released at the end
  --lock NAME       of the lock; memcached-operator-lock
  --namespace NAME  what to look after, and where the lock is; POD_NAMESPACE
  --set OPTION=VALUE  of the election, such as lease-duration=30s`

type settings struct {
	mode, namespace string
	options         k8sleader.Options
}

func readSettings(arguments []string) (*settings, error) {
	s := &settings{mode: "life", namespace: os.Getenv("POD_NAMESPACE")}
	s.options.Name = "memcached-operator-lock"
	s.options.DrainTimeout = 30 * time.Second // two writes fit into it, and it into terminationGracePeriodSeconds
	for len(arguments) > 0 {
		name, value, together := strings.Cut(arguments[0], "=")
		arguments = arguments[1:]
		if !strings.HasPrefix(name, "--") {
			return nil, errors.New("there are no other arguments")
		}
		if !together && len(arguments) > 0 {
			value, arguments = arguments[0], arguments[1:]
		}
		switch name {
		case "--mode":
			s.mode = value
		case "--lock":
			s.options.Name = value
		case "--namespace":
			s.namespace = value
		case "--set":
			if err := s.set(value); err != nil {
				return nil, err
			}
		default:
			return nil, errors.New("no such option: " + name)
		}
	}
	if s.mode != "life" && s.mode != "lease" {
		return nil, errors.New("--mode is life or lease")
	}
	if s.namespace == "" {
		return nil, errors.New("POD_NAMESPACE is not set, and there is no --namespace")
	}
	s.options.Namespace, s.options.ForLife = s.namespace, s.mode == "life"
	return s, nil
}

// set takes OPTION=VALUE of the election: a duration.
func (s *settings) set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("--set %s: an OPTION=VALUE is expected", text)
	}
	durations := map[string]*time.Duration{
		"lease-duration": &s.options.LeaseDuration, "renew-deadline": &s.options.RenewDeadline,
		"retry-period": &s.options.RetryPeriod, "drain-timeout": &s.options.DrainTimeout,
	}
	duration, ok := durations[name]
	if !ok {
		return fmt.Errorf("%s: there is no such option", name)
	}
	found, err := time.ParseDuration(value)
	if err != nil || found <= 0 {
		return fmt.Errorf("%s: %s is no duration such as 15s", name, value)
	}
	*duration = found
	return nil
}
