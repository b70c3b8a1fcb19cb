"""A way to the API server for one candidate, on which everything it asks is written down, and can be held up, answered
otherwise or cut: the same on every server.
"""

import collections
import http.client
import http.server
import json
import os
import select
import socket
import threading
import time
import urllib.parse

PATIENCE = 60.0  # seconds; far more than anything here takes

Request = collections.namedtuple("Request", "time verb resource name body")


def read_target(method, target, body):
    """What the request is, in the words of RBAC: verb, resource, name."""
    parts = urllib.parse.urlsplit(target)
    query = dict(urllib.parse.parse_qsl(parts.query))
    words = parts.path.strip("/").split("/")
    words = words[2:] if words[0] == "api" else words[3:]  # behind the version
    if words[:1] == ["namespaces"] and len(words) > 2:
        words = words[2:]
    resource, name = words[0] if words else "", words[1] if len(words) > 1 else ""
    if method == "POST" and body:
        name = body.get("metadata", {}).get("name", "")
    if not name:
        name = query.get("fieldSelector", "").removeprefix("metadata.name=")
    if method == "GET":
        verb = "watch" if query.get("watch") in ("1", "true") else "get" if len(words) > 1 else "list"
    else:
        verb = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[method]
    return verb, resource, name


class Rule:
    """What is to happen to requests of this kind: "answer" with a status, "hold" until released, "reset", or "lose" the
    answer."""

    def __init__(self, relay, action, verb, resource, count, **more):
        self.relay, self.action, self.verb, self.resource, self.count = relay, action, verb, resource, count
        self.status, self.headers = more.get("status"), more.get("headers", {})
        self.body = more.get("body", "")
        self.hits, self.released = 0, threading.Event()

    def matches(self, request):
        return (self.verb in (None, request.verb) and self.resource in (None, request.resource) and
                (self.count is None or self.hits < self.count))

    def await_hits(self, hits=1):
        with self.relay.changed:
            if not self.relay.changed.wait_for(lambda: self.hits >= hits, PATIENCE):
                raise AssertionError(f"{self.action} {self.verb} {self.resource} struck {self.hits} times, not {hits}: "
                                     f"{self.relay.requests}")

    def release(self):
        """Lets go what is held, and strikes nothing more."""
        with self.relay.changed:
            if self in self.relay.rules:
                self.relay.rules.remove(self)
        self.released.set()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.relay, self.upstream = self.server.relay, None
        self.relay.sockets.add(self.connection)

    def finish(self):
        self.relay.sockets.discard(self.connection)
        if self.upstream:
            self.upstream.close()
        try:
            super().finish()
        except OSError:
            pass

    def handle(self):
        try:
            super().handle()
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            self.close_connection = True  # either side went away

    def log_message(self, *_):
        pass

    def serve(self):
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.loads(data) if data else None
        request = Request(time.monotonic(), *read_target(self.command, self.path, body), body)
        rule = self.relay.take(request)
        if rule and rule.action == "reset":
            self.reset()
            return
        if rule and rule.action == "answer":
            self.answer(rule)
            return
        if rule and rule.action == "hold":
            rule.released.wait(PATIENCE)
        self.forward(data, request, rule is not None and rule.action == "lose")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close_connection = True

    def answer(self, rule):
        text = rule.body.encode()
        self.send_response(rule.status)
        for key, value in {"Content-Type": "application/json", **rule.headers}.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def forward(self, data, request, is_lost):
        is_watch = request.verb == "watch"
        headers = {key: value for key, value in self.headers.items()
                   if key.lower() in ("authorization", "accept", "content-type", "user-agent")}
        if self.upstream is None or is_watch:
            self.upstream = self.relay.connect()
        self.upstream.request(self.command, self.path, data or None, headers)
        answer = self.upstream.getresponse()
        if is_lost:
            answer.read()
            self.reset()
            return
        kept = {key: value for key, value in answer.getheaders() if key.lower() in ("content-type", "retry-after", "warning")}
        self.send_response(answer.status)
        for key, value in kept.items():
            self.send_header(key, value)
        if is_watch and answer.status == 200:
            self.stream(answer, request.resource)
            return
        text = answer.read()
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def stream(self, answer, resource):
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        upstream = self.upstream.sock or answer.fp.raw._sock  # pylint: disable=protected-access
        threading.Thread(target=self.end_with_client, args=(upstream,), daemon=True).start()
        rest = b""
        while chunk := answer.read1(65536):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            *lines, rest = (rest + chunk).split(b"\n")
            self.relay.note_shown(resource, [json.loads(line) for line in lines if line])
        self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def end_with_client(self, upstream):
        """A watch that nobody listens to any more is not kept open."""
        try:
            select.select([self.connection], [], [])
            upstream.shutdown(socket.SHUT_RDWR)
        except (OSError, ValueError):
            pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, relay, port):
        self.relay = relay
        super().__init__(("127.0.0.1", port), Handler)

    def handle_error(self, *_):
        pass


class Relay:
    def __init__(self, client, folder, token=None):
        self.client, self.requests, self.rules, self.sockets, self.shown = client, [], [], set(), []
        self.changed, self.server, self.port = threading.Condition(), None, 0
        self.since = time.monotonic()
        self.up()
        self.kubeconfig = os.path.join(folder, f"relay-{self.port}")
        with open(self.kubeconfig, "w", encoding="utf-8") as file:
            json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "test",
                       "clusters": [{"name": "test", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
                       "users": [{"name": "test", "user": {"token": token or client.kubeconfig.token}}],
                       "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}]}, file)
        os.chmod(self.kubeconfig, 0o600)

    def connect(self):
        return self.client.connect()

    # ---- the way itself

    def up(self):
        self.server = Server(self, self.port)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def down(self):
        """As when the server ends: nobody listens, and what was open breaks off."""
        if self.server is None:
            return
        self.server.shutdown()
        self.server.server_close()
        self.server = None
        self.break_off()

    def break_off(self):
        """Whatever is open."""
        for each in list(self.sockets):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def end(self):
        for rule in list(self.rules):
            rule.release()
        self.down()

    # ---- what passed

    def take(self, request):
        with self.changed:
            self.requests.append(request)
            rule = next((rule for rule in self.rules if rule.matches(request)), None)
            if rule:
                rule.hits += 1
            self.changed.notify_all()
            return rule

    def asked(self, verb=None, resource=None, since=0):
        with self.changed:
            return [r for r in self.requests[since:]
                    if verb in (None, r.verb) and resource in (None, r.resource)]

    def await_asked(self, verb, resource, count=1, since=0):
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.asked(verb, resource, since)) >= count, PATIENCE):
                raise AssertionError(f"never asked {count} times to {verb} {resource}: {self.requests}")
            return self.asked(verb, resource, since)

    def note_shown(self, resource, events):
        with self.changed:
            self.shown += [(resource, event["object"]) for event in events]
            self.changed.notify_all()

    def await_shown(self, resource, matches):
        """Until such an object has gone to the candidate on a watch: it has it before whatever comes later on another."""
        with self.changed:
            if not self.changed.wait_for(lambda: any(kind == resource and matches(it) for kind, it in self.shown), PATIENCE):
                raise AssertionError(f"nothing such of {resource} was shown: {self.shown}")

    # ---- what is to happen

    def rule(self, action, verb=None, resource=None, count=None, **more):
        rule = Rule(self, action, verb, resource, count, **more)
        with self.changed:
            self.rules.append(rule)
        return rule

    def hold(self, verb, resource, count=1):
        return self.rule("hold", verb, resource, count)

    def reset(self, verb=None, resource=None, count=None):
        return self.rule("reset", verb, resource, count)

    def refuse(self, status, reason, verb=None, resource=None, count=None, headers=None):
        body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": f"scripted {reason}",
                "reason": reason, "code": status}
        return self.rule("answer", verb, resource, count, status=status, body=json.dumps(body), headers=headers or {})
