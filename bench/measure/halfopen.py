"""A half-open connection: what the leader has open goes silent for ever, new connections pass.

As when a NAT or a load balancer forgets a flow. A proxy stands for it here, since packet filters take root: it goes on
holding the old connections, reads nothing from them and sends nothing. (The kernel still acknowledges what it has room
for, so TCP's own time-outs don't help anybody.)
"""

import os
import select
import socket
import threading
import time
import urllib.parse

from measure.bed import CLIENTGO, LEASE_S, PYTHON, wall_time
from measure.candidate import Candidate
from measure.figure import OURS, Figure

WATCHED_S = 45.0  # longer than anybody's time-outs take to show


class Proxy:
    """Passes bytes on, of the connections that are not cut."""

    def __init__(self, address):
        self.address = address
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.alive = {}  # one side's socket: the other's
        self.silent = []  # kept, else the kernel would end them
        self.lock = threading.Lock()
        self.woken, self.waker = socket.socketpair()
        self.ended = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while not self.ended:
            with self.lock:
                waited = [self.listener, self.woken, *self.alive]
            for readable in select.select(waited, [], [])[0]:
                if readable is self.listener:
                    near, far = self.listener.accept()[0], socket.create_connection(self.address)
                    for one in near, far:
                        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    with self.lock:
                        self.alive.update({near: far, far: near})
                elif readable is self.woken:
                    self.woken.recv(1)
                else:
                    self._pass_on(readable)

    def _pass_on(self, one):
        with self.lock:
            other = self.alive.get(one)
        if other is None:
            return
        try:
            data = one.recv(65536)
            if data:
                other.sendall(data)
                return
        except OSError:
            pass
        with self.lock:
            for closed in one, other:
                self.alive.pop(closed, None)
                closed.close()

    def cut(self):
        with self.lock:
            self.silent += list(self.alive)
            self.alive.clear()
        self.waker.send(b"x")
        return time.time()

    def end(self):
        self.ended = True
        self.waker.send(b"x")
        self.thread.join()
        for one in (self.listener, self.woken, self.waker, *self.alive, *self.silent):
            one.close()


def through(bed, subject, proxy):
    """A kubeconfig that leads to the proxy. (The server's certificate is for 127.0.0.1.)"""
    with open(bed.kubeconfig, encoding="utf-8") as file:
        text = file.read()
    path = os.path.join(bed.folder, f"halfopen-{subject.replace(' ', '-')}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(bed.client.kubeconfig.server, f"https://127.0.0.1:{proxy.port}"))
    return path


def measure(bed):
    server = urllib.parse.urlsplit(bed.client.kubeconfig.server)
    led, renewals = [], {}
    for subject in bed.has(OURS, CLIENTGO, PYTHON):
        proxy, lock = Proxy((server.hostname, server.port)), bed.name("halfopen")
        leader = Candidate(bed, subject, lock, "leader",
                           command=bed.command(subject, lock, "leader", kubeconfig=through(bed, subject, proxy)))
        leader.wait("started_leading")
        led.append((subject, proxy, lock, leader))
    time.sleep(5.0)  # they have renewed: their connections are as they will be
    for subject, _, lock, _ in led:
        renewals[subject] = {wall_time(bed.lease(lock)["spec"]["renewTime"])}
    # All at once, for from now on every renewal is looked at.
    cut = [(*one, one[1].cut()) for one in led]
    until = time.monotonic() + WATCHED_S
    while time.monotonic() < until:
        time.sleep(0.2)  # the window is what is measured
        for subject, _, lock, _, _ in cut:
            renewals[subject].add(wall_time(bed.lease(lock)["spec"]["renewTime"]))
    gaps, lost = {}, {}
    for subject, proxy, _, leader, since in cut:
        # By its own clock, which is ours; until now if it never came back.
        seen = [*sorted(renewals[subject]), time.time()]
        gaps[subject] = [max(after - before for before, after in zip(seen, seen[1:]))]
        lost[subject] = [float(any(e["time"] >= since for e in leader.all("stopped_leading")))]
        leader.end()
        proxy.end()
    yield Figure("halfopen", "half-open connection: longest time without a renewal", "s", gaps, [],
                 f"< {LEASE_S:.0f} s: lease kept",
                 f"watched for {WATCHED_S:.0f} s; who has stopped, or has not come back by then, counts to the end")
    yield Figure("halfopen", "... leader said it had stopped (1) or went on (0)", "1", lost, [], "0")
