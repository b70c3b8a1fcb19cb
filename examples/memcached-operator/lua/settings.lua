--- The command line.

local k8sleader = require "k8sleader"

local USAGE = [[
usage: main.lua [--mode life|lease] [--lock NAME] [--namespace NAME] [--set OPTION=VALUE]...

  --mode life|lease    life (the default): the lock is this Pod's until that is gone; lease: it is renewed, and released at
                       the end
  --lock NAME          memcached-operator-lock
  --namespace NAME     what to look after, and where the lock is; POD_NAMESPACE
  --set OPTION=VALUE   of the election, such as lease-duration=30s
]]

--- Durations alone: the rest of an election's options says what this operator says itself.
local function set(options, text)
    local name, value = text:match("^([^=]*)=(.*)$")
    if not name then
        return nil, text .. ": an OPTION=VALUE is expected"
    end
    for _, info in ipairs(k8sleader.options()) do
        if info.name:gsub("_", "-") == name and info.type == "duration" then
            if not value:find("^%d+%.?%d*m?[smh]$") then
                return nil, ("%s: %s is no duration such as 15s"):format(name, value)
            end
            options[info.name] = value
            return true
        end
    end
    return nil, name .. ": there is no such option"
end

local function put(settings, name, value)
    if name == "set" then
        return set(settings.options, value)
    elseif name == "mode" and value ~= "life" and value ~= "lease" then
        return nil, "--mode is life or lease"
    elseif name ~= "mode" and name ~= "lock" and name ~= "namespace" then
        return nil, "there is no --" .. name
    end
    settings[name] = value
    return true
end

--- The settings, or nil and a text for who called the program.
return function(arguments)
    local settings = { mode = "life", lock = "memcached-operator-lock", namespace = os.getenv("POD_NAMESPACE"), options = {} }
    local index = 1
    while arguments[index] do
        local name, value = arguments[index]:match("^%-%-([%w-]+)=(.*)$")
        if not name then
            name, value = arguments[index]:match("^%-%-([%w-]+)$"), arguments[index + 1]
            index = index + 1
        end
        local ok, why = nil, "there are no other arguments"
        if name and value then
            ok, why = put(settings, name, value)
        elseif name then
            why = "--" .. name .. " is unknown, or needs a value"
        end
        if not ok then
            return nil, USAGE .. why
        end
        index = index + 1
    end
    if not settings.namespace then
        return nil, USAGE .. "POD_NAMESPACE is not set, and there is no --namespace"
    end
    return settings
end
