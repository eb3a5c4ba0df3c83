/**
 * /etc/hosts, /etc/hostname and /etc/resolv.conf of a container.
 *
 * In: names and addresses. Out: texts, bind mounts. May import: container types, volume types.
 */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sandbox } from '../../networks/types.js';
import type { OciMount } from '../../volumes/types.js';
import { containerOf } from '../configuration/modes.js';
import type { Context } from '../context.js';
import type { Container } from '../types.js';

export interface HostsLine {
  address: string;
  names: readonly string[];
}

/** libnetwork's etchosts: the default lines, then the container's own. */
export function hostsText(lines: readonly HostsLine[]): string {
  const all: HostsLine[] = [
    { address: '127.0.0.1', names: ['localhost'] },
    { address: '::1', names: ['localhost', 'ip6-localhost', 'ip6-loopback'] },
    { address: 'fe00::', names: ['ip6-localnet'] },
    { address: 'ff00::', names: ['ip6-mcastprefix'] },
    { address: 'ff02::1', names: ['ip6-allnodes'] },
    { address: 'ff02::2', names: ['ip6-allrouters'] },
    ...lines,
  ];
  return all.map(({ address, names }) => `${address}\t${names.join(' ')}\n`).join('');
}

/** `name:address` (or `name=address`), where `host-gateway` stands for `gateway`. */
export function extraHosts(texts: readonly string[], gateway: string): HostsLine[] {
  return texts.map((text) => {
    const at = /[:=]/.exec(text)!.index;
    const address = text.slice(at + 1).replace(/^\[(.*)\]$/, '$1');
    return { address: address === 'host-gateway' ? gateway : address, names: [text.slice(0, at)] };
  });
}

export const etcNames = ['resolv.conf', 'hostname', 'hosts'] as const;

/** Mounts of those files from `directory`, but where the user mounts something else. */
export function etcMounts(directory: string, taken: ReadonlySet<string>, readOnly: boolean): OciMount[] {
  return etcNames
    .filter((name) => !taken.has(`/etc/${name}`))
    .map((name) => ({
      destination: `/etc/${name}`,
      type: 'bind',
      source: join(directory, name),
      options: ['rbind', 'rprivate', ...(readOnly ? ['ro'] : [])],
    }));
}

/** /etc/hosts and its neighbours; those of the other container when its network is shared. */
export async function etcDirectory(
  context: Context,
  container: Container,
  sandbox: Sandbox | undefined,
): Promise<string> {
  const { config, hostConfig } = container;
  const other = containerOf(hostConfig.NetworkMode);
  if (other !== undefined) return context.records.directory(context.registry.get(other).id);
  const directory = context.records.directory(container.id);
  const gateway =
    context.config.hostGatewayAddress ??
    Object.values(sandbox?.endpoints ?? {}).find((endpoint) => endpoint.gateway !== '')?.gateway ??
    '127.0.0.1';
  const onHost = Object.hasOwn(container.endpoints, 'host');
  const write = async (name: string, text: string) => {
    await writeFile(join(directory, name), text, { mode: 0o644 });
    await chmod(join(directory, name), 0o644);
  };
  const hosts = async (): Promise<string> =>
    onHost
      ? `${await readFile('/etc/hosts', 'utf8').catch(() => '')}${extraHosts(
          hostConfig.ExtraHosts ?? [],
          gateway,
        )
          .map(({ address, names }) => `${address}\t${names.join(' ')}\n`)
          .join('')}`
      : hostsText([...extraHosts(hostConfig.ExtraHosts ?? [], gateway), ...(sandbox?.hosts ?? [])]);
  await Promise.all([
    write('hostname', `${config.Hostname!}\n`),
    write('resolv.conf', sandbox?.resolvConf ?? ''),
    hosts().then((text) => write('hosts', text)),
  ]);
  return directory;
}
