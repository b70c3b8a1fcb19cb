"""A TCP proxy between one candidate and the API server, for what a packet filter can't do: it delays, resets, and cuts.

It passes bytes on and understands none of them. Each candidate that needs one has its own, at the API server's address
(the server's certificate is for that) with another port.
"""

import asyncio
import collections
import fcntl
import os
import socket
import struct
import termios
import threading
import time

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends RST
CUT_PATIENCE = 1.0  # seconds for what comes before a cut to arrive; another fault may keep it from that


class Loop:
    """All proxies run in one thread."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()


class Pipe:
    """One direction of a connection."""

    def __init__(self, proxy, writer, is_answer):
        self.proxy, self.writer, self.is_answer = proxy, writer, is_answer
        self.waiting = collections.deque()  # what goes out later, in order; None: the end
        self.due = 0.0  # when the last of it does
        self.left = None  # bytes until it is cut

    async def carry(self, reader):
        while data := await reader.read(65536):
            self.proxy.carried += len(data)
            if self.left is not None and len(data) > self.left:
                await self._cut(data[:self.left])
                return
            if self.left is not None:
                self.left -= len(data)
            self._pass_on(data)
        self._pass_on(None)

    def _pass_on(self, data):
        loop = asyncio.get_running_loop()
        self.waiting.append(data)
        if len(self.waiting) == 1 and self.proxy.latency == 0.0:
            self._write_next()
        else:
            # Also when there is no latency any more: what came before must not be overtaken.
            self.due = max(loop.time() + self.proxy.latency, self.due)
            loop.call_at(self.due, self._write_next)

    def _write_next(self):
        data = self.waiting.popleft() if self.waiting else b""
        if data is None:
            self.writer.close()
        elif not self.writer.is_closing():
            self.writer.write(data)

    async def _cut(self, data):
        for pipe in self.proxy.pipes:
            pipe.left = None
        while self.waiting:
            self._write_next()
        self.writer.write(data)
        until = time.monotonic() + CUT_PATIENCE
        # A reset throws away what has not gone out. Nobody tells when it has arrived, so that has to be asked.
        while not self.writer.is_closing() and unacknowledged(self.writer) and time.monotonic() < until:
            await asyncio.sleep(0.001)
        self.proxy.cuts += 1
        reset(self.writer)


def unacknowledged(writer):
    """Bytes that the candidate's kernel has not got yet."""
    answer = fcntl.ioctl(writer.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
    return writer.transport.get_write_buffer_size() + struct.unpack("i", answer)[0]


def reset(writer):
    if not writer.is_closing():
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()


class Proxy:
    def __init__(self, loop, address):
        """address: the API server's, (host, port)."""
        self.loop = loop
        self.address = address
        self.latency = 0.0  # seconds, each way
        self.cuts = 0  # connections that were cut in the middle of an answer
        self.accepted = 0
        self.carried = 0  # bytes, both ways
        self.pipes = set()
        self.server = loop.run(asyncio.start_server(self._serve, address[0], 0))
        self.port = self.server.sockets[0].getsockname()[1]

    async def _serve(self, near_reader, near_writer):
        self.accepted += 1
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.address)
        except OSError:
            reset(near_writer)  # as the server, were it there to be asked
            return
        pipes = Pipe(self, near_writer, True), Pipe(self, far_writer, False)
        self.pipes.update(pipes)
        try:
            await asyncio.gather(pipes[0].carry(far_reader), pipes[1].carry(near_reader))
        except OSError:
            pass
        finally:
            self.pipes.difference_update(pipes)
            for pipe in pipes:
                reset(pipe.writer)

    def reset_all(self):
        """Every connection that is open. How many."""
        async def do():
            pipes = [pipe for pipe in self.pipes if pipe.is_answer]
            for pipe in pipes:
                reset(pipe.writer)
            return len(pipes)

        return self.loop.run(do())

    def cut_after(self, size):
        """Of the connections that are open, resets the first one that is to carry more than so many bytes of answers
        from now on, behind those. None: doesn't."""
        async def do():
            for pipe in self.pipes:
                pipe.left = size if pipe.is_answer else None

        self.loop.run(do())

    def end(self):
        async def do():
            self.server.close()
            for pipe in list(self.pipes):
                reset(pipe.writer)

        self.loop.run(do())


def kubeconfig_through(proxy, kubeconfig, folder):
    """A copy of a kubeconfig that leads to the proxy."""
    with open(kubeconfig, encoding="utf-8") as file:
        text = file.read()
    path = os.path.join(folder, f"kubeconfig-{proxy.port}")
    host, port = proxy.address
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(f"https://{host}:{port}", f"https://{host}:{proxy.port}"))
    return path
