/**
 * A host of its own for tests of what this one's kernel lacks: Debian's kernel in QEMU, with control groups of version 2
 * only, over this machine's files, which it sees and cannot change. It has no network; what it writes is in memory.
 *
 * In: a program. Out: its output and exit code, when the machine is off again. May import: nothing of the daemon.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../daemon.js';

const repository = join(import.meta.dirname, '../../../..');
/** Emulated on a busy machine of two cores. */
const usualPatienceMs = 10 * 60_000;
const memoryMiB = 3072;

/** What the first file system needs before it can reach this machine's. */
const earlyModules = ['virtio_pci', '9pnet_virtio', '9p', 'overlay', 'virtio_rng'];
/** What a container engine uses; a kernel loads the rest itself. */
const modules = ['veth', 'bridge', 'nf_tables', 'nft_chain_nat', 'nft_nat', 'nft_ct', 'nft_masq', 'macvlan'];

export interface Job {
  /** Run as root by bash; `$REPOSITORY` is the root of the repository, `$OUT` a directory that is kept. */
  script: string;
  /**
   * systemd as the first process, with the units of the daemon, or `bare`, as on a host that has never seen Noos;
   * otherwise the script is all that runs.
   */
  systemd?: boolean | 'bare';
  /** How long it may take; 10 minutes otherwise. */
  patienceMs?: number;
}

export interface Ended {
  code: number;
  output: string;
}

interface Kernel {
  image: string;
  release: string;
}

function kernel(): Kernel {
  const image = (existsSync('/boot') ? readdirSync('/boot') : [])
    .filter((name) => name.startsWith('vmlinuz-') && existsSync(`/lib/modules/${name.slice(8)}`))
    .sort()
    .at(-1);
  assert.ok(
    image,
    "no kernel in /boot: tests of other hosts need Debian's linux-image-amd64 (npm run setup)",
  );
  return { image: join('/boot', image), release: image.slice('vmlinuz-'.length) };
}

/** Files of the modules in the order in which they are to be loaded. */
function moduleFiles(release: string, names: readonly string[]): string[] {
  const lines = names.flatMap((name) =>
    execFileSync('modprobe', ['--set-version', release, '--show-depends', '--ignore-install', name], {
      encoding: 'utf8',
    }).split('\n'),
  );
  return [...new Set(lines.flatMap((line) => (line.startsWith('insmod ') ? [line.split(' ')[1]!] : [])))];
}

/** The first program: this machine's files below a file system in memory, then `next` in them. */
const initScript = (next: string): string => `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for module in /modules/*; do insmod $module; done
mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576,ro,cache=loose files /lower
mount -t tmpfs tmpfs /upper; mkdir /upper/files /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /root
for name in dev sys proc; do mount --move /$name /root/$name; done
exec switch_root /root ${next}
`;

function initialFileSystem(directory: string, release: string, next: string): string {
  const tree = join(directory, 'initial');
  for (const name of ['bin', 'dev', 'lower', 'modules', 'proc', 'root', 'sys', 'upper'])
    mkdirSync(join(tree, name), { recursive: true });
  const busybox = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path));
  assert.ok(busybox, "tests need Debian's busybox-static (npm run setup)");
  copyFileSync(busybox, join(tree, 'bin/busybox'));
  for (const [index, file] of moduleFiles(release, earlyModules).entries())
    copyFileSync(file, join(tree, 'modules', `${String(index).padStart(2, '0')}.ko`));
  writeFileSync(join(tree, 'init'), initScript(next), { mode: 0o755 });
  const names = execFileSync('find', ['.'], { cwd: tree, encoding: 'utf8' });
  const archive = join(directory, 'initial.cpio');
  writeFileSync(
    archive,
    execFileSync('cpio', ['--quiet', '-o', '-H', 'newc'], { cwd: tree, input: names, maxBuffer: 2 ** 28 }),
  );
  return archive;
}

const environment = (
  directory: string,
): string => `export OUT=/mnt REPOSITORY='${repository}' HOME=/root TMPDIR=/run/tmp
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin NODE='${process.execPath}'
mkdir -p /run/tmp
mount -t 9p -o trans=virtio,version=9p2000.L,cache=none out /mnt
modprobe -a ${modules.join(' ')}
bash '${directory}/script' > /mnt/output 2>&1
echo $? > /mnt/code
sync
echo o > /proc/sysrq-trigger
sleep 60
`;

/** The script alone, with the file systems it expects. */
const plainStart = (directory: string): string => `#!/bin/bash
mount -t tmpfs tmpfs /run; mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm; mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t securityfs securityfs /sys/kernel/security
ip link set lo up
${environment(directory)}`;

/** Units of this machine that have nothing to do in the other one. */
const masked = [
  ...[
    'tmp.mount',
    'systemd-tmpfiles-setup.service',
    'systemd-tmpfiles-clean.timer',
    'systemd-sysusers.service',
  ],
  ...['systemd-udevd.service', 'systemd-udev-trigger.service', 'systemd-random-seed.service'],
  ...['systemd-update-utmp.service', 'systemd-modules-load.service', 'modprobe@.service'],
];

/** The daemon's units and the command, from the workspace. */
const workspaceUnits = `cp '${repository}'/packages/daemon/systemd/noos.* /etc/systemd/system/
printf '#!/bin/sh\\nexec "%s" "%s" "$@"\\n' '${process.execPath}' '${repository}/packages/cli/bin/noos.mjs' > /usr/local/bin/noos
chmod 755 /usr/local/bin/noos
`;

/** What is installed stays known where /var/lib is new; lists of what could be are left out, as there is no network. */
const packageManager = `mkdir -p /run/dpkg; mount --bind /var/lib/dpkg /run/dpkg
mount -t tmpfs tmpfs /var/lib
mkdir -p /var/lib/dpkg /var/lib/apt/lists/partial; mount --move /run/dpkg /var/lib/dpkg; rm -f /var/cache/apt/*.bin
`;

const systemdStart = (directory: string, bare: boolean): string => `#!/bin/bash
rm -rf /.dockerenv /etc/systemd/system/*.wants; : > /etc/fstab
${bare ? `mount -t tmpfs tmpfs /run\n${packageManager}` : 'mount -t tmpfs tmpfs /var/lib\n'}for unit in ${masked.join(' ')}; do ln -sf /dev/null /etc/systemd/system/$unit; done
${bare ? '' : workspaceUnits}cat > /etc/systemd/system/script.service <<END
[Unit]
DefaultDependencies=no
After=basic.target
[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=/bin/bash ${directory}/environment
END
cat > /etc/systemd/system/script.target <<END
[Unit]
Requires=basic.target script.service
END
exec /lib/systemd/systemd --unit=script.target --show-status=0
`;

/** Boots a machine, runs the job in it and waits until it is off. */
export async function runInMachine({
  script,
  systemd = false,
  patienceMs = usualPatienceMs,
}: Job): Promise<Ended> {
  const { image, release } = kernel();
  const directory = mkdtempSync(join(tmpdir(), 'noos-machine-'));
  const out = join(directory, 'out');
  try {
    mkdirSync(out);
    writeFileSync(join(directory, 'script'), script);
    writeFileSync(join(directory, 'environment'), environment(directory));
    const next = join(directory, 'start');
    writeFileSync(
      next,
      systemd === false ? plainStart(directory) : systemdStart(directory, systemd === 'bare'),
    );
    chmodSync(next, 0o755);
    const share = (id: string, path: string, more: string): string[] => [
      ...['-fsdev', `local,id=${id},path=${path},security_model=none,multidevs=remap${more}`],
      ...['-device', `virtio-9p-pci,fsdev=${id},mount_tag=${id}`],
    ];
    const { stdout, stderr } = await runProgram(
      'qemu-system-x86_64',
      [
        ...['-machine', 'q35,accel=tcg', '-cpu', 'max', '-smp', '2', '-m', String(memoryMiB)],
        ...['-nographic', '-no-reboot', '-nic', 'none', '-device', 'virtio-rng-pci'],
        ...['-kernel', image, '-initrd', initialFileSystem(directory, release, next)],
        ...['-append', 'console=ttyS0 quiet panic=-1 mitigations=off'],
        ...share('files', '/', ',readonly=on'),
        ...share('out', out, ''),
      ],
      { timeoutMs: patienceMs },
    );
    const code = join(out, 'code');
    const output = existsSync(join(out, 'output')) ? readFileSync(join(out, 'output'), 'utf8') : '';
    assert.ok(existsSync(code), `the machine did not run the job to its end:\n${stdout}${stderr}${output}`);
    return { code: Number(readFileSync(code, 'utf8')), output };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export interface TestResult {
  name: string;
  passed: boolean;
}

/** Tests of a file that node:test reported as TAP (version 14), those within others too. */
export function testResults(tap: string): TestResult[] {
  return [...tap.matchAll(/^ *(not ok|ok) \d+ - (.*)$/gm)].map((match) => ({
    name: match[2]!,
    passed: match[1] === 'ok',
  }));
}
