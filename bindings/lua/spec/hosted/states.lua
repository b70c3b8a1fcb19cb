--- What a state of host.c does: one client, one lock.

local kubeconfig, lock, number = ...
local k8sleader = require "k8sleader"

local PATIENCE = 60
local SHORT = { lease_duration = 3600, renew_deadline = 1800, identity = "state-" .. number }

local client = assert(k8sleader.client { kubeconfig = kubeconfig, namespace = "default", log_level = "none" })
local election, term

-- Of many states some lead when they are closed, some have callbacks, some forget, some only have a client.
local kind = number % 5
if lock:find("^many") then
    lock = lock .. "-" .. number
    if kind == 1 then
        election = assert(client:election { name = (lock:gsub("-(%d+)$", "-led-%1")) })
        term = assert(election:wait(PATIENCE))
    elseif kind == 2 then
        election = assert(client:election {
            name = lock,
            on_started_leading = function() end,
            on_stopped_leading = function() end,
        })
        client:dispatch(0)
    elseif kind == 3 then
        client:election { name = lock }
        local waits = coroutine.wrap(function()
            client:lead(lock .. "-2", coroutine.yield)
        end)
        waits()
    elseif kind == 4 then
        client = nil
    end
end

local function stand_once()
    if not election then
        local given = { name = lock }
        for name, value in pairs(SHORT) do
            given[name] = value
        end
        election = assert(client:election(given))
    end
end

function stand()
    stand_once()
    assert(not election:wait(0.1))
end

function lead()
    stand_once()
    term = assert(election:wait(PATIENCE))
    assert(term:is_leader())
end

function lead_often()
    for _ = 1, 5 do
        assert(client:lead(lock, SHORT, function(led)
            assert(led:is_leader())
            assert(client:locks { name = lock }[1].holder == SHORT.identity)
        end))
    end
end

local function forked(ok, err)
    assert(ok == nil and err.code == "FORKED", tostring(err))
    assert(tostring(err):find("make another in the child", 1, true), tostring(err))
end

function in_child()
    assert(not term:is_leader())
    assert(not term:may_finish())
    assert(term:time_left() == 0)
    assert(not election:is_leader())
    assert(election:lock() == "default/" .. lock)
    assert(term:wait() == true)
    forked(client:dispatch())
    forked(client:dispatch(0))
    forked(client:fd())
    forked(client:locks())
    forked(client:election { name = "child" })
    forked(client:lead("child", function() error("led") end))
    forked(client:become("child"))
    forked(election:stop())
    forked(election:close())
    forked(election:wait())
    forked(term:drained())
    forked(client:events():next())
    client:stop()
    forked(client:close())
    -- One of its own works.
    local own = assert(k8sleader.client { kubeconfig = kubeconfig, namespace = "default", log_level = "none" })
    assert(own:lead(lock .. "-child", function(led)
        assert(led:is_leader())
    end))
    assert(own:close())
    collectgarbage()
end

function in_parent()
    assert(term:is_leader())
    assert(client:locks { name = lock }[1].holder == SHORT.identity)
    assert(client:lead(lock .. "-parent", function() end))
end
