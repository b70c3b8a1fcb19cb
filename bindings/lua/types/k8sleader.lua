---@meta k8sleader
-- Annotations for the Lua language server (LuaCATS). README.md tells how it is used.

---@class k8sleader
---@field PENDING table What on_stopped_leading returns when term:drained() will follow.
local k8sleader = {}

---@class k8sleader.Error
---@field code string "FORBIDDEN", "TIMEOUT", ...
---@field number integer The C library's number for it.
---@field message string What went wrong, and what to do about it.
---@field http_status? integer
---@field retriable boolean The same call may succeed later without a change by anybody.

---An integer in Lua 5.3 and later, else a text of digits.
---@alias k8sleader.Token integer|string

---@alias k8sleader.Duration number|string Seconds, or "1m30s"

---@alias k8sleader.Reason
---| "stop"
---| "lost_deadline"
---| "lost_holder"
---| "lost_lock"
---| "lost_duplicate"
---| "lost_coordinated"
---| "drain_timeout"
---| "lost_pod"

---@class k8sleader.Scheduler
---@field wait fun(fd: integer) Yields until the descriptor is readable; may return early.
---@field can_wait? fun(): any Is the caller one of its coroutines?

---@class k8sleader.ClientOptions
---@field kubeconfig? string A path. Default: in a Pod its service account, else KUBECONFIG, else ~/.kube/config.
---@field context? string
---@field incluster? boolean
---@field server? string https://HOST[:PORT]
---@field token? string
---@field token_file? string
---@field tls_server_name? string
---@field ca_pem? string
---@field client_certificate_pem? string
---@field client_key_pem? string
---@field namespace? string The default of this client's elections.
---@field log_level? "none"|"error"|"warning"|"info"|"debug"
---@field on_log? fun(level: string, message: string, lock?: string) Called by dispatch(). Default: to stderr.
---@field scheduler? "luv"|"cqueues"|"copas"|"openresty"|fun(fd: integer)|k8sleader.Scheduler

---@class k8sleader.ElectionOptions
---@field namespace? string
---@field identity? string
---@field lock_resource? "leases"|"configmaps"
---@field lease_duration? k8sleader.Duration
---@field renew_deadline? k8sleader.Duration
---@field retry_period? k8sleader.Duration
---@field drain_timeout? k8sleader.Duration
---@field rejoin? boolean
---@field resume? boolean
---@field delete_leader_pod? boolean
---@field take_from_lost_node? boolean
---@field labels? table<string, string>

---@class k8sleader.LeadOptions: k8sleader.ElectionOptions
---@field timeout? number Seconds to wait for the leadership.
---@field for_life? boolean For the life of this Pod, in place of a lease.

---@class k8sleader.Candidacy: k8sleader.ElectionOptions
---@field name string
---@field for_life? boolean For the life of this Pod, in place of a lease.
---@field on_started_leading? fun(term: k8sleader.Term)
---@field on_stopped_leading? fun(term: k8sleader.Term, reason: k8sleader.Reason): any
---@field on_new_leader? fun(identity: string)
---@field on_event? fun(event: k8sleader.Event)

---@class k8sleader.BecomeOptions: k8sleader.ClientOptions, k8sleader.ElectionOptions
---@field timeout? number Seconds to wait for the leadership.
---@field client? k8sleader.Client

---@class k8sleader.Event
---@field type "started_leading"|"stopped_leading"|"new_leader"|"error"|"lost_during_drain"|"closed"
---@field lock string "namespace/name"
---@field time number Seconds since 1970.
---@field token? k8sleader.Token
---@field reason? k8sleader.Reason
---@field leader? string
---@field skipped? boolean
---@field error? k8sleader.Error

---@class k8sleader.Lock
---@field name string
---@field namespace string
---@field holder string "" for nobody; it may be dead.
---@field acquire_time? number
---@field renew_time? number
---@field lease_duration number
---@field transitions integer

---@param options? k8sleader.ClientOptions
---@return k8sleader.Client?, k8sleader.Error?
function k8sleader.client(options) end

---@param lock string
---@param options? k8sleader.BecomeOptions
---@return k8sleader.Term?, k8sleader.Error?
function k8sleader.become(lock, options) end

---@param one k8sleader.Token
---@param other k8sleader.Token
---@return -1|0|1
function k8sleader.compare_tokens(one, other) end

---@return string
function k8sleader.version() end

---@return {name: string, type: string, default: string, help: string}[]
function k8sleader.options() end

---@class k8sleader.Client
local Client = {}

---@param name string
---@param options? k8sleader.LeadOptions
---@param work fun(term: k8sleader.Term): ...
---@return true?, any ... nil and an error when it did not lead, or when the lock was lost meanwhile.
---@overload fun(self, name: string, work: fun(term: k8sleader.Term): ...): true?, ...
function Client:lead(name, options, work) end

---@param options k8sleader.Candidacy
---@return k8sleader.Election?, k8sleader.Error?
function Client:election(options) end

---@param lock string
---@param options? k8sleader.BecomeOptions Those of clients are of none here.
---@return k8sleader.Term?, k8sleader.Error?
function Client:become(lock, options) end

---@param timeout? number 0 does not wait, nil waits for ever.
---@return true?, k8sleader.Error?
function Client:dispatch(timeout) end

---@return integer?, k8sleader.Error?
function Client:fd() end

---@return k8sleader.Events
function Client:events() end

---@param filter? {name?: string, namespace?: string, lock_resource?: string, timeout?: number}
---@return k8sleader.Lock[]?, k8sleader.Error?
function Client:locks(filter) end

---Asks every election to stop; returns at once.
---@return true
function Client:stop() end

---@param timeout? number
---@return true?, k8sleader.Error?
function Client:close(timeout) end

---@class k8sleader.Events
---@field dropped integer How many were left out, since nobody fetched them.
---@overload fun(): k8sleader.Event?
local Events = {}

---@param timeout? number
---@return k8sleader.Event?, k8sleader.Error?
function Events:next(timeout) end

function Events:close() end

---@class k8sleader.Election
local Election = {}

---@param timeout? number
---@return k8sleader.Term?, k8sleader.Error?
function Election:wait(timeout) end

---@return boolean
function Election:is_leader() end

---@return string
function Election:leader() end

---@return string
function Election:identity() end

---@return string
function Election:lock() end

---@return true?, k8sleader.Error?
function Election:stop() end

---@param timeout? number
---@return true?, k8sleader.Error?
function Election:close(timeout) end

---@class k8sleader.Term
local Term = {}

---@return boolean
function Term:is_leader() end

---@return boolean
function Term:may_finish() end

---@return k8sleader.Token?, k8sleader.Error?
function Term:fencing_token() end

---@return number
function Term:time_left() end

---@return number
function Term:grace_left() end

---@return k8sleader.Reason?
function Term:reason() end

---@return string
function Term:lock() end

---@return string
function Term:identity() end

---@return k8sleader.Election
function Term:election() end

---@param seconds? number
---@return boolean
function Term:wait(seconds) end

---@return true?, k8sleader.Error?
function Term:stop() end

---@return true?, k8sleader.Error?
function Term:drained() end

return k8sleader
