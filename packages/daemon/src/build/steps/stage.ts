/**
 * What is known of one stage while it is built, and the making of an image from each of its steps.
 *
 * In: a stage, the configuration of a step, perhaps a layer. Out: an image that is the stage's new tip.
 * May import: images/types, run-config, cache.
 */
import { randomBytes } from 'node:crypto';
import type { Containers } from '../../containers/types.js';
import { emptyLayerDiffId } from '../../images/documents/image-config.js';
import { withLayer } from '../../images/layers/with-layer.js';
import type { Digest, Hold, ImageConfig, Images, Layer, Layers, Platform } from '../../images/types.js';
import { crashPoint } from '../../storage/crash-point.js';
import type { SourceTree } from '../copy/sources.js';
import type { BuildOptions, PullImage, Report, RunContainer } from '../types.js';
import type { BuildArgs } from './build-args.js';
import type { StepCache } from './cache.js';
import { copyConfig, type StepConfig } from './run-config.js';

/** A stage that is finished, for FROM and COPY --from. */
export interface FinishedStage {
  name: string;
  /** Undefined: nothing was added to scratch. */
  image: Digest | undefined;
}

export interface StageState {
  name: string;
  config: StepConfig;
  /** Of MAINTAINER. */
  author: string;
  /** A CMD of this stage stays when ENTRYPOINT is set. */
  cmdSet: boolean;
  /** The tip; undefined until scratch has got its first step. */
  image: Digest | undefined;
  platform: Platform;
  args: BuildArgs;
}

export interface BuilderDependencies {
  images: Images;
  layers: Layers;
  containers: Containers;
  pull: PullImage;
  runContainer: RunContainer;
  /** Directory for what a crash may leave; emptied at start. */
  temporary: string;
  /** Directory with a file per container of a RUN, so that a restart finds them. */
  journal: string;
}

/** One build under way. */
export interface Build extends BuilderDependencies {
  options: BuildOptions;
  escapeToken: string;
  context: SourceTree | undefined;
  cache: StepCache;
  finished: FinishedStage[];
  holds: Hold[];
  report: Report;
  out(text: string): void;
  err(text: string): void;
  signal: AbortSignal;
  /** Mounted trees of images that COPY --from reads; unmounted when the build ends. */
  mounted: Map<string, Promise<{ id: string; path: string }>>;
  /** Containers of RUN that are not removed yet. */
  runContainers: Set<string>;
}

export const randomId = (): string => randomBytes(32).toString('hex');
export const shortId = (id: string): string => id.replace(/^sha256:/, '').slice(0, 12);

/** The document of the image that a step makes. */
export function childConfig(
  parent: ImageConfig | undefined,
  child: {
    platform: Platform;
    config: StepConfig;
    step: StepConfig;
    author: string;
    comment: string;
    diffId: Digest | undefined;
    created: string;
  },
): ImageConfig {
  const { platform, config, step, author, comment, diffId, created } = child;
  const empty = diffId === undefined || diffId === emptyLayerDiffId;
  return {
    os: platform.os,
    architecture: parent?.architecture ?? platform.architecture,
    ...((parent?.variant ?? platform.variant) && { variant: parent?.variant ?? platform.variant }),
    ...(parent?.['os.version'] && { 'os.version': parent['os.version'] }),
    ...(author && { author }),
    config: copyConfig(config),
    container_config: copyConfig(step),
    created,
    history: [
      ...(parent?.history ?? []),
      {
        created,
        created_by: (step.Cmd ?? []).join(' '),
        ...(author && { author }),
        ...(comment && { comment }),
        ...(empty && { empty_layer: true }),
      },
    ],
    rootfs: { type: 'layers', diff_ids: [...(parent?.rootfs.diff_ids ?? []), ...(empty ? [] : [diffId])] },
  };
}

/** Asks the cache; a hit becomes the stage's tip. */
export async function probe(build: Build, stage: StageState, step: StepConfig): Promise<boolean> {
  const found = await build.cache.probe(stage.image, step, stage.platform);
  if (found === undefined) return false;
  build.out(' ---> Using cache\n');
  stage.image = found;
  return true;
}

/** Records the step as an image on the stage's tip. */
export async function commitStep(
  build: Build,
  stage: StageState,
  step: StepConfig,
  layer: Layer | undefined,
): Promise<void> {
  await withLayer(build.images, layer, async () => {
    const parent = stage.image === undefined ? undefined : build.images.get(stage.image);
    const image = await build.images.add(
      childConfig(parent?.config, {
        platform: stage.platform,
        config: stage.config,
        step,
        author: stage.author,
        comment: '',
        diffId: layer?.diffId,
        created: new Date().toISOString(),
      }),
      { holds: build.holds, ...(parent && { parent: parent.id }) },
    );
    stage.image = image.id;
  });
}

/** The layer that the stage's tip ends with. */
export const topLayer = (build: Build, image: Digest | undefined): Digest | undefined =>
  image === undefined ? undefined : build.images.get(image).chain.at(-1);

/** Changes the tip's files: `change` gets the mounted tree; resolves with the layer. */
export async function changeFiles(
  build: Build,
  stage: StageState,
  change: (root: string) => Promise<void>,
): Promise<Layer> {
  const id = randomId();
  await build.layers.createRoot(id, topLayer(build, stage.image), { plain: true });
  try {
    const root = await build.layers.mountRoot(id);
    try {
      await change(root);
      crashPoint('build:changed');
    } finally {
      await build.layers.unmountRoot(id);
    }
    return await build.layers.commitRoot(id);
  } finally {
    await build.layers.removeRoot(id);
  }
}

/** A step that changes the configuration only; `comment` is its instruction, normalized. */
export async function commitComment(build: Build, stage: StageState, step: StepConfig): Promise<void> {
  if (await probe(build, stage, step)) return;
  // No container is needed to change a document; its ID is shown because people's scripts expect the line.
  const id = shortId(randomId());
  build.out(` ---> Running in ${id}\n`);
  await commitStep(build, stage, step, undefined);
  if (build.options.remove || build.options.forceRemove) build.out(`Removing intermediate container ${id}\n`);
}
