--- The rockspec names every file there is.

local FOLDER = (debug.getinfo(1, "S").source:match("^@(.*)/") or ".") .. "/../"

local function files(folder, ending)
    local output = assert(io.popen(("cd %s%s && find . -name '*.%s' | sort"):format(FOLDER, folder, ending)))
    local list = {}
    for line in output:lines() do
        list[#list + 1] = folder .. line:sub(2)
    end
    output:close()
    return list
end

describe("the rockspec", function()
    local rock = {}

    setup(function()
        local path = FOLDER .. "k8sleader-scm-1.rockspec"
        if setfenv then
            setfenv(assert(loadfile(path)), rock)()
        else
            assert(loadfile(path, "t", rock))()
        end
    end)

    it("has the C files", function()
        local sources = rock.build.modules["k8sleader.core"].sources
        table.sort(sources)
        assert.same(files("src", "c"), sources)
    end)

    it("has the Lua files, by their modules' names", function()
        local list = {}
        for name, path in pairs(rock.build.modules) do
            if type(path) == "string" then
                list[#list + 1] = path
                assert.equal("lua/" .. name:gsub("%.", "/") .. ".lua", path)
            end
        end
        table.sort(list)
        local wanted = files("lua", "lua")
        table.sort(wanted)
        assert.same(wanted, list)
    end)
end)
