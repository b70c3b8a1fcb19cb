--- cqueues: k8sleader.client{scheduler = "cqueues"}. In a controller's coroutines the blocking calls yield.

local cqueues = require "cqueues"

return {
    can_wait = cqueues.running,
    wait = function(fd)
        cqueues.poll {
            pollfd = function()
                return fd
            end,
            events = function()
                return "r"
            end,
        }
        cqueues.cancel(fd) -- the descriptor is closed soon
    end,
}
