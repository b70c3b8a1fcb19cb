# What the library does when memory, descriptors or threads run out: linked with its objects, so that the linker can put
# scarce.c between them and what allocates.
set(scarce malloc calloc realloc strdup strndup asprintf vasprintf getcwd open_memstream eventfd epoll_create1
  timerfd_create socket pthread_create curl_easy_init curl_multi_init curl_url curl_easy_escape curl_slist_append
  json_tokener_new_ex lh_kchar_table_new)
list(TRANSFORM scarce PREPEND -Wl,--wrap=)

foreach(name memory_calls memory_worker)
  k8sleader_test(test_${name} LABEL integration TIMEOUT 900 SOURCES test_${name}.c scarce.c
    LIBRARIES k8sleader_objects k8sleader_devserver PkgConfig::JSONC)
  target_sources(test_${name} PRIVATE $<TARGET_OBJECTS:integration_support> $<TARGET_OBJECTS:misuse_support>)
  target_link_options(test_${name} PRIVATE ${scarce})
endforeach()
target_sources(test_memory_calls PRIVATE memory_calls.c)
