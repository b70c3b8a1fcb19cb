--- libuv by luv: k8sleader.client{scheduler = "luv"}. In coroutines the blocking calls yield; the loop resumes them. Outside of
-- coroutines they block, and the loop with them.

local protect = require "k8sleader.protect"
local uv = require "luv"

local function stop(poll)
    if not poll:is_closing() then
        poll:stop()
        poll:close()
    end
end

return {
    can_wait = protect.running,
    wait = function(fd)
        local waits = protect.running()
        local poll = assert(uv.new_poll(fd))
        poll:start("r", function()
            stop(poll)
            local ok, err = coroutine.resume(waits)
            if not ok then
                error(debug.traceback(waits, tostring(err)), 0)
            end
        end)
        coroutine.yield()
        stop(poll) -- also when somebody else resumed it
    end,
}
