/*
 * The low level of the Python binding: the calls of k8sleader.h under their own names, for the package beside it.
 *
 *   Results      Every call returns what the C function returns. One with `**out` or `**err` returns a list: the code, then
 *                each of those, None where NULL. Handles are bare pointers: the package above frees them.
 *   Callbacks    are left out: events are taken (take_events), so no thread of the library's ever enters Python.
 *   GIL          released in those calls that may block, by %thread below; others only take a mutex that is never held
 *                while user code runs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
%module k8sleader_lowlevel

%{
#include <k8sleader.h>
#include <stdlib.h>

#if K8SLEADER_VERSION_MAJOR > 1
#error "this binding is for the C interface of k8sleader 1"
#endif
%}

%include <stdint.i>

%nothread;
%thread k8sleader_become;
%thread k8sleader_client_free;
%thread k8sleader_client_list_locks;
%thread k8sleader_client_new;
%thread k8sleader_config_load_incluster;
%thread k8sleader_config_load_kubeconfig;
%thread k8sleader_election_free;
%thread k8sleader_election_wait;

/* ---- out parameters ---- */

%define %out_handle(type)
%typemap(in, numinputs=0) type **out (type *handle = NULL), type **err (type *handle = NULL) "$1 = &handle;"
%typemap(argout) type **out, type **err {
    PyObject *object = Py_None;
    if (*$1)
        object = SWIG_NewPointerObj(*$1, $*1_descriptor, 0);
    else
        Py_INCREF(Py_None);
    %append_output(object);
}
%enddef
%out_handle(k8sleader_client)
%out_handle(k8sleader_election)
%out_handle(k8sleader_error)
%out_handle(k8sleader_lock_list)

%typemap(in, numinputs=0) uint64_t *token (uint64_t value = 0) "$1 = &value;"
%typemap(argout) uint64_t *token { %append_output(PyLong_FromUnsignedLongLong(*$1)); }

/* ---- PEM, from bytes ---- */

%typemap(in) (const void *pem, size_t size) (char *text = NULL, Py_ssize_t length = 0),
             (const void *certificate, size_t certificate_size) (char *text = NULL, Py_ssize_t length = 0),
             (const void *key, size_t key_size) (char *text = NULL, Py_ssize_t length = 0) {
    if (PyBytes_AsStringAndSize($input, &text, &length) != 0)
        SWIG_fail;
    $1 = text;
    $2 = (size_t)length;
}

/* ---- elections are started without callbacks ---- */

%typemap(in, numinputs=0) const k8sleader_callbacks *callbacks "$1 = NULL;"
%typemap(in, numinputs=0) void *user "$1 = NULL;"
%typemap(in, numinputs=0) void (*destroy)(void *user) "$1 = NULL;"

%rename("$ignore", regextarget=1) "^k8sleader_callbacks_";
%rename("$ignore", regextarget=1) "^k8sleader_event_(type|election|time_us|token|reason|skipped|leader|error|message|log_level|ref|unref)$";
%ignore k8sleader_callback;
%ignore k8sleader_client_dispatch;
%ignore k8sleader_client_next_event;
%ignore k8sleader_client_start_dispatcher;
%ignore k8sleader_election_leader;
%ignore k8sleader_election_start;
%ignore k8sleader_election_user;
%ignore k8sleader_options_list;
%ignore K8SLEADER_API;

%include <k8sleader.h>

/* ---- what has no shape of its own in Python ---- */

%newobject election_leader;
%typemap(newfree) char * "free($1);"

%inline %{
/* Names an election, in the events that are about it: an address, unique while the election or an event of it lives. */
uint64_t election_key(const k8sleader_election *election)
{
    return (uint64_t)(uintptr_t)election;
}

/* The last known leader; NULL without memory, or in a child of fork. */
char *election_leader(const k8sleader_election *election)
{
    int size = 0, length = k8sleader_election_leader(election, NULL, 0);
    char *text = NULL;
    while (length >= size) { /* it may have changed since its length was asked */
        size = length + 1;
        char *larger = realloc(text, (size_t)size);
        if (!larger)
            break;
        text = larger;
        length = k8sleader_election_leader(election, text, (size_t)size);
    }
    if (length < 0 || length >= size) {
        free(text);
        return NULL;
    }
    return text;
}

const k8sleader_option_info *option_info(size_t index)
{
    size_t count = 0;
    const k8sleader_option_info *const *all = k8sleader_options_list(&count);
    return index < count ? all[index] : NULL;
}
%}

%{
/* Others write identities and messages, too: whatever they wrote, there is a text. */
static PyObject *text_of(const char *text)
{
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

static PyObject *describe_error(const k8sleader_error *error)
{
    if (!error) {
        Py_INCREF(Py_None);
        return Py_None;
    }
    return Py_BuildValue("(iNii)", k8sleader_error_code(error), text_of(k8sleader_error_message(error)),
                         k8sleader_error_http_status(error), k8sleader_error_retriable(error));
}

static PyObject *describe_event(const k8sleader_event *event)
{
    return Py_BuildValue("(iKLKiiNNiN)", k8sleader_event_type(event),
                         (unsigned long long)(uintptr_t)k8sleader_event_election(event),
                         (long long)k8sleader_event_time_us(event), (unsigned long long)k8sleader_event_token(event),
                         k8sleader_event_reason(event), k8sleader_event_skipped(event),
                         text_of(k8sleader_event_leader(event)), text_of(k8sleader_event_message(event)),
                         k8sleader_event_log_level(event), describe_error(k8sleader_event_error(event)));
}
%}

%typemap(out) PyObject *take_events "$result = $1;"
%inline %{
/*
 * Appends all events that wait to the list, described as tuples, and returns the code that ended it: TIMEOUT when none
 * waits any more, CLOSED, FORKED. Does not wait. An event is in the list as soon as it has left the queue: no signal
 * handler can raise between the two. A wake only made the descriptor readable.
 */
PyObject *take_events(k8sleader_client *client, PyObject *into)
{
    for (;;) {
        k8sleader_event *event = NULL;
        int code = k8sleader_client_next_event(client, 0, &event);
        if (code == K8SLEADER_ERR_WOKEN)
            continue;
        if (code != 0)
            return PyLong_FromLong(code);
        PyObject *described = describe_event(event);
        k8sleader_event_unref(event);
        int failed = !described || PyList_Append(into, described) != 0;
        Py_XDECREF(described);
        if (failed)
            return NULL;
    }
}
%}

%typemap(out) PyObject *start_election "$result = $1;"
%inline %{
/*
 * Starts an election and appends its handle to the list before anything of Python's runs: Ctrl-C that came meanwhile is
 * raised as soon as this returns, and a handle in a result would then be lost, with a candidate that nobody can stop.
 * Returns a tuple: the code, and the error or None.
 */
PyObject *start_election(k8sleader_client *client, const k8sleader_options *options, PyObject *into)
{
    k8sleader_election *election = NULL;
    k8sleader_error *error = NULL;
    int code;
    Py_BEGIN_ALLOW_THREADS
    code = k8sleader_election_start(client, options, NULL, NULL, NULL, &election, &error);
    Py_END_ALLOW_THREADS
    if (election) {
        PyObject *handle = SWIG_NewPointerObj(election, SWIGTYPE_p_k8sleader_election, 0);
        int failed = !handle || PyList_Append(into, handle) != 0;
        Py_XDECREF(handle);
        if (failed) {
            k8sleader_election_free(election);
            return NULL;
        }
    }
    PyObject *described = Py_None;
    if (error)
        described = SWIG_NewPointerObj(error, SWIGTYPE_p_k8sleader_error, 0);
    else
        Py_INCREF(described);
    return Py_BuildValue("(iN)", code, described);
}
%}

%init %{
    /* SWIG's types are the process's, not an interpreter's. */
    if (PyInterpreterState_GetID(PyInterpreterState_Get()) != 0) {
        PyErr_SetString(PyExc_ImportError, "k8sleader works in the main interpreter only, not in sub-interpreters");
#if SWIG_VERSION >= 0x040400 /* the module's exec slot; earlier, its init function */
        return -1;
#else
        return NULL;
#endif
    }
%}
