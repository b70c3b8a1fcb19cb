--- Fencing tokens are exact beyond 2^53 in every Lua.

local core = require "k8sleader.core"
local k8sleader = require "k8sleader"

describe("fencing tokens", function()
    local compare = k8sleader.compare_tokens
    local token = core.token_from_text

    it("are integers where Lua has them, else texts", function()
        local has_integers = math.type ~= nil
        assert.equal(has_integers and "number" or "string", type(token("4711")))
        assert.equal(has_integers and "integer" or nil, math.type and math.type(token("4711")))
        assert.equal("4711", ("%s"):format(tostring(token("4711"))))
    end)

    it("are exact", function()
        for _, pair in ipairs {
            { "9007199254740992", "9007199254740993" }, -- 2^53
            { "9223372036854775807", "9223372036854775808" }, -- 2^63
            { "18446744073709551614", "18446744073709551615" }, -- 2^64
            { "9", "10" },
            { "0", "1" },
        } do
            local one, other = token(pair[1]), token(pair[2])
            assert.is_false(one == other)
            assert.equal(-1, compare(one, other))
            assert.equal(1, compare(other, one))
            assert.equal(0, compare(one, one))
            assert.equal(-1, compare(pair[1], pair[2])) -- texts are compared, too
        end
    end)

    it("are nothing else", function()
        for _, wrong in ipairs { "", "-1", "1.5", "x", " 1", "1 ", "18446744073709551616", "1\0", 1.5, {}, true } do
            assert.is_false((pcall(compare, wrong, token("1"))))
            assert.is_false((pcall(compare, token("1"), wrong)))
        end
        assert.is_false((pcall(compare, token("1"))))
        assert.is_false((pcall(compare, nil, token("1"))))
        assert.is_false((pcall(compare)))
    end)
end)
