/* A program that was not linked with the library: it finds it while it runs, lets go of it, and finds it
 * again. argv[1]: the library. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef const char *(*version_function)(void);

int main(int argc, char **argv)
{
    const char *first = NULL;
    int round;
    for (round = 0; argc == 2 && round < 2; round++) {
        void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        version_function version;
        if (!library) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        *(void **)&version = dlsym(library, "k8sleader_version");
        if (!version || (first && strcmp(first, version()) != 0))
            return 1;
        first = version();
        if (dlsym(library, "kl_worker_step")) /* the library's own */
            return 1;
        dlclose(library);
    }
    /* Its threads may still run in it, so it stays where it was mapped. */
    printf("%s\n", first ? first : "");
    return first == NULL;
}
