/*
 * A program for 32-bit x86 without a C library: says hello by write(2), then what unshare(CLONE_NEWUSER) and a
 * clone(CLONE_NEWUSER) answer, as letters: A is 0, B is error 1 (EPERM), and so on. Ends with code 7.
 */
enum { sys_exit = 1, sys_write = 4, sys_clone = 120, sys_unshare = 310, clone_newuser = 0x10000000, sigchld = 17 };

static int call(int number, int a, int b, int c) {
  int result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(0), "D"(0) : "memory");
  return result;
}

void _start(void) {
  static char text[] = "hello ..\n";
  int cloned = call(sys_clone, clone_newuser | sigchld, 0, 0);
  if (cloned == 0) call(sys_exit, 0, 0, 0);
  text[7] = (char)('A' + (cloned < 0 ? -cloned : 0));
  int unshared = call(sys_unshare, clone_newuser, 0, 0);
  text[6] = (char)('A' + (unshared < 0 ? -unshared : 0));
  call(sys_write, 1, (int)text, sizeof text - 1);
  call(sys_exit, 7, 0, 0);
  __builtin_unreachable();
}
