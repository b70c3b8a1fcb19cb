--- What happens in all elections of a client, as an iterator.

local check = require "k8sleader.check"

local Events = {}
Events.__index = Events

--- Of events that nobody fetches the latest are kept.
local MOST = 1000

function Events.new(client)
    local self = setmetatable({ _client = client, _first = 1, _last = 0, _has_ended = false, dropped = 0 }, Events)
    client._streams[self] = true
    return self
end

--- [the client]
function Events:_push(event)
    if self[self._last] == event then
        return -- it is looked at again, after memory had run out
    end
    self[self._last + 1] = event
    self._last = self._last + 1
    if self._last - self._first >= MOST then
        self[self._first] = nil
        self._first = self._first + 1
        self.dropped = self.dropped + 1
    end
end

--- The next event, or nil, err: TIMEOUT when the seconds have passed, CLOSED when nothing more will come.
function Events:next(timeout)
    check.self(self, Events, "events:next")
    timeout = check.timeout(timeout, "events:next: timeout")
    local ok, err = self._client:_wait(function()
        if self._first <= self._last then
            return true
        end
        return nil
    end, timeout)
    if not ok then
        return nil, err
    end
    local event = self[self._first]
    self[self._first] = nil
    self._first = self._first + 1
    return event
end

--- for event in client:events() do ... end: until the client is closed.
function Events:__call()
    return (self:next())
end

--- No more events are kept. Again is fine.
function Events:close()
    check.self(self, Events, "events:close")
    self._client._streams[self] = nil
end

Events.__close = Events.close

return Events
