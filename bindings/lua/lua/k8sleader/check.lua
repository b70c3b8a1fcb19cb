--- Wrong arguments raise: they are the program's mistakes, not what can happen in operation.

local check = {}

--- Raises at the caller of the public function: levels are counted from whoever calls check.
function check.fail(message, level)
    error("k8sleader: " .. message, (level or 1) + 2)
end

function check.is(value, wanted, what, level)
    if type(value) ~= wanted then
        check.fail(("%s: a %s is needed, this is a %s"):format(what, wanted, type(value)), (level or 1) + 1)
    end
    return value
end

function check.optional(value, wanted, what, level)
    if value ~= nil then
        check.is(value, wanted, what, (level or 1) + 1)
    end
    return value
end

--- A text that C sees as a whole.
function check.text(value, what, level)
    check.is(value, "string", what, (level or 1) + 1)
    if value:find("\0", 1, true) then
        check.fail(what .. ": a string without the byte 0 is needed", (level or 1) + 1)
    end
    return value
end

--- Seconds to wait: nil and math.huge are for ever.
function check.timeout(value, what, level)
    if value == nil then
        return nil
    end
    check.is(value, "number", what, (level or 1) + 1)
    if value < 0 or value ~= value then
        check.fail(what .. ": seconds of 0 or more are needed", (level or 1) + 1)
    end
    if value < 1e9 then
        return value
    end
    return nil
end

--- A method's self, which a dot in place of a colon would lose.
function check.self(value, class, call)
    if getmetatable(value) ~= class then
        check.fail(call .. ": call it with a colon, on what it belongs to", 2)
    end
end

return check
