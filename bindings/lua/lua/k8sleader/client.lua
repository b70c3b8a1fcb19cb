--- One cluster, any number of elections. Takes the library's events, and calls callbacks in dispatch() alone.

local Election = require "k8sleader.election"
local Events = require "k8sleader.events"
local check = require "k8sleader.check"
local configuration = require "k8sleader.configuration"
local core = require "k8sleader.core"
local leading = require "k8sleader.leading"
local protect = require "k8sleader.protect"
local waiting = require "k8sleader.waiting"

local Client = {}
Client.__index = Client

local client = {}

local function new(given, level)
    local config, err = configuration.make(given, level + 1)
    if not config then
        return nil, err
    end
    local scheduler = waiting.scheduler(given.scheduler, level + 1)
    local handle
    handle, err = core.client_new(config)
    if not handle then
        return nil, err
    end
    local fd
    fd, err = core.client_fd(handle)
    if not fd then
        return nil, err
    end
    return setmetatable({
        _handle = handle,
        _fd = fd,
        _namespace = given.namespace,
        _scheduler = scheduler,
        _on_log = given.on_log,
        _elections = setmetatable({}, { __mode = "v" }), -- by key; who is forgotten is collected
        _streams = setmetatable({}, { __mode = "k" }),
        _parked = setmetatable({}, { __mode = "k" }),
        _blocks = setmetatable({}, { __mode = "k" }), -- marks of those who are in the function of a lead()
        _due = {}, -- keys of elections with callbacks due, in order
        _log = {}, -- log lines due for on_log
        _taken = nil, -- the event that is being looked at
        _was_noted = false, -- ... by its election
        _is_noting = false,
        _user = nil, -- the waiter behind fd()
        _over = nil, -- the code why nothing more will come
        _is_closed = false,
    }, Client)
end

--- A client, or nil, err. Does not wait for the server. What it takes stands in README.md.
function client.new(given)
    given = check.optional(given, "table", "client") or {}
    local made, err = new(given, 1) -- no tail call, which would hide who is to be told of wrong arguments
    return made, err
end

-- ---- taking events ----

function Client:_push_due(key)
    self._due[#self._due + 1] = key
end

function Client:_pop_due(key)
    for index, due in ipairs(self._due) do
        if due == key then
            table.remove(self._due, index)
            return
        end
    end
end

function Client:_forget(key)
    self._elections[key] = nil
end

--- The descriptor of fd() says what is the case: callbacks are due, though the library's events were taken.
function Client:_settle()
    local is_due = self._log[1] ~= nil
    for _, key in ipairs(self._due) do
        local election = self._elections[key]
        is_due = is_due or (election ~= nil and election._due[1] ~= nil and not protect.lives(election._callback))
    end
    if self._user and is_due then
        core.waiter_wake(self._user)
    elseif self._user then
        core.waiter_rest(self._user)
    end
    if is_due then
        waiting.wake(self._parked)
    end
end

function Client:_note(event)
    if event.type == "log" then
        if self._on_log and #self._log < 1000 then
            self._log[#self._log + 1] = event
        end
        return
    end
    local election = event.key and self._elections[event.key]
    if election and not self._was_noted then
        election:_note(event)
        self._was_noted = true
    end
    for stream in pairs(self._streams) do
        stream:_push(event)
    end
end

--- Takes what there is. Does not wait, and runs no code of the program's.
function Client:_deliver()
    local has_news = false
    -- A finalizer that runs while an event is looked at does not look at it as well.
    while not self._over and not self._is_noting do
        local event, code = self._taken, nil
        if not event then
            event, code = core.client_take(self._handle)
        end
        if event then
            self._taken, self._is_noting = event, true -- until it was looked at: should memory run out meanwhile
            local ok, err = pcall(self._note, self, event)
            self._is_noting = false
            if not ok then
                error(err, 0)
            end
            self._taken, self._was_noted = nil, false
            has_news = true
        elseif code == core.codes.CLOSED or code == core.codes.FORKED then
            self._over = code
            has_news = true
        elseif code ~= core.codes.WOKEN then
            break
        end
    end
    if has_news then
        waiting.wake(self._parked)
        self:_settle()
    end
end

function Client:_why_over()
    if self._over == core.codes.FORKED then
        return core.forked()
    end
    return core.new_error(core.codes.CLOSED, "the client is closed: make a new one")
end

--- Waits until done() returns something: that; false and an error are a failure. nil, err when the time has passed, or when
-- nothing more will come. Before each wait least(), if given, says how long it may be at most.
function Client:_wait(done, timeout, least)
    local deadline = timeout and core.now() + timeout
    while true do
        self:_deliver()
        local result, err = done()
        if result then
            return result
        elseif result == false then
            return nil, err
        elseif self._over then
            return nil, self:_why_over()
        end
        local left = deadline and deadline - core.now()
        if left and left <= 0 then
            return nil, core.new_error(core.codes.TIMEOUT, "the time has passed", true)
        end
        local most = least and least()
        if most and (not left or most < left) then
            left = most
        end
        waiting.pause(self._scheduler, self._parked, self._fd, left)
    end
end

--- Calls the callback that is due first, of those that may be called now.
function Client:_run_one()
    local line = table.remove(self._log, 1)
    if line then
        local ok, err = protect.call(self._on_log, line.level, line.message, line.lock)
        if not ok then
            error(err, 0)
        end
        return true
    end
    local index = 1
    while self._due[index] do
        local election = self._elections[self._due[index]]
        if not election or not election._due[1] then
            table.remove(self._due, index) -- forgotten
        elseif protect.lives(election._callback) then
            index = index + 1
        else
            return election:_run_one()
        end
    end
    return false
end

--- Waits for an event at most so many seconds (0: not at all; nil: for ever), and calls the callbacks that are due, here. True,
-- or nil, err: TIMEOUT, or CLOSED after the last one. What a callback raises, this raises, with its traceback.
function Client:dispatch(timeout)
    check.self(self, Client, "client:dispatch")
    timeout = check.timeout(timeout, "client:dispatch: timeout")
    return self:_wait(function()
        local any
        while self:_run_one() do
            any = true
        end
        return any
    end, timeout)
end

--- A descriptor that is readable while dispatch(0) has something to do, for a loop of one's own. Never read or close it.
function Client:fd()
    check.self(self, Client, "client:fd")
    self:_deliver()
    if self._over then
        return nil, self:_why_over()
    end
    if not self._user then
        local waiter, reason = core.waiter(self._fd)
        if not waiter then
            return nil, core.new_error(core.codes.NO_MEMORY, reason)
        end
        self._user = waiter
        self:_settle()
    end
    return core.waiter_fd(self._user)
end

--- What happens in all elections from now on: for event in client:events() do ... end
function Client:events()
    check.self(self, Client, "client:events")
    return Events.new(self)
end

-- ---- elections ----

--- Stands: an election, or nil, err. With callbacks, dispatch() calls them; without, wait() gives the terms. for_life: as
-- become() does, but it goes on after every error, as with a lease.
function Client:election(given)
    check.self(self, Client, "client:election")
    check.is(given, "table", "client:election")
    local election, err = Election.stand(self, given.name, given, false, Election.OWN, 1)
    return election, err
end

--- Waits until it leads, and calls work(term). When that returns or raises, its work has ended: the lock is released.
-- True and what work returned; or nil, err: not led (TIMEOUT, CLOSED, ...), or lost meanwhile (NOT_LEADER, and then what work
-- returned). What work raises, this raises, with its traceback. options may be left out; timeout bounds the wait.
function Client:lead(name, given, work)
    check.self(self, Client, "client:lead")
    if work == nil and type(given) == "function" then
        given, work = nil, given
    end
    given = check.optional(given, "table", "client:lead: options") or {}
    check.is(work, "function", "client:lead: the work")
    local timeout = check.timeout(given.timeout, "client:lead: timeout")
    local election, err = Election.stand(self, name, given, false, leading.LEAD_OWN, 1)
    if not election then
        return nil, err
    end
    return leading.lead(self, election, timeout, work)
end

local function become(self, lock, given, level)
    local timeout = check.timeout(given.timeout, "become: timeout", level + 1)
    local election, err = Election.stand(self, lock, given, true, leading.BECOME_OWN, level + 1)
    if not election then
        return nil, err
    end
    return leading.become(self, election, timeout)
end

--- Waits until this Pod is the leader for life of the lock: the term, or nil, err; also at the first error that waiting does
-- not mend. Who we are comes from POD_NAME, POD_UID and POD_NAMESPACE; outside a cluster it leads at once.
function Client:become(lock, given)
    check.self(self, Client, "client:become")
    given = check.optional(given, "table", "client:become: options") or {}
    local term, err = become(self, lock, given, 1)
    return term, err
end

--- Asks the server once who holds the locks of a namespace: a list, or nil, err. filter: name, namespace, lock_resource,
-- timeout (10).
function Client:locks(filter)
    check.self(self, Client, "client:locks")
    filter = check.optional(filter, "table", "client:locks") or {}
    for name, value in pairs(filter) do
        if name == "name" or name == "namespace" or name == "lock_resource" then
            check.text(value, "client:locks: " .. name)
        elseif name ~= "timeout" then
            check.fail(("client:locks: there is no option %s"):format(tostring(name)))
        end
    end
    local timeout = check.timeout(filter.timeout, "client:locks: timeout") or 10
    local namespace = filter.namespace or self._namespace
    local query, err = core.query_start(self._handle, filter.lock_resource, namespace, filter.name, timeout)
    if not query then
        return nil, err
    end
    while true do
        local locks
        locks, err = core.query_answer(query)
        if locks ~= false then
            core.query_end(query)
            return locks, err
        end
        waiting.pause(self._scheduler, self._parked, core.query_fd(query), timeout)
    end
end

-- ---- the end ----

--- Does whoever calls this run in a callback, or in the function of a lead(), of this client?
function Client:_is_inside()
    for mark in pairs(self._blocks) do
        if protect.is_own(mark) then
            return true
        end
    end
    for _, election in pairs(self._elections) do
        if election._callback and protect.is_own(election._callback) then
            return true
        end
    end
    return false
end

--- Asks every election to stop, and takes no new ones. Returns at once; each still drains and is released.
function Client:stop()
    check.self(self, Client, "client:stop")
    core.client_close(self._handle)
    waiting.wake(self._parked)
    return true
end

local function free(self)
    self._is_closed = true
    self._over = self._over or core.codes.CLOSED
    -- Who waits wakes up to a client that is over; none of them uses a handle any more.
    waiting.wake(self._parked)
    for _, election in pairs(self._elections) do
        core.election_free(election._handle)
        election._is_closed = true
    end
    if self._user then
        core.waiter_close(self._user)
    end
    core.client_free(self._handle)
end

local function still_held(self)
    local locks = {}
    for _, election in pairs(self._elections) do
        if not election._has_closed then
            locks[#locks + 1] = election._lock
        end
    end
    table.sort(locks)
    return core.new_error(
        core.codes.TIMEOUT,
        table.concat(locks, ", ") .. ": the work has not ended: not released, the lock runs out"
    )
end

--- Elections that were forgotten are not waited for. Not in a finalizer, where Lua 5.3 may never come to an end with it.
local function collect_forgotten()
    local is_known, is_running = pcall(collectgarbage, "isrunning") -- Lua 5.1 knows no such question
    if is_running or not is_known then
        collectgarbage()
    end
end

--- Stops every election, calls the callbacks that end their work, waits for that and for the releases, and ends the client.
-- True; or nil, err when the time has passed: the client has ended all the same, and what is still held runs out.
-- Terms that wait() gave are handed back by who works in them, not by this. timeout: seconds, default 35.
function Client:close(timeout)
    check.self(self, Client, "client:close")
    timeout = check.timeout(timeout, "client:close: timeout") or Election.CLOSE_SECONDS
    if self._is_closed then
        return true
    end
    if self:_is_inside() then
        check.fail("client:close() in a callback or in the function of lead() would wait for itself: use client:stop()")
    end
    self:stop()
    collect_forgotten()
    for _, election in pairs(self._elections) do
        election:_return_ended()
    end
    local _, err = self:_wait(function()
        while self:_run_one() do
            self:_deliver()
        end
        return nil
    end, timeout)
    if self._over == core.codes.FORKED then
        return nil, err
    end
    local is_late = err.code ~= "CLOSED"
    err = is_late and still_held(self) or nil
    free(self)
    if is_late then
        return nil, err
    end
    return true
end

--- Lua 5.4: local client <close> = ...
function Client:__close()
    self:close()
end

function Client:__tostring()
    return self._is_closed and "k8sleader client (closed)" or "k8sleader client"
end

--- k8sleader.become(lock, options): with a client of its own, unless options.client is one.
function client.become_alone(lock, given)
    given = check.optional(given, "table", "become: options") or {}
    local for_client, rest = {}, {}
    for name, value in pairs(given) do
        if configuration.OWN[name] then
            for_client[name] = value
        elseif name ~= "client" then
            rest[name] = value
        end
    end
    check.text(lock, "the lock's name")
    local used = given.client
    if used == nil then
        local err
        used, err = new(for_client, 1)
        if not used then
            return nil, err
        end
    end
    check.self(used, Client, "become: client")
    local term, err = become(used, lock, rest, 1)
    return term, err
end

return client
