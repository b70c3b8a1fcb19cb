--- What is done while memory runs out. All modules are loaded before.

local kubeconfig, lock = ...
local k8sleader = require "k8sleader"

return function()
    local client = assert(k8sleader.client { kubeconfig = kubeconfig, namespace = "default", log_level = "none" })
    local events = client:events()
    local stopped
    local election = assert(client:election {
        name = lock .. "-callbacks",
        on_started_leading = function() end,
        on_stopped_leading = function()
            stopped = true
        end,
        on_new_leader = function() end,
        on_event = function() end,
    })
    assert(client:lead(lock, { labels = { app = "web" }, timeout = 60 }, function(term)
        assert(term:is_leader())
        assert(term:fencing_token())
        assert(term:wait(0) == false)
        assert(client:locks { name = lock })
        assert(tostring(term) and term:lock())
    end))
    assert(events:next(60))
    assert(not client:lead("No_Name", function() end))
    assert(client:fd())
    while not election:is_leader() do
        client:dispatch(1)
    end
    assert(election:close(60))
    assert(stopped)
    assert(client:close(60))
end
