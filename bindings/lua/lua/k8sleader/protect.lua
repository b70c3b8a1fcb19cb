--- Calls that catch errors and may yield.
--
-- Lua 5.1 (not LuaJIT) can't yield out of a pcall. There the module coxpcall, which copas needs anyway, is used when it is
-- installed; without it a function that yields fails with Lua's own message.

local protect = {}

local coxpcall
if _VERSION == "Lua 5.1" and not rawget(_G, "jit") then
    local found, module = pcall(require, "coxpcall")
    coxpcall = found and module or nil
end

local protected_call = coxpcall and coxpcall.xpcall or xpcall
local running = coxpcall and coxpcall.running or coroutine.running

--- Texts get a traceback; error objects stay what they are.
local function with_traceback(message)
    if type(message) == "string" then
        return debug.traceback(message, 2)
    end
    return message
end

--- Calls it: true and its results, or false and the error with a traceback.
function protect.call(f, ...)
    local count, arguments = select("#", ...), { ... }
    local unpack = table.unpack or unpack
    return protected_call(function()
        return f(unpack(arguments, 1, count))
    end, with_traceback)
end

--- The coroutine that runs, as a scheduler knows it; nil in the main one.
function protect.running()
    local coroutine_, is_main = running()
    if is_main then
        return nil
    end
    return coroutine_
end

--- A mark for whoever runs now. It is none any more when that coroutine has ended or was collected.
function protect.mark()
    local coroutine_ = protect.running()
    return setmetatable({ coroutine_ or "main" }, { __mode = "v" })
end

--- Does whoever made the mark still run?
function protect.lives(mark)
    local who = mark and mark[1]
    if who == nil then
        return false
    end
    return who == "main" or coroutine.status(who) ~= "dead"
end

--- Was it made by the one that runs now?
function protect.is_own(mark)
    return mark ~= nil and mark[1] == (protect.running() or "main")
end

return protect
