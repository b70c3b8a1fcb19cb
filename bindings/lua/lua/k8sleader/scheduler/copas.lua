--- copas: k8sleader.client{scheduler = "copas"}. In its coroutines the blocking calls yield.

local copas = require "copas"
local protect = require "k8sleader.protect"

return {
    can_wait = protect.running,
    --- What copas waits for are sockets, by their getfd(): this is one that has nothing when it is first read, so that copas
    -- waits until it is readable, and has all then.
    wait = function(fd)
        local was_asked = false
        copas.receive({
            getfd = function()
                return fd
            end,
            dirty = function()
                return false
            end,
            close = function() end, -- called when the coroutine ends, on what it waited for last
            settimeout = function()
                return 1
            end,
            receive = function()
                if was_asked then
                    return ""
                end
                was_asked = true
                return nil, "timeout"
            end,
        }, 1)
    end,
}
