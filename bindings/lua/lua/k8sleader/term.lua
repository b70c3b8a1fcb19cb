--- One term of leadership: it is over once and for ever.

local check = require "k8sleader.check"
local core = require "k8sleader.core"

local Term = {}
Term.__index = Term

--- token: nil where the server's resource versions are no numbers.
function Term.new(election, token)
    return setmetatable({
        _election = election,
        _token = token,
        _reason = nil,
        _is_over = false, -- handed back
        _was_lost = nil, -- known when it was handed back
    }, Term)
end

--- May new work be started? By the clock: false from the renew deadline on, and from a stop on.
function Term:is_leader()
    check.self(self, Term, "term:is_leader")
    if self._is_over then
        return false
    end
    local handle = self._election._handle
    if self._token == nil then
        return core.election_is_leader(handle)
    end
    return core.election_holds(handle, self._token)
end

--- May work that was begun be finished? While the lock is held, also after a stop.
function Term:may_finish()
    check.self(self, Term, "term:may_finish")
    if self._is_over then
        return false
    end
    local handle = self._election._handle
    if self._token == nil then
        return core.election_time_left(handle) > 0
    end
    return core.election_may_finish(handle, self._token)
end

--- Is the lock gone without having been handed back?
function Term:_is_lost()
    if self._is_over then
        return self._was_lost
    end
    return not self:may_finish()
end

--- Grows with every acquisition of the lock: hand it to whatever you write to, and let that refuse smaller ones. An integer
-- in Lua 5.3 and later, else a text of digits; k8sleader.compare_tokens() compares either. Or nil, err.
function Term:fencing_token()
    check.self(self, Term, "term:fencing_token")
    if self._token == nil then
        return nil, core.new_error(core.codes.FENCING_TOKEN, self:lock() .. ": the server's versions are no numbers")
    end
    return self._token
end

--- Seconds until the renew deadline, while the lock is held, also after a stop; else 0. For life: math.huge.
function Term:time_left()
    check.self(self, Term, "term:time_left")
    return self:may_finish() and core.election_time_left(self._election._handle) or 0
end

--- Seconds until guarded work must be dead; counts on after a loss.
function Term:grace_left()
    check.self(self, Term, "term:grace_left")
    if self._is_over and not self._was_lost then
        return 0
    end
    return core.election_grace_left(self._election._handle)
end

--- Why it ended or is to end: "stop", "lost_deadline", ...; nil while it goes on.
function Term:reason()
    check.self(self, Term, "term:reason")
    if self._reason == nil and not self:is_leader() then
        self._election._client:_deliver()
    end
    return self._reason
end

--- "namespace/name"
function Term:lock()
    check.self(self, Term, "term:lock")
    return self._election._lock
end

--- Who we are in this election.
function Term:identity()
    check.self(self, Term, "term:identity")
    return self._election._identity
end

--- The election that it is a term of.
function Term:election()
    check.self(self, Term, "term:election")
    return self._election
end

--- Waits until the work is to end (lost, or asked to stop): true; or false when the seconds have passed.
function Term:wait(seconds)
    check.self(self, Term, "term:wait")
    local timeout = check.timeout(seconds, "term:wait: seconds")
    return self._election:_wait_for_end(self, timeout)
end

--- Asks the work to end: is_leader() is false at once, the lock is held until the work has ended. Returns at once.
function Term:stop()
    check.self(self, Term, "term:stop")
    return self._election:stop()
end

--- The work of this term has ended: after a stop the lock is released, after a loss it stands again. Before either it does
-- nothing. Again is fine. Returns at once.
function Term:drained()
    check.self(self, Term, "term:drained")
    return self._election:_hand_back(self)
end

function Term:__tostring()
    local state = self:is_leader() and "leads" or self:may_finish() and "is to end" or "is over"
    return ("k8sleader term %s of %s: %s"):format(tostring(self._token or "without a token"), self:lock(), state)
end

return Term
