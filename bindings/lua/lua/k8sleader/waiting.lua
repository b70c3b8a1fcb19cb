--- Waiting: by blocking, or, where the client has a scheduler and this is one of its coroutines, by yielding.
--
-- What is waited for is asked of the library each time, never concluded from an event: events only say when to look again.
--
-- A scheduler is a table: wait(fd) returns when the descriptor is readable, and lets other coroutines run meanwhile; it may
-- return early. can_wait() says whether the caller is one of its coroutines. Time-outs, and being woken, are the
-- descriptor's: see src/waiter.c.

local check = require "k8sleader.check"
local core = require "k8sleader.core"
local protect = require "k8sleader.protect"

local waiting = {}

--- "luv", "copas", "cqueues", "openresty", a function wait(fd), or a table. Raises on anything else.
function waiting.scheduler(wanted, level)
    if wanted == nil then
        return nil
    end
    if type(wanted) == "string" then
        local found, module = pcall(require, "k8sleader.scheduler." .. wanted)
        if not found then
            check.fail(("scheduler: %s: %s"):format(wanted, tostring(module)), level + 1)
        end
        return module
    end
    if type(wanted) == "function" then
        return { wait = wanted, can_wait = protect.running }
    end
    check.is(wanted, "table", "scheduler", level + 1)
    check.is(wanted.wait, "function", "scheduler.wait", level + 1)
    return { wait = wanted.wait, can_wait = wanted.can_wait or protect.running }
end

--- Waits until fd is readable, the time has passed, or waiting.wake() is called on the same set. Returns early at will.
function waiting.pause(scheduler, parked, fd, seconds)
    if not (scheduler and scheduler.can_wait()) then
        core.poll(fd, seconds)
        return
    end
    local waiter, reason = core.waiter(fd, seconds)
    if not waiter then
        -- Without descriptors nothing can be awaited.
        error("k8sleader: " .. reason, 0)
    end
    -- Held weakly there: a coroutine that is forgotten while it waits can be collected.
    parked[waiter] = true
    scheduler.wait(core.waiter_fd(waiter))
    parked[waiter] = nil
    core.waiter_close(waiter)
end

--- Makes all who wait look again.
function waiting.wake(parked)
    for waiter in pairs(parked) do
        core.waiter_wake(waiter)
    end
end

return waiting
