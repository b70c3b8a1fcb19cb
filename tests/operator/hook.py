"""A webhook that holds writes up, or fails them: as a slow or broken API server looks to whoever writes."""

import base64
import http.server
import json
import os
import ssl
import subprocess
import threading

import support


class Hook:
    """Called for each creation and update of a Deployment in the test's namespace."""

    def __init__(self, test):
        self.account = ":memcached-operator"
        self.test, self.is_broken = test, False
        self.asked, self.may_answer = threading.Event(), threading.Event()
        self.may_answer.set()
        key, certificate = (os.path.join(test.folder, name) for name in ("hook.key", "hook.crt"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
                        "/CN=hook", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key,
                        "-out", certificate],
                       check=True, stderr=subprocess.DEVNULL)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        test.addCleanup(server.server_close)
        test.addCleanup(server.shutdown)
        with open(certificate, "rb") as file:
            self.install(f"https://127.0.0.1:{server.server_port}/", file.read())

    def handler(hook):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                user = review["request"]["userInfo"]["username"]
                is_held = not hook.may_answer.is_set() and user.endswith(hook.account)
                if is_held or hook.may_answer.is_set():
                    hook.asked.set()
                if is_held:
                    hook.may_answer.wait(support.PATIENCE)
                answer = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
                                     "response": {
                    "uid": review["request"]["uid"], "allowed": True}}).encode()
                self.send_response(500 if hook.is_broken else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        return Handler

    def install(self, url, authority):
        path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
        name = self.test.namespace
        self.test.api.request("POST", path, {"metadata": {"name": name}, "webhooks": [{
            "name": "hook.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "timeoutSeconds": 30,
            "clientConfig": {"url": url, "caBundle": base64.b64encode(authority).decode()},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
            "rules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
                       "resources": ["deployments"]}]}]})
        self.test.addCleanup(self.test.api.request, "DELETE", f"{path}/{name}")
        # The server takes a moment to know of it.
        template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
        probe = {"metadata": {"name": "probe"}, "spec": {"selector": {"matchLabels": {"a": "b"}},
                                                         "template": template}}
        deployments = f"/apis/apps/v1/namespaces/{name}/deployments?dryRun=All"
        support.await_answer(lambda: self.test.api.request("POST", deployments, probe),
                             lambda _: self.asked.is_set(),
                             "the webhook is asked")

    def hold(self):
        """From now on a write of the operator's is held up until release(). The test's own go through."""
        self.asked.clear()
        self.may_answer.clear()

    def await_request(self):
        assert self.asked.wait(support.PATIENCE), "nothing was written"

    def release(self):
        self.may_answer.set()
