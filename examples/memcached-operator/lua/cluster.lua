--- Where the cluster is, and requests to it in JSON, by lua-http. Within a coroutine of the loop all of it yields.

local cjson = require "cjson"
local cqueues = require "cqueues"
local errno = require "cqueues.errno"
local http_tls = require "http.tls"
local log = require "log"
local pkey = require "openssl.pkey"
local request = require "http.request"
local util = require "http.util"
local x509 = require "openssl.x509"
local x509_store = require "openssl.x509.store"

local ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/"
local GROUPS = { memcacheds = "/apis/cache.example.com/v1alpha1", deployments = "/apis/apps/v1" }
local LIST_SECONDS = 10
local WATCH_SECONDS = 300
local ADVICE = {
    [401] = "; is the service account's token mounted?",
    [403] = "; does the Role allow it (deploy/rbac-*.yaml)?",
}

local Cluster = {}
Cluster.__index = Cluster

local function read(path)
    local file, why = io.open(path)
    local text = file and file:read("*a")
    if file then
        file:close()
    end
    return text, text == nil and (why or path .. ": can't be read") or nil
end

local BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function from_base64(text)
    local bytes, value, bits = {}, 0, 0
    for letter in text:gmatch("[%w+/]") do
        value, bits = value * 64 + BASE64:find(letter, 1, true) - 1, bits + 6
        if bits >= 8 then
            bits = bits - 8
            bytes[#bytes + 1] = string.char(math.floor(value / 2 ^ bits))
            value = value % 2 ^ bits
        end
    end
    return table.concat(bytes)
end

local function pem_of(config, name)
    return from_base64(assert(config[name], name .. " is missing"))
end

--- Raises.
local function context_of(authority)
    local store = x509_store.new()
    for pem in authority:gmatch("%-%-%-%-%-BEGIN CERTIFICATE.-END CERTIFICATE%-%-%-%-%-") do
        store:add(x509.new(pem))
    end
    local context = http_tls.new_client_context()
    context:setStore(store)
    return context
end

local function in_cluster(self, host)
    if host:find(":", 1, true) then
        host = "[" .. host .. "]"
    end
    self.server = "https://" .. host .. ":" .. (os.getenv("KUBERNETES_SERVICE_PORT") or "443")
    self.context = context_of(assert(read(ACCOUNT .. "ca.crt")))
    assert(read(ACCOUNT .. "token"))
end

local function find(list, name, member)
    for _, entry in ipairs(list or {}) do
        if entry.name == name then
            return entry[member]
        end
    end
    error(("there is no %s %s"):format(member, tostring(name)), 0)
end

local function by_kubeconfig(self, path)
    local config = cjson.decode((assert(read(path))))
    local context = find(config.contexts, config["current-context"], "context")
    local cluster, user = find(config.clusters, context.cluster, "cluster"), find(config.users, context.user, "user")
    self.server, self.token = assert(cluster.server, "no server"), user.token
    self.context = context_of(pem_of(cluster, "certificate-authority-data"))
    if user["client-certificate-data"] then
        self.context:setCertificate(x509.new(pem_of(user, "client-certificate-data")))
        self.context:setPrivateKey(pkey.new(pem_of(user, "client-key-data")))
    end
end

--- The cluster; or nil and why it is not known where that is. kubeconfig is nil in a Pod.
function Cluster.new()
    local self = setmetatable({ kubeconfig = nil }, Cluster)
    local host, path = os.getenv("KUBERNETES_SERVICE_HOST"), os.getenv("KUBECONFIG")
    local found, why
    if host then
        found, why = pcall(in_cluster, self, host)
        why = tostring(why) .. "; automountServiceAccountToken must not be false"
    elseif path then
        self.kubeconfig = path
        found, why = pcall(by_kubeconfig, self, path)
        why = ("%s: %s; it is made by kubectl config view --minify --flatten --raw -o json"):format(path, tostring(why))
    else
        why = "not in a Pod, and KUBECONFIG is not set"
    end
    if not found then
        return nil, why
    end
    return self
end

--- Sends it: the status and the stream of the answer's body; or nil and why there is none.
function Cluster:_send(method, path, body, seconds)
    local asked = request.new_from_uri(self.server .. path)
    asked.version = 1.1
    asked.follow_redirects = false
    asked.ctx = self.context
    asked.headers:upsert(":method", method)
    asked.headers:upsert("accept", "application/json")
    -- A Pod's is read each time, since the kubelet replaces it.
    local token = self.kubeconfig and self.token or (not self.kubeconfig and read(ACCOUNT .. "token"))
    if token then
        asked.headers:upsert("authorization", "Bearer " .. token, true)
    end
    if body then
        asked.headers:upsert("content-type", method == "PATCH" and "application/merge-patch+json" or "application/json")
        asked:set_body(cjson.encode(body))
        asked.headers:delete("expect")
    end
    local headers, stream = asked:go(seconds)
    if not headers then
        return nil, tostring(stream)
    end
    return tonumber(headers:get(":status")), stream
end

local function advice(status, plural)
    if status == 404 and plural == "memcacheds" then
        return "; is the CRD there (kubectl apply -f deploy/crd.yaml)?"
    end
    return ADVICE[status] or ""
end

--- What the server said is its own Status object as a rule; a proxy, or a path that is unknown, answers with a text.
local function complain(method, plural, status, text)
    local is_json, answer = pcall(cjson.decode, text)
    local message = is_json and type(answer) == "table" and answer.message or text
    log.problem(("%s %s: %d %s%s"):format(method, plural, status, tostring(message):sub(1, 300), advice(status, plural)))
end

--- The answer; nil for a conflict; false, and it was said why. Within so many seconds, all of it.
function Cluster:_ask(method, plural, path, body, seconds)
    local deadline = cqueues.monotime() + seconds
    local status, stream = self:_send(method, path, body, seconds)
    local text, why
    if status then
        text, why = stream:get_body_as_string(math.max(0, deadline - cqueues.monotime()))
        stream:shutdown()
    else
        why = stream
    end
    if not text then
        log.problem(("%s %s: no answer: %s"):format(method, plural, tostring(why)))
        return false
    elseif status == 409 then
        return nil
    elseif status < 200 or status > 299 then
        complain(method, plural, status, text)
        return false
    end
    local is_json, answer = pcall(cjson.decode, text)
    if not is_json or type(answer) ~= "table" then
        log.problem(("%s %s: %d, and no JSON"):format(method, plural, status))
        return false
    end
    return answer
end

local function path_of(namespace, plural)
    return ("%s/namespaces/%s/%s"):format(GROUPS[plural], util.encodeURIComponent(namespace), plural)
end

--- The list; or nil, and it was said why.
function Cluster:list(namespace, plural, selector)
    local path = path_of(namespace, plural) .. "?labelSelector=" .. util.encodeURIComponent(selector)
    local found = self:_ask("GET", plural, path, nil, LIST_SECONDS)
    return found and type(found.items) == "table" and found or nil
end

--- Whether it was made; nil for a conflict.
function Cluster:create(namespace, plural, body, seconds)
    local answer = self:_ask("POST", plural, path_of(namespace, plural), body, seconds)
    return answer and true or answer
end

--- Whether it was changed; nil for a conflict. name may have /status behind it.
function Cluster:patch(namespace, plural, name, body, seconds)
    local answer = self:_ask("PATCH", plural, path_of(namespace, plural) .. "/" .. name, body, seconds)
    return answer and true or answer
end

--- Calls listener:ring() for whatever changes after that version, until the watch ends or listener.has_ended.
function Cluster:watch(namespace, plural, selector, version, listener)
    local path = ("%s?watch=1&resourceVersion=%s&labelSelector=%s&timeoutSeconds=%d"):format(path_of(namespace, plural),
        version, util.encodeURIComponent(selector), WATCH_SECONDS)
    local status, stream = self:_send("GET", path, nil, LIST_SECONDS)
    if not status then
        return -- what is wrong says the list
    elseif status ~= 200 then
        local text = stream:get_body_as_string(LIST_SECONDS) or ""
        stream:shutdown()
        if status ~= 410 then -- too old: it is listed again
            complain("GET", plural, status, text)
        end
        return
    end
    local deadline = cqueues.monotime() + WATCH_SECONDS + 60
    repeat
        local chunk, _, code = stream:get_next_chunk(0)
        if chunk then
            listener:ring()
        elseif code == errno.ETIMEDOUT then
            cqueues.poll(stream.connection.socket, listener.ended, deadline - cqueues.monotime())
        end
    until listener.has_ended or not (chunk or code == errno.ETIMEDOUT) or cqueues.monotime() >= deadline
    stream:shutdown()
end

return Cluster
