/**
 * Runs the instructions of a stage, one after the other, each making an image of the one before.
 *
 * In: a stage of the Dockerfile. Out: the stage's last image. May import: the steps, dockerfile, stage.
 */
import { DaemonError } from '../../errors.js';
import { hostPlatform, parsePlatform, platformRank } from '../../images/documents/platform.js';
import type { Digest, Image, Platform } from '../../images/types.js';
import { fileErrorBelow, resolveInRoot, statMaybe } from '../context/scope.js';
import { makeDirectories } from '../copy/files.js';
import type { SourceTree } from '../copy/sources.js';
import { copyStep } from '../copy/step.js';
import { expandBody } from '../dockerfile/expand.js';
import {
  type Body,
  type BodyOf,
  type Instruction,
  parseInstruction,
  type Stage,
} from '../dockerfile/instructions.js';
import { expandWord, expandWords, type Lookup } from '../dockerfile/lexer.js';
import { parseLines } from '../dockerfile/lines.js';
import { SyntaxProblem } from '../dockerfile/text.js';
import { configure, workingDirectory } from './configure.js';
import { copyConfig, defaultPath, environmentMap, withComment, withOneComment } from './run-config.js';
import { runStep, settleContainers } from './run-step.js';
import {
  type Build,
  changeFiles,
  commitComment,
  commitStep,
  type FinishedStage,
  probe,
  randomId,
  type StageState,
  shortId,
  topLayer,
} from './stage.js';

/** A wrong word found while variables are replaced: 400 as for a Dockerfile that cannot be parsed. */
function expanding<T>(expand: () => T): T {
  try {
    return expand();
  } catch (error) {
    if (error instanceof SyntaxProblem) throw new DaemonError('invalid', error.message, { cause: error });
    throw error;
  }
}

const fits = (image: Image, wanted: Platform | undefined): boolean =>
  wanted === undefined ||
  platformRank({ ...image.config, os: image.config.os || wanted.os }, wanted) !== undefined;

/** The image of FROM or COPY --from: here, or pulled. */
async function findImage(build: Build, name: string, wanted: Platform | undefined): Promise<Image> {
  const { options, images } = build;
  const here = options.pull ? undefined : images.find(name);
  const image =
    here && fits(here, wanted)
      ? here
      : await build.pull(name, {
          platform: wanted,
          auths: options.auths,
          report: build.report,
          signal: build.signal,
          holds: build.holds,
        });
  build.holds.push(images.hold(image.id));
  return image;
}

function finishedByName(build: Build, name: string): FinishedStage | undefined {
  return build.finished.find((stage) => stage.name !== '' && stage.name === name.toLowerCase());
}

/** Begins a stage: finds its base and prints it; ONBUILD instructions of the base run here. */
export async function beginStage(
  build: Build,
  args: StageState['args'],
  from: Instruction<BodyOf<'from'>>,
): Promise<StageState> {
  build.cache.reset();
  const globals = args.globals();
  const expand = (word: string): string =>
    expanding(() => expandWord(word, build.escapeToken, (name) => globals.get(name)));
  const platformText = expand(from.body.platform);
  let platform = build.options.platform;
  if (platformText !== '') {
    try {
      platform = parsePlatform(platformText);
    } catch (error) {
      throw new DaemonError(
        'invalid',
        `failed to parse platform ${platformText}: ${(error as Error).message}`,
      );
    }
  }
  const base = expand(from.body.base);
  if (base === '') throw new Error(`base name (${from.body.base}) should not be blank`);
  const earlier = finishedByName(build, base);
  const stage: StageState = {
    name: from.body.name,
    config: {},
    author: '',
    cmdSet: false,
    image: undefined,
    platform: platform ?? hostPlatform,
    args: args.nextStage(),
  };
  let image: Image | undefined;
  if (earlier) image = earlier.image === undefined ? undefined : build.images.get(earlier.image);
  else if (base !== 'scratch') image = await findImage(build, base, platform);
  if (image) {
    stage.image = image.id;
    stage.config = copyConfig(image.config.config ?? {});
    stage.platform = {
      os: image.config.os || 'linux',
      architecture: image.config.architecture || hostPlatform.architecture,
      ...(image.config.variant && { variant: image.config.variant }),
    };
  }
  if (!environmentMap(stage.config.Env ?? []).has('PATH'))
    stage.config.Env = [...(stage.config.Env ?? []), defaultPath];
  const triggers = stage.config.OnBuild ?? [];
  delete stage.config.OnBuild;
  if (triggers.length > 0) {
    build.out(`# Executing ${triggers.length} build trigger${triggers.length > 1 ? 's' : ''}\n`);
    for (const trigger of triggers) {
      const { lines, escapeToken } = parseLines(trigger);
      if (lines.length !== 1) throw new Error('onbuild trigger should be a single expression');
      await runInstruction(build, stage, parseInstruction(lines[0]!, escapeToken));
    }
  }
  stage.config.Image = stage.image ?? '';
  return stage;
}

/** The tree that COPY --from reads, mounted until the build ends. */
async function treeOf(build: Build, from: string): Promise<SourceTree> {
  let image: Digest | undefined;
  try {
    let stage = finishedByName(build, from);
    if (!stage && /^\d+$/.test(from)) {
      const index = Number(from);
      if (index === build.finished.length) throw new Error('refers to current build stage');
      if (index > build.finished.length) throw new Error('index out of bounds');
      stage = build.finished[index];
    }
    image = stage ? stage.image : (await findImage(build, from, build.options.platform)).id;
  } catch (error) {
    build.signal.throwIfAborted();
    throw new Error(`invalid from flag value ${from}: ${error instanceof Error ? error.message : error}`);
  }
  const key = image ?? '';
  let mounted = build.mounted.get(key);
  if (!mounted) {
    mounted = (async () => {
      const id = randomId();
      await build.layers.createRoot(id, topLayer(build, image), { plain: true });
      try {
        return { id, path: await build.layers.mountRoot(id) };
      } catch (error) {
        await build.layers.removeRoot(id);
        throw error;
      }
    })();
    build.mounted.set(key, mounted);
  }
  return { root: (await mounted).path, context: false };
}

/** Unmounts what COPY --from read. */
export async function unmountTrees(build: Build): Promise<void> {
  for (const mounted of build.mounted.values()) {
    const tree = await mounted.catch(() => undefined);
    if (!tree) continue;
    await build.layers.unmountRoot(tree.id);
    await build.layers.removeRoot(tree.id);
  }
  build.mounted.clear();
}

async function workdir(build: Build, stage: StageState, requested: string): Promise<void> {
  const path = workingDirectory(stage.config.WorkingDir ?? '', requested);
  stage.config.WorkingDir = path;
  const step = withOneComment(stage.config, `WORKDIR ${path}`);
  if (await probe(build, stage, step)) return;
  const id = shortId(randomId());
  build.out(` ---> Running in ${id}\n`);
  const layer = await changeFiles(build, stage, async (root) => {
    const directory = await resolveInRoot(root, path);
    const found = await statMaybe(directory);
    if (found && !found.isDirectory()) throw new Error(`Cannot mkdir: ${path} is not a directory`);
    if (found) return;
    await makeDirectories(directory, { uid: 0, gid: 0 }).catch((error: unknown) => {
      throw new Error(fileErrorBelow(root, error) ?? String(error), { cause: error });
    });
  });
  await commitStep(build, stage, step, layer);
  if (build.options.remove || build.options.forceRemove) build.out(`Removing intermediate container ${id}\n`);
}

async function execute(build: Build, stage: StageState, body: Body, lookup: Lookup): Promise<void> {
  switch (body.kind) {
    case 'from':
      throw new Error('FROM inside a stage');
    case 'run':
      return runStep(build, stage, body);
    case 'workdir':
      return workdir(build, stage, body.path);
    case 'arg': {
      for (const { name, value } of body.args) stage.args.add(name, value);
      const shown = body.args.map(({ name, value }) => (value === undefined ? name : `${name}=${value}`));
      return commitComment(build, stage, withComment(stage.config, `ARG ${shown.join(' ')}`));
    }
    case 'copy':
    case 'add': {
      const expand = (text: string): string =>
        expanding(() => expandWord(text, build.escapeToken, lookup, { rawQuotes: true, rawEscapes: true }));
      const from = body.kind === 'copy' ? body.from : '';
      const tree = from === '' ? build.context : await treeOf(build, from);
      return copyStep(
        build,
        stage,
        {
          name: body.kind === 'copy' ? 'COPY' : 'ADD',
          fields: body.copy,
          tree,
          keepOwners: from !== '' && body.copy.chown === '',
          unpack: body.kind === 'copy' || body.unpack === false ? 'never' : body.unpack ? 'always' : 'local',
          checksum: body.kind === 'add' ? body.checksum : '',
        },
        expand,
      );
    }
    default: {
      const ports = (word: string): string[] => expanding(() => expandWords(word, build.escapeToken, lookup));
      const result = configure(body, stage.config, { cmdSet: stage.cmdSet, ports });
      if (result.note) build.out(result.note);
      if (result.author !== undefined) stage.author = result.author;
      stage.config = result.config;
      await commitComment(build, stage, withComment(stage.config, result.comment));
      // Docker sets it after the step: the CMD itself must not depend on it.
      if (result.cmdSet) stage.cmdSet = true;
    }
  }
}

/** One instruction, variables replaced; its container is removed as `--rm` and `--force-rm` say. */
export async function runInstruction(
  build: Build,
  stage: StageState,
  instruction: Instruction,
): Promise<void> {
  const environment = environmentMap(stage.config.Env ?? []);
  const visible = stage.args.visible(stage.config.Env ?? []);
  const lookup: Lookup = (name) => environment.get(name) ?? visible.get(name);
  const body = expanding(() =>
    expandBody(instruction.body, (word) => expandWord(word, build.escapeToken, lookup)),
  );
  let done = false;
  try {
    await execute(build, stage, body, lookup);
    done = true;
  } finally {
    await settleContainers(
      build,
      build.options.forceRemove || (build.options.remove && done) || build.signal.aborted,
    );
  }
  stage.config.Image = stage.image ?? '';
}

export const commandsOf = (stages: readonly Stage[]): number =>
  stages.reduce((sum, stage) => sum + 1 + stage.instructions.length, 0);
