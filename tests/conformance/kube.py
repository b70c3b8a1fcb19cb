"""A small client of the Kubernetes API: requests, and watches read line by line."""

import base64
import http.client
import json
import re
import select
import ssl
import urllib.parse

PATIENCE = 60.0  # seconds; no test depends on it, a server that answers later is broken


class Kubeconfig:
    """Server, authority and token: JSON, or YAML as `kubectl config view` and the servers under test write it."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.path = path
        self.server = self._scalar(text, "server", path)
        self.token = self._scalar(text, "token", path)
        authority = self._scalar(text, "certificate-authority-data", None)
        self.authority = base64.b64decode(authority).decode() if authority else None

    @staticmethod
    def _scalar(text, key, needed_in):
        # One cluster, one user: the first value of that name is the one, whatever surrounds it.
        found = re.search(r'(?m)(?:^|[\s{,-])"?%s"?:\s*"?([^"\s,}]+)' % re.escape(key), text)
        if found is None and needed_in:
            raise ValueError(f"{needed_in}: no {key}")
        return found[1] if found else None


class Answer:
    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text
        try:
            self.body = json.loads(text)
        except ValueError:
            self.body = None

    def __repr__(self):
        return f"{self.status} {self.text[:600]}"


class Client:
    """One connection at a time, reopened when the server closed it. Not for several threads."""

    def __init__(self, kubeconfig, token=None, headers=None):
        self.kubeconfig = kubeconfig
        self.headers = {} if token == "" else {"Authorization": f"Bearer {token or kubeconfig.token}"}
        self.headers.update(headers or {})
        self.address = urllib.parse.urlsplit(kubeconfig.server)
        self.tls = ssl.create_default_context(cadata=kubeconfig.authority) if self.address.scheme == "https" else None
        self.connection = None

    def connect(self):
        if self.tls is None:
            return http.client.HTTPConnection(self.address.netloc, timeout=PATIENCE)
        return http.client.HTTPSConnection(self.address.netloc, timeout=PATIENCE, context=self.tls)

    def _stale(self):
        """Between two requests there is nothing to read: if there is, the server has closed it (a restart)."""
        return self.connection.sock is None or bool(select.select([self.connection.sock], [], [], 0)[0])

    @staticmethod
    def _target(path, query):
        return path + ("?" + urllib.parse.urlencode(query) if query else "")

    def request(self, method, path, body=None, content_type="application/json", **query):
        data = body if body is None or isinstance(body, str) else json.dumps(body)
        headers = dict(self.headers)
        if data is not None:
            headers["Content-Type"] = content_type
        if self.connection is not None and self._stale():
            self.close()
        if self.connection is None:
            self.connection = self.connect()
        try:
            self.connection.request(method, self._target(path, query), data, headers)
            answer = self.connection.getresponse()
            result = Answer(answer.status, answer.headers, answer.read().decode())
        except BaseException:
            self.close()
            raise
        if answer.will_close:
            self.close()
        return result

    def get(self, path, **query):
        return self.request("GET", path, **query)

    def post(self, path, body, **query):
        return self.request("POST", path, body, **query)

    def put(self, path, body, **query):
        return self.request("PUT", path, body, **query)

    def delete(self, path, body=None, **query):
        return self.request("DELETE", path, body, **query)

    def watch(self, path, **query):
        return Watch(self, self._target(path, {"watch": "1", **query}))

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Watch:
    """An open watch, on a connection of its own. What is made of a refused one is in `refusal`."""

    def __init__(self, client, target):
        self.connection = client.connect()
        self.connection.request("GET", target, headers=client.headers)
        # Returns when the headers are there: a server that holds them back until the first event fails here.
        self.response = self.connection.getresponse()
        self.status = self.response.status
        self.ended = False
        self.rest = b""
        self.refusal = None
        if self.status != 200:
            self.refusal = Answer(self.status, self.response.headers, self.response.read().decode())

    def _read_chunk(self):
        # Not left to http.client, which doesn't tell a stream that ended in good order from one that broke off.
        stream = self.response.fp
        size_line = stream.readline()
        if not size_line.endswith(b"\r\n"):
            raise AssertionError(f"the watch broke off: {size_line!r}")
        size = int(size_line.split(b";")[0], 16)
        data = stream.read(size)
        if len(data) != size or stream.readline() != b"\r\n":
            raise AssertionError("the watch broke off in a chunk")
        if size == 0:
            self.ended = True
        return data

    def next(self):
        """The next event; None when the stream ended in good order."""
        while b"\n" not in self.rest and not self.ended:
            self.rest += self._read_chunk()
        if b"\n" not in self.rest:
            if self.rest:
                raise AssertionError(f"half a line: {self.rest!r}")
            return None
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def close(self):
        self.response.close()
        self.connection.close()
