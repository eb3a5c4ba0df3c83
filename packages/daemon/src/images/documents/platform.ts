/**
 * Platforms: parsing `os/arch/variant`, normal forms, and which entry of an index suits (containerd's platforms).
 *
 * In: text, platforms of an index. Out: platforms, an order of preference. May import: errors, images/types.
 */
import { DaemonError } from '../../errors.js';
import type { Platform } from '../types.js';

/** Node's names of architectures → Go's. */
const architectureOfNode: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  arm64: 'arm64',
  arm: 'arm',
  ppc64: 'ppc64le',
  s390x: 's390x',
  riscv64: 'riscv64',
  loong64: 'loong64',
};

const architectureAliases: Readonly<Record<string, string>> = {
  i386: '386',
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  armhf: 'arm',
  armel: 'arm',
};

const known = {
  os: [
    'linux',
    'windows',
    'darwin',
    'freebsd',
    'netbsd',
    'openbsd',
    'solaris',
    'plan9',
    'wasip1',
    'js',
    'aix',
  ],
  architecture: [
    '386',
    'amd64',
    'arm',
    'arm64',
    'loong64',
    'mips',
    'mips64',
    'mips64le',
    'mipsle',
    'ppc64',
    'ppc64le',
    'riscv64',
    's390x',
    'wasm',
  ],
};

/** Aliases and default variants removed: `x86_64` → `amd64`, `arm64/v8` → `arm64`. */
export function normalizePlatform(platform: Platform): Platform {
  const given = platform.architecture.toLowerCase();
  const architecture = architectureAliases[given] ?? given;
  let variant = (platform.variant ?? '').toLowerCase();
  if (given === 'armhf') variant = 'v7';
  if (given === 'armel') variant = 'v6';
  if (architecture === 'arm' && variant === '') variant = 'v7';
  if (/^[5-8]$/.test(variant)) variant = `v${variant}`;
  if (architecture === 'arm64' && variant === 'v8') variant = '';
  if (architecture === 'amd64' && variant === 'v1') variant = '';
  return {
    os: platform.os === 'macos' ? 'darwin' : platform.os.toLowerCase(),
    architecture,
    ...(variant !== '' && { variant }),
    ...(platform['os.version'] !== undefined && { 'os.version': platform['os.version'] }),
  };
}

/** This machine. */
export const hostPlatform: Platform = normalizePlatform({
  os: 'linux',
  architecture: architectureOfNode[process.arch] ?? process.arch,
});

/** `linux/arm64/v8`, `arm64`, `linux`. Throws DaemonError invalid. */
export function parsePlatform(text: string): Platform {
  const refuse = (reason: string): DaemonError => new DaemonError('invalid', reason);
  const parts = text.split('/');
  for (const part of parts)
    if (!/^[A-Za-z0-9_.-]+$/.test(part))
      throw refuse(
        `${JSON.stringify(part)} is an invalid component of ${JSON.stringify(text)}: platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument`,
      );
  if (parts.length > 3)
    throw refuse(`${JSON.stringify(text)}: cannot parse platform specifier: invalid argument`);
  if (parts.length === 1) {
    const only = normalizePlatform({ os: parts[0]!, architecture: parts[0]! });
    if (known.os.includes(only.os)) return { ...hostPlatform, os: only.os };
    if (known.architecture.includes(only.architecture))
      return normalizePlatform({ os: hostPlatform.os, architecture: parts[0]! });
    throw refuse(`${JSON.stringify(text)}: unknown operating system or architecture: invalid argument`);
  }
  return normalizePlatform({
    os: parts[0]!,
    architecture: parts[1]!,
    ...(parts[2] !== undefined && { variant: parts[2] }),
  });
}

/** `linux/arm64/v8`. */
export const formatPlatform = (platform: Platform): string =>
  [platform.os, platform.architecture, platform.variant].filter((part) => part).join('/');

/** What `wanted` can also run, best first (containerd's platformVector). */
function acceptable(wanted: Platform): Platform[] {
  const { os, architecture, variant } = normalizePlatform(wanted);
  const vector: Platform[] = [{ os, architecture, ...(variant !== undefined && { variant }) }];
  const level = Number(/^v(\d+)$/.exec(variant ?? '')?.[1] ?? 0);
  if (architecture === 'amd64') {
    for (let lower = level - 1; lower > 1; lower--) vector.push({ os, architecture, variant: `v${lower}` });
    if (level > 1) vector.push({ os, architecture });
    vector.push({ os, architecture: '386' });
  }
  if (architecture === 'arm')
    for (let lower = level - 1; lower >= 5; lower--) vector.push({ os, architecture, variant: `v${lower}` });
  if (architecture === 'arm64') {
    if (level > 8) vector.push({ os, architecture });
    for (let lower = 8; lower >= 5; lower--) vector.push({ os, architecture: 'arm', variant: `v${lower}` });
  }
  return vector;
}

/** Lower is better; undefined: cannot run. */
export function platformRank(offered: Platform, wanted: Platform): number | undefined {
  const candidate = normalizePlatform(offered);
  const rank = acceptable(wanted).findIndex(
    ({ os, architecture, variant }) =>
      candidate.os === os &&
      candidate.architecture === architecture &&
      (candidate.variant ?? '') === (variant ?? ''),
  );
  return rank < 0 ? undefined : rank;
}
