--- Options of elections, as Lua has them: {lease_duration = 15, labels = {app = "web"}}.

local check = require "k8sleader.check"
local core = require "k8sleader.core"

local options = {}

--- By their names in Lua: the library's, with _ for -. Labels are a table.
local known = {}
for _, info in ipairs(core.option_list()) do
    if info.type == "label" then
        known.labels = info
    else
        known[(info.name:gsub("-", "_"))] = info
    end
end

function options.list()
    local list = {}
    for name, info in pairs(known) do
        list[#list + 1] = { name = name, type = info.type, default = info.default, help = info.help }
    end
    table.sort(list, function(one, other)
        return one.name < other.name
    end)
    return list
end

-- Parentheses in a return keep it from being a tail call, which would hide who is to be told of wrong arguments.

--- Durations are seconds, or a text such as "1m30s".
local function duration_text(value, name, level)
    if type(value) == "string" then
        return (check.text(value, name, level + 1))
    end
    check.is(value, "number", name, level + 1)
    if not (value >= 0 and value < 1e9) then
        check.fail(name .. ": seconds, or a text such as 1m30s, are needed", level + 1)
    end
    return ("%.0fms"):format(value * 1000)
end

local function text_of(info, value, name, level)
    if info.type == "duration" then
        return (duration_text(value, name, level + 1))
    elseif info.type == "boolean" then
        return tostring(check.is(value, "boolean", name, level + 1))
    end
    return (check.text(value, name, level + 1))
end

local function set_labels(made, labels, level)
    check.is(labels, "table", "labels", level + 1)
    for key, value in pairs(labels) do
        local text = check.text(key, "labels: a key", level + 1) .. "=" .. check.text(value, "labels." .. key, level + 1)
        local ok, err = core.options_set(made, "label", text)
        if not ok then
            return nil, err
        end
    end
    return true
end

--- The C options. own: what of the table is the caller's own business, by name. Raises on names that are none, and on
-- values of the wrong type; what the library refuses is nil, err.
function options.make(lock, is_for_life, given, own, level)
    for name in pairs(given) do
        if not known[name] and not own[name] then
            check.fail(("there is no option %s"):format(tostring(name)), level + 1)
        end
    end
    local made, err = core.options_new(lock, is_for_life)
    if not made then
        return nil, err
    end
    for name, info in pairs(known) do
        local value = given[name]
        local ok = true
        if value ~= nil and name == "labels" then
            ok, err = set_labels(made, value, level + 1)
        elseif value ~= nil then
            ok, err = core.options_set(made, info.name, text_of(info, value, name, level + 1))
        end
        if not ok then
            return nil, err
        end
    end
    return made
end

return options
