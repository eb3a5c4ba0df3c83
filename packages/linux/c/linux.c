// Errors, arguments, threads; registration of the functions.
#include "linux.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct failure failed(const char *syscall, const char *path) {
  struct failure failure = {.error = errno, .syscall = syscall};
  snprintf(failure.path, sizeof failure.path, "%s", path);
  return failure;
}

void *allocate(size_t bytes) {
  void *memory = calloc(1, bytes);
  if (memory == NULL) napi_fatal_error("noos.linux", NAPI_AUTO_LENGTH, "out of memory", NAPI_AUTO_LENGTH);
  return memory;
}

static void set_string(napi_env env, napi_value object, const char *name, const char *text) {
  napi_value value;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  napi_set_named_property(env, object, name, value);
}

napi_value error_value(napi_env env, const struct failure *failure) {
  const char *code = strerrorname_np(failure->error);
  char text[PATH_BYTES + 256];
  snprintf(text, sizeof text, "%s: %s, %s '%s'", code ? code : "EUNKNOWN", strerror(failure->error), failure->syscall,
           failure->path);
  napi_value message, error, number;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message);
  napi_create_error(env, NULL, message, &error);
  set_string(env, error, "code", code ? code : "EUNKNOWN");
  set_string(env, error, "syscall", failure->syscall);
  set_string(env, error, "path", failure->path);
  napi_create_int32(env, -failure->error, &number);
  napi_set_named_property(env, error, "errno", number);
  return error;
}

napi_value throw_failure(napi_env env, const struct failure *failure) {
  napi_throw(env, error_value(env, failure));
  return NULL;
}

bool take_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments) {
  size_t given = count;
  napi_get_cb_info(env, info, &given, arguments, NULL, NULL);
  if (given >= count) return true;
  napi_throw_type_error(env, NULL, "too few arguments");
  return false;
}

bool take_string(napi_env env, napi_value value, char *into) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) {
    napi_throw_type_error(env, NULL, "a string was expected");
    return false;
  }
  if (length >= PATH_BYTES) {
    napi_throw_range_error(env, "ENAMETOOLONG", "ENAMETOOLONG: a string is longer than 4095 bytes");
    return false;
  }
  napi_get_value_string_utf8(env, value, into, PATH_BYTES, &length);
  if (strlen(into) == length) return true;
  napi_throw_range_error(env, "EINVAL", "EINVAL: a string contains a zero byte");
  return false;
}

bool take_integer(napi_env env, napi_value value, long long *into) {
  int64_t number;
  if (napi_get_value_int64(env, value, &number) != napi_ok) {
    napi_throw_type_error(env, NULL, "a number was expected");
    return false;
  }
  *into = number;
  return true;
}

struct thread_call {
  struct failure (*work)(void *);
  void *argument;
  struct failure result;
};

static void *run_call(void *argument) {
  struct thread_call *call = argument;
  call->result = call->work(call->argument);
  return NULL;
}

struct failure on_thread(struct failure (*work)(void *), void *argument) {
  struct thread_call call = {.work = work, .argument = argument};
  pthread_t thread;
  errno = pthread_create(&thread, NULL, run_call, &call);
  if (errno != 0) return failed("pthread_create", "");
  pthread_join(thread, NULL);
  return call.result;
}

struct promise {
  napi_async_work work;
  napi_deferred deferred;
  struct thread_call call;
};

static void execute(napi_env env, void *data) {
  (void)env;
  run_call(&((struct promise *)data)->call);
}

static void complete(napi_env env, napi_status status, void *data) {
  struct promise *promise = data;
  napi_value value;
  if (status == napi_cancelled) promise->call.result = (struct failure){.error = ECANCELED, .syscall = "noos.linux"};
  if (promise->call.result.error == 0) {
    napi_get_undefined(env, &value);
    napi_resolve_deferred(env, promise->deferred, value);
  } else {
    napi_reject_deferred(env, promise->deferred, error_value(env, &promise->call.result));
  }
  napi_delete_async_work(env, promise->work);
  free(promise->call.argument);
  free(promise);
}

napi_value promise_of(napi_env env, struct failure (*work)(void *), void *job) {
  struct promise *promise = allocate(sizeof *promise);
  promise->call = (struct thread_call){.work = work, .argument = job};
  napi_value value, name;
  napi_create_promise(env, &promise->deferred, &value);
  napi_create_string_utf8(env, "noos.linux", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(env, NULL, name, execute, complete, promise, &promise->work);
  napi_queue_async_work(env, promise->work);
  return value;
}

void define(napi_env env, napi_value exports, const char *name, napi_callback callback) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function);
  napi_set_named_property(env, exports, name, function);
}

NAPI_MODULE_INIT() {
  define_mounts(env, exports);
  define_namespaces(env, exports);
  define_files(env, exports);
  define_seqpacket(env, exports);
  define_netlink(env, exports);
  define_spawn(env, exports);
  define_sealed_copy(env, exports);
  define_datagrams(env, exports);
  return exports;
}
