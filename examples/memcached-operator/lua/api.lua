--- What this operator asks of the API server: requests in JSON, over one Pod's service account.
--
-- From a shell, outside a cluster: API_SERVER=http://127.0.0.1:8001, where `kubectl proxy` listens.

local cjson = require "cjson"
local http_tls = require "http.tls"
local request = require "http.request"
local x509_store = require "openssl.x509.store"

local ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/"

local api = {}

local Api = {}
Api.__index = Api

local function read(path)
    local file, why = io.open(path)
    if not file then
        return nil, why
    end
    local text = file:read("*a")
    file:close()
    return text
end

--- The server and how to log in; or nil and why not.
function api.new()
    local server = os.getenv("API_SERVER")
    if server then
        return setmetatable({ server = server }, Api)
    end
    local host, port = os.getenv("KUBERNETES_SERVICE_HOST"), os.getenv("KUBERNETES_SERVICE_PORT") or "443"
    if not host then
        return nil, "not in a Pod: set API_SERVER, for example to http://127.0.0.1:8001 with kubectl proxy"
    end
    if host:find(":", 1, true) then
        host = "[" .. host .. "]"
    end
    local store = x509_store.new()
    store:add(ACCOUNT .. "ca.crt")
    local context = http_tls.new_client_context()
    context:setStore(store)
    return setmetatable({ server = "https://" .. host .. ":" .. port, context = context }, Api)
end

--- The answer as a table, and its status; or nil and why not. Yields in a cqueues coroutine.
function Api:request(method, path, body, content_type, seconds)
    local asked = request.new_from_uri(self.server .. path)
    asked.follow_redirects = false
    asked.ctx = self.context
    asked.headers:upsert(":method", method)
    asked.headers:upsert("accept", "application/json")
    if self.context then
        -- Read each time, since the kubelet replaces it.
        local token, why = read(ACCOUNT .. "token")
        if not token then
            return nil, why
        end
        asked.headers:upsert("authorization", "Bearer " .. token, true)
    end
    if body then
        asked.headers:upsert("content-type", content_type or "application/json")
        asked:set_body(cjson.encode(body))
    end
    local headers, stream = asked:go(seconds or 10)
    if not headers then
        return nil, tostring(stream)
    end
    local text, why = stream:get_body_as_string(seconds or 10)
    stream:shutdown()
    if not text then
        return nil, tostring(why)
    end
    local status = tonumber(headers:get(":status"))
    local read_well, answer = pcall(cjson.decode, text)
    if not read_well or type(answer) ~= "table" then
        return nil, ("HTTP %s, and no JSON"):format(tostring(status))
    end
    if status < 200 or status > 299 then
        return nil, ("HTTP %d: %s"):format(status, tostring(answer.message)), status
    end
    return answer, status
end

return api
