--- client:election(): callbacks, and terms by wait().

local k8sleader = require "k8sleader"
local support = require "support"

describe("client:election()", function()
    local server, client

    setup(function()
        server = support.server()
        client = assert(server:client())
    end)

    teardown(function()
        client:close()
        server:stop()
    end)

    --- An election that writes down what its callbacks were told.
    local function recorded(name, more)
        local told = {}
        local given = support.short(more)
        given.name = name
        given.on_started_leading = given.on_started_leading or function(term)
            told.term = term
            told[#told + 1] = "started"
        end
        given.on_stopped_leading = given.on_stopped_leading or function(term, reason)
            assert(term == told.term)
            told[#told + 1] = "stopped " .. reason
        end
        given.on_new_leader = function(identity)
            told.leader = identity
        end
        return assert(client:election(given)), told
    end

    it("calls back, in dispatch() alone", function()
        local name = support.lock_name()
        local election, told = recorded(name, { identity = "me" })
        support.await(function()
            return election:is_leader()
        end)
        client:locks() -- takes events, too
        assert.same({}, told)
        support.dispatch_until(client, function()
            return told.leader
        end)
        assert.same({ "started" }, { told[1] })
        assert.equal("me", told.leader)
        assert.equal("me", election:leader())
        assert.equal("default/" .. name, election:lock())
        assert.is_true(told.term:is_leader())
        assert.is_true(election:stop())
        assert.is_false(told.term:is_leader())
        assert.equal("me", support.holder(client, name))
        support.dispatch_until(client, function()
            return told[2]
        end)
        assert.equal("stopped stop", told[2])
        assert.is_true(election:close())
        assert.equal("", support.holder(client, name))
        assert.is_true(election:close())
    end)

    it("holds the lock while on_stopped_leading says PENDING", function()
        local name = support.lock_name()
        local ending
        local election, told = recorded(name, {
            identity = "me",
            on_stopped_leading = function(term)
                ending = term
                return k8sleader.PENDING
            end,
        })
        support.dispatch_until(client, function()
            return told.term
        end)
        election:stop()
        support.dispatch_until(client, function()
            return ending
        end)
        local ok, err = election:close(0.2)
        assert.is_nil(ok)
        assert.equal("TIMEOUT", err.code)
        assert.equal("me", support.holder(client, name))
        assert.is_true(ending:may_finish())
        assert.is_true(ending:drained())
        assert.is_true(election:close())
        assert.equal("", support.holder(client, name))
    end)

    it("hands nothing back when on_stopped_leading raises", function()
        local name = support.lock_name()
        local election, told = recorded(name, {
            identity = "me",
            on_stopped_leading = function()
                error("the work goes on")
            end,
        })
        support.dispatch_until(client, function()
            return told.term
        end)
        election:stop()
        local raised
        support.await(function()
            local ok, err = pcall(client.dispatch, client, 1)
            raised = not ok and err
            return raised
        end)
        assert.matches("the work goes on", raised)
        assert.matches("traceback", raised)
        assert.equal("me", support.holder(client, name))
        told.term:drained()
        assert.is_true(election:close())
        assert.equal("", support.holder(client, name))
    end)

    it("raises what on_started_leading raises, and goes on", function()
        local name = support.lock_name()
        local election = recorded(name, {
            on_started_leading = function()
                error("no work today")
            end,
            on_stopped_leading = function() end,
        })
        local raised
        support.await(function()
            local ok, err = pcall(client.dispatch, client, 1)
            raised = not ok and err
            return raised
        end)
        assert.matches("no work today", raised)
        assert.is_true(election:is_leader())
        assert.is_true(election:close())
        assert.equal("", support.holder(client, name))
    end)

    it("stands again after a loss, with started and stopped in turn", function()
        local name = support.lock_name()
        local election, told = recorded(name)
        support.dispatch_until(client, function()
            return told[1]
        end)
        local first = told.term
        support.steal(server, name)
        support.dispatch_until(client, function()
            return told[3]
        end)
        assert.same({ "started", "stopped lost_holder", "started" }, { told[1], told[2], told[3] })
        assert.is_false(first:is_leader())
        assert.is_true(told.term:is_leader())
        assert.equal(-1, k8sleader.compare_tokens(first:fencing_token(), told.term:fencing_token()))
        assert.is_true(election:close())
    end)

    it("tells the rest to on_event", function()
        local types = {}
        local election = assert(client:election {
            name = support.lock_name(),
            on_event = function(event)
                types[event.type] = event
            end,
        })
        local term = assert(election:wait(support.PATIENCE))
        assert.is_true(term:is_leader())
        assert.is_true(election:close())
        assert.is_truthy(types.started_leading and types.closed)
        assert.equal("stop", types.stopped_leading.reason)
    end)

    it("gives terms to wait()", function()
        local name = support.lock_name()
        local election = assert(client:election(support.short { name = name, identity = "me" }))
        local term = assert(election:wait(support.PATIENCE))
        assert.equal(term, election:wait(0))
        assert.is_true(term:drained()) -- before a stop it does nothing
        assert.is_true(term:is_leader())
        assert.equal(election, term:election())
        support.steal(server, name)
        assert.is_true(term:wait(support.PATIENCE))
        assert.equal(term, election:wait(0)) -- until it is handed back
        assert.is_true(term:drained())
        local second = assert(election:wait(support.PATIENCE))
        assert.is_false(term:is_leader())
        assert.is_true(second:is_leader())
        assert.is_true(second:stop())
        assert.is_true(second:wait())
        assert.equal("me", support.holder(client, name))
        assert.is_true(second:drained())
        assert.is_true(election:close())
        assert.equal("", support.holder(client, name))
        local none, err = election:wait(0)
        assert.is_nil(none)
        assert.equal("CLOSED", err.code)
        assert.is_true(election:stop())
    end)

    it("releases what close() finds led", function()
        local name = support.lock_name()
        local election = assert(client:election { name = name })
        assert(election:wait(support.PATIENCE))
        assert.is_true(election:close())
        assert.equal("", support.holder(client, name))
    end)

    it("is not released when it is forgotten", function()
        local name = support.lock_name()
        local election = assert(client:election(support.short { name = name, identity = "me" }))
        assert(election:wait(support.PATIENCE))
        election = nil -- luacheck: ignore
        collectgarbage()
        collectgarbage()
        assert.equal("me", support.holder(client, name))
        -- It has ended, and runs out.
        local other = assert(client:election(support.short { name = name, identity = "other" }))
        assert(other:wait(support.PATIENCE))
        assert.is_true(other:close())
    end)

    it("is collected with its callbacks", function()
        local weak = setmetatable({}, { __mode = "v" })
        do
            local election = recorded(support.lock_name())
            weak[1] = election
        end
        support.await(function()
            collectgarbage()
            return weak[1] == nil
        end)
    end)

    it("refuses to close itself in its callback", function()
        local name = support.lock_name()
        local errors = {}
        local election, told
        election, told = recorded(name, {
            on_stopped_leading = function()
                errors[1] = select(2, pcall(election.close, election))
                errors[2] = select(2, pcall(client.close, client))
                errors[3] = client:stop() -- this is how
            end,
        })
        support.dispatch_until(client, function()
            return told.term
        end)
        election:stop()
        support.dispatch_until(client, function()
            return errors[3]
        end)
        assert.matches("would wait for itself", errors[1])
        assert.matches("would wait for itself", errors[2])
        assert.is_true(client:close())
        client = assert(server:client())
    end)

    it("closes with the client, each by its callback", function()
        local own = assert(server:client())
        local stopped, ours = 0, {}
        for number = 1, 5 do
            local started
            local name = support.lock_name("many")
            ours[name] = true
            own.kept = own.kept or {}
            own.kept[number] = assert(own:election {
                name = name,
                on_started_leading = function()
                    started = true
                end,
                on_stopped_leading = function()
                    stopped = stopped + 1
                end,
            })
            support.dispatch_until(own, function()
                return started
            end)
        end
        assert.is_true(own:close())
        assert.equal(5, stopped)
        assert.is_true(own:close())
        for _, lock in ipairs(assert(client:locks())) do
            assert.is_true(not ours[lock.name] or lock.holder == "")
        end
        local ok, err = own:dispatch(0)
        assert.is_nil(ok)
        assert.equal("CLOSED", err.code)
        ok, err = own:election { name = "a" }
        assert.is_nil(ok)
        assert.equal("CLOSED", err.code)
        ok, err = own:locks()
        assert.is_nil(ok)
        assert.equal("CLOSED", err.code)
        assert.is_nil((own:fd()))
    end)

    it("does not release with the client what wait() gave", function()
        local name = support.lock_name()
        local own = assert(server:client())
        local election = assert(own:election(support.short { name = name, identity = "me" }))
        local term = assert(election:wait(support.PATIENCE))
        local ok, err = own:close(0.2)
        assert.is_nil(ok)
        assert.equal("TIMEOUT", err.code)
        assert.is_truthy(err.message:find("default/" .. name, 1, true))
        assert.is_false(term:is_leader())
        assert.is_true(term:drained()) -- too late, and harmless
        assert.equal("me", support.holder(client, name))
    end)

    if _VERSION == "Lua 5.4" then
        it("drains and releases with <close>", function()
            local name = support.lock_name()
            local run = assert(load([[
                local client, name, support = ...
                local stopped
                do
                    local election <close> = assert(client:election {
                        name = name,
                        on_started_leading = function() end,
                        on_stopped_leading = function(term, reason) stopped = reason end,
                    })
                    support.dispatch_until(client, function() return election:is_leader() end)
                end
                return stopped
            ]]))
            assert.equal("stop", run(client, name, support))
            assert.equal("", support.holder(client, name))
            run = assert(load([[
                local server, name, support = ...
                local client <close> = assert(server:client())
                local election <close> = assert(client:election { name = name })
                assert(election:wait(support.PATIENCE))
            ]]))
            run(server, name, support)
            assert.equal("", support.holder(client, name))
        end)
    end
end)
