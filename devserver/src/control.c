#include <stdlib.h>
#include <string.h>

#include "exchange.h"
#include "tree.h"

/* For tests in other languages: what the header offers to those in C. */

static void answer_number(struct ds_answer *answer, const char *key, int64_t number)
{
    struct json_object *tree = json_object_new_object();
    json_object_object_add(tree, key, json_object_new_int64(number));
    ds_answer_tree(answer, 200, tree);
}

static void answer_done(struct ds_answer *answer)
{
    ds_answer_tree(answer, 200, json_object_new_object());
}

static void add_fault(struct ds_exchange *exchange)
{
    struct devserver_fault fault;
    int64_t number = -1;
    if (ds_fault_parse(exchange->request.body, &fault) == 0)
        number = ds_faults_add(exchange->server->faults, &fault);
    if (number < 0)
        ds_answer_bad_request(&exchange->answer, "no such fault");
    else
        answer_number(&exchange->answer, "number", number);
}

static void remove_faults(struct ds_exchange *exchange, const char *number)
{
    if (ds_empty(number))
        ds_faults_clear(exchange->server->faults);
    else
        ds_faults_remove(exchange->server->faults, strtoll(number, NULL, 10));
    ds_connections_wake(exchange->server);
    answer_done(&exchange->answer);
}

static void freeze_others(struct ds_exchange *exchange)
{
    for (struct ds_connection *other = exchange->server->connections; other != NULL; other = other->next)
        if (other != exchange->connection)
            ds_connection_freeze(other);
    answer_done(&exchange->answer);
}

static void count_requests(struct ds_exchange *exchange)
{
    struct MHD_Connection *http = exchange->connection->http;
    const char *verb = MHD_lookup_connection_value(http, MHD_GET_ARGUMENT_KIND, "verb");
    const char *resource = MHD_lookup_connection_value(http, MHD_GET_ARGUMENT_KIND, "resource");
    answer_number(&exchange->answer, "count", ds_counted(exchange->server, verb, resource));
}

static void add_user(struct ds_exchange *exchange, const char *name)
{
    struct json_object *tree = json_object_new_object();
    ds_tree_set_string(tree, "token", ds_token_of_user(exchange->server, name));
    ds_answer_tree(&exchange->answer, 200, tree);
}

void ds_control(struct ds_exchange *exchange)
{
    struct devserver *server = exchange->server;
    struct json_object *body = exchange->request.body;
    const char *what = exchange->path + strlen("/_devserver");
    int posted = strcmp(exchange->method, "POST") == 0;
    int got = strcmp(exchange->method, "GET") == 0;
    int deleted = strcmp(exchange->method, "DELETE") == 0;
    if (strcmp(what, "/faults") == 0 && posted) {
        add_fault(exchange);
    } else if (strcmp(what, "/faults") == 0 && got) {
        ds_answer_tree(&exchange->answer, 200, ds_faults_list(server->faults));
    } else if (strcmp(what, "/faults") == 0 && deleted) {
        remove_faults(exchange, "");
    } else if (strncmp(what, "/faults/", 8) == 0 && deleted) {
        remove_faults(exchange, what + 8);
    } else if (strcmp(what, "/freeze-connections") == 0 && posted) {
        freeze_others(exchange);
    } else if (strcmp(what, "/compact") == 0 && posted) {
        ds_hub_compact(server->core.hub, ds_store_version(server->core.store));
        answer_done(&exchange->answer);
    } else if (strcmp(what, "/token") == 0 && posted) {
        ds_set_token(server,
                     ds_tree_is(body, "token", json_type_string) ? ds_tree_string(body, "token") : NULL);
        answer_done(&exchange->answer);
    } else if (strcmp(what, "/gc") == 0 && posted) {
        ds_set_gc(server, json_object_get_boolean(ds_tree_get(body, "enabled")));
        answer_done(&exchange->answer);
    } else if (strcmp(what, "/users") == 0 && posted && !ds_empty(ds_tree_string(body, "name"))) {
        add_user(exchange, ds_tree_string(body, "name"));
    } else if (strcmp(what, "/requests") == 0 && got) {
        count_requests(exchange);
    } else {
        ds_answer_text(&exchange->answer, 404, "404 page not found\n");
    }
}
