--- client:lead() and client:become(): waiting for a term, and leaving it.

local core = require "k8sleader.core"
local protect = require "k8sleader.protect"

local leading = {}

--- What each takes beside the options of elections.
leading.LEAD_OWN = { timeout = true, for_life = true }
leading.BECOME_OWN = { timeout = true }

--- How long leaving waits for the answer to the release. It is written at once; this only bounds a dead network.
local RELEASE_SECONDS = 5

--- The election's work has ended, or never began: what is held is given back.
local function leave(election)
    election:stop()
    election:_give_up()
    election:_wait_closed(RELEASE_SECONDS)
    election:_free()
end

--- The election's term, or nil, err. Then it is left; so it is when the wait raises: a scheduler, or Ctrl-C.
local function await(client, election, timeout, begun)
    local ok, term, err = protect.call(client._wait, client, begun, timeout)
    if ok and term then
        return term
    end
    local leader = election:leader()
    leave(election)
    if not ok then
        error(term, 0)
    end
    if err.code == "TIMEOUT" then
        local state = leader == "" and "not to be had" or "led by " .. leader
        local message = ("%s is %s: not leader within %g s"):format(election:lock(), state, timeout)
        err = core.new_error(core.codes.TIMEOUT, message, true)
    end
    return nil, err
end

local function lost(term)
    local message = ("%s was lost: %s"):format(term:lock(), term:reason() or "by the clock")
    return core.new_error(core.codes.NOT_LEADER, message)
end

--- [in a protected call] Marks who works as one that can't wait for the client's end.
local function run(client, mark, work, term)
    client._blocks[mark] = true
    return work(term)
end

--- true and what work returned.
local function finish(client, election, mark, term, ok, ...)
    client._blocks[mark] = nil
    -- Asked before the release, after which it is not held, either.
    local err = term:_is_lost() and lost(term) or nil
    leave(election)
    if not ok then
        error((...), 0)
    elseif err then
        return nil, err, ...
    end
    return true, ...
end

function leading.lead(client, election, timeout, work)
    local term, err = await(client, election, timeout, function()
        return election:_begin()
    end)
    if not term then
        return nil, err
    end
    local mark = protect.mark()
    return finish(client, election, mark, term, protect.call(run, client, mark, work, term))
end

function leading.become(client, election, timeout)
    return await(client, election, timeout, function()
        local term, err = election:_begin()
        if term == nil and election._lasting_error then
            return false, election._lasting_error
        end
        return term, err
    end)
end

return leading
