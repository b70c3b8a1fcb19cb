--- The end of a lua_State, of a program, of a coroutine; many states, threads, forks.

local support = require "support"
local testing = require "k8sleader.testing"

local HOST = os.getenv("K8SLEADER_LUA_HOST")

local PRELUDE = [[
local lock = arg[1]
local k8sleader = require "k8sleader"
local client = assert(k8sleader.client { kubeconfig = kubeconfig, namespace = "default", log_level = "none" })
]]

describe("the end", function()
    local server, client

    setup(function()
        server = support.server()
        client = assert(server:client())
    end)

    teardown(function()
        client:close()
        server:stop()
    end)

    --- Runs a program of its own on a new lock: its output, code, and who holds the lock then.
    local function run(script, environment)
        local name = support.lock_name("end")
        local text, code = support.run(server, PRELUDE .. script, name, environment)
        return text, code, support.holder(client, name)
    end

    it("of a program releases what leads", function()
        local text, code, holder = run [[
            local election = assert(client:election { name = lock })
            assert(election:wait(60))
        ]]
        assert.same({ "", 0, "" }, { text, code, holder })
    end)

    it("releases what callbacks led, without calling them", function()
        local text, code, holder = run [[
            local election = assert(client:election {
                name = lock,
                on_started_leading = function() end,
                on_stopped_leading = function() print("called") end,
            })
            while not election:is_leader() do client:dispatch(1) end
        ]]
        assert.same({ "", 0, "" }, { text, code, holder })
    end)

    it("releases what a suspended coroutine led", function()
        local text, code, holder = run [[
            works = coroutine.wrap(function() client:lead(lock, coroutine.yield) end)
            assert(works():is_leader())
        ]]
        assert.same({ "", 0, "" }, { text, code, holder })
    end)

    it("releases, also with the generational collector", function()
        local text, code, holder = run [[
            if _VERSION == "Lua 5.4" then collectgarbage("generational") end
            local election = assert(client:election { name = lock })
            assert(election:wait(60))
            for _ = 1, 20 do
                for _ = 1, 1000 do local _ = { {} } end
                collectgarbage("step")
            end
            kept = election
            assert(election:is_leader())
        ]]
        assert.same({ "", 0, "" }, { text, code, holder })
    end)

    it("by an error releases, too", function()
        -- Global: before it ends, the program lua of 5.1 and 5.2 collects what the error left unreachable.
        local text, code, holder = run [[
            election = assert(client:election { name = lock })
            assert(election:wait(60))
            error("it failed")
        ]]
        assert.matches("it failed", text)
        assert.same({ 1, "" }, { code, holder })
    end)

    it("does not release what was forgotten before", function()
        local text, code, holder = run [[
            local election = assert(client:election { name = lock, identity = "forgotten" })
            assert(election:wait(60))
            election = nil
            collectgarbage()
            collectgarbage()
        ]]
        assert.same({ "", 0, "forgotten" }, { text, code, holder })
    end)

    -- What LuaJIT's memory refers to is a leak to AddressSanitizer, unless the state is closed.
    local LEAKS = "ASAN_OPTIONS=detect_leaks=0"

    it("by os.exit() leaves the lock to run out", function()
        local text, code, holder = run([[
            local election = assert(client:election { name = lock, identity = "exits" })
            assert(election:wait(60))
            os.exit(3)
        ]], LEAKS)
        assert.same({ "", 3, "exits" }, { text, code, holder })
    end)

    if _VERSION ~= "Lua 5.1" or rawget(_G, "jit") then
        it("by an os.exit() that closes the state releases, also in the work, in a callback and in a coroutine", function()
            for _, script in ipairs {
                [[
                    local election = assert(client:election { name = lock })
                    assert(election:wait(60))
                    os.exit(3, true)
                ]],
                [[
                    client:lead(lock, function(term)
                        assert(term:is_leader())
                        os.exit(3, true)
                    end)
                ]],
                [[
                    local election = assert(client:election {
                        name = lock,
                        on_started_leading = function(term)
                            assert(term:is_leader())
                            os.exit(3, true)
                        end,
                        on_stopped_leading = function() print("called") end,
                    })
                    while client:dispatch(60) do end
                ]],
                [[
                    client:lead(lock, function()
                        coroutine.wrap(function()
                            client:lead(lock .. "-2", function() os.exit(3, true) end)
                        end)()
                    end)
                ]],
            } do
                local text, code, holder = run(script, LEAKS)
                assert.same({ "", 3, "" }, { text, code, holder })
            end
        end)
    end

    if _VERSION == "Lua 5.4" then
        it("with <close> variables that are still open drains, and waits for nobody who works", function()
            local text, code, holder = run([[
                local election <close> = assert(client:election {
                    name = lock,
                    on_started_leading = function() end,
                    on_stopped_leading = function(_, reason) io.write("ends by ", reason) end,
                })
                while not election:is_leader() do client:dispatch(1) end
                os.exit(3, true)
            ]], LEAKS)
            assert.same({ "ends by stop", 3, "" }, { text, code, holder })
            text, code, holder = run([[
                local open <close> = client
                client:lead(lock, function() os.exit(3, true) end)
            ]], LEAKS)
            assert.same({ "", 3, "" }, { text, code, holder })
        end)
    end

    it("lets the program's finalizers look, before it and after it", function()
        local finalizer = [[
            if newproxy then
                %s = newproxy(true)
                getmetatable(%s).__gc = function() look("%s") end
            else
                %s = setmetatable({}, { __gc = function() look("%s") end })
            end
        ]]
        local name = support.lock_name("end")
        local text, code = support.run(server, finalizer:gsub("%%s", "early") .. PRELUDE .. [[
            local election = assert(client:election { name = lock })
            local term = assert(election:wait(60))
            function look(when)
                assert(not pcall(term.wait, term, "x"))
                io.write(when, " ", tostring(term:is_leader()), " ", tostring(client), "\n")
                client:dispatch(0)
                client:locks { timeout = 1 }
                term:drained()
                if when == "early" then
                    assert(not k8sleader.client { kubeconfig = kubeconfig })
                    election:close(0)
                    client:close(0)
                end
            end
        ]] .. finalizer:gsub("%%s", "late"), name)
        assert.matches("late true k8sleader client", text)
        assert.matches("early false k8sleader client", text)
        assert.same({ 0, "" }, { code, support.holder(client, name) })
    end)

    it("takes a bounded time when the server does not answer", function()
        local own = assert(testing.server())
        local began = os.time()
        local _, code = support.run(own, PRELUDE .. [[
            local one = assert(client:election { name = lock })
            assert(one:wait(60))
            local two = assert(client:election { name = lock .. "-2" })
            assert(two:wait(60))
            os.execute("kill -STOP " .. arg[2])
            coroutine.wrap(function() -- asks, and is never answered
                client._scheduler = { wait = coroutine.yield, can_wait = coroutine.running }
                client:locks { timeout = 5 }
            end)()
        ]], "unanswered " .. own._pid)
        os.execute("kill -CONT " .. own._pid)
        assert.equal(0, code)
        assert.is_true(os.time() - began < 40)
        own:stop()
    end)

    it("by Ctrl-C while waiting gives back what may have been won", function()
        local name = support.lock_name("end")
        assert(client:lead(name, { identity = "me" }, function()
            local text, code = support.run(server, PRELUDE .. [[
                local pid = io.open("/proc/self/stat"):read("*n")
                os.execute("{ sleep 0.5; kill -INT " .. math.floor(pid) .. "; } >/dev/null 2>&1 &")
                client:lead(lock, function() print("two lead") end)
            ]], name)
            assert.equal(1, code)
            assert.matches("interrupted!", text)
            assert.equal("me", support.holder(client, name))
        end))
    end)
end)

describe("hosts", function()
    if not HOST then
        pending("need K8SLEADER_LUA_HOST, the program of host.c")
        return
    end
    local server, client

    setup(function()
        server = support.server()
        client = assert(server:client())
    end)

    teardown(function()
        client:close()
        server:stop()
    end)

    local function run(mode, script, lock, count)
        local folder = debug.getinfo(1, "S").source:match("^@(.*)/") or "."
        return support.run_command(("timeout 1200 %s %s %s/hosted/%s.lua %s %s %s"):format(
            HOST, mode, folder, script, server.kubeconfig, lock, count or ""))
    end

    it("open and close a thousand states", function()
        local name = support.lock_name("many")
        local text, code = run("many", "states", name, os.getenv("K8SLEADER_LUA_STATES") or 1000)
        assert.same({ "", 0 }, { text, code })
        local led = 0
        for _, lock in ipairs(assert(client:locks())) do
            if lock.name:find(name .. "-led-", 1, true) then
                led = led + 1
                assert.equal("", lock.holder)
            end
        end
        assert.is_true(led > 0)
    end)

    it("have two states, of which one leads when the other is closed", function()
        local name = support.lock_name()
        local text, code = run("two", "states", name)
        assert.same({ "", 0 }, { text, code })
        assert.equal("", support.holder(client, name))
    end)

    it("have a state on each thread", function()
        local name = support.lock_name()
        local text, code = run("threads", "states", name, 6)
        assert.same({ "", 0 }, { text, code })
        assert.equal("", support.holder(client, name))
    end)

    it("fork: the child does not lead, and says so", function()
        local name = support.lock_name()
        local text, code = run("fork", "states", name)
        assert.same({ "", 0 }, { text, code })
        assert.equal("", support.holder(client, name))
    end)

    it("run out of memory, and neither crash nor hang", function()
        local name = support.lock_name()
        local text, code = run("memory", "memory", name, os.getenv("K8SLEADER_LUA_MEMORY_STEP") or 23)
        assert.is_true(code == 0 or code == 77, text)
    end)
end)
