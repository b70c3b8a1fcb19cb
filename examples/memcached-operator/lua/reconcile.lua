--- One pass: each Memcached of the namespace gets its Deployment, and a Deployment that differs is mended.
--
-- Each write is fenced: it carries the term's token, it is meant for the one version that was looked at, and what carries a
-- greater token is left alone. A new leader writes its token to everything first, so that whatever an older leader has
-- read by then is out of date.

local cjson = require "cjson"
local k8sleader = require "k8sleader"

local TOKEN = "cache.example.com/fencing-token"
local GROUP = "cache.example.com/v1alpha1"
local IMAGE = "docker.io/library/memcached:1.6-alpine"

--- How long a write may take at most: less than what is left of the lock.
local WRITE_SECONDS = 5

--- Calls write(seconds) if the lock is ours long enough for it.
local function guarded(term, what, write)
    local seconds = math.min(term:time_left(), WRITE_SECONDS)
    if not term:may_finish() or seconds <= 0 then
        return nil, what .. ": not written, the lock is no longer ours"
    end
    local answer, why = write(seconds)
    return answer, answer == nil and ("%s: %s"):format(what, why) or nil
end

local function labels(name)
    return { ["app.kubernetes.io/name"] = "memcached", ["app.kubernetes.io/instance"] = name }
end

local function deployment_of(memcached, token)
    local name = memcached.metadata.name
    local own = labels(name)
    own["app.kubernetes.io/managed-by"] = "memcached-operator"
    return {
        apiVersion = "apps/v1",
        kind = "Deployment",
        metadata = {
            name = name,
            labels = own,
            annotations = { [TOKEN] = token },
            -- The garbage collector deletes it after its Memcached: the operator needs no right to delete.
            ownerReferences = {
                { apiVersion = GROUP, kind = "Memcached", name = name, uid = memcached.metadata.uid, controller = true },
            },
        },
        spec = {
            replicas = memcached.spec.size,
            selector = { matchLabels = labels(name) },
            template = {
                metadata = { labels = labels(name) },
                spec = {
                    containers = {
                        {
                            name = "memcached",
                            image = IMAGE,
                            args = { "--memory-limit=64" },
                            ports = { { name = "memcached", containerPort = 11211 } },
                        },
                    },
                },
            },
        },
    }
end

local function is_of(deployment, memcached)
    for _, owner in ipairs(deployment.metadata.ownerReferences or {}) do
        if owner.uid == memcached.metadata.uid then
            return true
        end
    end
    return false
end

--- "ours", "older" or "newer"; what is no token counts as newer: hands off.
local function fence(stamped, token)
    if stamped == nil then
        return "older"
    end
    local ok, order = pcall(k8sleader.compare_tokens, stamped, token)
    if not ok then
        return "newer"
    end
    return order == 0 and "ours" or order < 0 and "older" or "newer"
end

local function create(api, term, memcached, path, token)
    local what = "Deployment " .. memcached.metadata.name
    return guarded(term, what, function(seconds)
        local made, why = api:request("POST", path, deployment_of(memcached, token), nil, seconds)
        return made and what .. ": created", why
    end)
end

local function mend(api, term, memcached, deployment, path, token)
    local name = memcached.metadata.name
    local what = "Deployment " .. name
    if not is_of(deployment, memcached) then
        return nil, what .. ": belongs to somebody else: left alone"
    end
    local state = fence((deployment.metadata.annotations or {})[TOKEN], token)
    if state == "newer" then
        return nil, what .. ": written by a newer leader: left alone"
    elseif deployment.metadata.deletionTimestamp or (state == "ours" and deployment.spec.replicas == memcached.spec.size) then
        return true
    end
    return guarded(term, what, function(seconds)
        local changed, why = api:request("PATCH", path .. "/" .. name, {
            metadata = { resourceVersion = deployment.metadata.resourceVersion, annotations = { [TOKEN] = token } },
            spec = { replicas = memcached.spec.size },
        }, "application/merge-patch+json", seconds)
        return changed and ("%s: %d replicas"):format(what, memcached.spec.size), why
    end)
end

--- What differs, mended. say(text) is told what was done and what failed; the next pass tries again.
return function(api, namespace, term, say)
    local token = tostring((term:fencing_token()))
    local path = "/apis/apps/v1/namespaces/" .. namespace .. "/deployments"
    local wanted, why = api:request("GET", "/apis/" .. GROUP .. "/namespaces/" .. namespace .. "/memcacheds")
    local found
    if wanted then
        found, why = api:request("GET", path .. "?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dmemcached-operator")
    end
    if not found then
        say(why)
        return
    end
    local deployments = {}
    for _, deployment in ipairs(found.items) do
        deployments[deployment.metadata.name] = deployment
    end
    for _, memcached in ipairs(wanted.items) do
        if not term:is_leader() then
            return -- nothing new is begun
        end
        if memcached.metadata.deletionTimestamp == nil or memcached.metadata.deletionTimestamp == cjson.null then
            local deployment = deployments[memcached.metadata.name]
            local done, problem
            if deployment then
                done, problem = mend(api, term, memcached, deployment, path, token)
            else
                done, problem = create(api, term, memcached, path, token)
            end
            if done ~= true then
                say(done or problem)
            end
        end
    end
end
