--- Leader election for Kubernetes programs: libk8sleader for Lua 5.1 to 5.4 and LuaJIT. README.md tells how it is used.
--
-- SPDX-License-Identifier: Apache-2.0

local core = require "k8sleader.core"
local client = require "k8sleader.client"
local options = require "k8sleader.options"

local k8sleader = {
    --- What on_stopped_leading returns when the work still ends elsewhere: term:drained() will follow.
    PENDING = require("k8sleader.election").PENDING,
    client = client.new,
    become = client.become_alone,
    --- -1, 0 or 1: fencing tokens are integers or texts of digits, by what this Lua has; this compares either.
    compare_tokens = core.compare_tokens,
    --- The version of the C library in use.
    version = core.version,
}

--- What an election can be given, as a list of {name, type, default, help}.
function k8sleader.options()
    return options.list()
end

return k8sleader
