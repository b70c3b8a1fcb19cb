/*
 * A YAML document as a tree that knows its lines: what a kubeconfig is read from (JSON is YAML too). Bounded
 * in nodes, depth and aliases; the bytes are bounded by whoever read the file. An alias is a second way to
 * the same node, never a copy, so that aliases of aliases cost nothing.
 */
#ifndef KL_YAML_H
#define KL_YAML_H

#include <stddef.h>

#include "k8sleader.h"

#define KL_YAML_MAX_DEPTH   32
#define KL_YAML_MAX_NODES   20000
#define KL_YAML_MAX_ALIASES 1000

enum kl_yaml_type {
    KL_YAML_STRING,
    KL_YAML_NULL,
    KL_YAML_BOOLEAN,
    KL_YAML_NUMBER,
    KL_YAML_SEQUENCE,
    KL_YAML_MAPPING
};

struct kl_yaml_node {
    enum kl_yaml_type type; /* scalars as kubectl's reader takes them (YAML 1.1): yes and on are booleans */
    int line;
    char *text; /* scalars: as written, without NUL bytes inside; else NULL */
    size_t length;
    struct kl_yaml_node **items; /* sequences: the items; mappings: key, value, key, value, ... */
    size_t count;                /* of items; even for mappings */
    size_t capacity;
    struct kl_yaml_node *next; /* the list of all nodes, for freeing */
};

struct kl_yaml {
    const struct kl_yaml_node *root; /* NULL when the document is empty */
    struct kl_yaml_node *nodes;
    size_t count;
};

/*
 * Reads one document; `file` stands in the messages, `FILE:LINE: what is wrong`. Refused: what is no UTF-8,
 * NUL bytes, a second document, a key that is given twice or is no string, merge keys (<<) and tags. *yaml
 * need not be initialised; on success free it with kl_yaml_clear(). Errors: CONFIG, NO_MEMORY.
 */
int kl_yaml_parse(struct kl_yaml *yaml, const char *text, size_t size, const char *file,
                  k8sleader_error **err);

/* Wipes what the tree holds: it may be tokens and keys. */
void kl_yaml_clear(struct kl_yaml *yaml);

/* The value of a key; NULL when it is not there, or `mapping` is none. */
const struct kl_yaml_node *kl_yaml_get(const struct kl_yaml_node *mapping, const char *key);

/* 1 when it is a boolean that means true. */
int kl_yaml_is_true(const struct kl_yaml_node *node);

/* What a node is, for "a string is wanted, this is a number". Static. */
const char *kl_yaml_type_name(const struct kl_yaml_node *node);

#endif
