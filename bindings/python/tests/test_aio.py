# SPDX-License-Identifier: Apache-2.0
"""async with client.alead()"""

from __future__ import annotations

import asyncio
import threading

import pytest
from support import PATIENCE, SHORT, holder, steal

import k8sleader


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, PATIENCE * 3))


def test_leads_and_releases_without_threads(server, lock):
    async def main():
        async with server.client() as client:
            before = threading.active_count()
            async with client.alead(lock, identity="me", **SHORT) as term:
                assert term.is_leader
                assert threading.active_count() == before
                assert holder(server, lock) == "me"
            assert holder(server, lock) == ""

    run(main())


def test_the_task_is_cancelled_on_loss_and_goes_on_behind_the_block(server, lock):
    async def main():
        seen = []
        async with server.client() as client:
            async with client.alead(lock, **SHORT) as term:
                steal(server, lock)
                try:
                    await asyncio.sleep(PATIENCE)
                except asyncio.CancelledError:
                    seen.append(term.is_leader)
                    raise
                pytest.fail("not cancelled")
            seen.append(term.lost.is_set())
            await asyncio.sleep(0)  # no cancellation is left
        assert seen == [False, True]

    run(main())


def test_loss_raises_where_asked_for(server, lock):
    async def main():
        async with server.client() as client:
            with pytest.raises(k8sleader.LeadershipLost):
                async with client.alead(lock, raise_on_loss=True, **SHORT):
                    steal(server, lock)
                    await asyncio.sleep(PATIENCE)

    run(main())


def test_a_stop_cancels_while_the_lease_is_held(server, lock):
    async def main():
        async with server.client() as client:
            async with client.alead(lock, identity="me", **SHORT) as term:
                asyncio.get_running_loop().call_later(0.1, term.stop)
                try:
                    await asyncio.sleep(PATIENCE)
                finally:
                    assert term.may_finish
                    assert holder(server, lock) == "me"
            assert not term.lost.is_set()
            assert holder(server, lock) == ""

    run(main())


def test_cancelled_while_it_waits(server, lock):
    async def main():
        async with server.client() as client:
            async with client.alead(lock, identity="first", **SHORT):

                async def second():
                    async with client.alead(lock, identity="second", **SHORT):
                        pytest.fail("two lead")

                task = asyncio.create_task(second())
                await asyncio.sleep(0.3)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert holder(server, lock) == "first"

    run(main())


def test_cancelled_in_the_block(server, lock):
    async def main():
        async with server.client() as client:
            entered = asyncio.Event()

            async def lead():
                async with client.alead(lock, **SHORT):
                    entered.set()
                    await asyncio.sleep(PATIENCE)

            task = asyncio.create_task(lead())
            await entered.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert holder(server, lock) == ""

    run(main())


def test_timeout(server, lock):
    async def main():
        async with server.client() as client:
            async with client.alead(lock, **SHORT):
                with pytest.raises(k8sleader.WaitTimeout):
                    async with client.alead(lock, timeout=0.2, **SHORT):
                        pytest.fail("two lead")

    run(main())


def test_an_exception_releases(server, lock):
    async def main():
        async with server.client() as client:
            with pytest.raises(ZeroDivisionError):
                async with client.alead(lock, **SHORT):
                    raise ZeroDivisionError
            assert holder(server, lock) == ""

    run(main())


def test_many_tasks_share_a_client(server, lock):
    async def main():
        async with server.client() as client:
            led = []

            async def lead(number):
                async with client.alead(f"{lock}-{number % 10}", **SHORT) as term:
                    led.append((number % 10, term.fencing_token))

            await asyncio.gather(*(lead(n) for n in range(30)))
            assert len(set(led)) == 30

    run(main())


def test_beside_a_thread_that_takes_the_events(server, lock):
    async def main():
        client = server.client()
        with client.events() as stream:
            thread = threading.Thread(target=list, args=(stream,))
            thread.start()
            for _ in range(5):
                async with client.alead(lock, **SHORT) as term:
                    assert term.is_leader
            await client.aclose()
        thread.join(PATIENCE)
        assert not thread.is_alive()

    run(main())


def test_aclose_ends_the_blocks_of_other_tasks_first(server, lock):
    async def main():
        client = server.client()
        entered = asyncio.Event()
        ended = []

        async def lead():
            async with client.alead(lock, **SHORT):
                entered.set()
                try:
                    await asyncio.sleep(PATIENCE)
                finally:
                    ended.append(holder(server, lock))

        task = asyncio.create_task(lead())
        await entered.wait()
        with pytest.raises(RuntimeError, match="aclose"):
            client.close()
        await client.aclose()
        await task
        assert ended != [""]
        assert holder(server, lock) == ""

    run(main())
