--- Calls that catch errors and may yield.
--
-- Lua 5.1 (not LuaJIT) can't yield out of a pcall. There a call within a coroutine is a coroutine of its own, and what it
-- yields is passed on. The module coxpcall does that, too, but keeps who waits from being collected.

local protect = {}

local yields_from_calls = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil

--- The coroutine of a call → the one that called. Weak both ways: a call is held by whoever resumes it.
local callers = setmetatable({}, { __mode = "kv" })

local running = coroutine.running
if not yields_from_calls then
    running = function()
        local coroutine_ = coroutine.running()
        local known
        repeat
            known = coroutine_
            coroutine_ = callers[coroutine_] or coroutine_
            -- The program may use coxpcall, whose calls are coroutines as well.
            local coxpcall = package.loaded.coxpcall
            if coroutine_ and type(coxpcall) == "table" and coxpcall.running then
                coroutine_ = coxpcall.running(coroutine_)
            end
        until coroutine_ == known
        return coroutine_
    end
end

--- Texts get a traceback; error objects stay what they are.
local function with_traceback(message)
    if type(message) == "string" then
        return debug.traceback(message, 2)
    end
    return message
end

local function finish(call, ok, ...)
    if not ok then
        local message = ...
        return false, type(message) == "string" and debug.traceback(call, message) or message
    elseif coroutine.status(call) == "suspended" then
        return finish(call, coroutine.resume(call, coroutine.yield(...)))
    end
    return true, ...
end

--- Calls it: true and its results, or false and the error with a traceback.
function protect.call(f, ...)
    local caller = coroutine.running()
    if caller and not yields_from_calls then
        local call = coroutine.create(function(...) -- f may be one of C's, of which Lua 5.1 makes none
            return f(...)
        end)
        callers[call] = caller
        return finish(call, coroutine.resume(call, ...))
    end
    if yields_from_calls then
        return xpcall(f, with_traceback, ...)
    end
    local count, arguments = select("#", ...), { ... }
    return xpcall(function()
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
