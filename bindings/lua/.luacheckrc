std = "max"
max_line_length = 130
files["spec"] = { std = "max+busted" }
files["spec/hosted"] = { std = "max", allow_defined_top = true, unused_args = false }
files["lua/k8sleader/scheduler/openresty.lua"] = { read_globals = { "ngx" } }
