/* The URL paths of locks: kube/path.h. */
#include "kube/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void check(char *path, const char *expected)
{
    assert_non_null(path);
    assert_string_equal(path, expected);
    free(path);
}

static void of_locks(void **state)
{
    (void)state;
    check(kl_lock_path(&kl_leases, "prod", NULL, NULL),
          "/apis/coordination.k8s.io/v1/namespaces/prod/leases");
    check(kl_lock_path(&kl_leases, "prod", "db", NULL),
          "/apis/coordination.k8s.io/v1/namespaces/prod/leases/db");
    check(kl_lock_path(kl_resource_named("configmaps"), "prod", NULL, "?watch=true"),
          "/api/v1/namespaces/prod/configmaps?watch=true");
}

static void of_pages(void **state)
{
    (void)state;
    check(kl_lock_page_path(&kl_leases, "prod", ""),
          "/apis/coordination.k8s.io/v1/namespaces/prod/leases?limit=500");
    /* A token is the server's: anything may be in it. */
    check(kl_lock_page_path(&kl_leases, "prod", "a+b/c=&x #"),
          "/apis/coordination.k8s.io/v1/namespaces/prod/leases?limit=500&continue=a%2Bb%2Fc%3D%26x%20%23");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_locks),
        cmocka_unit_test(of_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
