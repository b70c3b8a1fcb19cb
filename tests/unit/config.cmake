# Where the cluster is and who we are (libleader/src/config, libleader/src/config.c).
unit_test(test_config_check)
unit_test(test_config_file)
unit_test(test_config_incluster)
unit_test(test_config_kubeconfig)
unit_test(test_config_kubeconfig_refusals)
unit_test(test_config_namespace)
unit_test(test_config_object)
unit_test(test_config_url)
unit_test(test_config_yaml)

# Looks into what is freed. Not under ThreadSanitizer: its allocator hands out blocks whose unused ends still hold what
# libyaml and OpenSSL left in them, which is none of ours to wipe.
if(NOT CMAKE_C_FLAGS MATCHES "-fsanitize=thread")
  unit_test(test_config_secrets)
  target_link_options(test_config_secrets PRIVATE -Wl,--wrap=free)
endif()
