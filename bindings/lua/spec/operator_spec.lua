--- The example operator's pass over the objects, against an API server of tables.

local core = require "k8sleader.core"

local EXAMPLE = "../../examples/memcached-operator/lua/"
local DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
local TOKEN = "cache.example.com/fencing-token"

describe("the example operator", function()
    local found, cjson = pcall(require, "cjson")
    if not found then
        pending("needs cjson")
        return
    end
    local folder = debug.getinfo(1, "S").source:match("^@(.*)/") or "."
    local reconcile = dofile(folder .. "/../" .. EXAMPLE .. "reconcile.lua")

    local api, term, said, writes

    --- Objects by path, and what was asked.
    local function new_api(memcacheds, deployments)
        return {
            request = function(_, method, path, body, content_type)
                if method == "GET" then
                    return { items = path:find("memcacheds", 1, true) and memcacheds or deployments }
                end
                writes[#writes + 1] = { method = method, path = path, body = cjson.decode(cjson.encode(body)),
                    content_type = content_type }
                return {}
            end,
        }
    end

    local function memcached(name, size)
        return { metadata = { name = name, uid = "uid-" .. name }, spec = { size = size } }
    end

    local function deployment(name, size, token, uid)
        return {
            metadata = {
                name = name,
                resourceVersion = "77",
                ownerReferences = { { uid = uid or "uid-" .. name } },
                annotations = { [TOKEN] = token },
            },
            spec = { replicas = size },
        }
    end

    before_each(function()
        said, writes = {}, {}
        term = {
            leads = true,
            held = true,
            is_leader = function(self)
                return self.leads
            end,
            may_finish = function(self)
                return self.held
            end,
            time_left = function()
                return 5
            end,
            fencing_token = function()
                return core.token_from_text("4711")
            end,
        }
    end)

    local function pass()
        reconcile(api, "default", term, function(text)
            said[#said + 1] = text
        end)
    end

    it("creates what is missing, with its token", function()
        api = new_api({ memcached("cache", 3) }, {})
        pass()
        assert.equal(1, #writes)
        assert.same({ "POST", DEPLOYMENTS }, { writes[1].method, writes[1].path })
        assert.equal(3, writes[1].body.spec.replicas)
        assert.equal("4711", writes[1].body.metadata.annotations[TOKEN])
        assert.equal("uid-cache", writes[1].body.metadata.ownerReferences[1].uid)
    end)

    it("scales, for the version it has looked at", function()
        api = new_api({ memcached("cache", 3) }, { deployment("cache", 1, "4711") })
        pass()
        assert.equal(1, #writes)
        assert.same({ "PATCH", DEPLOYMENTS .. "/cache", "application/merge-patch+json" },
            { writes[1].method, writes[1].path, writes[1].content_type })
        assert.equal(3, writes[1].body.spec.replicas)
        assert.equal("77", writes[1].body.metadata.resourceVersion)
    end)

    it("takes over what an older leader wrote, and leaves alone what is right", function()
        api = new_api({ memcached("old", 1), memcached("right", 1), memcached("none", 1) },
            { deployment("old", 1, "999"), deployment("right", 1, "4711"), deployment("none", 1, nil) })
        pass()
        assert.equal(2, #writes)
        assert.same({ DEPLOYMENTS .. "/old", DEPLOYMENTS .. "/none" }, { writes[1].path, writes[2].path })
    end)

    it("leaves alone what a newer leader wrote, and what is somebody else's", function()
        api = new_api({ memcached("newer", 3), memcached("odd", 3), memcached("theirs", 3) },
            { deployment("newer", 1, "10000"), deployment("odd", 1, "x"), deployment("theirs", 1, "1", "other") })
        pass()
        assert.same({}, writes)
        assert.equal(3, #said)
    end)

    it("writes nothing when the lock is no longer its own", function()
        api = new_api({ memcached("cache", 3) }, {})
        term.held = false
        pass()
        assert.same({}, writes)
        assert.matches("no longer ours", said[1])
        term.leads = false
        said = {}
        pass()
        assert.same({}, writes)
        assert.same({}, said)
    end)
end)
