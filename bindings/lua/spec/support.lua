--- What the tests share. Waits are for what is to happen, with a patience far beyond what anything takes.

local core = require "k8sleader.core"
local testing = require "k8sleader.testing"

local support = { PATIENCE = 60 }

--- Short times, for locks that are to run out.
function support.short(more)
    local given = { lease_duration = 3, renew_deadline = 2, retry_period = 0.4 }
    for name, value in pairs(more or {}) do
        given[name] = value
    end
    return given
end

--- One server for all of a file's tests: the embedded one, or a real control plane, by its kubeconfig.
function support.server()
    local real = os.getenv("K8SLEADER_TEST_KUBECONFIG")
    if real and real ~= "" then
        return testing.attach(real)
    end
    return assert(testing.server())
end

function support.await(what, why)
    local limit = core.now() + support.PATIENCE
    while true do
        local result = what()
        if result then
            return result
        end
        assert(core.now() < limit, why or "it did not happen")
        core.poll(-1, 0.01)
    end
end

--- Dispatches until it is so.
function support.dispatch_until(client, what)
    local limit = core.now() + support.PATIENCE
    while not what() do
        assert(core.now() < limit, "it did not happen")
        client:dispatch(0.5)
    end
end

local numbers = 0
local run = ("%x%x"):format(os.time(), math.floor(core.now() * 1e6) % 0x10000)

--- A lock of the test's own, also on a server that others have used.
function support.lock_name(prefix)
    numbers = numbers + 1
    return ("%s-%s-%d"):format(prefix or "lua", run, numbers)
end

--- Who holds the lock, as the server says; "" for nobody.
function support.holder(client, name)
    local locks = assert(client:locks { name = name })
    return locks[1] and locks[1].holder or ""
end

--- A foreign hand gives the lease to somebody else.
function support.steal(server, name)
    local path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/" .. name
    support.await(function()
        local _, text = server:request("GET", path)
        text = text:gsub('("holderIdentity":%s*)"[^"]*"', '%1"thief"')
        text = text:gsub('("leaseDurationSeconds":%s*)%d+', "%11")
        local status, answer = server:request("PUT", path, text)
        assert(status == 200 or status == 409, answer) -- 409: a renewal was faster
        return status == 200
    end)
end

--- Runs a Lua program of its own: what it wrote, and its exit code. It gets the server's kubeconfig and the arguments.
function support.run(server, script, arguments, environment)
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write('local kubeconfig = table.remove(arg, 1)\n' .. script)
    file:close()
    local text, code = support.run_command(
        ("%s timeout 120 %s %s %s %s"):format(
            environment or "", os.getenv("K8SLEADER_LUA") or "lua", path, server.kubeconfig, arguments or ""))
    os.remove(path)
    return text, code
end

function support.run_command(command)
    local output = assert(io.popen("{ " .. command .. "; } 2>&1; echo \"|$?\""))
    local text = output:read("*a")
    output:close()
    local said, code = text:match("^(.*)|(%d+)\n$")
    return said, tonumber(code)
end

return support
