#include "config/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <yaml.h>

#include "config/cluster.h"
#include "config/text.h"
#include "error.h"

struct anchor {
    char *name;
    struct kl_yaml_node *node;
};

struct reader {
    const char *file;
    k8sleader_error **err;
    struct kl_yaml *yaml;
    struct kl_yaml_node *open[KL_YAML_MAX_DEPTH]; /* the sequences and mappings around the current place */
    char *open_anchor[KL_YAML_MAX_DEPTH]; /* their anchors: known only from their end on, so no node holds
                                             itself */
    size_t depth;
    struct anchor *anchors;
    size_t anchor_count;
    size_t alias_count;
};

static int no_memory(struct reader *reader)
{
    return kl_fail(reader->err, K8SLEADER_ERR_NO_MEMORY, "%s: no memory to read it", reader->file);
}

static int refuse(struct reader *reader, int line, const char *what)
{
    return kl_fail(reader->err, K8SLEADER_ERR_CONFIG, "%s:%d: %s", reader->file, line, what);
}

static int is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return 1;
    return 0;
}

static const char *const true_words[] = {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", NULL};
static const char *const false_words[] = {"false", "False", "FALSE", "no",  "No",
                                          "NO",    "off",   "Off",   "OFF", NULL};
static const char *const null_words[] = {"", "~", "null", "Null", "NULL", NULL};
static const char *const number_words[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", NULL};

static int is_number(const char *text)
{
    static const char decimal[] = "0123456789_";
    static const struct {
        const char *prefix;
        const char *digits;
    } prefixes[] = {{"0x", "0123456789abcdefABCDEF_"}, {"0o", "01234567_"}, {"0b", "01_"}};
    if (*text == '-' || *text == '+')
        text++;
    if (is_one_of(text, number_words))
        return 1;
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (strncasecmp(text, prefixes[i].prefix, 2) == 0)
            return text[2] && text[2 + strspn(text + 2, prefixes[i].digits)] == '\0';
    if (*text == '_')
        return 0;
    size_t before = strspn(text, decimal);
    text += before;
    size_t after = 0;
    if (*text == '.') {
        after = strspn(text + 1, decimal);
        text += 1 + after;
    }
    if (before + after == 0)
        return 0;
    if (*text == 'e' || *text == 'E') {
        text += text[1] == '-' || text[1] == '+' ? 2 : 1;
        return *text && text[strspn(text, decimal)] == '\0';
    }
    return *text == '\0';
}

static enum kl_yaml_type plain_type(const char *text)
{
    if (is_one_of(text, null_words))
        return KL_YAML_NULL;
    if (is_one_of(text, true_words) || is_one_of(text, false_words))
        return KL_YAML_BOOLEAN;
    return is_number(text) ? KL_YAML_NUMBER : KL_YAML_STRING;
}

static int append(struct kl_yaml_node *parent, struct kl_yaml_node *child)
{
    if (parent->count == parent->capacity) {
        size_t capacity = parent->capacity ? parent->capacity * 2 : 8;
        struct kl_yaml_node **items = realloc(parent->items, capacity * sizeof(struct kl_yaml_node *));
        if (!items)
            return 0;
        parent->items = items;
        parent->capacity = capacity;
    }
    parent->items[parent->count++] = child;
    return 1;
}

/* Puts a node where the reader is: the root, an item, a key or a value. */
static int place(struct reader *reader, struct kl_yaml_node *node, int line)
{
    if (reader->depth == 0) {
        reader->yaml->root = node;
        return 0;
    }
    struct kl_yaml_node *parent = reader->open[reader->depth - 1];
    if (parent->type == KL_YAML_MAPPING && parent->count % 2 == 0) {
        char quote[KL_QUOTE_SIZE];
        if (node->type != KL_YAML_STRING)
            return refuse(reader, line, "a key must be a string; put it in quotes");
        if (strcmp(node->text, "<<") == 0)
            return refuse(reader, line, "merge keys (<<) are not supported; write the fields out");
        if (kl_yaml_get(parent, node->text))
            return kl_fail(reader->err, K8SLEADER_ERR_CONFIG, "%s:%d: the key %s is given twice",
                           reader->file, line, kl_quote(quote, node->text));
    }
    return append(parent, node) ? 0 : no_memory(reader);
}

static struct kl_yaml_node *new_node(struct reader *reader, enum kl_yaml_type type, int line)
{
    struct kl_yaml_node *node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    node->type = type;
    node->line = line;
    node->next = reader->yaml->nodes;
    reader->yaml->nodes = node;
    reader->yaml->count++;
    return node;
}

/* Takes over `name`. The last of several anchors with one name counts, as YAML has it. */
static int remember(struct reader *reader, char *name, struct kl_yaml_node *node)
{
    if (!name)
        return 0;
    struct anchor *anchors = realloc(reader->anchors, (reader->anchor_count + 1) * sizeof(*anchors));
    if (!anchors) {
        free(name);
        return no_memory(reader);
    }
    reader->anchors = anchors;
    anchors[reader->anchor_count++] = (struct anchor){.name = name, .node = node};
    return 0;
}

/* An anchor's name, copied; *out is NULL when there is none. */
static int copy_anchor(struct reader *reader, const yaml_char_t *name, int line, char **out)
{
    *out = NULL;
    if (!name)
        return 0;
    if (reader->anchor_count + reader->depth >= KL_YAML_MAX_ALIASES)
        return refuse(reader, line, "too many anchors");
    *out = strdup((const char *)name);
    return *out ? 0 : no_memory(reader);
}

static int read_alias(struct reader *reader, const yaml_char_t *name, int line)
{
    if (++reader->alias_count > KL_YAML_MAX_ALIASES)
        return refuse(reader, line, "too many aliases");
    for (size_t i = reader->anchor_count; i-- > 0;)
        if (strcmp(reader->anchors[i].name, (const char *)name) == 0)
            return place(reader, reader->anchors[i].node, line);
    return refuse(reader, line, "an alias to an anchor that does not end before it");
}

static int read_scalar(struct reader *reader, const yaml_event_t *event, int line)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    const char *tag = (const char *)event->data.scalar.tag;
    char *anchor = NULL;
    if (strlen(text) != length)
        return refuse(reader, line, "a string with a NUL in it");
    if (tag && strcmp(tag, YAML_STR_TAG) != 0 && strcmp(tag, "!") != 0)
        return refuse(reader, line, "tags (!) are not supported");
    int plain = !tag && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    struct kl_yaml_node *node = new_node(reader, plain ? plain_type(text) : KL_YAML_STRING, line);
    if (!node)
        return no_memory(reader);
    node->text = strdup(text);
    node->length = length;
    if (!node->text)
        return no_memory(reader);
    int result = copy_anchor(reader, event->data.scalar.anchor, line, &anchor);
    if (!result)
        result = remember(reader, anchor, node);
    return result ? result : place(reader, node, line);
}

static int read_start(struct reader *reader, enum kl_yaml_type type, const yaml_char_t *anchor,
                      const yaml_char_t *tag, int line)
{
    const char *own_tag = type == KL_YAML_MAPPING ? YAML_MAP_TAG : YAML_SEQ_TAG;
    if (tag && strcmp((const char *)tag, own_tag) != 0)
        return refuse(reader, line, "tags (!) are not supported");
    if (reader->depth == KL_YAML_MAX_DEPTH)
        return refuse(reader, line, "nested too deeply");
    struct kl_yaml_node *node = new_node(reader, type, line);
    if (!node)
        return no_memory(reader);
    int result = place(reader, node, line);
    if (result)
        return result;
    result = copy_anchor(reader, anchor, line, &reader->open_anchor[reader->depth]);
    if (!result)
        reader->open[reader->depth++] = node;
    return result;
}

static int read_end(struct reader *reader)
{
    reader->depth--;
    return remember(reader, reader->open_anchor[reader->depth], reader->open[reader->depth]);
}

static int read_event(struct reader *reader, const yaml_event_t *event, int *documents)
{
    int line = (int)event->start_mark.line + 1;
    if (reader->yaml->count > KL_YAML_MAX_NODES)
        return refuse(reader, line, "too many values in one file");
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return ++*documents > 1 ? refuse(reader, line, "a second document (---); one is wanted") : 0;
    case YAML_ALIAS_EVENT:
        return read_alias(reader, event->data.alias.anchor, line);
    case YAML_SCALAR_EVENT:
        return read_scalar(reader, event, line);
    case YAML_SEQUENCE_START_EVENT:
        return read_start(reader, KL_YAML_SEQUENCE, event->data.sequence_start.anchor,
                          event->data.sequence_start.tag, line);
    case YAML_MAPPING_START_EVENT:
        return read_start(reader, KL_YAML_MAPPING, event->data.mapping_start.anchor,
                          event->data.mapping_start.tag, line);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return read_end(reader);
    default:
        return 0;
    }
}

static int line_of(const char *text, size_t offset)
{
    int line = 1;
    for (size_t i = 0; i < offset; i++)
        line += text[i] == '\n';
    return line;
}

static int parser_failed(struct reader *reader, const yaml_parser_t *parser, const char *text, size_t size)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return no_memory(reader);
    size_t offset = parser->problem_offset < size ? parser->problem_offset : size;
    /* What the decoder says has an offset, what the scanner and parser say a mark. */
    int line =
        parser->error == YAML_READER_ERROR ? line_of(text, offset) : (int)parser->problem_mark.line + 1;
    return kl_fail(reader->err, K8SLEADER_ERR_CONFIG, "%s:%d: neither YAML nor JSON: %s%s%s", reader->file,
                   line, parser->problem ? parser->problem : "cannot be read", parser->context ? ", " : "",
                   parser->context ? parser->context : "");
}

static int read_events(struct reader *reader, yaml_parser_t *parser, const char *text, size_t size)
{
    int documents = 0;
    int result = 0;
    for (int ended = 0; !result && !ended;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return parser_failed(reader, parser, text, size);
        ended = event.type == YAML_STREAM_END_EVENT;
        result = read_event(reader, &event, &documents);
        if (event.type == YAML_SCALAR_EVENT)
            explicit_bzero(event.data.scalar.value, event.data.scalar.length);
        yaml_event_delete(&event);
    }
    return result;
}

int kl_yaml_parse(struct kl_yaml *yaml, const char *text, size_t size, const char *file,
                  k8sleader_error **err)
{
    struct reader reader = {.file = file, .err = err, .yaml = yaml};
    yaml_parser_t parser;
    *yaml = (struct kl_yaml){0};
    const char *nul = memchr(text, '\0', size);
    if (nul)
        return refuse(&reader, line_of(text, (size_t)(nul - text)), "a NUL byte: UTF-8 text is wanted");
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark, as some editors write it */
        text += 3;
        size -= 3;
    }
    if (!yaml_parser_initialize(&parser))
        return no_memory(&reader);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    int result = read_events(&reader, &parser, text, size);
    /* libyaml frees its buffers as they are. They hold the text last decoded, which may be a key. */
    explicit_bzero(parser.raw_buffer.start, (size_t)(parser.raw_buffer.end - parser.raw_buffer.start));
    explicit_bzero(parser.buffer.start, (size_t)(parser.buffer.end - parser.buffer.start));
    yaml_parser_delete(&parser);
    for (size_t i = 0; i < reader.depth; i++)
        free(reader.open_anchor[i]);
    for (size_t i = 0; i < reader.anchor_count; i++)
        free(reader.anchors[i].name);
    free(reader.anchors);
    if (result)
        kl_yaml_clear(yaml);
    return result;
}

void kl_yaml_clear(struct kl_yaml *yaml)
{
    while (yaml->nodes) {
        struct kl_yaml_node *node = yaml->nodes;
        yaml->nodes = node->next;
        kl_secret_free(node->text, node->length);
        free(node->items);
        free(node);
    }
    *yaml = (struct kl_yaml){0};
}

const struct kl_yaml_node *kl_yaml_get(const struct kl_yaml_node *mapping, const char *key)
{
    if (!mapping || mapping->type != KL_YAML_MAPPING)
        return NULL;
    for (size_t i = 0; i + 1 < mapping->count; i += 2)
        if (strcmp(mapping->items[i]->text, key) == 0)
            return mapping->items[i + 1];
    return NULL;
}

int kl_yaml_is_true(const struct kl_yaml_node *node)
{
    return node->type == KL_YAML_BOOLEAN && is_one_of(node->text, true_words);
}

const char *kl_yaml_type_name(const struct kl_yaml_node *node)
{
    static const char *const names[] = {
        [KL_YAML_STRING] = "a string", [KL_YAML_NULL] = "null",       [KL_YAML_BOOLEAN] = "a boolean",
        [KL_YAML_NUMBER] = "a number", [KL_YAML_SEQUENCE] = "a list", [KL_YAML_MAPPING] = "a mapping"};
    return names[node->type];
}
