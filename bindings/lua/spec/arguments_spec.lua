--- Wrong arguments of every call: they raise, and say what is wrong; nothing crashes.

local core = require "k8sleader.core"
local k8sleader = require "k8sleader"
local support = require "support"

describe("wrong arguments", function()
    local server, client, election, term, events

    setup(function()
        server = support.server()
        client = assert(server:client())
        election = assert(client:election { name = support.lock_name() })
        term = assert(election:wait(support.PATIENCE))
        events = client:events()
    end)

    teardown(function()
        election:close()
        client:close()
        server:stop()
    end)

    local function nothing() end

    --- It raises, and the message names what is wrong.
    local function refused(pattern, call, ...)
        local ok, err = pcall(call, ...)
        assert.is_false(ok)
        assert.equal("string", type(err))
        assert.matches(pattern, err)
    end

    it("to k8sleader.client()", function()
        refused("a table", k8sleader.client, "kubeconfig")
        refused("no option colour", k8sleader.client, { colour = "red" })
        refused("no option 1", k8sleader.client, { "x" })
        for _, name in ipairs { "kubeconfig", "context", "server", "token", "token_file", "tls_server_name", "ca_pem",
            "client_certificate_pem", "client_key_pem", "namespace", "log_level" } do
            refused(name .. ": a string", k8sleader.client, { [name] = 1 })
            refused(name .. ".*byte 0", k8sleader.client, { [name] = "a\0b" })
        end
        refused("incluster: a boolean", k8sleader.client, { incluster = "yes" })
        refused("two places", k8sleader.client, { incluster = true, kubeconfig = "x" })
        refused("go together", k8sleader.client, { client_key_pem = "x" })
        refused("log_level is", k8sleader.client, { log_level = "loud" })
        refused("on_log: a function", k8sleader.client, { on_log = 1 })
        refused("scheduler: nobody", k8sleader.client, { scheduler = "nobody" })
        refused("scheduler: a table", k8sleader.client, { scheduler = 1 })
        refused("scheduler.wait", k8sleader.client, { scheduler = {} })
    end)

    it("that only the library can judge are errors", function()
        local ok, err = k8sleader.client { kubeconfig = "/does/not/exist" }
        assert.is_nil(ok)
        assert.equal("FILE", err.code)
        ok, err = k8sleader.client { server = "ftp://x" }
        assert.is_nil(ok)
        assert.equal("CONFIG", err.code)
        assert.matches("^server: .*ftp", err.message)
        ok, err = k8sleader.client { server = "https://x", ca_pem = "no certificate" }
        assert.is_nil(ok)
        assert.equal("CONFIG", err.code)
        assert.matches("authorities: holds no certificate", err.message)
        ok, err = k8sleader.client { server = "https://x", client_certificate_pem = "x", client_key_pem = "y" }
        assert.is_nil(ok)
        assert.equal("CONFIG", err.code)
    end)

    it("to client:election()", function()
        refused("colon", client.election, {}, { name = "a" })
        refused("a table", client.election, client)
        refused("a table", client.election, client, "a")
        refused("the lock's name: a string", client.election, client, {})
        refused("byte 0", client.election, client, { name = "a\0b" })
        refused("no option colour", client.election, client, { name = "a", colour = 1 })
        refused("lease_duration: a number", client.election, client, { name = "a", lease_duration = {} })
        refused("lease_duration: seconds", client.election, client, { name = "a", lease_duration = -1 })
        refused("lease_duration: seconds", client.election, client, { name = "a", lease_duration = 0 / 0 })
        refused("lease_duration: seconds", client.election, client, { name = "a", lease_duration = math.huge })
        refused("rejoin: a boolean", client.election, client, { name = "a", rejoin = "true" })
        refused("identity: a string", client.election, client, { name = "a", identity = 5 })
        refused("labels: a table", client.election, client, { name = "a", labels = "b" })
        refused("labels: a key", client.election, client, { name = "a", labels = { "b" } })
        refused("labels.b: a string", client.election, client, { name = "a", labels = { b = 1 } })
        refused("both or none", client.election, client, { name = "a", on_started_leading = nothing })
        refused("both or none", client.election, client, { name = "a", on_stopped_leading = nothing })
        for _, name in ipairs { "started_leading", "stopped_leading", "new_leader", "event" } do
            refused("on_" .. name .. ": a function", client.election, client, { name = "a", ["on_" .. name] = {} })
        end
    end)

    it("to client:lead() and client:become()", function()
        refused("colon", client.lead, nil, "a", nothing)
        refused("the work: a function", client.lead, client, "a")
        refused("the work: a function", client.lead, client, "a", {}, "work")
        refused("options: a table", client.lead, client, "a", 1, nothing)
        refused("the lock's name", client.lead, client, nil, {}, nothing)
        refused("no option on_event", client.lead, client, "a", { on_event = nothing }, nothing)
        refused("timeout: a number", client.lead, client, "a", { timeout = "1" }, nothing)
        refused("timeout: seconds", client.lead, client, "a", { timeout = -1 }, nothing)
        refused("the lock's name", client.become, client)
        refused("options: a table", client.become, client, "a", 1)
        refused("the lock's name", k8sleader.become)
        refused("options: a table", k8sleader.become, "a", 1)
        refused("colon", k8sleader.become, "a", { client = {} })
        refused("no option colour", client.become, client, "a", { colour = 1 })
    end)

    it("to the other calls", function()
        refused("a table", client.locks, client, "a")
        refused("no option colour", client.locks, client, { colour = 1 })
        refused("name: a string", client.locks, client, { name = 1 })
        refused("timeout", client.locks, client, { timeout = {} })
        for _, call in ipairs { "dispatch", "close" } do
            refused("timeout: a number", client[call], client, "1")
            refused("timeout: seconds", client[call], client, -1)
            refused("timeout: seconds", client[call], client, 0 / 0)
        end
        refused("timeout: a number", election.wait, election, "1")
        refused("timeout: a number", election.close, election, "1")
        refused("seconds: a number", term.wait, term, {})
        refused("timeout: a number", events.next, events, {})
    end)

    it("a dot in place of a colon", function()
        for name, object in pairs { client = client, election = election, term = term, events = events } do
            for method, f in pairs(getmetatable(object)) do
                if type(f) == "function" and not method:find("^_") and method ~= "new" and method ~= "stand" then
                    refused(name .. ":" .. method .. ".*colon", f)
                    refused("colon", f, {})
                end
            end
        end
    end)

    it("to an election with callbacks: wait()", function()
        local with_callbacks = assert(client:election {
            name = support.lock_name(), on_started_leading = nothing, on_stopped_leading = nothing })
        refused("on_started_leading", with_callbacks.wait, with_callbacks)
        assert.is_true(with_callbacks:close())
    end)

    it("are told with the place of the call", function()
        local wrong = {
            function() k8sleader.client(1) end,
            function() k8sleader.client { colour = 1 } end,
            function() k8sleader.client { server = 1 } end,
            function() k8sleader.client { scheduler = "nobody" } end,
            function() k8sleader.become() end,
            function() k8sleader.become("a", 1) end,
            function() k8sleader.become("a", { client = {} }) end,
            function() k8sleader.become("a", { client = client, colour = 1 }) end,
            function() k8sleader.become("a", { client = client, timeout = "1" }) end,
            function() k8sleader.become("a", { server = 1 }) end,
            function() k8sleader.compare_tokens("x", "1") end,
            function() client.election({}) end,
            function() client:election(1) end,
            function() client:election {} end,
            function() client:election { name = "a", colour = 1 } end,
            function() client:election { name = "a", lease_duration = {} } end,
            function() client:election { name = "a", lease_duration = -1 } end,
            function() client:election { name = "a", labels = { 1 } } end,
            function() client:election { name = "a", on_event = 1 } end,
            function() client:election { name = "a", on_started_leading = nothing } end,
            function() client:election { name = "a", for_life = 1 } end,
            function() client:lead("a") end,
            function() client:lead(nil, nothing) end,
            function() client:lead("a", { colour = 1 }, nothing) end,
            function() client:become() end,
            function() client:become("a", { for_life = true }) end,
            function() client:locks { colour = 1 } end,
            function() client:locks { name = 1 } end,
            function() client:locks { timeout = "1" } end,
            function() client:dispatch("1") end,
            function() client:close(-1) end,
            function() client.fd() end,
            function() events:next({}) end,
            function() events.close() end,
            function() election:wait("1") end,
            function() election:close("1") end,
            function() election.stop() end,
            function() term:wait("1") end,
            function() term.drained() end,
        }
        for _, call in ipairs(wrong) do
            local ok, err = pcall(call)
            assert.is_false(ok)
            local place = "^[^:]*arguments_spec%.lua:" .. debug.getinfo(call, "S").linedefined .. ": "
            assert.matches(place, err)
        end
    end)

    it("to the low level", function()
        for name, f in pairs(core) do
            if type(f) == "function" then
                for _, wrong in ipairs { false, {}, "x", 1e300, -1, nothing, io.stdout } do
                    if name ~= "poll" and name ~= "version" and name ~= "now" then
                        pcall(f, wrong)
                        pcall(f, wrong, wrong, wrong)
                        pcall(f, election._handle, wrong, wrong)
                        pcall(f, nil, wrong)
                    end
                end
            end
        end
        assert.equal(getmetatable(election._handle), getmetatable(election._handle))
        assert.is_false((pcall(core.election_stop, client._handle)))
        assert.is_false((pcall(core.client_free, election._handle)))
        assert.equal("k8sleader client", getmetatable(client._handle)) -- and not its finalizer
    end)

    it("lists the options", function()
        local list = k8sleader.options()
        assert.is_true(#list >= 12)
        for _, info in ipairs(list) do
            assert.equal("string", type(info.name))
            assert.equal("string", type(info.help))
            assert.is_nil(info.name:find("-", 1, true))
        end
        assert.matches("^%d+%.%d+%.%d+$", k8sleader.version())
    end)
end)
