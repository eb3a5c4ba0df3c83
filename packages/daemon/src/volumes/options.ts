/**
 * Names and options of local volumes, and mount options as mount(8) writes them.
 *
 * In: strings of requests. Out: checked values, or DaemonError. Pure. May import: errors.
 */
import { mountFlags } from '@noos/linux';
import { DaemonError } from '../errors.js';

/** moby/daemon/names: RestrictedNameChars. */
const restrictedNameCharacters = '[a-zA-Z0-9][a-zA-Z0-9_.-]';
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
/** NAME_MAX of Linux: a name is a directory's. */
const nameLimitBytes = 255;

/** Throws invalid, in dockerd's words. */
export function checkVolumeName(name: string): void {
  if (name.length === 1)
    throw new DaemonError(
      'invalid',
      `create ${name}: volume name is too short, names should be at least two alphanumeric characters`,
    );
  if (!namePattern.test(name))
    throw new DaemonError(
      'invalid',
      `create ${name}: ${JSON.stringify(name)} includes invalid characters for a local volume name, only ` +
        `"${restrictedNameCharacters}" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  if (name.length > nameLimitBytes)
    throw new DaemonError('invalid', `create ${name}: volume name is longer than ${nameLimitBytes} bytes`);
}

const knownOptions = ['type', 'o', 'device', 'size'];
/** An option, and those it makes no sense without. */
const companions = new Map([
  ['device', ['type']],
  ['type', ['device']],
  ['o', ['device', 'type']],
]);

/** Checks the options of the local driver. */
export function checkVolumeOptions(name: string, options: Readonly<Record<string, string>>): void {
  const refuse = (message: string) => new DaemonError('invalid', `create ${name}: ${message}`);
  for (const option of Object.keys(options))
    if (!knownOptions.includes(option)) throw refuse(`invalid option: ${JSON.stringify(option)}`);
  if (options.size !== undefined) throw refuse('quota size requested but no quota support');
  for (const [option, needed] of companions)
    if (options[option] !== undefined)
      for (const other of needed)
        if (options[other] === undefined) throw refuse(`missing required option: ${JSON.stringify(other)}`);
}

/** Flags by their name in mount(8); `clear` takes the flag away. */
const flagOf: Readonly<Record<string, { flag: number; clear?: true }>> = {
  ro: { flag: mountFlags.readOnly },
  rw: { flag: mountFlags.readOnly, clear: true },
  nosuid: { flag: mountFlags.noSuid },
  suid: { flag: mountFlags.noSuid, clear: true },
  nodev: { flag: mountFlags.noDev },
  dev: { flag: mountFlags.noDev, clear: true },
  noexec: { flag: mountFlags.noExec },
  exec: { flag: mountFlags.noExec, clear: true },
  // The numbers of linux/mount.h that @noos/linux does not name.
  sync: { flag: 16 },
  async: { flag: 16, clear: true },
  remount: { flag: mountFlags.remount },
  mand: { flag: 64 },
  nomand: { flag: 64, clear: true },
  dirsync: { flag: 128 },
  noatime: { flag: 1024 },
  atime: { flag: 1024, clear: true },
  nodiratime: { flag: 2048 },
  diratime: { flag: 2048, clear: true },
  bind: { flag: mountFlags.bind },
  rbind: { flag: mountFlags.bind | mountFlags.recursive },
  relatime: { flag: 1 << 21 },
  norelatime: { flag: 1 << 21, clear: true },
  strictatime: { flag: 1 << 24 },
  nostrictatime: { flag: 1 << 24, clear: true },
  unbindable: { flag: mountFlags.unbindable },
  runbindable: { flag: mountFlags.unbindable | mountFlags.recursive },
  private: { flag: mountFlags.private },
  rprivate: { flag: mountFlags.private | mountFlags.recursive },
  slave: { flag: mountFlags.slave },
  rslave: { flag: mountFlags.slave | mountFlags.recursive },
  shared: { flag: mountFlags.shared },
  rshared: { flag: mountFlags.shared | mountFlags.recursive },
};

const propagations = new Set(
  ['bind', 'rbind', 'unbindable', 'runbindable'].concat(
    ['private', 'slave', 'shared'].flatMap((mode) => [mode, `r${mode}`]),
  ),
);

/** `ro,noexec,size=10m` → flags of mount(2) and the rest, which is the file system's. */
export function parseMountOptions(text: string): { flags: number; data: string } {
  let flags = 0;
  const data: string[] = [];
  for (const option of text.split(',')) {
    const known = Object.hasOwn(flagOf, option) ? flagOf[option] : undefined;
    if (known) flags = known.clear ? flags & ~known.flag : flags | known.flag;
    else if (option !== '' && option !== 'defaults') data.push(option);
  }
  return { flags, data: data.join(',') };
}

/** Options of tmpfs(5) that take a value. */
const tmpfsValues = new Set(['size', 'mode', 'uid', 'gid', 'nr_inodes', 'nr_blocks', 'mpol']);

/** Docker's defaults and the given options, the last of contradicting ones only. Throws invalid. */
export function mergeTmpfsOptions(given: string): string[] {
  const options = ['noexec', 'nosuid', 'nodev', 'rprivate', ...(given === '' ? [] : given.split(','))];
  const seen = new Set<string | number>();
  const merged: string[] = [];
  for (const option of options.reverse()) {
    if (option === 'defaults') continue;
    const flag = Object.hasOwn(flagOf, option) ? flagOf[option] : undefined;
    const name = option.split('=', 1)[0]!;
    if (!flag && (option === name || !tmpfsValues.has(name))) {
      const parts = option === name ? [name] : [name, option.slice(name.length + 1)];
      const quoted = parts.map((part) => JSON.stringify(part)).join(' ');
      throw new DaemonError('invalid', `invalid tmpfs option [${quoted}]`);
    }
    const key = flag ? (propagations.has(option) ? 'propagation' : flag.flag) : name;
    if (seen.has(key)) continue;
    seen.add(key);
    merged.unshift(option);
  }
  return merged;
}

/** The value of `name=` among mount options. */
export const mountOption = (options: string, name: string): string | undefined =>
  options
    .split(',')
    .find((option) => option.startsWith(`${name}=`))
    ?.slice(name.length + 1);
