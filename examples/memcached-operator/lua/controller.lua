--- The loop of a term: read all, mend what differs, wait for a watch to ring.

local Memcached = require "memcached"
local condition = require "cqueues.condition"
local cqueues = require "cqueues"
local log = require "log"
local reconcile = require "reconcile"

local RESYNC = 15 -- should a watch be deaf
local ROUND_LEAST = 0.1 -- a burst of changes is one round
local RETRY_FIRST, RETRY_MOST = 0.2, 30
local WATCH_LASTING = 5 -- a watch that lasted this long ended for no fault
local SELECTORS = { memcacheds = "", deployments = Memcached.SELECTOR }

local Controller = {}
Controller.__index = Controller

--- The work of one term. loop: what runs the coroutines.
function Controller.new(loop, cluster, namespace, term)
    return setmetatable({
        loop = loop,
        cluster = cluster,
        namespace = namespace,
        term = term,
        bells = {}, -- what is watched → true
        rings = condition.new(), -- something may have changed, or the term is to end
        has_rung = false,
        has_ended = false,
        ended = condition.new(), -- ... says so
    }, Controller)
end

--- [the watches] Something may have changed.
function Controller:ring()
    self.has_rung = true
    self.rings:signal()
end

function Controller:_await_ring(seconds)
    local deadline = cqueues.monotime() + seconds
    while not self.has_rung and cqueues.monotime() < deadline do
        self.rings:wait(deadline - cqueues.monotime())
    end
end

--- A watch that only rings, in a coroutine of its own: that reads, and writes nothing.
function Controller:_watch(plural, version)
    if self.bells[plural] then
        return
    end
    self.bells[plural] = true
    self.loop:wrap(function()
        local began = cqueues.monotime()
        self.cluster:watch(self.namespace, plural, SELECTORS[plural], version, self)
        self.bells[plural] = nil
        if cqueues.monotime() - began >= WATCH_LASTING then
            self:ring()
        end
    end)
end

function Controller:_look_at(item, deployments)
    local memcached, why = Memcached.new(item)
    if not memcached then
        -- Nothing to retry: whoever mends it makes the watch ring.
        log.problem(("Memcached %s is malformed, it is left as it is: %s"):format(item.metadata.name:sub(1, 80), why))
        return true
    end
    return reconcile(self.cluster, self.namespace, self.term, memcached, deployments[memcached.name])
end

--- Whether all is as it should be.
function Controller:_round()
    local lists = {}
    for _, plural in ipairs { "memcacheds", "deployments" } do
        lists[plural] = self.cluster:list(self.namespace, plural, SELECTORS[plural])
        if not lists[plural] or not self.term:is_leader() then
            return false
        end
    end
    local deployments = {}
    for _, deployment in ipairs(lists.deployments.items) do
        deployments[deployment.metadata.name] = deployment
    end
    for plural, list in pairs(lists) do
        self:_watch(plural, list.metadata.resourceVersion)
    end
    local is_well = true
    for _, item in ipairs(lists.memcacheds.items) do
        -- A stop lets the one that is being looked at be finished, and the next one not be begun.
        if not self.term:is_leader() then
            break
        end
        is_well = self:_look_at(item, deployments) and is_well
    end
    return is_well
end

--- Doubling with each bad round in a row, half of it by chance: not all operators of a cluster come back at once.
local function back_off(bad_rounds)
    local delay = math.min(RETRY_FIRST * 2 ^ math.min(bad_rounds - 1, 16), RETRY_MOST)
    return delay / 2 * (1 + math.random())
end

--- Until the term is to end. When this returns nothing of it is under way.
function Controller:run()
    self.loop:wrap(function()
        self.term:wait()
        self:ring()
    end)
    local bad_rounds = 0
    while self.term:is_leader() do
        local began = cqueues.monotime()
        self.has_rung = false
        bad_rounds = self:_round() and 0 or bad_rounds + 1
        if self.term:is_leader() then
            self:_await_ring(bad_rounds > 0 and back_off(bad_rounds) or RESYNC)
        end
        local rest = ROUND_LEAST - (cqueues.monotime() - began)
        if rest > 0 and self.term:is_leader() then
            cqueues.sleep(rest)
        end
    end
    self.has_ended = true
    self.ended:signal()
end

return Controller
