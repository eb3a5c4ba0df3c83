/**
 * Legacy links (`--link`): a container on the default bridge knows another one by an alias, and that one is called
 * `<container>/<alias>` as well. On networks of users names do this.
 *
 * In: HostConfig.Links, records. Out: who is linked, under which names. May import: networks, the parts beside it.
 */
import { DaemonError } from '../../errors.js';
import { containerOf, networkOfMode } from '../configuration/modes.js';
import { type Context, isUp } from '../context.js';
import type { Registry } from '../records/registry.js';
import type { Container, ContainerLink, HostConfig } from '../types.js';
import { etcDirectory } from './etc-files.js';

const invalid = (message: string) => new DaemonError('invalid', message);

/** docker/cli opts.ParseLink: `name`, `name:alias`, or as inspect shows it, `/name:/container/alias`. */
export function parseLink(text: string): { name: string; alias: string } {
  if (text === '') throw invalid('empty string specified for links');
  const parts = text.split(':');
  if (parts.length > 2) throw invalid(`bad format for links: ${text}`);
  const [name = '', alias = name] = parts;
  return name.startsWith('/') && parts.length === 2
    ? { name: name.slice(1), alias: alias.slice(alias.lastIndexOf('/') + 1) }
    : { name, alias };
}

const hasLegacyLinks = (mode: string | undefined): boolean =>
  ['default', 'bridge', 'none', 'host'].includes(networkOfMode(mode));

/** The links of a new container; an alias is given once. */
export function resolveLinks(
  hostConfig: HostConfig,
  registry: Pick<Registry, 'find' | 'get'>,
): ContainerLink[] {
  if (!hasLegacyLinks(hostConfig.NetworkMode)) return [];
  const links: ContainerLink[] = [];
  for (const text of hostConfig.Links ?? []) {
    const { name, alias } = parseLink(text);
    let child = registry.find(name);
    // Not "not found": the command line would take it for the image and pull.
    if (child === undefined) throw invalid(`could not get container for ${name}: No such container: ${name}`);
    for (let other = containerOf(child.hostConfig.NetworkMode); other !== undefined; ) {
      child = registry.get(other);
      other = containerOf(child.hostConfig.NetworkMode);
    }
    if (networkOfMode(child.hostConfig.NetworkMode) === 'host')
      throw invalid(
        "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
      );
    if (!links.some((link) => link.alias === alias)) links.push({ alias, id: child.id, name: child.name });
  }
  return links;
}

/** What networks are told: `<ID>:<alias>`. */
export const linkRequests = ({ links = [] }: Container): string[] =>
  links.map(({ id, alias }) => `${id}:${alias}`);

/** HostConfig.Links as inspect shows them. */
export const shownLinks = (container: Container, byId: Registry['byId']): string[] =>
  (container.links ?? []).map(
    ({ id, name, alias }) => `/${byId(id)?.name ?? name}:/${container.name}/${alias}`,
  );

/** `<container>/<alias>` of every link in `all`, by the container it leads to. */
export function linkNames(all: readonly Container[]): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>();
  for (const { name, links = [] } of all)
    for (const { id, alias } of links) names.set(id, [...(names.get(id) ?? []), `${name}/${alias}`]);
  return names;
}

/** Hosts file and firewall of a running container say where its links lead now. */
async function applyLinks(context: Context, parent: Container): Promise<void> {
  if (!isUp(parent)) return;
  await context.networks.relink(parent.id, linkRequests(parent));
  await etcDirectory(context, parent, context.networks.find(parent.id));
}

/** `docker rm --link NAME`: the link goes, the containers stay. `name` is as the client gave it. */
export async function removeLink(context: Context, name: string): Promise<void> {
  const full = name.startsWith('/') ? name : `/${name}`;
  const at = full.lastIndexOf('/');
  if (at === 0)
    throw new DaemonError('conflict', 'Conflict, cannot remove the default link name of the container');
  const parent = context.registry.get(full.slice(1, at));
  const links = (parent.links ?? []).filter(({ alias }) => alias !== full.slice(at + 1));
  await context.locks.run(parent.id, async () => {
    parent.links = links;
    await context.records.save(parent);
    await applyLinks(context, parent);
  });
}

/** A container that starts may have another address: those that link to it learn of it. */
export async function refreshParents(context: Context, child: Container): Promise<void> {
  for (const parent of context.registry.list())
    if (parent.links?.some(({ id }) => id === child.id))
      await applyLinks(context, parent).catch((error: Error) =>
        context.log.warn({ container: parent.id, error: error.message }, 'links not renewed'),
      );
}
