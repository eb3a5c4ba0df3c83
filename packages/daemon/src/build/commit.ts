/**
 * `docker commit`: a container's files and configuration as an image.
 *
 * In: a container, changes in the Dockerfile's language. Out: an image. May import: configure, dockerfile, stage.
 */

import type { Container, Containers } from '../containers/types.js';
import { DaemonError } from '../errors.js';
import type { EventSink } from '../events/types.js';
import { hostPlatform } from '../images/documents/platform.js';
import { withLayer } from '../images/layers/with-layer.js';
import type { Digest, ImageRunConfig, Images, Layer, Layers } from '../images/types.js';
import { withHolds } from '../images/with-holds.js';
import { startTime } from '../linux/process.js';
import { expandBody } from './dockerfile/expand.js';
import { type Body, parseInstruction } from './dockerfile/instructions.js';
import { expandWord, expandWords } from './dockerfile/lexer.js';
import { parseLines } from './dockerfile/lines.js';
import { DockerfileError, SyntaxProblem } from './dockerfile/text.js';
import { type ConfiguringKind, configure, workingDirectory } from './steps/configure.js';
import { copyConfig, environmentMap, type StepConfig } from './steps/run-config.js';
import { childConfig } from './steps/stage.js';
import type { CommitRequest } from './types.js';

const allowed: ReadonlySet<string> = new Set([
  ...['cmd', 'entrypoint', 'healthcheck', 'env', 'expose', 'label', 'onbuild', 'stopsignal', 'user'],
  ...['volume', 'workdir'],
]);

const isConfiguring = (body: Body): body is Extract<Body, { kind: ConfiguringKind }> =>
  !['add', 'arg', 'copy', 'from', 'run', 'workdir'].includes(body.kind);

/** Pauses a running container; false when there is nothing to pause, as when it ends meanwhile. */
async function paused(
  { containers }: Pick<CommitDependencies, 'containers'>,
  container: Container,
): Promise<boolean> {
  if (container.state.status !== 'running') return false;
  const { pid } = container.state;
  try {
    await containers.pause(container.id);
    return true;
  } catch (error) {
    if (container.state.status === 'running' && startTime(pid) !== undefined) throw error;
    return false;
  }
}

/** Runs `parse`; an error names no line: there is no file. */
function withoutPlace<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof DockerfileError ? new DaemonError('invalid', error.problem) : error;
  }
}

/** Applies `--change` instructions to a configuration; throws DaemonError invalid. */
export function applyChanges(config: ImageRunConfig, changes: readonly string[]): StepConfig {
  let result: StepConfig = copyConfig(config);
  if (changes.length === 0) return result;
  const { lines, escapeToken } = withoutPlace(() => parseLines(changes.join('\n')));
  for (const { keyword } of lines)
    if (!allowed.has(keyword.toLowerCase()))
      throw new DaemonError('invalid', `${keyword} is not a valid change command`);
  let cmdSet = false;
  try {
    for (const line of lines) {
      const environment = environmentMap(result.Env ?? []);
      const lookup = (name: string): string | undefined => environment.get(name);
      const body = expandBody(withoutPlace(() => parseInstruction(line, escapeToken)).body, (word) =>
        expandWord(word, escapeToken, lookup),
      );
      if (body.kind === 'workdir')
        result = { ...result, WorkingDir: workingDirectory(result.WorkingDir ?? '', body.path) };
      else if (isConfiguring(body)) {
        const ports = (word: string): string[] => expandWords(word, escapeToken, lookup);
        const configured = configure(body, result, { cmdSet, ports });
        result = configured.config;
        cmdSet ||= configured.cmdSet ?? false;
      }
    }
  } catch (error) {
    if (error instanceof DaemonError) throw error;
    if (error instanceof SyntaxProblem || error instanceof Error)
      throw new DaemonError('invalid', error.message, { cause: error });
    throw error;
  }
  return result;
}

/** What the new configuration leaves open is the container's (moby's merge). */
export function mergeConfig(config: StepConfig, container: ImageRunConfig): StepConfig {
  const merged: StepConfig = { ...config };
  merged.User ||= container.User ?? '';
  merged.ExposedPorts = { ...container.ExposedPorts, ...config.ExposedPorts };
  const names = new Set((config.Env ?? []).map((pair) => pair.split('=', 1)[0]));
  merged.Env = [
    ...(config.Env ?? []),
    ...(container.Env ?? []).filter((pair) => !names.has(pair.split('=', 1)[0])),
  ];
  merged.Labels = { ...container.Labels, ...config.Labels };
  if (!config.Entrypoint?.length) {
    if (!config.Cmd?.length && container.Cmd) merged.Cmd = container.Cmd;
    if (!config.Entrypoint && container.Entrypoint) merged.Entrypoint = container.Entrypoint;
  }
  if (container.Healthcheck) {
    const own = config.Healthcheck ?? {};
    merged.Healthcheck = {
      ...container.Healthcheck,
      ...Object.fromEntries(Object.entries(own).filter(([, value]) => value)),
      ...(own.Test?.length && { Test: own.Test }),
    };
  }
  merged.WorkingDir ||= container.WorkingDir ?? '';
  merged.Volumes = { ...container.Volumes, ...config.Volumes };
  if (config.StopSignal || container.StopSignal)
    merged.StopSignal = config.StopSignal || container.StopSignal!;
  return merged;
}

/** Fields of a container's configuration that an image has too. */
function imagePart(config: ImageRunConfig): ImageRunConfig {
  const names = [
    ...['User', 'ExposedPorts', 'Env', 'Entrypoint', 'Cmd', 'Volumes', 'WorkingDir', 'Labels'],
    ...['StopSignal', 'ArgsEscaped', 'Healthcheck', 'Shell', 'OnBuild'],
  ];
  return Object.fromEntries(Object.entries(config).filter(([name]) => names.includes(name)));
}

export interface CommitDependencies {
  images: Images;
  layers: Layers;
  containers: Containers;
  events: EventSink;
}

function checkState(container: Container): void {
  const { status } = container.state;
  const refuse = (what: string): DaemonError =>
    new DaemonError('conflict', `You cannot commit container ${container.id} which is ${what}`);
  if (status === 'dead') throw refuse('Dead');
  if (status === 'removing') throw refuse('being removed');
}

export async function commitContainer(areas: CommitDependencies, request: CommitRequest): Promise<Digest> {
  const container = areas.containers.get(request.container);
  checkState(container);
  const own = imagePart(container.config);
  const config = mergeConfig(applyChanges(request.config ?? own, request.changes), own);
  const pause = request.pause && (await paused(areas, container));
  let layer: Layer;
  try {
    layer = await areas.layers.commitRoot(container.id);
  } finally {
    // It may have ended, or somebody else let it continue: the layer is here all the same.
    if (pause) await areas.containers.unpause(container.id).catch(() => {});
  }
  const parent = container.image === '' ? undefined : areas.images.find(container.image);
  const document = childConfig(parent?.config, {
    platform: parent?.config ?? hostPlatform,
    config,
    step: { ...container.config },
    author: request.author,
    comment: request.comment,
    diffId: layer.diffId,
    created: new Date().toISOString(),
  });
  const image = await withHolds(async (holds) => {
    const options = { holds, durable: true, ...(parent && { parent: parent.id }) };
    const made = await withLayer(areas.images, layer, () => areas.images.add(document, options));
    if (request.reference !== undefined) await areas.images.tag(made.id, request.reference);
    return made;
  });
  areas.events.publish('container', 'commit', {
    ID: container.id,
    Attributes: {
      ...container.config.Labels,
      image: container.config.Image,
      name: container.name,
      comment: request.comment,
      imageID: image.id,
      imageRef: request.reference ?? '',
    },
  });
  return image.id;
}
