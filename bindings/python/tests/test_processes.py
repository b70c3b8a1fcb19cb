# SPDX-License-Identifier: Apache-2.0
"""The interpreter's end, forks, sub-interpreters, and cycles of it all."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest
from support import PATIENCE, SHORT, holder, run_script

import k8sleader

PRELUDE = """
import sys, threading, time, k8sleader
kubeconfig, lock = sys.argv[1:]
client = k8sleader.Client(kubeconfig, namespace="default")
"""


def test_exit_in_the_block_releases(server, lock):
    result = run_script(server, PRELUDE + "with client.lead(lock): sys.exit(3)", lock)
    assert result.returncode == 3, result.stderr
    assert holder(server, lock) == ""


def test_exit_without_a_block_releases(server, lock):
    result = run_script(server, PRELUDE + "election = client.stand(lock)\nassert election.wait(20)", lock)
    assert result.returncode == 0, result.stderr
    assert holder(server, lock) == ""


def test_exit_waits_for_threads(server, lock):
    script = """
def work():
    with client.lead(lock, identity="worker"):
        ready.set()
        time.sleep(1)
        (owner,) = client.locks(lock)
        print("held by", owner.holder)
ready = threading.Event()
threading.Thread(target=work).start()
ready.wait()
"""
    result = run_script(server, PRELUDE + script, lock)
    assert result.returncode == 0, result.stderr
    assert "held by worker" in result.stdout
    assert holder(server, lock) == ""


def test_exit_while_a_daemon_works_does_not_release(server, lock):
    script = """
def work():
    with client.lead(lock, identity="daemon") as term:
        ready.set()
        while True:
            time.sleep(0.01)
ready = threading.Event()
threading.Thread(target=work, daemon=True, name="busy").start()
ready.wait()
"""
    result = run_script(server, PRELUDE + script, lock)
    assert result.returncode == 0, result.stderr
    assert "not released" in result.stderr and "busy" in result.stderr
    assert holder(server, lock) == "daemon"


def test_ctrl_c_ends_a_program_that_waits(server, client, lock):
    with client.lead(lock, **SHORT):
        script = PRELUDE + "print('waits', flush=True)\nwith client.lead(lock): pass"
        process = subprocess.Popen(
            [sys.executable, "-c", script, server.kubeconfig, lock], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout.readline() == b"waits\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=PATIENCE)
        assert b"KeyboardInterrupt" in error
        assert process.returncode == -signal.SIGINT


def in_child(function, patience=PATIENCE):
    """Its result in a forked child, as a text; the child ends after its patience."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(int(patience))
        try:
            os.write(writer, repr(function()).encode())
        except BaseException as error:
            os.write(writer, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as file:
        text = file.read()
    os.waitpid(pid, 0)
    return text


def test_a_forked_child_does_not_lead(server, client, lock):
    with client.lead(lock, identity="parent", **SHORT) as term:
        assert in_child(lambda: (term.is_leader, term.may_finish, term.lock)) == f"(False, False, 'default/{lock}')"
        assert in_child(lambda: client.lead(lock).__enter__()).startswith("ForkedError")
        assert in_child(lambda: client.locks()).startswith("ForkedError")
        assert in_child(lambda: client.close()) == "None"
        assert in_child(lambda: term.stop()).startswith("ForkedError")

        def leave_the_block():
            block.__exit__(None, None, None)
            gc.collect()

        block = client.lead(f"{lock}-2", identity="parent", **SHORT)
        with block:
            assert in_child(leave_the_block) == "None"
            assert holder(server, f"{lock}-2") == "parent"
        assert term.is_leader
        assert holder(server, lock) == "parent"


def test_a_forked_child_makes_its_own_client(server, client, lock):
    def lead():
        with server.client() as own, own.lead(lock, identity="child", **SHORT) as term:
            return term.is_leader

    with client.lead(f"{lock}-2", **SHORT):
        assert in_child(lead) == "True"


def _lead_in_a_process(kubeconfig, lock, results):
    with k8sleader.Client(kubeconfig, namespace="default") as client, client.lead(lock, **SHORT) as term:
        results.put(term.fencing_token)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(server, client, lock, method):
    context = multiprocessing.get_context(method)
    results = context.Queue()
    with client.lead(f"{lock}-parent", **SHORT):
        processes = [context.Process(target=_lead_in_a_process, args=(server.kubeconfig, lock, results)) for _ in range(3)]
        for process in processes:
            process.start()
        tokens = [results.get(timeout=60) for _ in processes]
        for process in processes:
            process.join(PATIENCE)
    assert len(set(tokens)) == 3
    assert [p.exitcode for p in processes] == [0, 0, 0]


def test_a_sub_interpreter_is_refused():
    # Of the same functions, by its name since 3.13 and the one before.
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    interpreters = pytest.importorskip(name)
    script = """
try:
    import k8sleader
except ImportError as error:
    assert "main interpreter" in str(error) or "subinterpreters" in str(error), error
else:
    raise AssertionError("imported")
"""
    interpreter = interpreters.create()
    try:
        assert interpreters.run_string(interpreter, script) is None  # newer ones return what was raised
    finally:
        interpreters.destroy(interpreter)


def resources():
    with open("/proc/self/statm", encoding="ascii") as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


def lead_cycle(client, lock):
    with client.lead(lock, **SHORT) as term:
        assert term.is_leader


def run_cycle(client, lock):
    client.run(lock, on_started_leading=lambda term: term.stop(), **SHORT)


def assert_no_growth(cycles, count):
    """Of memory, descriptors and threads, once what is kept for good is there."""
    gc.collect()
    gc.disable()  # what only it would free is growth, too
    try:
        cycles(count // 5)
        memory, files, tasks = resources()
        cycles(count - count // 5)
        after = resources()
    finally:
        gc.enable()
    assert after[1:] == (files, tasks)
    assert after[0] - memory < 4 << 20


@pytest.mark.parametrize(("cycle", "count"), [(lead_cycle, 1000), (run_cycle, 1000)])
def test_a_thousand_cycles_do_not_grow(embedded, lock, cycle, count):
    def cycles(count):
        with embedded.client() as client:
            for number in range(count):
                cycle(client, f"{lock}-{number % 10}")

    assert_no_growth(cycles, count)


def test_a_thousand_cycles_of_asyncio_do_not_grow(embedded, lock):
    async def main(count):
        async with embedded.client() as client:
            for number in range(count):
                async with client.alead(f"{lock}-{number % 10}", **SHORT) as term:
                    assert term.is_leader

    assert_no_growth(lambda count: asyncio.run(main(count)), 1000)


def test_a_thousand_clients_do_not_grow(embedded):
    def cycles(count):
        for number in range(count):
            client = embedded.client()
            if number % 2:
                client.close()

    assert_no_growth(cycles, 1000)
