--- Leader for life.

local support = require "support"

local CLEAN = "env -u KUBECONFIG -u KUBERNETES_SERVICE_HOST -u POD_NAME -u POD_UID -u POD_NAMESPACE HOME=/nonexistent"

describe("become()", function()
    local server, client

    setup(function()
        server = support.server()
        client = assert(server:client())
    end)

    teardown(function()
        client:close()
        server:stop()
    end)

    it("leads at once outside a cluster", function()
        local text, code = support.run(server, [[
            local k8sleader = require "k8sleader"
            local term = assert(k8sleader.become("lock", { log_level = "none" }))
            assert(term:is_leader() and term:may_finish())
            assert(term:time_left() == math.huge and term:grace_left() == math.huge)
            assert(k8sleader.compare_tokens(term:fencing_token(), "0") == 0)
            assert(term:wait(0) == false)
            local client = assert(k8sleader.client { log_level = "none" })
            local events = client:events()
            local second = assert(client:become("lock"))
            local event = assert(events:next(60))
            assert(event.type == "started_leading" and event.skipped == true)
            assert(second:stop() and second:wait() and second:drained())
            assert(client:close())
        ]], "", CLEAN)
        assert.same({ "", 0 }, { text, code })
    end)

    local function make_pod(name)
        local status, text = server:request("POST", "/api/v1/namespaces/default/pods", ([[
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"%s","namespace":"default"},
             "spec":{"containers":[{"name":"c","image":"i"}]}}]]):format(name))
        assert(status == 201, text)
        return assert(text:match('"uid":%s*"([^"]+)"'))
    end

    local BECOME = [[
        local k8sleader = require "k8sleader"
        local lock, timeout = arg[1], arg[2]
        local term, err = k8sleader.become(lock, {
            kubeconfig = kubeconfig, timeout = tonumber(timeout), log_level = "none" })
        print(term and "leads" or err.code, err and err.message)
    ]]

    local function become(pod, uid, lock, timeout)
        return (support.run(server, BECOME, lock .. " " .. timeout,
            ("%s POD_NAME=%s POD_UID=%s POD_NAMESPACE=default"):format(CLEAN, pod, uid)))
    end

    it("is for the Pod's life", function()
        local lock = support.lock_name("life")
        local one, two = support.lock_name("one"), support.lock_name("two")
        local uid_of_one, uid_of_two = make_pod(one), make_pod(two)
        assert.matches("^leads", become(one, uid_of_one, lock, 60))
        local text = become(two, uid_of_two, lock, 0.5)
        assert.matches("^TIMEOUT", text)
        assert.is_truthy(text:find("led by " .. one, 1, true))
        assert.matches("^leads", become(one, uid_of_one, lock, 60)) -- a restarted container
        local status = server:request("DELETE", "/api/v1/namespaces/default/pods/" .. one .. "?gracePeriodSeconds=0")
        assert.equal(200, status)
        assert.matches("^leads", become(two, uid_of_two, lock, 60))
    end)

    it("ends at what waiting does not mend", function()
        assert.matches("^NO_POD", become("nobody", "00000000-0000-0000-0000-000000000000", support.lock_name("life"), 60))
        assert.matches("^NAME", become("nobody", "0", "No_Name", 60))
    end)
end)
