--- How the example operator mends one Memcached, against a cluster of tables. Of the whole of it: tests/operator.

local core = require "k8sleader.core"

local MODULES = { "log", "memcached", "reconcile" }
local TOKEN = "cache.example.com/fencing-token"

describe("the example operator", function()
    local Memcached, reconcile, path
    local cluster, term, said, writes

    local function say(text)
        said[#said + 1] = text
    end

    setup(function()
        local folder = debug.getinfo(1, "S").source:match("^@(.*)/") or "."
        path = package.path
        package.path = folder .. "/../../../examples/memcached-operator/lua/?.lua;" .. path
        package.loaded.log = { line = say, problem = say } -- the example's own needs an event loop
        Memcached, reconcile = require "memcached", require "reconcile"
    end)

    teardown(function()
        package.path = path
        for _, name in ipairs(MODULES) do
            package.loaded[name] = nil
        end
    end)

    local function write(method)
        return function(self, _, plural, ...)
            local arguments = { ... }
            local name = method == "patch" and table.remove(arguments, 1) or nil
            writes[#writes + 1] = { method, plural, name, body = arguments[1], seconds = arguments[2] }
            return self.answer
        end
    end

    before_each(function()
        said, writes = {}, {}
        cluster = { create = write "create", patch = write "patch", answer = true }
        term = {
            held = true,
            grace = 3,
            may_finish = function(self)
                return self.held
            end,
            grace_left = function(self)
                return self.grace
            end,
            fencing_token = function()
                return core.token_from_text("4711")
            end,
        }
    end)

    local function item(size, status)
        return {
            metadata = { name = "cache", uid = "uid-cache", resourceVersion = "76", generation = 2 },
            spec = { size = size },
            status = status,
        }
    end

    local function deployment(size, token, uid)
        return {
            metadata = {
                name = "cache",
                resourceVersion = "77",
                ownerReferences = { { uid = uid or "uid-cache" } },
                annotations = { [TOKEN] = token },
            },
            spec = { replicas = size },
            status = { replicas = size, readyReplicas = 1 },
        }
    end

    local RIGHT = { fencingToken = "4711", observedGeneration = 2, replicas = 3, readyReplicas = 1 }

    local function pass(memcached, found)
        return reconcile(cluster, "default", term, assert(Memcached.new(memcached)), found)
    end

    it("creates what is missing, with the term's token and an owner", function()
        assert.is_true(pass(item(3), nil))
        assert.same({ "create", "deployments" }, { writes[1][1], writes[1][2] })
        local body = writes[1].body
        assert.equal(3, body.spec.replicas)
        assert.equal("4711", body.metadata.annotations[TOKEN])
        assert.equal("uid-cache", body.metadata.ownerReferences[1].uid)
        assert.equal(3, writes[1].seconds) -- no longer than the lock may be relied on
        assert.same({ "patch", "memcacheds", "cache/status" }, { writes[2][1], writes[2][2], writes[2][3] })
        assert.equal("4711", writes[2].body.status.fencingToken)
    end)

    it("scales, for the version it has looked at", function()
        assert.is_true(pass(item(3, RIGHT), deployment(1, "4711")))
        assert.same({ "patch", "deployments", "cache" }, { writes[1][1], writes[1][2], writes[1][3] })
        assert.equal(3, writes[1].body.spec.replicas)
        assert.equal("77", writes[1].body.metadata.resourceVersion)
        assert.equal("76", writes[2].body.metadata.resourceVersion)
    end)

    it("takes over what an older leader wrote, and leaves alone what is right", function()
        assert.is_true(pass(item(3, RIGHT), deployment(3, "999")))
        assert.equal(1, #writes)
        assert.is_true(pass(item(3, RIGHT), deployment(3, nil)))
        assert.equal(2, #writes)
        assert.is_true(pass(item(3, RIGHT), deployment(3, "4711")))
        assert.equal(2, #writes)
    end)

    it("leaves alone what a newer leader wrote, and what is somebody else's", function()
        assert.is_false(pass(item(3), deployment(1, "10000")))
        assert.is_false(pass(item(3), deployment(1, "x")))
        assert.is_false(pass(item(3), deployment(1, 5)))
        assert.is_false(pass(item(3), deployment(1, "1", "other")))
        assert.is_false(pass(item(1, { fencingToken = "10000" }), deployment(1, "4711")))
        assert.same({}, writes)
        assert.equal(5, #said)
    end)

    it("writes nothing when the lock is no longer its own", function()
        term.held = false
        assert.is_false(pass(item(3), nil))
        assert.same({}, writes)
        assert.matches("no longer ours", said[1])
        term.held, term.grace = true, 0
        assert.is_false(pass(item(3), nil))
        assert.same({}, writes)
    end)

    it("looks again after a conflict", function()
        cluster.answer = nil
        assert.is_false(pass(item(3), nil))
        assert.is_false(pass(item(3), deployment(1, "4711")))
        assert.equal(2, #writes)
    end)

    it("refuses what is malformed", function()
        for _, size in ipairs { "three", 1.5, -1, 101, {} } do
            local none, why = Memcached.new(item(size))
            assert.is_nil(none)
            assert.matches("spec.size", why)
        end
        assert.is_nil((Memcached.new { metadata = { name = ("x"):rep(64) }, spec = { size = 1 } }))
        assert.is_nil((Memcached.new { metadata = { name = "x" } }))
    end)
end)
