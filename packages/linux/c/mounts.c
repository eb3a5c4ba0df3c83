// mount(2) and umount2(2).
#include "linux.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

struct mount_job {
  char source[PATH_BYTES], target[PATH_BYTES], type[PATH_BYTES], data[PATH_BYTES], directory[PATH_BYTES];
  long long flags;
};

static struct failure do_mount(void *argument) {
  struct mount_job *job = argument;
  if (job->directory[0] != 0) {
    // The working directory is shared by all threads until this one has its own.
    if (unshare(CLONE_FS) != 0) return failed("unshare", job->directory);
    if (chdir(job->directory) != 0) return failed("chdir", job->directory);
  }
  if (mount(job->source, job->target, job->type, (unsigned long)job->flags, job->data) != 0)
    return failed("mount", job->target);
  return (struct failure){0};
}

static struct failure mount_work(void *argument) {
  struct mount_job *job = argument;
  return job->directory[0] != 0 ? on_thread(do_mount, job) : do_mount(job);
}

static napi_value js_mount(napi_env env, napi_callback_info info) {
  napi_value arguments[6];
  if (!take_arguments(env, info, 6, arguments)) return NULL;
  struct mount_job *job = allocate(sizeof *job);
  if (take_string(env, arguments[0], job->source) && take_string(env, arguments[1], job->target) &&
      take_string(env, arguments[2], job->type) && take_integer(env, arguments[3], &job->flags) &&
      take_string(env, arguments[4], job->data) && take_string(env, arguments[5], job->directory))
    return promise_of(env, mount_work, job);
  free(job);
  return NULL;
}

struct unmount_job {
  char target[PATH_BYTES];
  long long flags;
};

static struct failure unmount_work(void *argument) {
  struct unmount_job *job = argument;
  if (umount2(job->target, (int)job->flags) != 0) return failed("umount", job->target);
  return (struct failure){0};
}

static napi_value js_unmount(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  if (!take_arguments(env, info, 2, arguments)) return NULL;
  struct unmount_job *job = allocate(sizeof *job);
  if (take_string(env, arguments[0], job->target) && take_integer(env, arguments[1], &job->flags))
    return promise_of(env, unmount_work, job);
  free(job);
  return NULL;
}

void define_mounts(napi_env env, napi_value exports) {
  define(env, exports, "mount", js_mount);
  define(env, exports, "unmount", js_unmount);
}
