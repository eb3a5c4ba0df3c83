import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capabilityNames, defaultCapabilities } from './capabilities.js';
import { defaultSeccomp } from './default-seccomp.js';
import { type SeccompTarget, translateSeccomp } from './seccomp.js';

interface Rule {
  names: string[];
  action: string;
  errnoRet?: number;
  args?: { index: number; value: number; valueTwo?: number; op: string }[];
}
interface Translated {
  defaultAction: string;
  defaultErrnoRet: number;
  architectures?: string[];
  syscalls: Rule[];
}

const translate = (target: Partial<SeccompTarget> = {}): Translated =>
  translateSeccomp(defaultSeccomp, {
    ...{ capabilities: defaultCapabilities, architecture: 'amd64', kernel: '6.1.0-9-amd64' },
    ...target,
  }) as Translated;
const rulesOf = (name: string, { syscalls }: Translated): Rule[] =>
  syscalls.filter(({ names }) => names.includes(name));
/** Let through whatever the arguments. */
const allowed = (name: string, profile: Translated): boolean =>
  rulesOf(name, profile).some(({ action, args }) => action === 'SCMP_ACT_ALLOW' && args === undefined);

test('what is not named is refused with EPERM, and only clone3 is named to be refused', () => {
  const profile = translate();
  assert.deepEqual([profile.defaultAction, profile.defaultErrnoRet], ['SCMP_ACT_ERRNO', 1]);
  assert.deepEqual(
    profile.syscalls.filter(({ action }) => action !== 'SCMP_ACT_ALLOW'),
    [{ names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }],
  );
  const all = defaultSeccomp.syscalls![0]!.names!;
  assert.equal(new Set(all).size, all.length, 'no name twice');
});

test('no capability lets a container do without it', () => {
  const all = translate({ capabilities: capabilityNames });
  const never = [
    ...[
      'pivot_root',
      'keyctl',
      'add_key',
      'request_key',
      'kexec_load',
      'kexec_file_load',
      'swapon',
      'swapoff',
    ],
    ...[
      'io_uring_setup',
      'io_uring_enter',
      'io_uring_register',
      'userfaultfd',
      'nfsservctl',
      'ustat',
      'sysfs',
    ],
    ...['uselib', 'vm86', 'vm86old', 'move_pages', 'migrate_pages', 'create_module', '_sysctl'],
  ];
  for (const name of never) assert.deepEqual(rulesOf(name, all), [], name);
  for (const name of [
    'read',
    'openat',
    'execve',
    'futex',
    'rt_sigreturn',
    'exit_group',
    'faccessat2',
    'openat2',
  ])
    assert.ok(allowed(name, translate({ capabilities: [] })), name);
});

test('calls that come with a capability, and only with it', () => {
  const calls: Record<string, string[]> = {
    CAP_BPF: ['bpf'],
    CAP_DAC_READ_SEARCH: ['open_by_handle_at'],
    CAP_PERFMON: ['perf_event_open'],
    CAP_SYS_ADMIN: [
      ...[
        'unshare',
        'setns',
        'clone',
        'clone3',
        'mount',
        'umount',
        'umount2',
        'move_mount',
        'fsopen',
        'fsconfig',
      ],
      ...[
        'fsmount',
        'fspick',
        'open_tree',
        'mount_setattr',
        'bpf',
        'perf_event_open',
        'quotactl',
        'sethostname',
      ],
      ...['setdomainname', 'syslog', 'fanotify_init', 'lookup_dcookie', 'lsm_set_self_attr'],
    ],
    CAP_SYS_BOOT: ['reboot'],
    CAP_SYS_CHROOT: ['chroot'],
    CAP_SYS_MODULE: ['init_module', 'finit_module', 'delete_module'],
    CAP_SYS_NICE: ['mbind', 'set_mempolicy', 'get_mempolicy', 'set_mempolicy_home_node'],
    CAP_SYS_PACCT: ['acct'],
    CAP_SYS_PTRACE: ['kcmp', 'pidfd_getfd', 'process_madvise'],
    CAP_SYS_RAWIO: ['iopl', 'ioperm'],
    CAP_SYS_TIME: ['settimeofday', 'stime', 'clock_settime', 'clock_settime64'],
    CAP_SYS_TTY_CONFIG: ['vhangup'],
    CAP_SYSLOG: ['syslog'],
  };
  const conditional = new Set(Object.values(calls).flat());
  assert.deepEqual(
    [...conditional].filter((name) => allowed(name, translate({ capabilities: [] }))),
    [],
  );
  for (const capability of capabilityNames) {
    const profile = translate({ capabilities: [capability] });
    const through = [...conditional].filter((name) => allowed(name, profile));
    assert.deepEqual(through.sort(), [...(calls[capability] ?? [])].sort(), capability);
  }
});

test('clone: no new namespaces; the flags are another argument on s390x', () => {
  // CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
  const value = 0x7e020000;
  const masked = (index: number) => [
    {
      names: ['clone'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index, value, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
    },
  ];
  assert.deepEqual(rulesOf('clone', translate()), masked(0));
  assert.deepEqual(rulesOf('clone', translate({ architecture: 's390x' })), masked(1));
  const admin = translate({ capabilities: ['CAP_SYS_ADMIN'] });
  assert.ok(rulesOf('clone', admin).every(({ args }) => args === undefined));
  assert.ok(rulesOf('clone3', admin).every(({ action }) => action === 'SCMP_ACT_ALLOW'));
});

test('sockets: neither AF_ALG nor AF_VSOCK, not by their low 32 bits either', () => {
  const rules = rulesOf('socket', translate());
  const passes = (family: number) =>
    rules.some(({ args }) => {
      const { op, value } = args![0]!;
      return op === 'SCMP_CMP_LT' ? family < value : op === 'SCMP_CMP_EQ' && family === value;
    });
  const highest = 45;
  const refused = Array.from({ length: highest + 1 }, (_, family) => family).filter(
    (family) => !passes(family),
  );
  assert.deepEqual(refused, [38, 40]);
  assert.deepEqual(
    [38, 40].filter((family) => passes(2 ** 32 + family)),
    [],
  );
});

test('personality: five harmless values', () => {
  assert.deepEqual(
    rulesOf('personality', translate()).map(({ args }) => args!.map(({ op, value }) => [op, value])),
    [0, 8, 0x20000, 0x20008, 0xffffffff].map((value) => [['SCMP_CMP_EQ', value]]),
  );
});

test('what depends on processor and kernel', () => {
  const own: Record<string, string[]> = {
    amd64: ['arch_prctl', 'modify_ldt'],
    '386': ['modify_ldt'],
    arm64: ['set_tls', 'cacheflush', 'sync_file_range2'],
    ppc64le: ['swapcontext', 'sync_file_range2'],
    riscv64: ['riscv_flush_icache'],
    s390x: ['s390_runtime_instr'],
  };
  const special = [...new Set(Object.values(own).flat())];
  for (const [architecture, names] of Object.entries(own))
    assert.deepEqual(
      special.filter((name) => allowed(name, translate({ architecture }))).sort(),
      [...names].sort(),
      architecture,
    );
  assert.deepEqual(
    ['amd64', 'arm64', 's390x', 'riscv64', 'ppc64le'].map(
      (architecture) => translate({ architecture }).architectures,
    ),
    [
      ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
      ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
      ['SCMP_ARCH_S390X', 'SCMP_ARCH_S390'],
      ['SCMP_ARCH_RISCV64'],
      undefined,
    ],
  );
  for (const name of ['ptrace', 'process_vm_readv', 'process_vm_writev']) {
    assert.ok(allowed(name, translate({ kernel: '4.8.0' })), name);
    assert.ok(!allowed(name, translate({ kernel: '4.7.10' })), name);
    assert.ok(allowed(name, translate({ kernel: '4.7.10', capabilities: ['CAP_SYS_PTRACE'] })), name);
  }
});
