--- One Memcached. Every write carries the term's token, is for the one version that was looked at, and is asked for first.

local k8sleader = require "k8sleader"
local log = require "log"
local TOKEN = require("memcached").TOKEN

local WRITE_SECONDS = 10 -- two of them fit into the drain timeout

local Write = {}
Write.__index = Write

--- The time a write may take, nil for none; there is some during a drain, too.
function Write:_seconds(what)
    if not self.term:may_finish() then
        log.line(what .. ": not written, the lock is no longer ours")
        return nil
    end
    -- By then another may lead: nothing of ours may still be waiting for an answer. (For life: no limit.)
    local seconds = math.min(self.term:grace_left(), WRITE_SECONDS)
    return seconds > 0 and seconds or nil
end

--- Whether it was made; nil for a conflict.
function Write:create(what, body)
    local seconds = self:_seconds(what)
    return seconds ~= nil and self.cluster:create(self.namespace, "deployments", body, seconds)
end

--- Whether it was changed.
function Write:patch(what, plural, name, body)
    local seconds = self:_seconds(what)
    if not seconds then
        return false
    end
    local done = self.cluster:patch(self.namespace, plural, name, body, seconds)
    if done == nil then
        log.problem(what .. ": changed, or was created, by another hand meanwhile: it is looked at again")
    end
    return done == true
end

--- A newer leader has written: hands off, though we lead, and it is said.
local function is_newer(what, stamped, token)
    if stamped == nil then
        return false
    end
    local is_token, order = pcall(k8sleader.compare_tokens, stamped, token)
    if type(stamped) ~= "string" or not is_token then
        log.problem(("%s: the fencing token on it, %q, is no number: left alone; when no other operator writes to it, "
            .. "remove it"):format(what, tostring(stamped):sub(1, 40)))
        return true
    elseif order > 0 then
        -- The other way to get here is an etcd that was restored from a backup, since which versions count from lower.
        log.problem(("%s: written with the fencing token %s, ours is %s: a newer leader is at work, it is left alone"):format(
            what, stamped, token))
        return true
    end
    return false
end

local function is_of(metadata, memcached)
    for _, owner in ipairs(metadata.ownerReferences or {}) do
        if owner.uid == memcached.uid then
            return true
        end
    end
    return false
end

local function create(write, memcached, token)
    local what = "Deployment " .. memcached.name
    local done = write:create(what, memcached:deployment(token))
    if done == nil then -- not among those with our label
        log.problem(what .. ": there is one already, and not one of ours as far as can be seen: left alone")
    elseif done then
        log.line(("%s: created with %d replicas (token %s)"):format(what, memcached.size, token))
    end
    return done == true
end

local function mend(write, memcached, deployment, token)
    local what, metadata = "Deployment " .. memcached.name, deployment.metadata
    local replicas = deployment.spec.replicas
    local stamped = (metadata.annotations or {})[TOKEN]
    if not is_of(metadata, memcached) then
        log.problem(what .. ": belongs to another Memcached of that name, or to nobody: left alone until it is gone")
        return false
    elseif metadata.deletionTimestamp ~= nil or is_newer(what, stamped, token) then
        return false
    elseif stamped == token and replicas == memcached.size then
        return true
    end
    local done = write:patch(what, "deployments", memcached.name, {
        metadata = { resourceVersion = metadata.resourceVersion, annotations = { [TOKEN] = token } },
        spec = { replicas = memcached.size },
    })
    if done and replicas ~= memcached.size then
        log.line(("%s: from %d to %d replicas (token %s)"):format(what, replicas or 1, memcached.size, token))
    elseif done then
        log.line(("%s: taken over (token %s)"):format(what, token))
    end
    return done
end

local function mend_status(write, memcached, deployment, token)
    local what, known = "status of Memcached " .. memcached.name, memcached.status
    if is_newer(what, known.fencingToken, token) then
        return false
    end
    local found = deployment and deployment.status or {}
    local status = { fencingToken = token, observedGeneration = memcached.generation, replicas = found.replicas or 0,
        readyReplicas = found.readyReplicas or 0 }
    local is_so = true
    for key, value in pairs(status) do
        is_so = is_so and known[key] == value
    end
    return is_so or write:patch(what, "memcacheds", memcached.name .. "/status", {
        metadata = { resourceVersion = memcached.version },
        status = status,
    })
end

--- Whether all is as it should be.
return function(cluster, namespace, term, memcached, deployment)
    if memcached.is_ending then
        return true
    end
    local token = tostring((assert(term:fencing_token())))
    local write = setmetatable({ cluster = cluster, namespace = namespace, term = term }, Write)
    local done
    if deployment then
        done = mend(write, memcached, deployment, token)
    else
        done = create(write, memcached, token)
    end
    -- The status says what is so, not what should be.
    return done and mend_status(write, memcached, deployment, token)
end
