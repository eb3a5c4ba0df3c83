/**
 * Layer cache: finds the image an earlier build made of the same parent by the same step.
 *
 * In: the images that exist, `--cache-from`. Out: an image ID or nothing. May import: images/types, run-config.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Digest, HistoryEntry, Hold, Image, ImageConfig, Images, Platform } from '../../images/types.js';
import { type StepConfig, sameStep } from './run-config.js';

export interface StepCache {
  /** The first miss ends it until the next stage. */
  probe(parent: Digest | undefined, step: StepConfig, platform: Platform): Promise<Digest | undefined>;
  /** A new stage begins. */
  reset(): void;
}

type ImageStore = Pick<Images, 'add' | 'find' | 'children' | 'hold'>;

const platformFits = (wanted: Platform, image: ImageConfig): boolean =>
  wanted.os === image.os &&
  wanted.architecture === image.architecture &&
  (wanted.variant === undefined || (image.variant ?? wanted.variant) === wanted.variant);

/** The youngest of the children of `parent` that was built by the same step. */
export function localMatch(
  children: readonly Image[],
  parent: Digest | undefined,
  step: StepConfig,
  platform: Platform,
): Image | undefined {
  let match: Image | undefined;
  for (const image of children) {
    const built = image.config.container_config as StepConfig | undefined;
    if (!built || !platformFits(platform, image.config)) continue;
    // Without a parent only what a build from scratch left counts, not what was pulled or imported.
    if (parent === undefined && image.config.history?.length !== 1) continue;
    if (!sameStep(built, step)) continue;
    if (!match || (match.config.created ?? '') < (image.config.created ?? '')) match = image;
  }
  return match;
}

/** Whether `parent`'s history and layers are the beginning of `target`'s. */
export function continues(target: ImageConfig, parent: ImageConfig | undefined): boolean {
  const history = target.history ?? [];
  if (history.length === 0) return false;
  const before = parent?.history ?? [];
  const layers = parent?.rootfs.diff_ids ?? [];
  if (before.length >= history.length || layers.length > target.rootfs.diff_ids.length) return false;
  return (
    before.every((entry, index) => isDeepStrictEqual(entry, history[index])) &&
    layers.every((layer, index) => layer === target.rootfs.diff_ids[index])
  );
}

const layerOfEntry = (config: ImageConfig, index: number): Digest | undefined => {
  const history = config.history ?? [];
  if (history[index]?.empty_layer) return undefined;
  const position = history.slice(0, index).filter((entry: HistoryEntry) => !entry.empty_layer).length;
  return config.rootfs.diff_ids[position];
};

/** `holds` gets a hold on what is found. */
export function createStepCache(images: ImageStore, cacheFrom: readonly string[], holds: Hold[]): StepCache {
  let busted = false;
  let sources: Image[] = [];
  const reset = (): void => {
    busted = false;
    sources = cacheFrom.map((name) => images.find(name)).filter((image) => image !== undefined);
  };
  reset();
  const isAncestor = (image: Image, wanted: Digest): boolean => {
    for (let at: Image | undefined = image; at; at = at.parent ? images.find(at.parent) : undefined)
      if (at.id === wanted) return true;
    return false;
  };
  /** An image made of the first steps of a `--cache-from` image, whose parents were not pulled with it. */
  const fromSources = async (parent: Digest | undefined, step: StepConfig): Promise<Digest | undefined> => {
    const parentImage = parent ? images.find(parent) : undefined;
    const index = parentImage?.config.history?.length ?? 0;
    for (const target of sources) {
      const entry = target.config.history?.[index];
      if (!entry || !continues(target.config, parentImage?.config)) continue;
      if ((step.Cmd ?? []).join(' ') !== entry.created_by) continue;
      if (target.config.history!.length === index + 1) return target.id;
      const layer = layerOfEntry(target.config, index);
      const restored = await images.add(
        {
          os: target.config.os,
          architecture: target.config.architecture,
          ...(target.config.variant && { variant: target.config.variant }),
          ...(entry.created && { created: entry.created }),
          ...(target.config.author && { author: target.config.author }),
          config: step,
          container_config: step,
          rootfs: {
            type: 'layers',
            diff_ids: [...(parentImage?.config.rootfs.diff_ids ?? []), ...(layer ? [layer] : [])],
          },
          history: [...(parentImage?.config.history ?? []), entry],
        },
        { holds, ...(parent && { parent }) },
      );
      sources = [target];
      return restored.id;
    }
    return undefined;
  };
  return {
    reset,
    async probe(parent, step, platform) {
      if (busted) return undefined;
      const local = localMatch(images.children(parent), parent, step, platform);
      const found =
        cacheFrom.length === 0
          ? local?.id
          : local && sources.some((source) => isAncestor(source, local.id))
            ? local.id
            : await fromSources(parent, step);
      busted = found === undefined;
      if (found !== undefined) holds.push(images.hold(found));
      return found;
    },
  };
}

/** `--no-cache`. */
export const noCache: StepCache = { reset() {}, probe: async () => undefined };
