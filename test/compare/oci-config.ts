/**
 * What an engine asks of the OCI runtime for a container (config.json of its bundle), as lines to compare.
 *
 * In: an engine's directory, a container that runs. Out: lines, order and absent defaults evened out. May import: normalise.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { flatten } from './normalise.js';

type Fields = Record<string, unknown>;

interface Rule {
  names: string[];
  action: string;
  errnoRet?: number;
  args?: { index: number; op: string; value: number; valueTwo?: number }[];
}

interface OciConfig extends Fields {
  mounts: (Fields & { options: string[] })[];
  linux: Fields & {
    devices?: Fields[];
    namespaces: Fields[];
    resources: Fields & { devices: Fields[] };
    seccomp?: Fields & { syscalls: Rule[] };
  };
}

/** Of the engine, not of the container; or found out by nothing but the engine's own choice of paths. */
const ownAffairs = /^(ociVersion|hooks|root\.path|linux\.cgroupsPath|linux\.namespaces network\.path)\b/;
/** Go leaves them out of JSON. */
const absentDefault = / = (false|0|\[\]|\{\}|"")$/;

/** An object of a list as one line; what is a list inside it has no order. */
const inOneLine = (fields: Fields): string =>
  Object.entries(fields)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${Array.isArray(value) ? [...value].sort().join(',') : String(value)}`)
    .join(' ');

/** One line for each call and way to let it through. */
const seccompLines = (rules: readonly Rule[]): string[] =>
  rules.flatMap(({ names, action, errnoRet, args = [] }) => {
    const when = args.map(({ index, op, value, valueTwo = 0 }) => `${index} ${op} ${value} ${valueTwo}`);
    return names.map((name) => `seccomp ${name} ${action}${errnoRet ?? ''} ${when.join(' and ')}`.trimEnd());
  });

/** Lists without an order are compared as sets. */
const withoutIndices = (line: string): string => line.replaceAll(/\[\d+\]/g, '[]');

export function configLines(text: string): string[] {
  const { mounts, linux, ...rest } = JSON.parse(text) as OciConfig;
  const { devices, namespaces, resources, seccomp, ...otherLinux } = linux;
  const { devices: deviceRules, ...otherResources } = resources;
  const { syscalls = [], ...otherSeccomp } = seccomp ?? {};
  return [
    ...flatten({ ...rest, linux: { ...otherLinux, resources: otherResources, seccomp: otherSeccomp } })
      .map(withoutIndices)
      .filter((line) => !ownAffairs.test(line) && !absentDefault.test(line)),
    ...mounts.map((mount) => `mount ${inOneLine(mount)}`),
    ...(devices ?? []).map((device) => `device ${inOneLine(device)}`),
    ...deviceRules.map((rule) => `device rule ${inOneLine(rule)}`),
    ...namespaces.map(({ type, path }) => `namespace ${type}${path === undefined ? '' : ` ${path}`}`),
    ...new Set(seccompLines(syscalls)),
  ];
}

/** Where bundles lie when dockerd uses the machine's own containerd. */
const sharedContainerd = '/run/containerd/io.containerd.runtime.v2.task';

/** config.json of the container, wherever below its exec root the engine keeps it. */
export function readConfig(engineDirectory: string, id: string): string {
  const roots = [join(engineDirectory, 'run'), sharedContainerd].filter((path) => existsSync(path));
  const found = roots
    .flatMap((root) => readdirSync(root, { recursive: true }).map((path) => join(root, String(path))))
    .find((path) => path.endsWith(`${id}/config.json`));
  if (found === undefined) throw new Error(`no config.json of ${id} below ${roots.join(' and ')}`);
  return readFileSync(found, 'utf8');
}
