--- Stands in an election by the Lua binding, and prints what `k8sleader elect --output json` prints. SIGTERM stops and releases.

local cqueues = require "cqueues"
local k8sleader = require "k8sleader"
local signal = require "cqueues.signal"

local options = {}
for index = 1, #arg, 2 do
    options[(assert(arg[index]:match("^%-%-(.+)$")):gsub("-", "_"))] = arg[index + 1]
end

signal.block(signal.SIGTERM)
local client = assert(k8sleader.client {
    kubeconfig = options.kubeconfig,
    namespace = options.namespace,
    scheduler = "cqueues",
})
options.kubeconfig, options.namespace = nil, nil
local events = client:events()
local election = assert(client:election(options))

local function say(event)
    local line = ('{"time":%.6f,"event":"%s","lock":"%s","identity":"%s"'):format(event.time, event.type, event.lock,
        election:identity())
    for _, name in ipairs { "reason", "leader" } do
        if event[name] then
            line = ('%s,"%s":"%s"'):format(line, name, event[name])
        end
    end
    if event.token then
        line = ('%s,"token":%s'):format(line, tostring(event.token))
    end
    io.stdout:write(line, "}\n")
    io.stdout:flush()
end

local loop = cqueues.new()
local is_over = false
loop:wrap(function()
    signal.listen(signal.SIGTERM):wait()
    client:stop()
end)
loop:wrap(function()
    local term
    while true do
        local event = events:next()
        if not event then
            break
        elseif event.type == "started_leading" then
            term = election:wait(0) -- nil when it is over already: then it was handed back
        end
        say(event)
        if event.type == "stopped_leading" and term then
            assert(term:drained())
            term = nil
        end
    end
    assert(client:close())
    is_over = true
end)
repeat
    assert(loop:step())
until is_over
