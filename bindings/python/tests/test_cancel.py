# SPDX-License-Identifier: Apache-2.0
"""asyncio cancellation at every await: at the first, then at the second, and so on, until there is none left."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import types

import pytest
from support import PATIENCE, SHORT, await_true, steal

import k8sleader


@types.coroutine
def cancelled_at(number, when, coroutine):
    """Awaits it, and cancels the task at the await of that number: while it waits there, or when what it waits for has come
    and the task has not run on yet. Returns whether it came so far."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    error = None
    for now in itertools.count():
        try:
            awaited = coroutine.throw(error) if error else coroutine.send(None)
        except StopIteration:
            return now > number
        error = None
        if now == number:
            if when == "waits" or awaited is None:
                loop.call_soon(task.cancel)
            else:
                awaited.add_done_callback(lambda _: task.cancel())
        try:
            yield awaited
        except BaseException as raised:
            error = raised


async def leads(server, client, lock):
    async with client.alead(lock, identity="me", **SHORT) as term:
        assert term.is_leader
        await asyncio.sleep(0)


async def waits_and_gives_up(server, client, lock):
    async with client.alead(lock, identity="first", **SHORT):
        with pytest.raises(k8sleader.WaitTimeout):
            async with client.alead(lock, timeout=0.05, identity="me", **SHORT):
                pytest.fail("two lead")


async def is_lost(server, client, lock):
    async with client.alead(lock, identity="me", **SHORT) as term:
        await asyncio.sleep(0)
        if term.is_leader:
            steal(server, lock)
        await asyncio.sleep(PATIENCE)


async def is_stopped(server, client, lock):
    async with client.alead(lock, identity="me", **SHORT) as term:
        term.stop()
        try:
            await asyncio.sleep(PATIENCE)
        finally:
            await asyncio.sleep(0)


async def is_closed(server, client, lock):
    async with client:
        async with client.alead(lock, identity="me", **SHORT):
            await asyncio.sleep(0)


def descriptors():
    return sorted(os.readlink(f"/proc/self/fd/{fd}").split(":")[0] for fd in os.listdir("/proc/self/fd") if exists(fd))


def exists(fd):
    return os.path.lexists(f"/proc/self/fd/{fd}")


def free(server, lock):
    """Nobody's, the thief's, or never made."""
    try:
        return server.lease(lock)["spec"].get("holderIdentity", "") in ("", "thief")
    except OSError as error:
        assert getattr(error, "code", None) == 404, error
        return True


def run_once(server, scenario, lock, number, when):
    client = server.client()
    reached = False

    async def main():
        nonlocal reached
        loop, fd = asyncio.get_running_loop(), client.fileno()
        try:
            reached = await cancelled_at(number, when, scenario(server, client, lock))
        except asyncio.CancelledError:
            reached = True
        assert client._pump.pointer is None or client._pump.readers(loop) == 0
        assert not loop.remove_reader(fd), "the loop still polls the client's descriptor"
        assert not client._pump._listeners
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    client.close(PATIENCE)
    assert client._pump.over
    await_true(lambda: free(server, lock))
    return reached


@pytest.mark.parametrize("when", ["waits", "is over"])
@pytest.mark.parametrize("scenario", [leads, waits_and_gives_up, is_lost, is_stopped, is_closed])
def test_cancelled_at_every_await(server, lock, scenario, when):
    run_once(server, scenario, f"{lock}-0", 10**6, when)  # what is made once is there
    gc.collect()
    threads, files = len(os.listdir("/proc/self/task")), descriptors()
    number = missed = reached = 0
    # How many there are is not always the same: an answer may be quicker than the look at it.
    while missed < 3:
        if run_once(server, scenario, f"{lock}-{number % 5}", number, when):
            reached, missed = reached + 1, 0
        else:
            missed += 1
        number += 1
        assert number < 200, "it does not come to an end"
    assert reached >= 2
    gc.collect()  # the exceptions of this test's own steps hold their frames, and with these elections
    assert len(os.listdir("/proc/self/task")) == threads
    assert descriptors() == files
