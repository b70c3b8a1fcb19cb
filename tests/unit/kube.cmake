# Kubernetes objects <-> JSON (libleader/src/kube).
unit_test(test_kube_json)
unit_test(test_kube_lease)
unit_test(test_kube_memory)
unit_test(test_kube_path)
unit_test(test_kube_status)
unit_test(test_kube_time)
unit_test(test_kube_watch)

# Its own allocator, one that fails when told to.
target_link_options(test_kube_memory PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
unit_test(test_kube_configmap)
