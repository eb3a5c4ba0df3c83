// Files: openat2(2), mknod(2), extended attributes, utimensat(2), flock(2), syncfs(2).
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static napi_value undefined_or_failure(napi_env env, int status, const char *syscall, const char *path) {
  if (status == 0) return NULL;
  struct failure failure = failed(syscall, path);
  return throw_failure(env, &failure);
}

static napi_value js_open_in_root(napi_env env, napi_callback_info info) {
  napi_value arguments[4], value;
  long long root, flags, mode;
  char path[PATH_BYTES];
  if (!take_arguments(env, info, 4, arguments) || !take_integer(env, arguments[0], &root) ||
      !take_string(env, arguments[1], path) || !take_integer(env, arguments[2], &flags) ||
      !take_integer(env, arguments[3], &mode))
    return NULL;
  struct open_how how = {.flags = (unsigned long long)flags | O_CLOEXEC,
                         .mode = (unsigned long long)mode,
                         .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  long descriptor;
  // EAGAIN: somebody renamed on the way while `..` was resolved; the kernel asks to try again.
  for (int attempt = 0; attempt < 64; attempt++) {
    descriptor = syscall(SYS_openat2, (int)root, path, &how, sizeof how);
    if (descriptor >= 0 || errno != EAGAIN) break;
  }
  if (descriptor < 0) return undefined_or_failure(env, -1, "openat2", path);
  napi_create_int64(env, descriptor, &value);
  return value;
}

static napi_value js_make_node(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  long long mode, high, low;
  char path[PATH_BYTES];
  if (!take_arguments(env, info, 4, arguments) || !take_string(env, arguments[0], path) ||
      !take_integer(env, arguments[1], &mode) || !take_integer(env, arguments[2], &high) ||
      !take_integer(env, arguments[3], &low))
    return NULL;
  return undefined_or_failure(env, mknod(path, (mode_t)mode, makedev((unsigned)high, (unsigned)low)), "mknod", path);
}

static napi_value js_set_attribute(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  char path[PATH_BYTES], name[PATH_BYTES];
  if (!take_arguments(env, info, 3, arguments) || !take_string(env, arguments[0], path) ||
      !take_string(env, arguments[1], name))
    return NULL;
  void *data;
  size_t length;
  bool typed;
  napi_is_typedarray(env, arguments[2], &typed);
  if (!typed) {
    napi_throw_type_error(env, NULL, "a Uint8Array was expected");
    return NULL;
  }
  napi_get_typedarray_info(env, arguments[2], NULL, &length, &data, NULL, NULL);
  return undefined_or_failure(env, lsetxattr(path, name, data, length, 0), "lsetxattr", path);
}

enum { ATTRIBUTE_BYTES = 65536 };  // XATTR_SIZE_MAX and XATTR_LIST_MAX, linux/limits.h

static napi_value js_get_attribute(napi_env env, napi_callback_info info) {
  napi_value arguments[2], value = NULL;
  char path[PATH_BYTES], name[PATH_BYTES];
  if (!take_arguments(env, info, 2, arguments) || !take_string(env, arguments[0], path) ||
      !take_string(env, arguments[1], name))
    return NULL;
  char *buffer = allocate(ATTRIBUTE_BYTES);
  ssize_t length = lgetxattr(path, name, buffer, ATTRIBUTE_BYTES);
  if (length >= 0)
    napi_create_buffer_copy(env, (size_t)length, buffer, NULL, &value);
  else if (errno != ENODATA && errno != EOPNOTSUPP)
    undefined_or_failure(env, -1, "lgetxattr", path);
  free(buffer);
  return value;
}

static napi_value js_list_attributes(napi_env env, napi_callback_info info) {
  napi_value arguments[1], list = NULL;
  char path[PATH_BYTES];
  if (!take_arguments(env, info, 1, arguments) || !take_string(env, arguments[0], path)) return NULL;
  char *buffer = allocate(ATTRIBUTE_BYTES);
  ssize_t length = llistxattr(path, buffer, ATTRIBUTE_BYTES);
  if (length < 0 && errno == EOPNOTSUPP) length = 0;
  if (length < 0) {
    undefined_or_failure(env, -1, "llistxattr", path);
  } else {
    napi_create_array(env, &list);
    unsigned count = 0;
    for (char *name = buffer; name < buffer + length; name += strlen(name) + 1) {
      napi_value text;
      napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &text);
      napi_set_element(env, list, count++, text);
    }
  }
  free(buffer);
  return list;
}

static napi_value js_remove_attribute(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  char path[PATH_BYTES], name[PATH_BYTES];
  if (!take_arguments(env, info, 2, arguments) || !take_string(env, arguments[0], path) ||
      !take_string(env, arguments[1], name))
    return NULL;
  return undefined_or_failure(env, lremovexattr(path, name), "lremovexattr", path);
}

static bool take_time(napi_env env, napi_value value, struct timespec *into) {
  enum { NANOSECONDS = 1000000000 };
  int64_t ns;
  bool lossless;
  if (napi_get_value_bigint_int64(env, value, &ns, &lossless) != napi_ok) {
    napi_throw_type_error(env, NULL, "a bigint was expected");
    return false;
  }
  int64_t rest = ns % NANOSECONDS;
  *into = rest < 0 ? (struct timespec){.tv_sec = ns / NANOSECONDS - 1, .tv_nsec = rest + NANOSECONDS}
                   : (struct timespec){.tv_sec = ns / NANOSECONDS, .tv_nsec = rest};
  return true;
}

static napi_value js_set_times(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  char path[PATH_BYTES];
  struct timespec times[2];
  if (!take_arguments(env, info, 3, arguments) || !take_string(env, arguments[0], path) ||
      !take_time(env, arguments[1], &times[0]) || !take_time(env, arguments[2], &times[1]))
    return NULL;
  return undefined_or_failure(env, utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), "utimensat", path);
}

static napi_value js_lock_file(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  long long descriptor;
  if (!take_arguments(env, info, 1, arguments) || !take_integer(env, arguments[0], &descriptor)) return NULL;
  return undefined_or_failure(env, flock((int)descriptor, LOCK_EX | LOCK_NB), "flock", "");
}

struct sync_job {
  char path[PATH_BYTES];
};

static struct failure sync_file_system(void *argument) {
  struct sync_job *job = argument;
  int descriptor = open(job->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return failed("open", job->path);
  struct failure result = {0};
  if (syncfs(descriptor) != 0) result = failed("syncfs", job->path);
  close(descriptor);
  return result;
}

static napi_value js_sync_file_system(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  struct sync_job *job = allocate(sizeof *job);
  if (!take_arguments(env, info, 1, arguments) || !take_string(env, arguments[0], job->path)) {
    free(job);
    return NULL;
  }
  return promise_of(env, sync_file_system, job);
}

void define_files(napi_env env, napi_value exports) {
  define(env, exports, "openInRoot", js_open_in_root);
  define(env, exports, "makeNode", js_make_node);
  define(env, exports, "setAttribute", js_set_attribute);
  define(env, exports, "getAttribute", js_get_attribute);
  define(env, exports, "listAttributes", js_list_attributes);
  define(env, exports, "removeAttribute", js_remove_attribute);
  define(env, exports, "setTimes", js_set_times);
  define(env, exports, "lockFile", js_lock_file);
  define(env, exports, "syncFileSystem", js_sync_file_system);
}
