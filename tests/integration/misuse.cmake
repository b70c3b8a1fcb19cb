# What the library does when it is used, configured or answered wrongly, and the lives of its handles.
add_library(misuse_support OBJECT authority.c refusal.c stranger.c)
target_link_libraries(misuse_support PUBLIC integration_support PkgConfig::CRYPTO PRIVATE k8sleader_warnings)

foreach(name refusals_start refusals_config refusals_tls refusals_rbac refusals_server refusals_strangers)
  integration_test(test_${name})
  target_sources(test_${name} PRIVATE $<TARGET_OBJECTS:misuse_support>)
  target_link_libraries(test_${name} PRIVATE PkgConfig::CRYPTO)
endforeach()
integration_test(test_hostile_server)
target_sources(test_hostile_server PRIVATE $<TARGET_OBJECTS:misuse_support> flood.c)
target_link_libraries(test_hostile_server PRIVATE PkgConfig::CRYPTO)
foreach(name fork lifetimes options)
  integration_test(test_${name})
endforeach()

# Programs that leave while they lead.
add_executable(leaving leaving.c)
target_link_libraries(leaving PRIVATE k8sleader_warnings ${CMAKE_DL_LIBS})
target_include_directories(leaving PRIVATE ${PROJECT_SOURCE_DIR}/libleader/include)
integration_test(test_leaving)
target_compile_definitions(test_leaving PRIVATE LEAVING_PROGRAM="$<TARGET_FILE:leaving>"
  LEAVING_LIBRARY="$<TARGET_FILE:k8sleader>")
add_dependencies(test_leaving leaving k8sleader)

# What callbacks are told, and what frees wait for.
foreach(name callbacks frees handback)
  integration_test(test_${name})
  target_sources(test_${name} PRIVATE probe.c)
endforeach()
