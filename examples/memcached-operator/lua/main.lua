--- An operator in Lua: keeps a Deployment of memcached for each Memcached object of its namespace. Of its replicas one works,
-- elected with a lease.
--
--     lua main.lua [NAMESPACE]        POD_NAMESPACE, else "default"
--
-- It needs cqueues, lua-http and cjson (Debian: lua-cqueues, lua-http, lua-cjson). SIGTERM drains: the pass that runs is
-- finished with the lock still held, then the lease is released and the process ends.

package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path

local cqueues = require "cqueues"
local k8sleader = require "k8sleader"
local signal = require "cqueues.signal"

local reconcile = require "reconcile"

local LOCK = "memcached-operator-lock"
--- Nothing is watched: what changed is seen at the next pass.
local PERIOD = 5

local function say(text)
    io.stdout:write(os.date("!%H:%M:%S "), text, "\n")
    io.stdout:flush()
end

local namespace = arg[1] or os.getenv("POD_NAMESPACE") or "default"
local api = assert(require("api").new())
local client = assert(k8sleader.client { namespace = namespace, scheduler = "cqueues" })

local function work(term)
    say("leading " .. term:lock() .. ", fencing token " .. tostring((assert(term:fencing_token()))))
    repeat
        reconcile(api, namespace, term, say)
    until term:wait(PERIOD)
    say("the term is to end: " .. tostring(term:reason()))
end

local function stand()
    while true do
        local ok, err = client:lead(LOCK, work)
        if not ok and err.code == "CLOSED" then
            return -- by the signal
        elseif not ok then
            say(tostring(err)) -- lost: it stands again
        end
    end
end

signal.block(signal.SIGTERM, signal.SIGINT)
local loop = cqueues.new()
loop:wrap(function()
    local number = signal.listen(signal.SIGTERM, signal.SIGINT):wait()
    say(signal.strsignal(number) .. ": draining")
    assert(client:close())
end)
loop:wrap(stand)
say("standing for " .. namespace .. "/" .. LOCK)
assert(loop:loop())
say("ends")
