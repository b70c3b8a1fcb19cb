/* The API server's address. libcurl parses it, so that what is checked here is what is connected to. */
#include "config/url.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "config/cluster.h"
#include "config/text.h"
#include "error.h"

int kl_is_host_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    struct in6_addr address;
    size_t length = strlen(name);
    if (inet_pton(AF_INET6, name, &address) == 1)
        return 1;
    return length > 0 && length <= 253 && strspn(name, allowed) == length;
}

/* What libcurl takes without a word, and we do not. */
static const char *refusal(const char *url)
{
    if (strncasecmp(url, "https://", 8) != 0 && strncasecmp(url, "http://", 7) != 0)
        return strstr(url, "://") ? "has a scheme other than https and http"
                                  : "has no scheme: put https:// before it";
    const char *host = strstr(url, "://") + 3;
    if (strchr("/?#", *host)) /* also the end of the text */
        return "has no host";
    if (memchr(host, '@', strcspn(host, "/?#")))
        return "has a user in it: log in with a token or a client certificate instead";
    /* libcurl would decode it, and the next time take what comes of it for something else. */
    if (*host != '[' && memchr(host, '%', strcspn(host, "/?#")))
        return "has a '%' in its host: a name or an address is wanted as it is";
    if (strchr(url, '?'))
        return "has a query ('?'): an address and a path are wanted";
    if (strchr(url, '#'))
        return "has a fragment ('#'): an address and a path are wanted";
    return NULL;
}

static int parse(CURLU *handle, const char *url, char **out)
{
    char *port = NULL;
    char *whole = NULL;
    CURLUcode code = curl_url_set(handle, CURLUPART_URL, url, CURLU_DISALLOW_USER);
    if (code == CURLUE_OK && curl_url_get(handle, CURLUPART_PORT, &port, 0) == CURLUE_OK &&
        strcmp(port, "0") == 0)
        code = CURLUE_BAD_PORT_NUMBER;
    curl_free(port);
    if (code == CURLUE_OK)
        code = curl_url_get(handle, CURLUPART_URL, &whole, 0);
    if (code == CURLUE_OK) {
        size_t length = strlen(whole);
        while (length && whole[length - 1] == '/')
            length--;
        *out = strndup(whole, length);
        code = *out ? CURLUE_OK : CURLUE_OUT_OF_MEMORY;
    }
    curl_free(whole);
    return (int)code;
}

int kl_server_url(const char *url, const char *where, char **out, k8sleader_error **err)
{
    char quote[KL_QUOTE_SIZE];
    /* A user or a query may hold a password: no such URL is quoted. */
    const char *shown = strpbrk(url, "@?") ? "(not shown)" : kl_quote(quote, url);
    const char *problem = refusal(url);
    if (problem)
        return kl_fail(err, K8SLEADER_ERR_CONFIG, "%s: the server's URL %s %s", where, shown, problem);
    CURLU *handle = curl_url();
    int code = handle ? parse(handle, url, out) : (int)CURLUE_OUT_OF_MEMORY;
    curl_url_cleanup(handle);
    if (code == (int)CURLUE_OK)
        return 0;
    if (code == (int)CURLUE_OUT_OF_MEMORY)
        return kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "%s: no memory to read it", where);
    const char *reason = code == (int)CURLUE_BAD_PORT_NUMBER
                             ? "the port is no number from 1 to 65535 (an IPv6 address stands in brackets)"
                             : curl_url_strerror((CURLUcode)code);
    return kl_fail(err, K8SLEADER_ERR_CONFIG,
                   "%s: the server's URL %s is not valid: %s; https://HOST[:PORT][/PATH] is "
                   "wanted",
                   where, shown, reason);
}
