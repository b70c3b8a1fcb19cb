# SPDX-License-Identifier: Apache-2.0
"""Where the cluster is and how to log in: from files, or from the official client's ``Configuration``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import _k8sleader as _lib
from .errors import ConfigError, check, make_error, no_memory, take_error
from .options import optional_text

if TYPE_CHECKING:
    from ._k8sleader import Pointer

_SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/"


def _read(path: str, what: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ConfigError(f"configuration: {what} {path}: {error.strerror}", _lib.K8SLEADER_ERR_FILE) from error


def _bearer_token(configuration: Any) -> str | None:
    settings = configuration.auth_settings()  # asks its refresh hook, too
    value = (settings.get("BearerToken") or {}).get("value")
    if not value:
        return None
    kind, _, token = value.partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise ConfigError("configuration: its credentials are no bearer token", _lib.K8SLEADER_ERR_UNSUPPORTED)
    return str(token.strip())


def _refuse_unsupported(configuration: Any) -> None:
    """What would change how to connect, and that the library can't do, is refused by name."""
    if getattr(configuration, "verify_ssl", True) is False:
        raise ConfigError("configuration: verify_ssl=False is not supported: set ssl_ca_cert", _lib.K8SLEADER_ERR_UNSUPPORTED)
    for name in ("proxy", "username", "password"):
        if getattr(configuration, name, None):
            raise ConfigError(f"configuration: {name} is not supported", _lib.K8SLEADER_ERR_UNSUPPORTED)


def _set(pointer: Pointer, code: int) -> None:
    """Raises what a setter returned, unless that is success; the config keeps why it failed."""
    if code < 0:
        error = _lib.k8sleader_config_error(pointer)
        raise make_error(code, f"configuration: {_lib.k8sleader_error_message(error)}") if error else take_error(code, None)


def _load_configuration(pointer: Pointer, configuration: Any) -> None:
    ca_file = getattr(configuration, "ssl_ca_cert", None)
    if ca_file == _SERVICE_ACCOUNT + "ca.crt" and os.environ.get("KUBERNETES_SERVICE_HOST"):
        check(*_lib.k8sleader_config_load_incluster(pointer))  # with its token read again as it changes
        return
    _refuse_unsupported(configuration)
    _set(pointer, _lib.k8sleader_config_set_server(pointer, configuration.host))
    token = _bearer_token(configuration)
    if token:
        _set(pointer, _lib.k8sleader_config_set_token(pointer, token))
    if ca_file:
        _set(pointer, _lib.k8sleader_config_set_ca_pem(pointer, _read(ca_file, "ssl_ca_cert")))
    if getattr(configuration, "cert_file", None):
        certificate = _read(configuration.cert_file, "cert_file")
        key = _read(configuration.key_file, "key_file") if configuration.key_file else certificate
        _set(pointer, _lib.k8sleader_config_set_client_certificate_pem(pointer, certificate, key))
    if getattr(configuration, "tls_server_name", None):
        _set(pointer, _lib.k8sleader_config_set_tls_server_name(pointer, configuration.tls_server_name))


def make_config(config_file: str | os.PathLike[str] | None, context: str | None, configuration: Any, log_level: int) -> Pointer:
    """A config for the C library; whoever gets it frees it, unless a client takes it."""
    if configuration is not None and (config_file is not None or context is not None):
        raise TypeError("configuration stands for itself: without config_file and context")
    pointer = _lib.k8sleader_config_new()
    if pointer is None:
        no_memory()
    try:
        if configuration is not None:
            _load_configuration(pointer, configuration)
        elif config_file is not None or context is not None:
            path = optional_text(None if config_file is None else os.fsdecode(config_file), "config_file")
            context = optional_text(context, "context")
            check(*_lib.k8sleader_config_load_kubeconfig(pointer, path, context))
        _set(pointer, _lib.k8sleader_config_set_log_level(pointer, log_level, 1))
    except BaseException:
        _lib.k8sleader_config_free(pointer)
        raise
    return pointer
