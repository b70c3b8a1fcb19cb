--- Lines for whoever reads `kubectl logs`.

local cqueues = require "cqueues"

local SAID_AGAIN_IN = 60
local said = {}

local log = {}

function log.line(text)
    io.stderr:write(os.date("!%Y-%m-%dT%H:%M:%SZ "), (text:gsub("%s+", " ")), "\n")
end

--- The same for what goes wrong again with each attempt: a line that was said less than a minute ago is left out.
function log.problem(text)
    local now = cqueues.monotime()
    for line, at in pairs(said) do
        if now - at >= SAID_AGAIN_IN then
            said[line] = nil
        end
    end
    if not said[text] then
        said[text] = now
        log.line(text)
    end
end

return log
