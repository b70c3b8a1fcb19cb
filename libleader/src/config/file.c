/* Files with credentials: read whole, bounded, and with no copy left behind. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/cluster.h"
#include "config/token.h"
#include "error.h"

/* Tokens of service accounts have about 1 KiB; kube-apiserver takes headers up to 1 MiB. */
#define TOKEN_LIMIT ((size_t)64 * 1024)

void kl_secret_free(char *secret, size_t size)
{
    if (!secret)
        return;
    explicit_bzero(secret, size);
    free(secret);
}

/* Moves to a larger buffer; realloc would leave a copy of what was read in freed memory. */
static int grow(struct kl_pem *buffer, size_t *capacity, size_t wanted)
{
    char *larger = malloc(wanted);
    if (!larger)
        return 0;
    if (buffer->bytes)
        memcpy(larger, buffer->bytes, buffer->size);
    kl_secret_free(buffer->bytes, buffer->size);
    buffer->bytes = larger;
    *capacity = wanted;
    return 1;
}

/* Returns 0 or an errno. Reads on beyond the size that fstat() tells: pipes and /proc tell 0. */
static int read_all(int fd, size_t limit, struct kl_pem *buffer)
{
    struct stat status;
    size_t capacity = 0;
    size_t first = 4096;
    if (fstat(fd, &status) == 0 && status.st_size > 0 && (size_t)status.st_size <= limit)
        first = (size_t)status.st_size + 2; /* one byte more, to see the end, and the NUL */
    if (!grow(buffer, &capacity, first))
        return ENOMEM;
    for (;;) {
        if (buffer->size + 1 == capacity && !grow(buffer, &capacity, capacity * 2))
            return ENOMEM;
        ssize_t got = read(fd, buffer->bytes + buffer->size, capacity - buffer->size - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        buffer->size += (size_t)got;
        if (got == 0 || buffer->size > limit)
            break;
    }
    buffer->bytes[buffer->size] = '\0';
    return buffer->size > limit ? EFBIG : 0;
}

int kl_file_read(const char *path, size_t limit, struct kl_pem *out, k8sleader_error **err)
{
    struct kl_pem buffer = {0};
    int failure = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        failure = errno ? errno : EIO;
    } else {
        failure = read_all(fd, limit, &buffer);
        close(fd);
    }
    if (failure == 0) {
        *out = buffer;
        return 0;
    }
    kl_secret_free(buffer.bytes, buffer.size);
    if (failure == ENOMEM)
        return kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "%s: no memory to read it", path);
    if (failure == EFBIG)
        return kl_fail(err, K8SLEADER_ERR_TOO_LARGE, "%s: larger than %zu bytes", path, limit);
    return kl_fail(err, K8SLEADER_ERR_FILE, "%s: cannot be read: %s", path, strerror(failure));
}

static int is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int kl_token_copy(const char *text, char **out, const char **problem)
{
    while (is_space(*text))
        text++;
    size_t length = strlen(text);
    while (length && is_space(text[length - 1]))
        length--;
    *problem = NULL;
    if (length == 0)
        *problem = "the token is empty";
    else if (length > TOKEN_LIMIT)
        *problem = "the token is larger than 64 KiB";
    /* A line break would end the Authorization header and start another one. */
    for (size_t i = 0; i < length && !*problem; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            *problem = "the token has a line break or another control character in it";
    if (*problem)
        return K8SLEADER_ERR_CONFIG;
    *out = strndup(text, length);
    return *out ? 0 : K8SLEADER_ERR_NO_MEMORY;
}

int kl_token_read(const char *path, char **out, k8sleader_error **err)
{
    struct kl_pem file = {0};
    int result = kl_file_read(path, TOKEN_LIMIT, &file, err);
    /* A file too large is none of a token, whereas TOO_LARGE speaks of the server's answers. */
    if (result == K8SLEADER_ERR_TOO_LARGE) {
        if (err) {
            k8sleader_error_free(*err);
            *err = NULL;
        }
        return kl_fail(err, K8SLEADER_ERR_CONFIG, "%s: the token is larger than 64 KiB", path);
    }
    if (result)
        return result;
    const char *problem = NULL;
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): what was read has bytes */
    if (memchr(file.bytes, '\0', file.size)) {
        problem = "the token has a NUL byte in it";
        result = K8SLEADER_ERR_CONFIG;
    } else {
        result = kl_token_copy(file.bytes, out, &problem);
    }
    kl_secret_free(file.bytes, file.size);
    if (result)
        return kl_fail(err, result, "%s: %s", path, problem ? problem : "no memory to read it");
    return 0;
}
