--- In coroutines the blocking calls yield: luv, cqueues, copas, OpenResty's way, and a scheduler of one's own.

local core = require "k8sleader.core"
local protect = require "k8sleader.protect"
local support = require "support"

--- name → a function that runs functions as coroutines until all have ended, and one that pauses in them.
local loops = {}

local function failing(f, errors)
    return function()
        local ok, err = xpcall(f, debug.traceback)
        if not ok then
            errors[#errors + 1] = err
        end
    end
end

-- Lua 5.1 can't yield out of an xpcall.
if _VERSION == "Lua 5.1" and not rawget(_G, "jit") then
    local coxpcall = require "coxpcall"
    failing = function(f, errors)
        return function()
            local ok, err = coxpcall.xpcall(f, debug.traceback)
            if not ok then
                errors[#errors + 1] = err
            end
        end
    end
end

do
    local found, uv = pcall(require, "luv")
    loops.luv = found and {
        run = function(functions)
            for _, f in ipairs(functions) do
                coroutine.wrap(f)()
            end
            uv.run()
        end,
    }
end

do
    local found, cqueues = pcall(require, "cqueues")
    loops.cqueues = found and {
        run = function(functions)
            local controller = cqueues.new()
            for _, f in ipairs(functions) do
                controller:wrap(f)
            end
            assert(controller:loop())
        end,
    }
end

do
    local found, copas = pcall(require, "copas")
    loops.copas = found and {
        run = function(functions)
            local running = #functions
            for _, f in ipairs(functions) do
                copas.addthread(function()
                    f()
                    running = running - 1
                end)
            end
            while running > 0 do
                copas.step(1)
            end
        end,
    }
end

--- Resumes all in turn: like OpenResty's timers, of which the scheduler needs ngx.sleep() and ngx.get_phase().
local function run_in_turn(functions)
    local threads = {}
    for _, f in ipairs(functions) do
        threads[#threads + 1] = coroutine.create(f)
    end
    local running
    repeat
        running = false
        for _, thread in ipairs(threads) do
            if coroutine.status(thread) ~= "dead" then
                assert(coroutine.resume(thread))
                running = true
            end
        end
        core.poll(-1, 0.001)
    until not running
end

loops.openresty = { run = run_in_turn, is_simulated = true }
loops.own = {
    run = run_in_turn,
    scheduler = function(fd)
        while not core.poll(fd, 0) do
            coroutine.yield()
        end
    end,
}

for name, loop in pairs(loops) do
    describe("scheduler " .. name, function()
        if not loop then
            pending("is not installed for this Lua")
            return
        end
        local server

        setup(function()
            server = support.server()
            if loop.is_simulated then
                rawset(_G, "ngx", {
                    sleep = coroutine.yield,
                    get_phase = function()
                        return protect.running() and "timer" or "init"
                    end,
                })
            end
        end)

        teardown(function()
            rawset(_G, "ngx", nil)
            server:stop()
        end)

        local function new_client(more)
            more = more or {}
            more.scheduler = loop.scheduler or name
            return assert(server:client(more))
        end

        local function run(...)
            local errors, functions = {}, {}
            for index, f in ipairs { ... } do
                functions[index] = failing(f, errors)
            end
            loop.run(functions)
            assert.same({}, errors)
        end

        it("lets others run while one waits for its turn", function()
            local client = new_client()
            local lock = support.lock_name()
            local terms, most, leading = {}, 0, 0
            local function stand()
                assert(client:lead(lock, function(term)
                    leading = leading + 1
                    most = math.max(most, leading)
                    assert(term:is_leader())
                    assert(client:locks { name = lock })
                    assert(term:wait(0.05) == false)
                    terms[#terms + 1] = term
                    leading = leading - 1
                end))
            end
            run(stand, stand, stand)
            assert.equal(3, #terms)
            assert.equal(1, most)
            assert.is_true(client:close())
        end)

        it("dispatches in one coroutine what another one stops", function()
            local client = new_client()
            local told = {}
            local election
            run(function()
                election = assert(client:election {
                    name = support.lock_name(),
                    on_started_leading = function()
                        told[#told + 1] = "started"
                    end,
                    on_stopped_leading = function(_, reason)
                        client:locks() -- a callback may wait
                        told[#told + 1] = reason
                    end,
                })
                while client:dispatch() do -- luacheck: ignore
                end
                told[#told + 1] = "over"
            end, function()
                local events = client:events()
                repeat
                    local event = assert(events:next())
                until event.type == "started_leading"
                assert(client:close())
            end)
            assert.same({ "started", "stop", "over" }, told)
            assert.is_false(election:is_leader())
        end)

        it("wakes all who wait when the client is closed", function()
            local client = new_client()
            local codes = {}
            local function note(ok, err)
                codes[#codes + 1] = not ok and err.code or "ok"
            end
            local lock = support.lock_name()
            local first = assert(client:election { name = lock })
            run(function()
                note(client:events():next())
            end, function()
                note(client:dispatch())
            end, function()
                local standby = assert(client:election { name = lock, identity = "second" })
                note(standby:wait())
                note(standby:wait(60))
            end, function()
                client:locks()
                client:close(0.3)
            end)
            assert.equal(4, #codes)
            assert.is_false(first:is_leader())
        end)

        it("is not needed outside of coroutines", function()
            local client = new_client()
            assert.is_true((client:lead(support.lock_name(), function() end)))
            assert.is_true(client:close())
        end)
    end)
end

--- As README.md has it.
describe("without coroutines", function()
    local server, client, election, told

    setup(function()
        server = support.server()
    end)

    teardown(function()
        server:stop()
    end)

    before_each(function()
        told = {}
        client = assert(server:client())
        election = assert(client:election {
            name = support.lock_name(),
            on_started_leading = function()
                told[#told + 1] = "started"
                election:stop()
            end,
            on_stopped_leading = function(_, reason)
                told[#told + 1] = reason
            end,
        })
    end)

    after_each(function()
        assert.is_true(client:close())
    end)

    it("fd() is awaited by luv", function()
        local uv = require "luv"
        local poll = uv.new_poll(assert(client:fd()))
        poll:start("r", function()
            client:dispatch(0)
            if told[2] then
                poll:stop()
                poll:close()
            end
        end)
        uv.run()
        assert.same({ "started", "stop" }, told)
    end)

    it("fd() is awaited by socket.select", function()
        local socket = require "socket"
        local waits = {
            getfd = function()
                return client:fd()
            end,
        }
        while not told[2] do
            local readable = socket.select({ waits }, nil, support.PATIENCE)
            assert.equal(waits, readable[1])
            client:dispatch(0)
        end
        assert.same({ "started", "stop" }, told)
    end)
end)

describe("a coroutine that is collected", function()
    local server

    setup(function()
        server = support.server()
    end)

    teardown(function()
        server:stop()
    end)

    local function count_descriptors()
        local output = assert(io.popen("ls /proc/$PPID/fd | wc -l"))
        local count = tonumber(output:read("*a"))
        output:close()
        return count
    end

    it("while it waits leaves nothing behind", function()
        local client = assert(server:client { scheduler = coroutine.yield })
        local other = assert(server:client())
        local lock = support.lock_name()
        assert(other:lead(lock, function()
            local before = count_descriptors()
            for _ = 1, 20 do
                local waits = coroutine.create(function()
                    client:lead(lock, { identity = "collected" }, function() end)
                end)
                assert(coroutine.resume(waits))
                assert.equal("suspended", coroutine.status(waits))
                local asks = coroutine.create(function()
                    client:locks { name = lock }
                end)
                assert(coroutine.resume(asks))
            end
            collectgarbage()
            collectgarbage()
            -- Forgotten queries end with their answers, at the next query.
            support.await(function()
                support.holder(other, lock)
                local asks = coroutine.create(function()
                    client:locks { name = lock }
                end)
                assert(coroutine.resume(asks))
                collectgarbage()
                return count_descriptors() < before + 15
            end)
        end))
        assert.equal("", support.holder(other, lock))
        assert.is_true(client:close())
        assert.is_true(other:close())
    end)

    it("while it leads does not release", function()
        local client = assert(server:client { scheduler = coroutine.yield })
        local other = assert(server:client())
        local lock = support.lock_name()
        local works = coroutine.create(function()
            client:lead(lock, support.short { identity = "collected" }, function()
                while true do
                    coroutine.yield("leads")
                end
            end)
        end)
        support.await(function()
            local _, state = assert(coroutine.resume(works))
            return state == "leads"
        end)
        works = nil -- luacheck: ignore
        collectgarbage()
        collectgarbage()
        assert.equal("collected", support.holder(other, lock))
        assert.is_true(client:close())
        assert.equal("collected", support.holder(other, lock))
        assert.is_true(other:close())
    end)

    it("in a callback does not release, and keeps nobody else from dispatching", function()
        local client = assert(server:client { scheduler = coroutine.yield })
        local lock = support.lock_name()
        local stops = 0
        local election = assert(client:election(support.short {
            name = lock,
            identity = "me",
            on_started_leading = function() end,
            on_stopped_leading = function()
                stops = stops + 1
                coroutine.yield("ends")
            end,
        }))
        support.dispatch_until(client, function()
            return election:is_leader()
        end)
        election:stop()
        local dispatches = coroutine.create(function()
            while client:dispatch() do -- luacheck: ignore
            end
        end)
        support.await(function()
            local _, state = assert(coroutine.resume(dispatches))
            return state == "ends"
        end)
        dispatches = nil -- luacheck: ignore
        collectgarbage()
        collectgarbage()
        assert.equal("me", support.holder(client, lock))
        assert.equal(1, stops)
        assert.is_nil((client:close(0.2)))
    end)
end)
