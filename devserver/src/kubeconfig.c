#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server.h"

static char *base64(const char *text)
{
    size_t length = strlen(text);
    char *encoded = ds_alloc(4 * ((length + 2) / 3) + 1);
    EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)text, (int)length);
    return encoded;
}

static char *kubeconfig(const struct devserver *server)
{
    char *ca = base64(server->ca);
    char *authority =
        server->ca[0] == '\0' ? ds_copy("") : ds_format("    certificate-authority-data: %s\n", ca);
    char *text = ds_format("apiVersion: v1\n"
                           "kind: Config\n"
                           "current-context: dev-server\n"
                           "clusters:\n"
                           "- name: dev-server\n"
                           "  cluster:\n"
                           "    server: %s\n"
                           "%s"
                           "users:\n"
                           "- name: dev-server\n"
                           "  user:\n"
                           "    token: \"%s\"\n"
                           "contexts:\n"
                           "- name: dev-server\n"
                           "  context:\n"
                           "    cluster: dev-server\n"
                           "    user: dev-server\n"
                           "    namespace: default\n",
                           server->url, authority, devserver_token(server));
    free(authority);
    free(ca);
    return text;
}

/* Written beside and renamed, so that nobody reads half of it. */
int devserver_write_kubeconfig(const struct devserver *server, const char *path, char **error)
{
    char *text = kubeconfig(server);
    char *beside = ds_format("%s.%ld", path, (long)getpid());
    int file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int written = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);
    if (file >= 0 && close(file) != 0)
        written = 0;
    int result = written && rename(beside, path) == 0 ? 0 : -1;
    if (error != NULL)
        *error = result == 0 ? NULL : ds_format("%s: %s", path, strerror(errno));
    if (result != 0 && file >= 0)
        unlink(beside);
    free(beside);
    free(text);
    return result;
}
