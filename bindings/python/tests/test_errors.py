# SPDX-License-Identifier: Apache-2.0
"""Misuse, and what is said of it."""

from __future__ import annotations

import datetime
import math
import pickle

import pytest

import k8sleader


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"lease_duration": 5, "renew_deadline": 5}, "DURATION"),
        ({"lease_duration": -1}, "DURATION"),
        ({"lease_duration": math.nan}, "DURATION"),
        ({"lease_duration": math.inf}, "DURATION"),
        ({"lease_duration": datetime.timedelta(days=-1)}, "DURATION"),
        ({"lease_duration": "15s"}, "OPTION"),
        ({"lease_duration": True}, "OPTION"),
        ({"namespace": "No Label"}, "NAMESPACE"),
        ({"identity": ""}, "IDENTITY"),
        ({"identity": "cut\0off"}, "OPTION"),
        ({"identity": b"bytes"}, "OPTION"),
        ({"labels": "app=web"}, "OPTION"),
        ({"labels": {"not a key!": "x"}}, "OPTION"),
    ],
)
def test_options(client, options, code):
    with pytest.raises(k8sleader.OptionError) as caught:
        client.stand("web", **options)
    assert isinstance(caught.value, ValueError)
    assert caught.value.name == code
    assert caught.value.code < 0
    assert not caught.value.retriable


def test_unknown_option_names_those_there_are(client):
    with pytest.raises(TypeError, match="lease_duration"):
        client.stand("web", leaseDuration=15)


@pytest.mark.parametrize("name", ["", "No_Name", "a" * 254])
def test_names(client, name):
    with pytest.raises(k8sleader.OptionError):
        client.stand(name)


def test_no_kubeconfig(tmp_path):
    with pytest.raises(k8sleader.ConfigError, match="No such file") as caught:
        k8sleader.Client(tmp_path / "none")
    assert caught.value.name == "FILE"


def test_context(server):
    with k8sleader.Client(server.kubeconfig, getattr(server, "context", "dev-server")) as client:
        assert client.stand("by-context").lock == "default/by-context"
    with pytest.raises(k8sleader.ConfigError, match="none"):
        k8sleader.Client(server.kubeconfig, context="none")


def test_request_errors_have_their_status(server, client):
    server.fault(verb="list", resource="leases", action="status", status=403)
    with pytest.raises(k8sleader.RequestError) as caught:
        client.locks()
    assert caught.value.http_status == 403
    assert caught.value.name == "FORBIDDEN"
    assert not caught.value.retriable


def test_errors_survive_pickling():
    error = k8sleader.RequestError("no", -68, 403, False)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.code, copy.http_status) == (k8sleader.RequestError, "no", -68, 403)
    lost = pickle.loads(pickle.dumps(k8sleader.LeadershipLost("gone", k8sleader.Reason.LOST_LOCK)))
    assert lost.reason is k8sleader.Reason.LOST_LOCK


def test_a_client_is_not_pickled(client):
    with pytest.raises(TypeError, match="belongs to its process"):
        pickle.dumps(client)


def test_version():
    assert k8sleader.__version__ == k8sleader._lib.k8sleader_version()
    with pytest.raises(ImportError, match="install one that fits"):
        k8sleader._check_version("0.9.0", "0.8.5")
    with pytest.raises(ImportError):
        k8sleader._check_version("0.9.0", "1.0.0")
    k8sleader._check_version("0.9.0", "0.10.0")


def test_an_official_configuration(server, lock):
    kubernetes = pytest.importorskip("kubernetes")
    configuration = kubernetes.client.Configuration()
    kubernetes.config.load_kube_config(server.kubeconfig, client_configuration=configuration)
    with k8sleader.Client(configuration=configuration, namespace="default") as client, client.lead(lock) as term:
        assert term.is_leader
    configuration.verify_ssl = False
    with pytest.raises(k8sleader.ConfigError, match="verify_ssl"):
        k8sleader.Client(configuration=configuration)


def test_an_official_configuration_that_is_wrong(tmp_path):
    kubernetes = pytest.importorskip("kubernetes")
    configuration = kubernetes.client.Configuration()
    configuration.host = "127.0.0.1:6443"
    with pytest.raises(k8sleader.ConfigError, match="put https:// before it"):
        k8sleader.Client(configuration=configuration)
    configuration.host = "https://127.0.0.1:6443"
    (tmp_path / "pair.pem").write_text("none")
    configuration.cert_file = str(tmp_path / "pair.pem")
    with pytest.raises(k8sleader.ConfigError, match="client certificate: holds no certificate"):
        k8sleader.Client(configuration=configuration)
