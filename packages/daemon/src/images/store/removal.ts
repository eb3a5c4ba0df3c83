/**
 * What `docker rmi` removes, and when it refuses: the rules and words of moby's daemon/images/image_delete.go.
 *
 * In: what is named and used. Out: steps in order, or DaemonError `conflict`. May import: errors, reference, types.
 */
import { DaemonError } from '../../errors.js';
import { fullString, isDigest, parseReference, withDefaultTag } from '../documents/reference.js';
import type { Digest, RemoveOptions } from '../types.js';

export type RemovalStep =
  | { kind: 'untag'; id: Digest; reference: string }
  /** `asked`: by its ID, not because its last name or its last child went. */
  | { kind: 'delete'; id: Digest; asked: boolean };

export interface RemovalState {
  references: ReadonlyMap<string, Digest>;
  parentOf(id: Digest): Digest | undefined;
  exists(id: Digest): boolean;
  childrenOf(id: Digest): readonly Digest[];
  users: RemoveOptions['users'];
  /** Somebody works with it: it goes only when it is named. */
  isHeld(id: Digest): boolean;
}

const short = (id: string): string => id.replace(/^sha256:/, '').slice(0, 12);
const isCanonical = (reference: string): boolean => reference.includes('@');
const repositoryOf = (reference: string): string => parseReference(reference).repository;

/** Whether `name` can only mean the ID. */
const isIdPrefix = (id: Digest, name: string): boolean =>
  id.startsWith(name) || id.slice('sha256:'.length).startsWith(name);

/** At most one tag, and every digest reference within its repository. */
function isSingleReference(references: readonly string[]): boolean {
  if (references.length <= 1) return true;
  const tags = references.filter((reference) => !isCanonical(reference));
  if (tags.length > 1) return false;
  const repositories = new Set(references.filter(isCanonical).map(repositoryOf));
  return repositories.size === 1 && repositories.has(repositoryOf(tags[0] ?? references[0]!));
}

interface Conflict {
  message: string;
  hard: boolean;
  /** By a container. */
  used: boolean;
}

export function planRemoval(
  state: RemovalState,
  name: string,
  id: Digest,
  { force, pruneParents }: Pick<RemoveOptions, 'force' | 'pruneParents'>,
): RemovalStep[] {
  const steps: RemovalStep[] = [];
  const gone = new Set<string>();
  const deleted = new Set<Digest>();
  const referencesOf = (image: Digest): string[] =>
    [...state.references]
      .filter(([reference, target]) => target === image && !gone.has(reference))
      .map(([reference]) => reference)
      .sort();
  const untag = (image: Digest, reference: string): void => {
    gone.add(reference);
    steps.push({ kind: 'untag', id: image, reference });
  };
  const childrenOf = (image: Digest): Digest[] =>
    state.childrenOf(image).filter((child) => !deleted.has(child));

  const conflictOf = (
    image: Digest,
    checked: { soft: boolean; references: boolean },
  ): Conflict | undefined => {
    if (childrenOf(image).length > 0)
      return { message: 'image has dependent child images', hard: true, used: false };
    const users = state.users(image);
    const running = users.find((user) => user.running);
    if (running !== undefined)
      return {
        message: `image is being used by running container ${short(running.id)}`,
        hard: true,
        used: true,
      };
    if (checked.soft && checked.references && referencesOf(image).length > 0)
      return { message: 'image is referenced in multiple repositories', hard: false, used: false };
    if (checked.soft && users[0] !== undefined)
      return {
        message: `image is being used by stopped container ${short(users[0].id)}`,
        hard: false,
        used: true,
      };
    return undefined;
  };
  const refuse = (image: Digest, { message, hard }: Conflict): never => {
    const forced = hard ? 'cannot be forced' : 'must be forced';
    throw new DaemonError('conflict', `conflict: unable to delete ${short(image)} (${forced}) - ${message}`);
  };

  /** Deletes an image and, without a word, the parents nobody needs. */
  const deleteImage = (image: Digest, forced: boolean, quiet: boolean): void => {
    if (quiet && state.isHeld(image)) return;
    const conflict = conflictOf(image, { soft: !forced, references: true });
    if (conflict !== undefined) {
      const isDangling = referencesOf(image).length === 0 && childrenOf(image).length === 0;
      if (quiet && (!isDangling || conflict.used)) return;
      refuse(image, conflict);
    }
    for (const reference of referencesOf(image)) untag(image, reference);
    deleted.add(image);
    steps.push({ kind: 'delete', id: image, asked: !quiet });
    const parent = state.parentOf(image);
    if (pruneParents && parent !== undefined && state.exists(parent)) deleteImage(parent, false, true);
  };

  if (isDigest(name) || isIdPrefix(id, name)) {
    const references = referencesOf(id);
    if (isSingleReference(references)) {
      const conflict = conflictOf(id, { soft: !force, references: false });
      if (conflict !== undefined) refuse(id, conflict);
      for (const reference of references) untag(id, reference);
    }
    deleteImage(id, force, false);
    return steps;
  }

  const user = state.users(id)[0];
  if (!force && isSingleReference(referencesOf(id)) && user !== undefined)
    throw new DaemonError(
      'conflict',
      `conflict: unable to remove repository reference "${name}" (must force) - container ${short(user.id)} is using its referenced image ${short(id)}`,
    );
  const reference = withDefaultTag(parseReference(name));
  untag(id, fullString(reference));
  let left = referencesOf(id);
  const inRepository = (other: string): boolean => repositoryOf(other) === reference.repository;
  if (reference.digest === undefined && !left.some((other) => !isCanonical(other) && inRepository(other)))
    for (const other of left.filter((canonical) => isCanonical(canonical) && inRepository(canonical)))
      untag(id, other);
  left = referencesOf(id);
  if (left.length === 0) deleteImage(id, force, true);
  return steps;
}
