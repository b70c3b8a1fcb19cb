-- A user's program: leads on a server of its own. Argument: the version it has to be.
local k8sleader = require("k8sleader")
local server = assert(require("k8sleader.testing").server())
local client = assert(server:client())
local led = false
assert(client:lead("packaged", function(term)
    assert(term:is_leader())
    led = true
end))
assert(led)
assert(client:close())
server:stop()
assert(k8sleader.version() == arg[1], k8sleader.version())
print(("k8sleader %s leads with %s"):format(k8sleader.version(), jit and jit.version or _VERSION))
