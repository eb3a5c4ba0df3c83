/**
 * Variables that `--link` gives on the default bridge: where the other container is, what it exposes, what it knows.
 *
 * In: the other's record and address. Out: `NAME=value` lines. May import: container and network types.
 */
import { DaemonError } from '../../errors.js';
import type { Networks } from '../../networks/types.js';
import type { Container } from '../types.js';

export interface Link {
  /** Name of the container that links. */
  parent: string;
  alias: string;
  address: string;
  /** `80/tcp`. */
  ports: readonly string[];
  env: readonly string[];
}

/** Set by the image's build, of no use to others. */
const privateNames: ReadonlySet<string> = new Set(['HOME', 'PATH']);

const compare = (one: string, other: string): number =>
  Number(other.endsWith('/tcp')) - Number(one.endsWith('/tcp')) ||
  Number.parseInt(one, 10) - Number.parseInt(other, 10);

/** moby/daemon/links: Link.ToEnv. */
export function linkVariables({ parent, alias, address, ports, env }: Link): string[] {
  const prefix = alias.toUpperCase().replaceAll('-', '_');
  const exposed = [...ports].sort(compare).map((port) => port.split('/') as [string, string]);
  const [first] = exposed;
  return [
    ...(first ? [`${prefix}_PORT=${first[1]}://${address}:${first[0]}`] : []),
    ...exposed.flatMap(([port, protocol]) => {
      const name = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
      return [
        `${name}=${protocol}://${address}:${port}`,
        `${name}_ADDR=${address}`,
        `${name}_PORT=${port}`,
        `${name}_PROTO=${protocol}`,
      ];
    }),
    `${prefix}_NAME=/${parent}/${alias}`,
    ...env.flatMap((entry) => {
      const at = entry.indexOf('=');
      return at < 0 || privateNames.has(entry.slice(0, at)) ? [] : [`${prefix}_ENV_${entry}`];
    }),
  ];
}

/** Throws when a linked container does not run. User-defined networks have names instead of variables. */
export function linkEnvironment(
  container: Container,
  byId: (id: string) => Container | undefined,
  networks: Pick<Networks, 'find'>,
): string[] {
  if (!Object.hasOwn(container.endpoints, 'bridge')) return [];
  return (container.links ?? []).flatMap(({ id, name, alias }) => {
    const child = byId(id);
    const address = networks.find(id)?.endpoints.bridge?.address;
    if (!child || !address)
      throw new DaemonError(
        'system',
        `Cannot link to a non running container: /${child?.name ?? name} AS /${container.name}/${alias}`,
      );
    const ports = Object.keys(child.config.ExposedPorts ?? {});
    return linkVariables({ parent: container.name, alias, address, ports, env: child.config.Env ?? [] });
  });
}
