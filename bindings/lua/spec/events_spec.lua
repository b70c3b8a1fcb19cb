--- client:events(), and a loop of one's own on client:fd().

local core = require "k8sleader.core"
local support = require "support"

describe("events", function()
    local server, client

    setup(function()
        server = support.server()
        client = assert(server:client())
    end)

    teardown(function()
        client:close()
        server:stop()
    end)

    it("come in their order", function()
        local name = support.lock_name()
        local own = assert(server:client())
        local events = own:events()
        local token
        assert(own:lead(name, { identity = "me" }, function(term)
            token = term:fencing_token()
        end))
        own:stop()
        local types, by_type = {}, {}
        for event in events do
            types[#types + 1] = event.type
            by_type[event.type] = event
            assert.equal("default/" .. name, event.lock)
            assert.is_true(math.abs(event.time - os.time()) < 600)
        end
        table.sort(types)
        assert.same({ "closed", "new_leader", "started_leading", "stopped_leading" }, types)
        assert.equal(token, by_type.started_leading.token)
        assert.equal(token, by_type.stopped_leading.token)
        assert.equal("stop", by_type.stopped_leading.reason)
        assert.equal("me", by_type.new_leader.leader)
        local none, err = events:next()
        assert.is_nil(none)
        assert.equal("CLOSED", err.code)
        assert.is_true(own:close())
    end)

    it("are awaited for a time", function()
        local events = client:events()
        local none, err = events:next(0.05)
        assert.is_nil(none)
        assert.equal("TIMEOUT", err.code)
        events:close()
        events:close()
    end)

    it("hold errors", function()
        if not server.is_embedded then
            return pending("only the embedded server can be told to refuse")
        end
        local events = client:events()
        local name = support.lock_name()
        server:fault(('{"resource":"leases","name":"%s","action":"status","status":403}'):format(name))
        local election = assert(client:election { name = name })
        local event
        repeat
            event = assert(events:next(support.PATIENCE))
        until event.type == "error" and event.error.code == "FORBIDDEN"
        assert.equal(403, event.error.http_status)
        assert.is_boolean(event.error.retriable)
        assert.equal("string", type(event.error.message))
        assert.equal(-68, event.error.number)
        server:clear_faults()
        assert.is_true(election:close())
        events:close()
    end)

    it("make the descriptor readable, until they were dispatched", function()
        local fd = assert(client:fd())
        assert.equal(fd, client:fd())
        client:dispatch(0)
        assert.is_false(core.poll(fd, 0))
        local started
        local election = assert(client:election {
            name = support.lock_name(),
            on_started_leading = function()
                started = true
            end,
            on_stopped_leading = function() end,
        })
        support.await(function()
            return election:is_leader()
        end)
        client:locks() -- takes the events, and calls nobody: they are still due
        assert.is_true(core.poll(fd, support.PATIENCE))
        while not started do
            assert.is_true(core.poll(fd, support.PATIENCE))
            client:dispatch(0)
        end
        client:dispatch(0.1) -- who leads
        client:dispatch(0)
        assert.is_false(core.poll(fd, 0))
        assert.is_true(election:close())
    end)

    it("log lines go to on_log", function()
        local lines = {}
        local own = assert(server:client {
            log_level = "info",
            on_log = function(level, message, lock)
                lines[#lines + 1] = { level, message, lock }
            end,
        })
        local name = support.lock_name()
        assert(own:lead(name, function() end))
        support.dispatch_until(own, function()
            return lines[1]
        end)
        assert.equal("info", lines[1][1])
        assert.equal("string", type(lines[1][2]))
        assert.equal("default/" .. name, lines[1][3])
        assert.is_true(own:close())
    end)

    it("that nobody fetches are bounded", function()
        local events = client:events()
        for number = 1, 1500 do
            events:_push { type = "error", number = number }
        end
        assert.equal(500, events.dropped)
        assert.equal(501, events:next(0).number)
        events:close()
    end)
end)
