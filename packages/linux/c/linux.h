// What the addon's files share: a failed system call as a value, arguments out of JavaScript, threads with a namespace.
#pragma once
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>

enum { PATH_BYTES = 4096 };

// A failed system call; error 0 is success.
struct failure {
  int error;
  const char *syscall;
  char path[PATH_BYTES];
};

struct failure failed(const char *syscall, const char *path);
// Zeroed memory, never NULL: without memory the process ends, as V8 itself does it.
void *allocate(size_t bytes);
napi_value error_value(napi_env env, const struct failure *failure);
// Throws and returns NULL.
napi_value throw_failure(napi_env env, const struct failure *failure);

// Fills `arguments` with exactly `count` arguments; throws a TypeError and returns false otherwise.
bool take_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments);
// Copies a string of at most PATH_BYTES - 1 bytes; throws a RangeError or TypeError and returns false otherwise.
bool take_string(napi_env env, napi_value value, char *into);
bool take_integer(napi_env env, napi_value value, long long *into);

// Runs `work(argument)` on a fresh thread, so that what it does to its own namespaces ends with it, and waits for it.
struct failure on_thread(struct failure (*work)(void *), void *argument);
// Runs `work(job)` on a thread of the pool; the promise settles with undefined or the failure. Frees `job`.
napi_value promise_of(napi_env env, struct failure (*work)(void *), void *job);

void define(napi_env env, napi_value exports, const char *name, napi_callback callback);
void define_mounts(napi_env env, napi_value exports);
void define_namespaces(napi_env env, napi_value exports);
void define_files(napi_env env, napi_value exports);
void define_seqpacket(napi_env env, napi_value exports);
void define_netlink(napi_env env, napi_value exports);
void define_spawn(napi_env env, napi_value exports);
void define_sealed_copy(napi_env env, napi_value exports);
void define_datagrams(napi_env env, napi_value exports);
