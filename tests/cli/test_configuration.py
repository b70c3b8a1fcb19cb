"""Wrong usage, configurations that can't work, servers that don't, and the dev-server's options."""

import http.server
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

import support


def call(*arguments, env=None):
    return subprocess.run([support.PROGRAM, *arguments], capture_output=True, text=True, timeout=support.LIMIT,
                          env=support.environment(env), stdin=subprocess.DEVNULL, check=False)


class Usage(unittest.TestCase):
    def check_refused(self, arguments, says, code=2, env=None):
        done = call(*arguments, env=env)
        self.assertEqual(done.returncode, code, done)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(says, done.stderr)

    def test_wrong_usage(self):
        for arguments, says in (
                ([], "elect, run, become, status or dev-server"),
                (["vote"], 'there is no "vote"'),
                (["elect"], "--name"),
                (["elect", "--nam", "a"], "--nam"),
                (["elect", "--nam=a"], "--nam"),
                (["elect", "--ident", "a"], "write --identity"),
                (["elect", "--ident=a"], "write --identity"),
                (["elect", "--name"], "--name needs a value"),
                (["elect", "--colour", "red"], "--colour"),
                (["elect", "-x"], "-x"),
                (["elect", "--name", "a", "b"], '"b"'),
                (["elect", "--name", "a", "--mode", "leaf"], "use lease or life"),
                (["elect", "--name", "a", "--lock-resource", "endpoints"], "leases or configmaps"),
                (["elect", "--name", "a", "--output", "yaml"], "human or json"),
                (["elect", "--name", "a", "--log-level", "loud"], "debug"),
                (["elect", "--name", "a", "--count", "0"], "--count 0"),
                (["elect", "--name", "a", "--count", "many"], "--count many"),
                (["run", "--name", "a"], "no command"),
                (["run", "--name", "a", "--"], "no command"),
                (["run", "--", "true"], "--name"),
                (["status", "--name", "a"], "write --namespace"),
                (["dev-server", "--plain-http=1"], "--plain-http"),
                (["dev-server", "now"], '"now"')):
            with self.subTest(arguments=arguments):
                self.check_refused(arguments, says)

    def test_wrong_environment(self):
        self.check_refused(["elect", "--name", "a"], "K8SLEADER_NO_REJOIN", env={"K8SLEADER_NO_REJOIN": "perhaps"})
        self.check_refused(["elect", "--name", "a"], "--output", env={"K8SLEADER_OUTPUT": "xml"})

    def test_help_and_version(self):
        self.assertRegex(call("--version").stdout, r"^k8sleader \d+\.\d+\.\d+\n$")
        for arguments in ["--help"], ["elect", "--help"], ["run", "-h"], ["status", "--help"], ["dev-server", "--help"]:
            done = call(*arguments)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("Exit codes:", done.stdout)
            self.assertLessEqual(max(map(len, done.stdout.splitlines())), 120)

    def test_commands_that_cannot_run(self):
        self.check_refused(["run", "--name", "a", "--", "no-such-command"], "not found", 127)
        self.check_refused(["run", "--name", "a", "--", "/nonexistent/command"], "not found", 127)
        self.check_refused(["run", "--name", "a", "--", ""], "not found", 127)
        self.check_refused(["run", "--name", "a", "--", "/etc/passwd"], "Permission denied", 126)
        self.check_refused(["run", "--name", "a", "--", "/tmp"], "Permission denied", 126)


class Configuration(support.TestCase):
    def write(self, text):
        handle, path = tempfile.mkstemp()
        self.addCleanup(os.unlink, path)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def changed(self, pattern, replacement):
        with open(self.server.kubeconfig, encoding="utf-8") as file:
            text, count = re.subn(pattern, replacement, file.read())
        self.assertEqual(count, 1)
        return self.write(text)

    def check_refused(self, arguments, says):
        done = call("elect", *arguments)
        self.assertEqual((done.returncode, done.stdout), (2, ""), done)
        self.assertIn(says, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)

    def test_kubeconfig_that_cannot_be_used(self):
        lock = ["--name", "a", "--namespace", "default"]
        self.check_refused([*lock, "--kubeconfig", "/nonexistent/kubeconfig"], "/nonexistent/kubeconfig")
        self.check_refused([*lock, "--kubeconfig", self.write("clusters: [")], ":2: ")
        self.check_refused([*lock, "--kubeconfig", self.server.kubeconfig, "--context", "other"], "other")
        self.check_refused(lock, "kubeconfig")

    def test_options_that_cannot_work(self):
        known = ["--kubeconfig", self.server.kubeconfig, "--namespace", "default", "--name"]
        self.check_refused([*known, "a", "--lease-duration", "5s"], "renew-deadline")
        self.check_refused([*known, "a", "--lease-duration", "soon"], "soon")
        self.check_refused([*known, "a", "--renew-deadline", "2s"], "retry-period")
        self.check_refused([*known, "Not_A_Name"], "Not_A_Name")
        self.check_refused([*known, "a", "--identity", ""], "identity")
        self.check_refused([*known, "a", "--label", "nothing"], "KEY=VALUE")
        self.check_refused(["--kubeconfig", self.server.kubeconfig, "--name", "a"], "namespace")

    def test_namespace_of_a_named_context(self):
        a = self.keep(support.Program("elect", "--kubeconfig", self.server.kubeconfig, "--context", "dev-server", "--name",
                                      self.lock, "--output", "json"))
        a.event("started_leading", lock="default/" + self.lock)

    def check_waits(self, kubeconfig, code, namespace="default"):
        """It says what is wrong and goes on; a signal ends it, as nothing is wrong with itself."""
        a = self.keep(support.Program("elect", "--kubeconfig", kubeconfig, "--namespace", namespace, "--name", self.lock,
                                      "--output", "json", *support.SHORT))
        error, _ = a.event("error", code=code)
        self.assertTrue(error["message"])
        a.signal(signal.SIGTERM)
        self.assertEqual(a.finish(), 0)
        self.assertEqual([line for line in a.out.lines if json.loads(line)["event"] != "error"], [])

    def test_wrong_authority(self):
        other = support.Server()
        self.addCleanup(other.end)
        self.check_waits(self.changed(r"server: \S+", "server: " + other.url), "TLS_UNTRUSTED")

    def test_wrong_token(self):
        self.check_waits(self.changed(r'token: "[^"]+"', 'token: "wrong"'), "UNAUTHORIZED")

    def test_unknown_namespace(self):
        self.check_waits(self.server.kubeconfig, "NAMESPACE_NOT_FOUND", "nowhere")

    def test_not_kubernetes(self):
        class Web(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = b"<html>It works!</html>"
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except BrokenPipeError:
                    pass  # it has seen enough

            do_POST = do_GET

            def log_message(self, *arguments):
                pass

        web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        self.addCleanup(web.server_close)
        self.addCleanup(web.shutdown)
        self.check_waits(self.write("clusters: [{name: c, cluster: {server: 'http://127.0.0.1:%d'}}]\n"
                                    "contexts: [{name: c, context: {cluster: c}}]\ncurrent-context: c\n"
                                    % web.server_address[1]), "NOT_KUBERNETES")

    def test_server_that_is_down_is_waited_for(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        later = self.write("clusters: [{name: c, cluster: {server: 'http://127.0.0.1:%d'}}]\n"
                           "users: [{name: c, user: {token: t}}]\n"
                           "contexts: [{name: c, context: {cluster: c, user: c}}]\ncurrent-context: c\n" % port)
        a = self.keep(support.Program("elect", "--kubeconfig", later, "--namespace", "default", "--name", self.lock,
                                      *support.SHORT))
        a.err.wait(lambda line: "error: " in line and str(port) in line)
        server = support.Server("--plain-http", "--token", "t", "--listen", f"127.0.0.1:{port}")
        self.addCleanup(server.end)
        a.out.wait(lambda line: "started leading" in line)
        a.signal(signal.SIGTERM)
        self.assertEqual(a.finish(), 0)
        self.assertLessEqual(len([line for line in a.err.lines if "error: " in line]), 2, "once for reads, once for writes")


class DevServer(unittest.TestCase):
    def start(self, *arguments):
        server = support.Program("dev-server", *arguments)
        self.addCleanup(server.kill)
        index = server.out.wait(lambda line: line.startswith("export KUBECONFIG="))
        return server, re.fullmatch("export KUBECONFIG='(.+)'", server.out.lines[index])[1]

    def test_folder_is_removed(self):
        for number in signal.SIGTERM, signal.SIGINT:
            server, kubeconfig = self.start()
            self.assertEqual(os.stat(kubeconfig).st_mode & 0o777, 0o600)
            self.assertEqual(os.stat(os.path.dirname(kubeconfig)).st_mode & 0o777, 0o700)
            server.signal(number)
            self.assertEqual(server.finish(), 0)
            self.assertFalse(os.path.exists(os.path.dirname(kubeconfig)))

    def test_kubeconfig_out_is_left(self):
        with tempfile.TemporaryDirectory() as folder:
            server, kubeconfig = self.start("--kubeconfig-out", folder + "/k", "--token", "abc")
            self.assertEqual(kubeconfig, folder + "/k")
            server.signal(signal.SIGTERM)
            self.assertEqual(server.finish(), 0)
            with open(kubeconfig, encoding="utf-8") as file:
                self.assertIn('token: "abc"', file.read())

    def test_what_it_prints_works(self):
        _, kubeconfig = self.start()
        a = support.Program("elect", "--context", "dev-server", "--name", "demo", env={"KUBECONFIG": kubeconfig})
        self.addCleanup(a.kill)
        a.out.wait(lambda line: "started leading" in line)

    def test_request_log_and_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            server = support.Server("--request-log", folder + "/log")
            self.addCleanup(server.end)
            self.assertTrue(server.url.startswith("https://"))
            with socket.create_connection(server.url.removeprefix("https://").rsplit(":", 1)) as plain:
                with server.context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                    self.assertIn(secure.version(), ("TLSv1.2", "TLSv1.3"))
            a = server.candidate("elect", "--name", "logged")
            self.addCleanup(a.kill)
            a.out.wait(lambda line: "started leading" in line)
            with open(folder + "/log", encoding="utf-8") as file:
                verbs = [json.loads(line).get("verb") for line in file]
            self.assertIn("create", verbs)
            with self.assertRaises(ssl.SSLError):
                with socket.create_connection(server.url.removeprefix("https://").rsplit(":", 1)) as plain:
                    ssl.create_default_context().wrap_socket(plain, server_hostname="127.0.0.1")

    def test_failures(self):
        self.assertEqual(call("dev-server", "--listen", "nonsense").returncode, 1)
        self.assertEqual(call("dev-server", "--kubeconfig-out", "/nonexistent/k").returncode, 1)

    @unittest.skipUnless(shutil.which("kubectl"), "there is no kubectl here")
    def test_kubectl(self):
        server = support.Server()
        self.addCleanup(server.end)
        a = server.candidate("elect", "--name", "seen", "--identity", "a")
        self.addCleanup(a.kill)
        a.out.wait(lambda line: "started leading" in line)
        done = subprocess.run(["kubectl", "--kubeconfig", server.kubeconfig, "get", "lease", "seen", "-o",
                               "jsonpath={.spec.holderIdentity}"], capture_output=True, text=True, check=False,
                              timeout=support.LIMIT, env=support.environment({"HOME": server.folder}))
        self.assertEqual((done.returncode, done.stdout), (0, "a"), done)


if __name__ == "__main__":
    support.main()
