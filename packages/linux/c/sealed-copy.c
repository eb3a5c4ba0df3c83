// A program as a sealed file in memory: nobody can change it any more, not even whoever runs it as root.
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif

static int memory_file(const char *name) {
  int memory = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  // Kernels before 6.3 do not know MFD_EXEC: every such file is executable there.
  return memory < 0 && errno == EINVAL ? memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING) : memory;
}

static struct failure fill(int memory, int source, const char *path) {
  for (;;) {
    ssize_t copied = sendfile(memory, source, NULL, 1 << 30);
    if (copied < 0 && errno == EINTR) continue;
    if (copied < 0) return failed("sendfile", path);
    if (copied == 0) break;
  }
  if (fchmod(memory, 0500) != 0) return failed("fchmod", path);
  if (fcntl(memory, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
    return failed("fcntl", path);
  return (struct failure){0};
}

static napi_value js_sealed_copy(napi_env env, napi_callback_info info) {
  napi_value arguments[1], value = NULL;
  char path[PATH_BYTES];
  if (!take_arguments(env, info, 1, arguments) || !take_string(env, arguments[0], path)) return NULL;
  struct failure failure = {0};
  int memory = -1, source = open(path, O_RDONLY | O_CLOEXEC);
  if (source < 0)
    failure = failed("open", path);
  else if ((memory = memory_file("sealed")) < 0)
    failure = failed("memfd_create", path);
  else
    failure = fill(memory, source, path);
  if (source >= 0) close(source);
  if (failure.error == 0) {
    napi_create_int32(env, memory, &value);
    return value;
  }
  if (memory >= 0) close(memory);
  return throw_failure(env, &failure);
}

void define_sealed_copy(napi_env env, napi_value exports) { define(env, exports, "sealedCopy", js_sealed_copy); }
