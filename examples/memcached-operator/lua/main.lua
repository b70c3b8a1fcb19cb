--- An operator that keeps a Deployment for each Memcached object of its namespace. Of several replicas one works: the
-- leader, elected for life or with a lease.
--
-- This file elects; controller.lua is the work.

package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path

local Cluster = require "cluster"
local Controller = require "controller"
local cqueues = require "cqueues"
local k8sleader = require "k8sleader"
local log = require "log"
local read_settings = require "settings"
local signal = require "cqueues.signal"

--- What no waiting mends: better a Pod that is seen to fail.
local HOPELESS = { NO_POD = true, FOREIGN_LOCK = true }

local loop = cqueues.new()
local client, election
local is_ending, has_failed = false, false

local function on_event(event)
    if event.type == "stopped_leading" then
        log.line("the term is to end: " .. event.reason)
    elseif event.type == "lost_during_drain" then
        log.line("the lock was lost before the work had ended: " .. event.reason)
    elseif event.type == "error" and HOPELESS[event.error.code] then
        log.problem(event.error.message)
        has_failed = true
        client:stop()
    end
end

--- nil, err when the library refuses what it was given.
local function stand(settings, cluster)
    local err
    client, err = k8sleader.client {
        kubeconfig = cluster.kubeconfig,
        scheduler = "cqueues",
        on_log = function(_, message)
            log.problem(message)
        end,
    }
    if not client then
        return nil, err
    end
    local options = {
        name = settings.lock,
        namespace = settings.namespace,
        for_life = settings.mode == "life",
        on_event = on_event,
    }
    options.on_new_leader = function(leader)
        log.line(("%s is led by %s"):format(election:lock(), leader))
    end
    for name, value in pairs(settings.options) do
        options[name] = value
    end
    election, err = client:election(options)
    return election, err
end

--- SIGTERM: a term is to end, and none begins; what was begun is finished with the lock still held.
local function await_signals()
    local listener = signal.listen(signal.SIGTERM, signal.SIGINT)
    while true do
        local number = listener:wait()
        if not is_ending then
            log.line((number == signal.SIGTERM and "SIGTERM" or "SIGINT") .. ": draining")
        end
        is_ending = true
        client:stop()
    end
end

--- Calls the callbacks.
local function dispatch()
    while client:dispatch() do -- luacheck: ignore
    end
end

--- Works while it leads: after a loss it stands again. Until client:stop().
local function work(settings, cluster)
    while true do
        local term, err = election:wait()
        if not term then
            return err.code == "CLOSED" or nil, err
        end
        log.line(("leading %s, fencing token %s"):format(term:lock(), tostring((assert(term:fencing_token())))))
        Controller.new(loop, cluster, settings.namespace, term):run()
        log.line("the term has ended, nothing of it is under way")
        -- A lease that is still held is released now; leader-for-life gives nothing back.
        assert(term:drained())
    end
end

local function main()
    local settings, why = read_settings(arg)
    if not settings then
        io.stderr:write(why, "\n")
        return 2
    end
    -- Before the library starts its thread, which leaves signals to this one.
    signal.block(signal.SIGTERM, signal.SIGINT)
    local cluster, ok, err
    cluster, why = Cluster.new()
    if not cluster then
        log.line(why)
        return 1
    end
    ok, err = stand(settings, cluster)
    if not ok then
        log.line(tostring(err))
        return (err.code == "OPTION" or err.code == "DURATION") and 2 or 1
    end
    log.line(("standing for %s, mode %s, as %s"):format(election:lock(), settings.mode, election:identity()))
    local is_over = false
    loop:wrap(await_signals)
    loop:wrap(dispatch)
    loop:wrap(function()
        ok, err = work(settings, cluster)
        if ok then
            ok, err = client:close()
        end
        is_over = true
    end)
    repeat
        assert(loop:step())
    until is_over
    log.line(ok and "ends" or tostring(err))
    return (has_failed or not ok) and 1 or 0
end

os.exit(main(), true)
