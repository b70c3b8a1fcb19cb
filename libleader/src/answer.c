#include "answer.h"

#include "error.h"
#include "kube/json.h"
#include "kube/status.h"

#include <errno.h>
#include <json-c/json.h>
#include <openssl/x509_vfy.h>
#include <string.h>

static void say(struct kl_verdict *verdict, enum kl_outcome outcome, k8sleader_error *error, int status,
                int retriable)
{
    verdict->outcome = outcome;
    verdict->error = error;
    kl_error_set_http(error, status, retriable);
}

/* ---- no answer ---- */

static int tls_code(const struct kl_http_result *result)
{
    switch (result->verify) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return K8SLEADER_ERR_TLS_EXPIRED;
    case X509_V_OK:              /* the chain is fine, so it was the name */
    case X509_V_ERR_UNSPECIFIED: /* libcurl's value from before it looks at the name until after it */
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return K8SLEADER_ERR_TLS_HOST;
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return K8SLEADER_ERR_TLS; /* by the right authority, but not fit for this */
    default:
        return K8SLEADER_ERR_TLS_UNTRUSTED;
    }
}

static const char *tls_advice(int code)
{
    switch (code) {
    case K8SLEADER_ERR_TLS_EXPIRED:
        return "renew the server's certificate, or set this machine's clock";
    case K8SLEADER_ERR_TLS_HOST:
        return "use a name the certificate is for, or set tls-server-name";
    case K8SLEADER_ERR_TLS:
        return "give the server a certificate that is for servers (serverAuth), and strong enough";
    default:
        return "give the CA that signed the server's certificate (certificate-authority)";
    }
}

/* libcurl blames TLS for whatever ends a handshake, also for a server that just then went away. */
static CURLcode cause(const struct kl_http_result *result)
{
    return result->curl == CURLE_SSL_CONNECT_ERROR && result->was_reset ? CURLE_RECV_ERROR : result->curl;
}

static void judge_failure(const char *server, const char *doing, const struct kl_http_result *result,
                          struct kl_verdict *verdict)
{
    enum kl_outcome outcome = result->sent ? KL_OUTCOME_AMBIGUOUS : KL_OUTCOME_NOT_SENT;
    int code;
    const char *advice;
    if (result->too_large) {
        say(verdict, outcome,
            kl_error_new(K8SLEADER_ERR_TOO_LARGE,
                         "%s: %s answered with more than this library takes; is that the Kubernetes API?",
                         doing, server),
            result->status, 0);
        return;
    }
    switch (cause(result)) {
    case CURLE_OPERATION_TIMEDOUT:
        if (result->sent)
            outcome = KL_OUTCOME_TIMED_OUT;
        code = K8SLEADER_ERR_REQUEST_TIMEOUT;
        advice = "check the network and the load of the API server";
        break;
    case CURLE_COULDNT_RESOLVE_HOST:
        code = K8SLEADER_ERR_RESOLVE;
        advice = "check the server's name and this machine's DNS";
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
        code = tls_code(result);
        advice = tls_advice(code);
        break;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        code = K8SLEADER_ERR_TLS;
        advice = "check that the server speaks TLS 1.2 or later there, and the client certificate";
        break;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_WRITE_ERROR: /* by us, since the answer is within the bounds */
        code = K8SLEADER_ERR_NO_MEMORY;
        advice = "no memory or no file descriptor could be had";
        break;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
        code = K8SLEADER_ERR_NOT_KUBERNETES;
        advice = "check the server's address: this is no HTTP API";
        break;
    default:
        code = K8SLEADER_ERR_CONNECT;
        advice = "check that the API server runs there and can be reached";
        break;
    }
    int lasting = code == K8SLEADER_ERR_TLS_HOST || code == K8SLEADER_ERR_TLS_UNTRUSTED ||
                  code == K8SLEADER_ERR_TLS || code == K8SLEADER_ERR_NOT_KUBERNETES;
    say(verdict, outcome, kl_error_new(code, "%s: %s: %s; %s", doing, server, result->message, advice),
        result->status, !lasting);
}

/* ---- an answer ---- */

static k8sleader_error *status_error(const char *server, const char *doing, int status,
                                     const struct kl_status *said, int code)
{
    const char *advice = "";
    switch (code) {
    case K8SLEADER_ERR_UNAUTHORIZED:
        advice = "; the server does not accept the credentials: renew the token or the client certificate";
        break;
    case K8SLEADER_ERR_FORBIDDEN:
        advice =
            "; allow that by a Role, and bind it to this user (leader-with-lease: get, create, update and "
            "watch on the lock's resource; leader-for-life: get, create, delete and watch on configmaps, "
            "get and watch on pods)";
        break;
    case K8SLEADER_ERR_NAMESPACE_NOT_FOUND:
        advice = "; create the namespace, or name another one";
        break;
    case K8SLEADER_ERR_NOT_KUBERNETES:
        advice = "; what answers there is not the Kubernetes API: check the server's address";
        break;
    default:
        break;
    }
    return kl_error_new(code, "%s: %s answered %d%s%s%s", doing, server, status, said->message[0] ? ": " : "",
                        said->message, advice);
}

static void judge_refusal(const char *server, const char *doing, const struct kl_http_result *result,
                          struct kl_verdict *verdict)
{
    struct kl_status said;
    int is_status = kl_status_decode_text(result->body, result->size, &said);
    int status = result->status;
    enum kl_outcome outcome = KL_OUTCOME_REFUSED;
    int code = K8SLEADER_ERR_INVALID;
    int retriable = 0;
    verdict->retry_after = result->retry_after;
    if (!verdict->retry_after)
        verdict->retry_after = said.retry_after_seconds * INT64_C(1000000000);
    if (verdict->retry_after > KL_RETRY_AFTER_MOST) /* also for the watches, which know no machine */
        verdict->retry_after = KL_RETRY_AFTER_MOST;
    if (status == 401) {
        code = K8SLEADER_ERR_UNAUTHORIZED;
    } else if (status == 403) {
        outcome = KL_OUTCOME_FORBIDDEN;
        code = K8SLEADER_ERR_FORBIDDEN;
    } else if (status == 429) {
        outcome = KL_OUTCOME_THROTTLED;
        code = K8SLEADER_ERR_THROTTLED;
        retriable = 1;
    } else if (status >= 500) {
        outcome = KL_OUTCOME_AMBIGUOUS;
        code = K8SLEADER_ERR_SERVER;
        retriable = 1;
    } else if (!is_status) { /* the API server says everything else with a Status */
        code = K8SLEADER_ERR_NOT_KUBERNETES;
    } else if (status == 409) {
        outcome = KL_OUTCOME_CONFLICT;
        code = K8SLEADER_ERR_SERVER;
        retriable = 1;
    } else if (status == 404 && strcmp(said.kind, "namespaces") == 0) {
        outcome = KL_OUTCOME_NO_NAMESPACE;
        code = K8SLEADER_ERR_NAMESPACE_NOT_FOUND;
    } else if (status == 404 && strcmp(said.reason, "NotFound") == 0 && said.name[0]) {
        outcome = KL_OUTCOME_NOT_FOUND;
        code = K8SLEADER_ERR_SERVER;
    } else if (status == 404) {
        code = K8SLEADER_ERR_NOT_KUBERNETES;
    } else if (status != 400 && status != 422) {
        code = K8SLEADER_ERR_SERVER;
    }
    say(verdict, outcome, status_error(server, doing, status, &said, code), status, retriable);
}

/*
 * These are said before anything is done, and hold even where the explanation was cut off. A server that
 * refuses a request without reading its body resets the HTTP/2 stream behind the answer, and libcurl then may
 * not wait for the end.
 */
static int is_refused_unread(const struct kl_http_result *result)
{
    return !result->too_large && (result->status == 401 || result->status == 403 || result->status == 429);
}

void kl_answer_judge(const struct kl_http *http, const char *doing, const struct kl_http_result *result,
                     struct kl_verdict *verdict)
{
    const char *server = kl_http_server(http);
    memset(verdict, 0, sizeof *verdict);
    if (result->curl != CURLE_OK && !is_refused_unread(result)) {
        judge_failure(server, doing, result, verdict);
        return;
    }
    if (result->status < 200 || result->status > 299) {
        judge_refusal(server, doing, result, verdict);
        return;
    }
    errno = 0;
    verdict->object = kl_json_parse(result->body, result->size);
    if (verdict->object) {
        verdict->outcome = KL_OUTCOME_OK;
        return;
    }
    if (errno == ENOMEM) {
        say(verdict, KL_OUTCOME_AMBIGUOUS,
            kl_error_new(K8SLEADER_ERR_NO_MEMORY, "%s: no memory to read the answer of %s", doing, server),
            result->status, 1);
        return;
    }
    /* 200 and no object: whatever was asked for may have been done. */
    say(verdict, KL_OUTCOME_AMBIGUOUS,
        kl_error_new(K8SLEADER_ERR_NOT_KUBERNETES,
                     "%s: %s answered %d, but not with a Kubernetes object; check the server's address",
                     doing, server, result->status),
        result->status, 0);
}

k8sleader_error *kl_answer_status_error(const struct kl_http *http, const char *doing,
                                        struct json_object *object, int *http_status)
{
    struct kl_status said;
    (void)kl_status_decode(object, &said);
    *http_status = said.code;
    int code = said.code == 401   ? K8SLEADER_ERR_UNAUTHORIZED
               : said.code == 403 ? K8SLEADER_ERR_FORBIDDEN
               : said.code == 429 ? K8SLEADER_ERR_THROTTLED
                                  : K8SLEADER_ERR_SERVER;
    k8sleader_error *error = status_error(kl_http_server(http), doing, said.code, &said, code);
    kl_error_set_http(error, said.code, 1);
    return error;
}

int kl_verdict_code(const struct kl_verdict *verdict)
{
    if (verdict->outcome == KL_OUTCOME_OK)
        return K8SLEADER_OK;
    return verdict->error ? k8sleader_error_code(verdict->error) : K8SLEADER_ERR_NO_MEMORY;
}

void kl_verdict_clear(struct kl_verdict *verdict)
{
    k8sleader_error_free(verdict->error);
    json_object_put(verdict->object);
    memset(verdict, 0, sizeof *verdict);
}
