--- The annotations for editors (types/k8sleader.lua) and the module name the same things.

local core = require "k8sleader.core"
local k8sleader = require "k8sleader"
local support = require "support"

--- Class → its names: "fields" of tables that programs make or get, and "methods".
local function read_annotations()
    local folder = debug.getinfo(1, "S").source:match("^@(.*)/") or "."
    local file = assert(io.open(folder .. "/../types/k8sleader.lua"))
    local classes, class, locals, parameters = {}, nil, {}, {}
    for line in file:lines() do
        local name, bases = line:match("^%-%-%-@class (%S-):?%s+(.*)$")
        name = name or line:match("^%-%-%-@class (%S+)$")
        if name then
            class = { fields = {}, methods = {}, bases = {} }
            classes[name] = class
            for base in (bases or ""):gmatch("[%w%.]+") do
                class.bases[#class.bases + 1] = base
            end
        elseif line:find("^%-%-%-@field") then
            local field = line:match("^%-%-%-@field ([%w_]+)")
            class.fields[field] = true
        elseif line:find("^%-%-%-@param") then
            parameters[#parameters + 1] = line:match("^%-%-%-@param ([%w_]+)")
        elseif line:find("^local %w+ = {}") then
            locals[line:match("^local (%w+)")] = class
        elseif line:find("^function ") then
            local owner, method, arguments = line:match("^function (%w+)[.:]([%w_]+)%((.-)%) end$")
            assert(owner and locals[owner], line)
            locals[owner].methods[method] = true
            assert.equal(table.concat(parameters, ", "), arguments, line)
            parameters = {}
        end
    end
    file:close()
    return classes
end

describe("the annotations", function()
    local classes, server, client, election, term

    setup(function()
        classes = read_annotations()
        server = support.server()
        client = assert(server:client())
        election = assert(client:election { name = support.lock_name() })
        term = assert(election:wait(support.PATIENCE))
    end)

    teardown(function()
        election:close()
        client:close()
        server:stop()
    end)

    local function names(set)
        local list = {}
        for name in pairs(set) do
            list[#list + 1] = name
        end
        table.sort(list)
        return list
    end

    --- With those of its bases.
    local function fields(name)
        local all = {}
        for field in pairs(classes[name].fields) do
            all[field] = true
        end
        for _, base in ipairs(classes[name].bases) do
            for field in pairs(fields(base)) do
                all[field] = true
            end
        end
        return all
    end

    it("have the functions of the module", function()
        local functions, others = {}, {}
        for name, value in pairs(k8sleader) do
            (type(value) == "function" and functions or others)[name] = true
        end
        assert.same(names(functions), names(classes.k8sleader.methods))
        assert.same(names(others), names(classes.k8sleader.fields))
    end)

    it("have the methods of its objects", function()
        for class, object in pairs { Client = client, Election = election, Term = term, Events = client:events() } do
            local methods = {}
            for name, value in pairs(getmetatable(object).__index) do
                -- Without a colon: the modules' own.
                if type(value) == "function" and not name:find("^_") and name ~= "new" and name ~= "stand" then
                    methods[name] = true
                end
            end
            assert.same(names(methods), names(classes["k8sleader." .. class].methods), class)
        end
        for field in pairs(classes["k8sleader.Events"].fields) do
            assert.is_truthy(client:events()[field])
        end
    end)

    it("have the options", function()
        local known = {}
        for _, info in ipairs(k8sleader.options()) do
            known[info.name] = true
        end
        assert.same(names(known), names(fields("k8sleader.ElectionOptions")))
        for class, own in pairs {
            Candidacy = require("k8sleader.election").OWN,
            LeadOptions = require("k8sleader.leading").LEAD_OWN,
        } do
            local wanted = fields("k8sleader.ElectionOptions")
            for name in pairs(own) do
                wanted[name] = true
            end
            assert.same(names(wanted), names(fields("k8sleader." .. class)), class)
        end
        assert.same(names(require("k8sleader.configuration").OWN), names(fields("k8sleader.ClientOptions")))
        local become = { client = true, timeout = true }
        for _, base in ipairs { "k8sleader.ClientOptions", "k8sleader.ElectionOptions" } do
            for name in pairs(fields(base)) do
                become[name] = true
            end
        end
        assert.same(names(become), names(fields("k8sleader.BecomeOptions")))
    end)

    --- Whatever there is, is annotated.
    local function is_within(object, class)
        for name in pairs(object) do
            assert.is_true(fields(class)[name] or name == "key", class .. "." .. tostring(name))
        end
    end

    it("have the fields of errors, events and locks", function()
        is_within(core.new_error(core.codes.TIMEOUT, "x", true), "k8sleader.Error")
        local _, err = client:election { name = "No_Name" }
        is_within(err, "k8sleader.Error")
        local locks = assert(client:locks())
        is_within(locks[1], "k8sleader.Lock")
        for field in pairs(fields "k8sleader.Lock") do
            assert.is_truthy(locks[1][field] ~= nil, field)
        end
        local own = assert(server:client())
        local events = own:events()
        assert(own:lead(support.lock_name(), function() end))
        own:stop()
        for event in events do
            is_within(event, "k8sleader.Event")
        end
        assert(own:close())
    end)
end)
