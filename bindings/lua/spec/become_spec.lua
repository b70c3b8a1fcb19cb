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

    --- A running Pod, of a Node: one of no Node is soon collected, and gone as soon as it is deleted.
    local function make_pod(name)
        local status, text = server:request("POST", "/api/v1/nodes", ('{"metadata":{"name":"%s"}}'):format(name))
        assert(status == 201, text)
        status, text = server:request("POST", "/api/v1/namespaces/default/pods", ([[
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"%s","namespace":"default"},
             "spec":{"nodeName":"%s","containers":[{"name":"c","image":"i"}]}}]]):format(name, name))
        assert(status == 201, text)
        return assert(text:match('"uid":%s*"([^"]+)"'))
    end

    local function delete_pod(name, seconds)
        local status, text = server:request("DELETE", ("/api/v1/namespaces/default/pods/%s?gracePeriodSeconds=%d"):format(
            name, seconds))
        assert(status == 200 or status == 202, text)
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
        local seconds = 0.125
        support.await(function()
            seconds = seconds * 4
            local text = become(two, uid_of_two, lock, seconds)
            assert.matches("^TIMEOUT", text)
            return text:find("led by " .. one, 1, true)
        end)
        assert.matches("^leads", become(one, uid_of_one, lock, 60)) -- a restarted container
        -- It ends, and its containers still may run; then the kubelet says that they have ended.
        delete_pod(one, 30)
        assert.matches("^TIMEOUT", become(two, uid_of_two, lock, 0.5))
        delete_pod(one, 0)
        assert.matches("^leads", become(two, uid_of_two, lock, 60))
        delete_pod(two, 0)
        for _, name in ipairs { one, two } do
            server:request("DELETE", "/api/v1/nodes/" .. name)
        end
    end)

    it("is to be had with callbacks and a release of nothing", function()
        local lock, pod = support.lock_name("life"), support.lock_name("pod")
        local uid = make_pod(pod)
        local text, code = support.run(server, [[
            local k8sleader = require "k8sleader"
            local client = assert(k8sleader.client { kubeconfig = kubeconfig, log_level = "none" })
            local told = {}
            local election = assert(client:election {
                name = arg[1],
                for_life = true,
                on_started_leading = function(term) told.term = term end,
                on_stopped_leading = function(_, reason) told.reason = reason end,
            })
            while not told.term do assert(client:dispatch(60)) end
            assert(told.term:time_left() == math.huge)
            assert(election:close())
            assert(told.reason == "stop")
            -- In the same Pod it is the same lock, with the same token.
            assert(client:lead(arg[1], { for_life = true }, function(term)
                assert(term:fencing_token() == told.term:fencing_token())
            end))
            assert(client:close())
        ]], lock, ("%s POD_NAME=%s POD_UID=%s POD_NAMESPACE=default"):format(CLEAN, pod, uid))
        assert.same({ "", 0 }, { text, code })
        local status = server:request("GET", "/api/v1/namespaces/default/configmaps/" .. lock)
        assert.equal(200, status)
        delete_pod(pod, 0)
        -- With its Pod goes the lock, by the garbage collector.
        support.await(function()
            return server:request("GET", "/api/v1/namespaces/default/configmaps/" .. lock) == 404
        end)
        server:request("DELETE", "/api/v1/nodes/" .. pod)
    end)

    it("ends at what waiting does not mend", function()
        assert.matches("^NO_POD", become("nobody", "00000000-0000-0000-0000-000000000000", support.lock_name("life"), 60))
        assert.matches("^NAME", become("nobody", "0", "No_Name", 60))
    end)
end)
