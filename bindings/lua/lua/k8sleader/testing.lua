--- The embedded API server, for tests: the program `k8sleader dev-server`, named by K8SLEADER_PROGRAM or found in the PATH.
--
--     local server = assert(testing.server())
--     local client = assert(server:client())
--     ...
--     server:stop()

local k8sleader = require "k8sleader"

local testing = {}

local Server = {}
Server.__index = Server

local function quoted(text)
    return "'" .. text:gsub("'", "'\\''") .. "'"
end

testing.quoted = quoted

local function read_all(path)
    local file = assert(io.open(path))
    local text = file:read("*a")
    file:close()
    return text
end

--- One server, until stop(); arguments: further ones of `k8sleader dev-server`, as a shell has them.
function testing.server(arguments)
    local program = os.getenv("K8SLEADER_PROGRAM") or "k8sleader"
    local kubeconfig = os.tmpname()
    local command = ("echo $$; exec %s dev-server --kubeconfig-out %s %s"):format(
        quoted(program), quoted(kubeconfig), arguments or "")
    local output = assert(io.popen("exec sh -c " .. quoted(command), "r"))
    local pid = output:read("*l")
    local line
    repeat
        line = output:read("*l")
    until not line or line:find("^export KUBECONFIG=")
    if not line then
        output:close()
        return nil, program .. " dev-server did not start: is K8SLEADER_PROGRAM right?"
    end
    local server = testing.attach(kubeconfig)
    server.is_embedded = true
    server._pid, server._output = pid, output
    return server
end

--- A server that runs already, by a kubeconfig with a token.
function testing.attach(kubeconfig)
    local text = read_all(kubeconfig)
    return setmetatable({
        kubeconfig = kubeconfig,
        url = text:match("server: (%S+)"),
        token = text:match('token: "?([^"%s]+)'),
        is_embedded = false,
    }, Server)
end

--- A client of it; more: as for k8sleader.client().
function Server:client(more)
    local given = { kubeconfig = self.kubeconfig, namespace = "default" }
    for name, value in pairs(more or {}) do
        given[name] = value
    end
    return k8sleader.client(given)
end

--- Asks it by HTTP (with curl): the status, and the body as a text.
function Server:request(method, path, body)
    local command = ("curl -sk -X %s -H %s -H 'Content-Type: application/json' -w '\\n%%{http_code}' %s"):format(
        method, quoted("Authorization: Bearer " .. self.token), quoted(self.url .. path))
    if body then
        command = command .. " --data-binary " .. quoted(body)
    end
    local answer = assert(io.popen(command))
    local text = answer:read("*a")
    answer:close()
    local content, status = text:match("^(.*)\n(%d+)$")
    return tonumber(status), content
end

--- Scripts a fault: a JSON object, see k8sleader-devserver.h.
function Server:fault(json)
    local status, text = self:request("POST", "/_devserver/faults", json)
    assert(status == 200 or status == 201, text)
end

function Server:clear_faults()
    self:request("DELETE", "/_devserver/faults")
end

--- Ends it. Again is fine.
function Server:stop()
    if self._pid then
        os.execute("kill " .. self._pid)
        self._output:close() -- waits for it
        os.remove(self.kubeconfig)
        self._pid = nil
    end
end

return testing
