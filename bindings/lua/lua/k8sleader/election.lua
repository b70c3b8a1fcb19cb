--- One candidate for one lock.
--
-- A term that was given to the program, by wait() or to a callback, is the program's: from then on only the end of its work
-- hands it back. A term that ended before anybody was given it is handed back here.

local Term = require "k8sleader.term"
local check = require "k8sleader.check"
local core = require "k8sleader.core"
local options = require "k8sleader.options"
local protect = require "k8sleader.protect"
local waiting = require "k8sleader.waiting"

local Election = {}
Election.__index = Election

Election.PENDING = setmetatable({}, {
    __tostring = function()
        return "k8sleader.PENDING"
    end,
})

--- How long close() waits at most: a drain of its default bound, and the answer to the release.
Election.CLOSE_SECONDS = 35

--- Events that nobody dispatches are kept up to this many; those that begin and end work always.
local MOST_DUE = 100

local ZERO = core.token_from_text("0")
local CALLBACKS = { "started_leading", "stopped_leading", "new_leader", "event" }
--- What an election takes beside its options.
Election.OWN = { name = true, for_life = true }
for _, name in ipairs(CALLBACKS) do
    Election.OWN["on_" .. name] = true
end

local function same_token(one, other)
    return core.compare_tokens(one or ZERO, other or ZERO) == 0
end

local function callbacks_of(given, level)
    local on = {}
    for _, name in ipairs(CALLBACKS) do
        on[name] = check.optional(given["on_" .. name], "function", "on_" .. name, level + 1)
    end
    if (on.started_leading == nil) ~= (on.stopped_leading == nil) then
        check.fail("on_started_leading begins the work and on_stopped_leading ends it: both or none", level + 1)
    end
    return on
end

--- Stands. own: what of `given` is no option of the library's; for_life, if it is one, counts for is_for_life.
-- level: of the public call, for what is wrong with it.
function Election.stand(client, name, given, is_for_life, own, level)
    check.text(name, "the lock's name", level + 1)
    local on = callbacks_of(given, level + 1)
    if own.for_life then
        is_for_life = check.optional(given.for_life, "boolean", "for_life", level + 1) or false
    end
    local made, err = options.make(name, is_for_life, given, own, level + 1)
    if not made then
        return nil, err
    end
    if given.namespace == nil and client._namespace then
        local ok
        ok, err = core.options_set(made, "namespace", client._namespace)
        if not ok then
            return nil, err
        end
    end
    local handle, key = core.election_start(client._handle, made)
    core.options_free(made)
    if not handle then
        return nil, key -- the error
    end
    local self = setmetatable({
        _client = client,
        _handle = handle,
        _key = key,
        _lock = core.election_lock(handle),
        _identity = core.election_identity(handle),
        _on = on,
        _led = nil, -- the term that the program has, and has not handed back
        _told = nil, -- the term of the last on_started_leading
        _due = {}, -- callbacks to be called by dispatch
        _callback = nil, -- a mark while one runs
        _ended = false, -- a term whose on_stopped_leading has returned, until it is handed back
        _has_closed = false, -- CLOSED was taken: the release was answered
        _is_closed = false, -- the handle is gone
        _lasting_error = nil, -- the last one that waiting does not mend
    }, Election)
    client._elections[key] = self
    return self
end

-- ---- what happened ----

function Election:_push_due(entry)
    if not entry.term and #self._due >= MOST_DUE then
        return -- nobody dispatches
    end
    for _, waits in ipairs(self._due) do
        local is_same = waits.event.type == entry.event.type
        if is_same and entry.event.type == "new_leader" then
            waits.event = entry.event -- only the latest counts
            return
        elseif is_same and entry.event.type == "error" and waits.event.error.code == entry.event.error.code then
            return
        end
    end
    -- In this order: should memory run out in between, the event is looked at again.
    self._client:_push_due(self._key)
    self._due[#self._due + 1] = entry
end

function Election:_note_end(event)
    local term = self._told or self._led
    if term and same_token(term._token, event.token) then
        term._reason = event.reason
        return term
    end
    -- Nobody was given it: its work has ended, since it never began.
    core.election_drained(self._handle, event.token)
    return nil
end

--- [the client, when it took one]
function Election:_note(event)
    local kind = event.type
    local term
    if kind == "closed" then
        self._has_closed = true
    elseif kind == "error" and not event.error.retriable then
        self._lasting_error = event.error
    elseif kind == "started_leading" and self._on.started_leading then
        term = Term.new(self, event.token or (event.skipped and ZERO) or nil)
        self._led, self._told = term, term
    elseif kind == "stopped_leading" then
        term = self:_note_end(event)
        if not self._told then
            term = nil -- no callback is due
        end
    end
    if term or (self._on[kind] and kind == "new_leader") then
        self:_push_due({ event = event, term = term })
    elseif self._on.event then
        self:_push_due({ event = event })
    end
end

--- [in a protected call] Without memory for the mark the callback is still due.
local function call(self)
    self._callback = protect.mark()
    local entry = table.remove(self._due, 1)
    self._client:_pop_due(self._key)
    local event, term = entry.event, entry.term
    if event.type == "started_leading" and term then
        self._on.started_leading(term)
    elseif event.type == "stopped_leading" and term then
        self._told = nil
        if self._on.stopped_leading(term, event.reason) ~= Election.PENDING then
            self._ended = term
            self:_return_ended()
        end
    elseif event.type == "new_leader" and self._on.new_leader then
        self._on.new_leader(event.leader)
    else
        self._on.event(event)
    end
end

--- Hands back the term whose on_stopped_leading has returned. Should memory run out amid that, it is still to be done.
function Election:_return_ended()
    if self._ended then
        self:_hand_back(self._ended)
        self._ended = false
    end
end

--- Calls the next callback that is due; false when none is, or when one of this election runs already.
-- An on_stopped_leading that raises has not said that the work ended: nothing is handed back, and what it raised is raised.
function Election:_run_one()
    self:_return_ended()
    if protect.lives(self._callback) or not self._due[1] then
        return false
    end
    local ok, err = protect.call(call, self)
    self._callback = nil
    self._client:_settle()
    if not ok then
        error(err, 0)
    end
    return true
end

-- ---- terms ----

--- For client:_wait(): the term that began; nil while there is none; false and an error when there never will be.
function Election:_begin()
    local state = core.election_state(self._handle)
    if state == "forked" then
        return false, core.forked()
    elseif self._led then
        return self._led
    elseif state == "closed" then
        return false, core.new_error(core.codes.CLOSED, self._lock .. ": the candidacy has ended")
    elseif state ~= "leads" then
        return nil
    end
    local token, err = core.election_token(self._handle)
    if not token and err.code ~= "FENCING_TOKEN" then
        return nil -- lost since
    end
    local term = Term.new(self, token)
    if not term:is_leader() then
        return nil -- its STOPPED will hand it back
    end
    self._led = term
    return term
end

function Election:_hand_back(term)
    if term._is_over or term:is_leader() then
        return true
    end
    -- Asked before: the release may be quicker than the next line.
    local was_lost = term:_is_lost()
    local ok, err = core.election_drained(self._handle, term._token)
    if not ok and err.code ~= "CLOSED" then
        return nil, err
    end
    term._is_over, term._was_lost = true, was_lost
    if self._led == term then
        self._led = nil
    end
    return true
end

--- After a stop, for whoever knows that no work is left: what is held is handed back, also what nobody was given.
function Election:_give_up()
    if self._led then
        return self:_hand_back(self._led)
    end
    local token, err = core.election_token(self._handle)
    if token or err.code == "FENCING_TOKEN" then
        core.election_drained(self._handle, token)
    end
    return true
end

function Election:_wait_for_end(term, timeout)
    local ended = self._client:_wait(function()
        return not term:is_leader() or nil
    end, timeout, function()
        return term:time_left()
    end)
    return ended == true
end

--- Until CLOSED: then the release was answered.
function Election:_wait_closed(timeout, runs_callbacks)
    local client = self._client
    local ok, err = client:_wait(function()
        while runs_callbacks and self:_run_one() do
            client:_deliver()
        end
        return self._has_closed or nil
    end, timeout)
    if ok or (err.code == "CLOSED" and client._over) then
        return true
    end
    return nil, err
end

function Election:_free()
    self._is_closed = true
    core.election_free(self._handle)
    self._client:_forget(self._key)
end

-- ---- what the program calls ----

--- Waits until it leads: the term, or nil, err (TIMEOUT, CLOSED, FORKED). The term is yours: when it is to end, end your work
-- and call term:drained().
function Election:wait(timeout)
    check.self(self, Election, "election:wait")
    timeout = check.timeout(timeout, "election:wait: timeout")
    if self._on.started_leading then
        check.fail("election:wait: this election's terms go to on_started_leading")
    end
    return self._client:_wait(function()
        return self:_begin()
    end, timeout)
end

--- May new work be started? By the clock, in whatever term.
function Election:is_leader()
    check.self(self, Election, "election:is_leader")
    return core.election_is_leader(self._handle)
end

--- Who leads, as far as known: perhaps we; "" for nobody.
function Election:leader()
    check.self(self, Election, "election:leader")
    return core.election_leader(self._handle)
end

--- Who we are.
function Election:identity()
    check.self(self, Election, "election:identity")
    return self._identity
end

--- "namespace/name"
function Election:lock()
    check.self(self, Election, "election:lock")
    return self._lock
end

--- Ends the candidacy. A leader goes on to hold the lock until its work has ended. Returns at once: true, or nil, err.
function Election:stop()
    check.self(self, Election, "election:stop")
    if self._has_closed or self._is_closed then
        return true
    end
    local ok, err = core.election_stop(self._handle)
    waiting.wake(self._client._parked)
    return ok, err
end

--- Stops, drains, releases. With callbacks, on_stopped_leading ends the work; without them this says that it has ended.
-- Waits for the answer: true, or nil, err when the time has passed; then it is still held. timeout: seconds, default 35.
function Election:close(timeout)
    check.self(self, Election, "election:close")
    timeout = check.timeout(timeout, "election:close: timeout") or Election.CLOSE_SECONDS
    if self._is_closed then
        return true
    end
    if protect.is_own(self._callback) then
        check.fail("election:close() in its own callback would wait for itself: use election:stop()")
    end
    local ok, err = self:stop()
    if not ok then
        return nil, err
    end
    if not self._on.started_leading then
        self:_give_up()
    end
    ok, err = self:_wait_closed(timeout, true)
    if not ok then
        return nil, err
    end
    self:_free()
    return true
end

--- Lua 5.4: local election <close> = ...
function Election:__close()
    self:close()
end

function Election:__tostring()
    return ("k8sleader election of %s as %s"):format(self._lock, self._identity)
end

return Election
