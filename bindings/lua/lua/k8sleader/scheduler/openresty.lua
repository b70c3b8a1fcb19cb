--- OpenResty: k8sleader.client{scheduler = "openresty"}. nginx gives Lua no way to wait for a descriptor of somebody else's, so
-- this looks every 50 ms, between which nginx goes on. What is asked by the clock, term:is_leader(), is as exact as elsewhere.

local core = require "k8sleader.core"

local PERIOD = 0.05

return {
    --- Phases in which ngx.sleep may be called.
    can_wait = function()
        local phase = ngx.get_phase()
        return phase == "timer" or phase == "content" or phase == "access" or phase == "rewrite"
    end,
    wait = function(fd)
        while not core.poll(fd, 0) do
            ngx.sleep(PERIOD)
        end
    end,
}
