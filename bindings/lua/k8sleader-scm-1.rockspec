-- In this folder, with libk8sleader installed (cmake --install): luarocks make
-- Where it is installed elsewhere: luarocks make K8SLEADER_DIR=/opt/k8sleader
rockspec_format = "3.0"
package = "k8sleader"
version = "scm-1"
source = {
    url = ".", -- a checkout
}
description = {
    summary = "Leader election for Kubernetes programs",
    detailed = [[
        libk8sleader for Lua: handover in milliseconds, no polling standbys, the work ends before the lease is given up, and a
        fencing token for each term.
    ]],
    license = "Apache-2.0",
}
supported_platforms = { "linux" }
dependencies = {
    "lua >= 5.1, < 5.5",
}
external_dependencies = {
    K8SLEADER = {
        header = "k8sleader.h",
        library = "k8sleader",
    },
}
build = {
    type = "builtin",
    modules = {
        ["k8sleader.core"] = {
            sources = {
                "src/client.c",
                "src/config.c",
                "src/election.c",
                "src/error.c",
                "src/event.c",
                "src/module.c",
                "src/options.c",
                "src/query.c",
                "src/state.c",
                "src/token.c",
                "src/types.c",
                "src/waiter.c",
            },
            defines = { "_GNU_SOURCE" },
            libraries = { "k8sleader", "pthread", "m" },
            incdirs = { "$(K8SLEADER_INCDIR)" },
            libdirs = { "$(K8SLEADER_LIBDIR)" },
        },
        k8sleader = "lua/k8sleader.lua",
        ["k8sleader.check"] = "lua/k8sleader/check.lua",
        ["k8sleader.client"] = "lua/k8sleader/client.lua",
        ["k8sleader.configuration"] = "lua/k8sleader/configuration.lua",
        ["k8sleader.election"] = "lua/k8sleader/election.lua",
        ["k8sleader.events"] = "lua/k8sleader/events.lua",
        ["k8sleader.leading"] = "lua/k8sleader/leading.lua",
        ["k8sleader.options"] = "lua/k8sleader/options.lua",
        ["k8sleader.protect"] = "lua/k8sleader/protect.lua",
        ["k8sleader.scheduler.copas"] = "lua/k8sleader/scheduler/copas.lua",
        ["k8sleader.scheduler.cqueues"] = "lua/k8sleader/scheduler/cqueues.lua",
        ["k8sleader.scheduler.luv"] = "lua/k8sleader/scheduler/luv.lua",
        ["k8sleader.scheduler.openresty"] = "lua/k8sleader/scheduler/openresty.lua",
        ["k8sleader.term"] = "lua/k8sleader/term.lua",
        ["k8sleader.testing"] = "lua/k8sleader/testing.lua",
        ["k8sleader.waiting"] = "lua/k8sleader/waiting.lua",
    },
    copy_directories = { "types" },
}
