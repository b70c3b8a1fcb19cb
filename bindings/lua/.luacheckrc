std = "max"
max_line_length = 130
files["spec"] = { std = "max+busted" }
-- Their functions are called by host.c.
files["spec/hosted"] = { std = "max", allow_defined_top = true, ignore = { "131" } }
files["types"] = { ignore = { "211", "212", "241" } } -- declarations
files["lua/k8sleader/scheduler/openresty.lua"] = { read_globals = { "ngx" } }
