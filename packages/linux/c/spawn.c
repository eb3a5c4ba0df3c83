// Starting a program without copying this process's page tables first, as fork(2) does: several milliseconds for a
// process of Node's size. The program runs in a session of its own; nobody asks for its exit code.
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIST_ITEMS = 256, DESCRIPTORS = 16, STACK_BYTES = 65536 };

// A list of strings as execve(2) wants it; the caller frees it with free_list.
static char **take_list(napi_env env, napi_value value) {
  uint32_t count = 0;
  if (napi_get_array_length(env, value, &count) != napi_ok || count > LIST_ITEMS) {
    napi_throw_type_error(env, NULL, "a list of at most 256 strings was expected");
    return NULL;
  }
  char **list = allocate((count + 1) * sizeof *list);
  for (uint32_t index = 0; index < count; index++) {
    napi_value item;
    char text[PATH_BYTES];
    napi_get_element(env, value, index, &item);
    if (!take_string(env, item, text)) {
      for (uint32_t done = 0; done < index; done++) free(list[done]);
      free(list);
      return NULL;
    }
    list[index] = strcpy(allocate(strlen(text) + 1), text);
  }
  return list;
}

static void free_list(char **list) {
  if (list == NULL) return;
  for (char **item = list; *item != NULL; item++) free(*item);
  free(list);
}

static void *reap(void *argument) {
  pid_t pid = (pid_t)(intptr_t)argument;
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
  return NULL;
}

// Waits for the program on a thread of its own: Node only waits for what it has started itself.
static void reap_later(pid_t pid) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  pthread_t thread;
  pthread_create(&thread, &attributes, reap, (void *)(intptr_t)pid);
  pthread_attr_destroy(&attributes);
}

static int start(pid_t *pid, char **program, char **environment, const int *descriptors, uint32_t count) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  // An action that was not noted, for want of memory, would hand on wrong descriptors.
  int error = posix_spawn_file_actions_addchdir_np(&actions, "/");
  for (uint32_t index = 0; index < count && error == 0; index++)
    error = descriptors[index] < 0
                ? posix_spawn_file_actions_addopen(&actions, (int)index, "/dev/null", O_RDWR, 0)
                : posix_spawn_file_actions_adddup2(&actions, descriptors[index], (int)index);
  if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(&actions, (int)count);
  sigset_t none, all;
  sigemptyset(&none);
  // Not sigfillset(3), which leaves out the two signals of the C library's own: they would be ignored in containers.
  memset(&all, 0xff, sizeof all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  if (error == 0) error = posix_spawn(pid, program[0], &actions, &attributes, program, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

static napi_value js_spawn_program(napi_env env, napi_callback_info info) {
  napi_value arguments[3], value = NULL;
  if (!take_arguments(env, info, 3, arguments)) return NULL;
  uint32_t count = 0;
  int given[DESCRIPTORS], descriptors[DESCRIPTORS];
  if (napi_get_array_length(env, arguments[2], &count) != napi_ok || count > DESCRIPTORS) {
    napi_throw_type_error(env, NULL, "a list of at most 16 descriptors was expected");
    return NULL;
  }
  for (uint32_t index = 0; index < count; index++) {
    napi_value item;
    napi_get_element(env, arguments[2], index, &item);
    if (napi_get_value_int32(env, item, &given[index]) != napi_ok) {
      napi_throw_type_error(env, NULL, "a descriptor was expected");
      return NULL;
    }
  }
  char **program = take_list(env, arguments[0]);
  char **environment = program == NULL ? NULL : take_list(env, arguments[1]);
  if (environment != NULL && program[0] != NULL) {
    struct failure failure = {0};
    // Moved above the targets, so that no descriptor is overwritten before it was handed on.
    uint32_t moved = 0;
    for (; moved < count && failure.error == 0; moved++) {
      descriptors[moved] = given[moved] < 0 ? -1 : fcntl(given[moved], F_DUPFD_CLOEXEC, DESCRIPTORS);
      if (given[moved] >= 0 && descriptors[moved] < 0) failure = failed("fcntl", program[0]);
    }
    pid_t pid = 0;
    if (failure.error == 0 && (errno = start(&pid, program, environment, descriptors, count)) != 0)
      failure = failed("posix_spawn", program[0]);
    for (uint32_t index = 0; index < moved; index++)
      if (descriptors[index] >= 0) close(descriptors[index]);
    if (failure.error != 0) {
      throw_failure(env, &failure);
    } else {
      reap_later(pid);
      napi_create_int32(env, pid, &value);
    }
  }
  free_list(program);
  free_list(environment);
  return value;
}

static napi_value js_open_pipe(napi_env env, napi_callback_info info) {
  (void)info;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    struct failure failure = failed("pipe2", "");
    return throw_failure(env, &failure);
  }
  napi_value pair;
  napi_create_array_with_length(env, 2, &pair);
  for (uint32_t index = 0; index < 2; index++) {
    napi_value number;
    napi_create_int32(env, ends[index], &number);
    napi_set_element(env, pair, index, number);
  }
  return pair;
}

void define_spawn(napi_env env, napi_value exports) {
  define(env, exports, "spawnProgram", js_spawn_program);
  define(env, exports, "openPipe", js_open_pipe);
}
