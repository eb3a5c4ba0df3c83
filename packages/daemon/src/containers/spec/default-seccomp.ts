/**
 * The system calls of containers that bring no profile of their own: Docker's rules (moby/profiles, seccomp v0.2.3, the
 * address families as in its main branch). What stands nowhere here is refused with EPERM, so that no rule has to say it.
 *
 * In: nothing. Out: a profile in Docker's format, with its conditions. May import: seccomp.
 */
import type { ProfileRule, SeccompProfile } from './seccomp.js';

const allowAction = 'SCMP_ACT_ALLOW';
const errnoAction = 'SCMP_ACT_ERRNO';
/** asm-generic/errno.h. */
const [eperm, enosys] = [1, 38];

const names = (text: string): string[] => text.trim().split(/\s+/);

/** What any container may call, whatever its capabilities; the kernel's own checks still hold. */
const everywhere = {
  files: `
    access chdir chmod chown chown32 close close_range copy_file_range creat faccessat faccessat2 fadvise64 fadvise64_64
    fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fdatasync flock fstat fstat64 fstatat64 fsync
    ftruncate ftruncate64 futimesat getcwd getdents getdents64 lchown lchown32 link linkat lseek _llseek lstat lstat64
    mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 readahead readlink readlinkat rename
    renameat renameat2 rmdir stat stat64 statx symlink symlinkat sync sync_file_range syncfs truncate truncate64 umask
    unlink unlinkat utime utimensat utimensat_time64 utimes`,
  fileSystems: 'cachestat fstatfs fstatfs64 listmount statfs statfs64 statmount',
  extendedAttributes: `
    fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat llistxattr
    lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat`,
  descriptors: `
    dup dup2 dup3 eventfd eventfd2 fcntl fcntl64 ioctl pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read
    readv sendfile sendfile64 signalfd signalfd4 splice tee vmsplice write writev`,
  readiness: `
    epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old fanotify_mark
    inotify_add_watch inotify_init inotify_init1 inotify_rm_watch _newselect poll ppoll ppoll_time64 pselect6
    pselect6_time64 select`,
  asynchronousFiles: `
    io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioprio_get ioprio_set`,
  memory: `
    brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 mprotect
    mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages`,
  processes: `
    execve execveat exit exit_group fork getpgid getpgrp getpid getppid getsid gettid kill pause pidfd_open
    pidfd_send_signal prctl process_mrelease setpgid setsid tgkill tkill vfork wait4 waitid waitpid`,
  threads: `
    futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list get_thread_area rseq
    set_robust_list set_thread_area set_tid_address`,
  signals: `
    restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
    rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn uretprobe`,
  identity: `
    capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32
    getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32
    setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32`,
  confinement: 'landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp',
  scheduling: `
    getcpu getpriority sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
    sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam
    sched_setscheduler sched_yield setpriority`,
  limits: 'getrlimit getrusage prlimit64 setrlimit sysinfo times ugetrlimit uname',
  // Setting the clock by adjtimex(2) and clock_adjtime(2) takes CAP_SYS_TIME of the kernel itself.
  time: `
    adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
    clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create timer_delete
    timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime
    timerfd_gettime64 timerfd_settime timerfd_settime64`,
  sockets: `
    accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg
    send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair`,
  interProcess: `
    ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink
    msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget`,
  other: 'getrandom riscv_hwprobe',
};

/** What comes with a capability. */
const byCapability: Record<string, string> = {
  CAP_BPF: 'bpf',
  CAP_DAC_READ_SEARCH: 'open_by_handle_at',
  CAP_PERFMON: 'perf_event_open',
  CAP_SYS_ADMIN: `
    bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules
    lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname
    sethostname setns syslog umount umount2 unshare`,
  CAP_SYS_BOOT: 'reboot',
  CAP_SYS_CHROOT: 'chroot',
  CAP_SYS_MODULE: 'delete_module finit_module init_module',
  CAP_SYS_NICE: 'get_mempolicy mbind set_mempolicy set_mempolicy_home_node',
  CAP_SYS_PACCT: 'acct',
  CAP_SYS_PTRACE: 'kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace',
  CAP_SYS_RAWIO: 'ioperm iopl',
  CAP_SYS_TIME: 'clock_settime clock_settime64 settimeofday stime',
  CAP_SYS_TTY_CONFIG: 'vhangup',
  CAP_SYSLOG: 'syslog',
};

/** What only some processors have, by Go's names of them. */
const byArchitecture: readonly { arches: string[]; calls: string }[] = [
  { arches: ['amd64'], calls: 'arch_prctl' },
  { arches: ['amd64', '386'], calls: 'modify_ldt' },
  {
    arches: ['arm', 'arm64'],
    calls: 'arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2',
  },
  { arches: ['ppc64le'], calls: 'swapcontext sync_file_range2' },
  { arches: ['riscv64'], calls: 'riscv_flush_icache' },
  { arches: ['s390x'], calls: 's390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr' },
];

/** Of linux/sched.h: mount, cgroup, UTS, IPC, user, PID, network. Time is no flag of clone(2). */
const newNamespaces = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000].reduce(
  (mask, flag) => mask | flag,
);

/** PER_LINUX, PER_LINUX32, each also with UNAME26, and the question which it is. */
const personalities = [0, 8, 0x20000, 0x20008, 0xffffffff];

/**
 * Address families (linux/socket.h): all that Linux has but AF_ALG (38), the kernel's ciphers, and AF_VSOCK (40), which
 * knows no network namespace. Named one by one above that, since a filter compares 64 bits where the kernel takes 32:
 * "greater than 40" would let 2^32 + 40 through.
 */
const socketFamilies: readonly [operator: string, family: number][] = [
  ['SCMP_CMP_LT', 38],
  ...[39, 41, 42, 43, 44, 45].map((family): [string, number] => ['SCMP_CMP_EQ', family]),
];

const allow = (calls: string[], rest: Omit<ProfileRule, 'names' | 'action'> = {}): ProfileRule => ({
  names: calls,
  action: allowAction,
  ...rest,
});

/** clone(2) without new namespaces; its flags are argument `index`. */
const plainClone = (index: number, conditions: Pick<ProfileRule, 'includes' | 'excludes'>): ProfileRule =>
  allow(['clone'], {
    args: [{ index, value: newNamespaces, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
    ...conditions,
  });

export const defaultSeccomp: SeccompProfile = {
  defaultAction: errnoAction,
  defaultErrnoRet: eperm,
  archMap: [
    { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
    { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
    { architecture: 'SCMP_ARCH_MIPS64', subArchitectures: ['SCMP_ARCH_MIPS', 'SCMP_ARCH_MIPS64N32'] },
    { architecture: 'SCMP_ARCH_MIPS64N32', subArchitectures: ['SCMP_ARCH_MIPS', 'SCMP_ARCH_MIPS64'] },
    { architecture: 'SCMP_ARCH_MIPSEL64', subArchitectures: ['SCMP_ARCH_MIPSEL', 'SCMP_ARCH_MIPSEL64N32'] },
    { architecture: 'SCMP_ARCH_MIPSEL64N32', subArchitectures: ['SCMP_ARCH_MIPSEL', 'SCMP_ARCH_MIPSEL64'] },
    { architecture: 'SCMP_ARCH_S390X', subArchitectures: ['SCMP_ARCH_S390'] },
    { architecture: 'SCMP_ARCH_RISCV64' },
    { architecture: 'SCMP_ARCH_LOONGARCH64' },
  ],
  syscalls: [
    allow(Object.values(everywhere).flatMap(names)),
    // Before Linux 4.8, ptrace(2) could be used to get around the filter.
    allow(names('process_vm_readv process_vm_writev ptrace'), { includes: { minKernel: '4.8' } }),
    ...socketFamilies.map(([op, value]) => allow(['socket'], { args: [{ index: 0, value, op }] })),
    ...personalities.map((value) =>
      allow(['personality'], { args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }] }),
    ),
    ...byArchitecture.map(({ arches, calls }) => allow(names(calls), { includes: { arches } })),
    ...Object.entries(byCapability).map(([capability, calls]) =>
      allow(names(calls), { includes: { caps: [capability] } }),
    ),
    plainClone(0, { excludes: { caps: ['CAP_SYS_ADMIN'], arches: ['s390x'] } }),
    plainClone(1, { includes: { arches: ['s390x'] }, excludes: { caps: ['CAP_SYS_ADMIN'] } }),
    // Its flags lie in memory, where a filter cannot look; C libraries go back to clone(2) on ENOSYS.
    { names: ['clone3'], action: errnoAction, errnoRet: enosys, excludes: { caps: ['CAP_SYS_ADMIN'] } },
  ],
};
