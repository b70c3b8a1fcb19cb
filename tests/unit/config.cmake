# Where the cluster is and who we are (libleader/src/config, libleader/src/config.c).
unit_test(test_config_check)
unit_test(test_config_file)
unit_test(test_config_incluster)
unit_test(test_config_kubeconfig)
unit_test(test_config_kubeconfig_refusals)
unit_test(test_config_namespace)
unit_test(test_config_object)
unit_test(test_config_secrets)
unit_test(test_config_url)
unit_test(test_config_yaml)

# Looks into what is freed.
target_link_options(test_config_secrets PRIVATE -Wl,--wrap=free)
