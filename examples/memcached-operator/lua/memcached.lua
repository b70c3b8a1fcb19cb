--- The two objects: a Memcached as it was read, and the Deployment that it is to have.

local MANAGED_BY = "memcached-operator"
local IMAGE = "docker.io/library/memcached:1.6-alpine"
local NAME_MOST = 63 -- it becomes a label's value
local SIZE_MOST = 100

local Memcached = { TOKEN = "cache.example.com/fencing-token", SELECTOR = "app.kubernetes.io/managed-by=" .. MANAGED_BY }
Memcached.__index = Memcached

--- One; or nil and what is malformed: the CRD's schema keeps most of that out, as long as nobody edits the CRD.
function Memcached.new(item)
    local metadata = item.metadata
    local size = type(item.spec) == "table" and item.spec.size or nil
    if #metadata.name > NAME_MOST then
        return nil, "its name is longer than 63 bytes"
    elseif type(size) ~= "number" or size % 1 ~= 0 or size < 0 or size > SIZE_MOST then
        return nil, "spec.size is missing, no whole number, or not in 0..100"
    end
    return setmetatable({
        name = metadata.name,
        uid = metadata.uid,
        version = metadata.resourceVersion,
        generation = metadata.generation or 0,
        is_ending = metadata.deletionTimestamp ~= nil,
        status = type(item.status) == "table" and item.status or {},
        size = size,
    }, Memcached)
end

function Memcached:deployment(token)
    local function labels()
        return { ["app.kubernetes.io/name"] = "memcached", ["app.kubernetes.io/instance"] = self.name }
    end
    local own = labels()
    own["app.kubernetes.io/managed-by"] = MANAGED_BY
    return {
        apiVersion = "apps/v1",
        kind = "Deployment",
        metadata = {
            name = self.name,
            labels = own,
            annotations = { [Memcached.TOKEN] = token },
            -- The garbage collector deletes it after its Memcached: the operator needs no right to delete.
            ownerReferences = {
                { apiVersion = "cache.example.com/v1alpha1", kind = "Memcached", name = self.name, uid = self.uid,
                    controller = true },
            },
        },
        spec = {
            replicas = self.size,
            selector = { matchLabels = labels() },
            template = {
                metadata = { labels = labels() },
                spec = {
                    containers = {
                        { name = "memcached", image = IMAGE, args = { "--memory-limit=64" },
                            ports = { { name = "memcached", containerPort = 11211 } } },
                    },
                },
            },
        },
    }
end

return Memcached
