--- Where the cluster is and how to log in: the options of k8sleader.client().

local check = require "k8sleader.check"
local core = require "k8sleader.core"

local configuration = {}

local TEXTS = { "server", "token", "token_file", "tls_server_name" }
local LEVELS = { none = true, error = true, warning = true, info = true, debug = true }

--- All there are, by name.
configuration.OWN = {
    kubeconfig = "string", -- a path
    context = "string",
    incluster = "boolean",
    server = "string",
    token = "string",
    token_file = "string",
    tls_server_name = "string",
    ca_pem = "string",
    client_certificate_pem = "string",
    client_key_pem = "string",
    namespace = "string", -- the default of this client's elections
    log_level = "string",
    on_log = "function",
    scheduler = "any",
}

local function check_all(given, level)
    for name, value in pairs(given) do
        local wanted = configuration.OWN[name]
        if not wanted then
            check.fail(("client: there is no option %s"):format(tostring(name)), level + 1)
        elseif wanted == "string" then
            check.text(value, "client: " .. name, level + 1)
        elseif wanted ~= "any" then
            check.is(value, wanted, "client: " .. name, level + 1)
        end
    end
    if given.incluster and (given.kubeconfig or given.context) then
        check.fail("client: incluster and kubeconfig are two places", level + 1)
    end
    if (given.client_certificate_pem == nil) ~= (given.client_key_pem == nil) then
        check.fail("client: client_certificate_pem and client_key_pem go together", level + 1)
    end
    if given.log_level and not LEVELS[given.log_level] then
        check.fail("client: log_level is none, error, warning, info or debug", level + 1)
    end
end

local function load(config, given)
    if given.incluster then
        return core.config_load_incluster(config)
    elseif given.kubeconfig or given.context then
        return core.config_load_kubeconfig(config, given.kubeconfig, given.context)
    end
    return true
end

local function set(config, given)
    for _, name in ipairs(TEXTS) do
        if given[name] then
            local ok, err = core.config_set(config, name, given[name])
            if not ok then
                return nil, err
            end
        end
    end
    local ok, err = true, nil
    if given.ca_pem then
        ok, err = core.config_set_ca(config, given.ca_pem)
    end
    if ok and given.client_certificate_pem then
        ok, err = core.config_set_client_certificate(config, given.client_certificate_pem, given.client_key_pem)
    end
    return ok, err
end

--- The C configuration, or nil, err. Raises on wrong options.
function configuration.make(given, level)
    check_all(given, level + 1)
    local config, err = core.config_new()
    if not config then
        return nil, err
    end
    local ok
    ok, err = load(config, given)
    if ok then
        ok, err = set(config, given)
    end
    if ok then
        ok, err = core.config_set_log(config, given.log_level or "warning", given.on_log ~= nil)
    end
    if not ok then
        return nil, err
    end
    return config
end

return configuration
