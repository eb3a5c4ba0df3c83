/**
 * Which images a list or a prune is about: Docker's filters.
 *
 * In: images, filters. Out: images. May import: errors, filters, events/select, reference, describe, glob.
 */

import { PatternError, pathMatcher } from '../../archive/glob.js';
import { DaemonError } from '../../errors.js';
import { parseTimestamp } from '../../events/select.js';
import { booleanFilter, checkFilters, type Filters, matchesLabels } from '../../protocol/filters.js';
import { fullString, parseReference } from '../documents/reference.js';
import type { Digest, Image } from '../types.js';
import { createdMs } from './describe.js';

const nsPerMs = 1_000_000n;

const untilMs = (value: string, nowMs: number): number => {
  try {
    return Number(parseTimestamp(value, BigInt(nowMs) * nsPerMs) / nsPerMs);
  } catch (cause) {
    throw new DaemonError('invalid', `failed to parse value as time or duration: ${JSON.stringify(value)}`, {
      cause,
    });
  }
};

/** Go's path.Match, which does not cross slashes. */
function globMatcher(pattern: string): (text: string) => boolean {
  try {
    return pathMatcher(pattern);
  } catch (error) {
    throw error instanceof PatternError ? new DaemonError('invalid', error.message, { cause: error }) : error;
  }
}

/** Names a `reference` pattern is compared with: with and without tag, familiar and full. */
const namesFor = (name: string): string[] => {
  const reference = parseReference(name);
  return [name, reference.familiar, fullString(reference), reference.repository];
};

export interface ListRequest {
  filters: Filters;
  /** Intermediate images of builds too. */
  all: boolean;
  nowMs: number;
  /** Throws notFound. */
  get(name: string): Image;
}

const isNamed = ({ tags, digests }: Image): boolean => tags.length + digests.length > 0;

/** Tells images that others were built on and nobody gave a name: shown with `--all` only. */
export function intermediateAmong(images: readonly Image[]): (image: Image) => boolean {
  const parents = new Set(images.flatMap(({ parent }) => parent ?? []));
  return (image) => !isNamed(image) && parents.has(image.id);
}

/** For `GET /images/json`: newest first, `reference` cuts the names down to those that match. */
export function selectForList(images: readonly Image[], { filters, all, nowMs, get }: ListRequest): Image[] {
  checkFilters(filters, ['dangling', 'label', 'before', 'since', 'reference', 'until']);
  const dangling = filters.has('dangling') ? booleanFilter(filters, 'dangling', false) : undefined;
  const bounds = [
    ...(filters.get('before') ?? []).map((value) => createdMs(get(value).config) ?? Number.POSITIVE_INFINITY),
    ...(filters.get('until') ?? []).map((value) => untilMs(value, nowMs)),
  ];
  const before = Math.min(Number.POSITIVE_INFINITY, ...bounds);
  const after = Math.max(
    Number.NEGATIVE_INFINITY,
    ...(filters.get('since') ?? []).map((value) => createdMs(get(value).config) ?? Number.NEGATIVE_INFINITY),
  );
  const patterns = filters.get('reference')?.map(globMatcher);
  const isIntermediate = intermediateAmong(images);

  const isWithin = ({ config }: Image): boolean => {
    const ms = createdMs(config);
    if (before !== Number.POSITIVE_INFINITY && !(ms !== undefined && ms < before)) return false;
    return after === Number.NEGATIVE_INFINITY || (ms !== undefined && ms > after);
  };
  const narrow = (image: Image): Image | undefined => {
    if (patterns === undefined) return image;
    const keep = (name: string): boolean =>
      patterns.some((matches) => namesFor(name).some((candidate) => matches(candidate)));
    const [tags, digests] = [image.tags.filter(keep), image.digests.filter(keep)];
    return tags.length + digests.length === 0 ? undefined : { ...image, tags, digests };
  };
  const isWanted = (image: Image): boolean => {
    if (isNamed(image)) return dangling !== true || image.tags.length === 0;
    return dangling !== false && ((all && dangling !== true) || !isIntermediate(image));
  };

  return images
    .filter((image) => isWithin(image) && matchesLabels(image.config.config?.Labels, filters.get('label')))
    .flatMap((image) => narrow(image) ?? [])
    .filter(isWanted)
    .sort((a, b) => (createdMs(b.config) ?? 0) - (createdMs(a.config) ?? 0));
}

/** For `POST /images/prune`: which images stay although nothing names them or uses them. */
export function pruneRules(
  filters: Filters,
  nowMs: number,
  isUsed: (id: Digest) => boolean,
): { all: boolean; keep(image: Image): boolean } {
  checkFilters(filters, ['dangling', 'label', 'label!', 'until']);
  const danglingOnly = booleanFilter(filters, 'dangling', true);
  const until = filters.get('until') ?? [];
  if (until.length > 1) throw new DaemonError('invalid', 'more than one until filter specified');
  const bound = until[0] === undefined ? undefined : untilMs(until[0], nowMs);
  const without = filters.get('label!');
  return {
    all: !danglingOnly,
    keep({ id, config }) {
      const labels = config.config?.Labels;
      const ms = createdMs(config);
      if (isUsed(id) || !matchesLabels(labels, filters.get('label'))) return true;
      if (without !== undefined && without.length > 0 && matchesLabels(labels, without)) return true;
      return bound !== undefined && !(ms !== undefined && ms <= bound);
    },
  };
}
