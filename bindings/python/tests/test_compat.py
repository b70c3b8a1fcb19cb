# SPDX-License-Identifier: Apache-2.0
"""In place of the official client's module: its own test suite, and its lock classes."""

from __future__ import annotations

import importlib
import sys
import threading
import unittest

import pytest
from support import PATIENCE, steal

from k8sleader.compat.leaderelection import leaderelection

kubernetes = pytest.importorskip("kubernetes")
official = pytest.importorskip("kubernetes.leaderelection")


@pytest.fixture
def their_tests(monkeypatch):
    """Their test module, as installed, with ours where it imports theirs."""
    monkeypatch.setitem(sys.modules, "kubernetes.leaderelection.leaderelection", leaderelection)
    monkeypatch.setattr(official, "leaderelection", leaderelection, raising=False)
    name = "kubernetes.leaderelection.leaderelection_test"
    monkeypatch.delitem(sys.modules, name, raising=False)
    module = importlib.import_module(name)
    yield module
    sys.modules.pop(name, None)


def test_the_official_suite(their_tests):
    assert their_tests.leaderelection is leaderelection
    suite = unittest.defaultTestLoader.loadTestsFromModule(their_tests)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    assert result.testsRun >= 3
    assert result.wasSuccessful()


def test_those_of_the_official_suite_that_stand_in_a_wrong_class(their_tests):
    """Some are methods of their MockResourceLock, where unittest does not find them."""
    mock = their_tests.MockResourceLock
    names = [name for name in dir(mock) if name.startswith("test_")]
    if not names:
        pytest.skip("this version has none")
    case = type("Found", (unittest.TestCase,), {name: getattr(mock, name) for name in names})
    result = unittest.TextTestRunner(verbosity=2).run(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    assert result.testsRun == len(names)
    assert result.wasSuccessful()


@pytest.fixture
def api(server):
    configuration = kubernetes.client.Configuration()
    kubernetes.config.load_kube_config(server.kubeconfig, client_configuration=configuration)
    before = kubernetes.client.Configuration._default
    kubernetes.client.Configuration.set_default(configuration)
    yield
    kubernetes.client.Configuration.set_default(before)


def lock_class(kind):
    module = pytest.importorskip(f"kubernetes.leaderelection.resourcelock.{kind.lower()}")
    return getattr(module, kind)


def config_of(lock, started, stopped):
    electionconfig = importlib.import_module("kubernetes.leaderelection.electionconfig")
    return electionconfig.Config(
        lock, lease_duration=3, renew_deadline=2, retry_period=1, onstarted_leading=started, onstopped_leading=stopped
    )


@pytest.mark.parametrize("kind", ["LeaseLock", "ConfigMapLock"])
def test_leads_with_an_official_lock(server, api, lock, kind):
    official_lock = lock_class(kind)(lock, "default", "me")
    said = []

    def started():
        found, record = official_lock.get(lock, "default")
        said.append(("started", found and record.holder_identity, threading.current_thread().daemon))
        raise RuntimeError("ends it")

    leaderelection.LeaderElection(config_of(official_lock, started, lambda: said.append("stopped"))).run()
    assert said == [("started", "me", True), "stopped"]
    found, record = official_lock.get(lock, "default")
    assert found
    assert not record.holder_identity  # its work has ended: released


def test_returns_when_an_official_lock_is_lost(server, api, lock):
    stopped = threading.Event()
    release = threading.Event()

    def started():
        steal(server, lock)
        release.wait(PATIENCE)

    leaderelection.LeaderElection(config_of(lock_class("LeaseLock")(lock, "default", "me"), started, stopped.set)).run()
    assert stopped.is_set()
    release.set()


def test_no_config():
    with pytest.raises(SystemExit, match="config"):
        leaderelection.LeaderElection(None)
