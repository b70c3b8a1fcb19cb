--- What is done while memory runs out, and what must still work when there is some again. All modules are loaded before.

local kubeconfig, lock = ...
local k8sleader = require "k8sleader"

local client, election
-- Without memory, so that the callbacks themselves don't fail.
local last, wrong = "stopped", nil

local function tell(what)
    if what == last then
        wrong = what .. " twice"
    end
    last = what
end

local function work()
    client = assert(k8sleader.client { kubeconfig = kubeconfig, namespace = "default", log_level = "none" })
    local events = client:events()
    election = assert(client:election {
        name = lock .. "-callbacks",
        on_started_leading = function()
            tell "started"
        end,
        on_stopped_leading = function()
            tell "stopped"
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
    assert(client:close(60))
end

--- Whatever failed: no callback was lost or called twice, and what leads is released; but for an election that was started and
--- could not be given to the program, which is forgotten, and runs out.
local function after()
    if not client then
        return
    end
    local ok, err = client:close(60)
    assert(ok, tostring(err))
    assert(not wrong, wrong)
    assert(last == "stopped", "not stopped")
    local other = assert(k8sleader.client { kubeconfig = kubeconfig, namespace = "default", log_level = "none" })
    for _, state in ipairs(assert(other:locks())) do
        assert(state.name ~= lock .. "-callbacks" or state.holder == "" or not election, state.name .. " is held")
    end
    assert(other:close(60))
end

return work, after
