/**
 * One build from its request to its image, told step by step as dockerd tells it.
 *
 * In: a request. Out: an image. May import: everything in this folder, the areas below by their faces.
 */
import { DaemonError } from '../errors.js';
import type { Hold } from '../images/types.js';
import { openContext } from './context/context.js';
import type { Stage } from './dockerfile/instructions.js';
import { parseStages } from './dockerfile/instructions.js';
import { expandWord } from './dockerfile/lexer.js';
import { parseLines } from './dockerfile/lines.js';
import { createBuildArgs } from './steps/build-args.js';
import { createStepCache, noCache } from './steps/cache.js';
import { beginStage, commandsOf, runInstruction, unmountTrees } from './steps/dispatch.js';
import { settleContainers } from './steps/run-step.js';
import { type Build, type BuilderDependencies, type StageState, shortId } from './steps/stage.js';
import type { BuildRequest } from './types.js';

/** The stages up to and with `--target`: its name or its number. */
export function targetStages(stages: readonly Stage[], target: string): readonly Stage[] {
  if (target === '') return stages;
  let index = stages.findIndex(({ from }) => from.body.name === target.toLowerCase());
  if (index < 0 && /^\d+$/.test(target) && Number(target) < stages.length) index = Number(target);
  if (index < 0) throw new DaemonError('invalid', `failed to reach build target ${target} in Dockerfile`);
  return stages.slice(0, index + 1);
}

/** `--label` becomes LABEL instructions at the end, in the order of their names. */
function addLabels(stages: readonly Stage[], labels: Readonly<Record<string, string>>): readonly Stage[] {
  const last = stages.at(-1);
  if (!last) return stages;
  const added = Object.keys(labels)
    .sort()
    .map((key) => ({
      body: { kind: 'label' as const, pairs: [{ key, value: labels[key]! }], literal: true },
      code: `LABEL ${key}=${labels[key]}`,
      line: last.from.line,
      column: last.from.column,
    }));
  return [...stages.slice(0, -1), { ...last, instructions: [...last.instructions, ...added] }];
}

const cancelled = (): Error => new Error('Build cancelled');

async function runBuild(build: Build, dockerfile: string, file: string): Promise<StageState['image']> {
  const { lines, escapeToken, warnings } = parseLines(dockerfile, file);
  build.escapeToken = escapeToken;
  const parsed = parseStages(lines, escapeToken, file);
  const stages = addLabels(targetStages(parsed.stages, build.options.target), build.options.labels);
  if (warnings.length > 0)
    build.err(
      `${[...warnings, '[WARNING]: Empty continuation lines will become errors in a future release.'].join('\n')}\n`,
    );
  const args = createBuildArgs(build.options.args);
  const total = parsed.globalArgs.length + commandsOf(stages);
  let number = 1;
  const print = (code: string): void => {
    build.out(`Step ${number++}/${total} : ${code}`);
    build.out('\n');
  };
  for (const instruction of parsed.globalArgs) {
    print(instruction.code);
    for (const { name, value } of instruction.body.args) {
      const known = args.visible([]);
      const expand = (word: string): string => expandWord(word, escapeToken, (key) => known.get(key));
      args.addGlobal(expand(name), value === undefined ? undefined : expand(value));
    }
  }
  let image: StageState['image'];
  for (const stage of stages) {
    const { name } = stage.from.body;
    if (name !== '' && build.finished.some((finished) => finished.name === name))
      throw new Error(`${name} stage name already used`);
    print(stage.from.code);
    const state = await beginStage(build, args, stage.from);
    build.out(` ---> ${shortId(state.image ?? '')}\n`);
    for (const instruction of stage.instructions) {
      if (build.signal.aborted) throw cancelled();
      print(instruction.code);
      await runInstruction(build, state, instruction);
      build.out(` ---> ${shortId(state.image ?? '')}\n`);
    }
    if (state.image !== undefined) build.report({ aux: { ID: state.image } });
    build.finished.push({ name, image: state.image });
    image = state.image;
  }
  const unused = args.unused();
  if (unused.length > 0)
    build.out(`[Warning] One or more build-args [${unused.join(' ')}] were not consumed\n`);
  return image;
}

/** Builds one image; whatever happens, no container, mount or file of the build is left. */
export async function buildImage(
  dependencies: BuilderDependencies,
  request: BuildRequest,
): Promise<NonNullable<StageState['image']>> {
  const { options, report, signal } = request;
  const file = options.dockerfile || 'Dockerfile';
  const context = await openContext({
    temporary: dependencies.temporary,
    body: request.context,
    remote: options.remote,
    dockerfile: file,
    report,
    signal,
  });
  const holds: Hold[] = [];
  const state: Build = {
    ...dependencies,
    options,
    escapeToken: '\\',
    context: context.root === undefined ? undefined : { root: context.root, context: true },
    cache: options.noCache ? noCache : createStepCache(dependencies.images, options.cacheFrom, holds),
    finished: [],
    holds,
    report: request.aux ? report : (message) => message.aux === undefined && report(message),
    out: (stream) => report({ stream }),
    // As docker's own stderr formatter marks it: bright red.
    err: (text) => report({ stream: `\u001b[91m${text}\u001b[0m` }),
    signal,
    mounted: new Map(),
    runContainers: new Set(),
  };
  try {
    const image = await runBuild(state, context.dockerfile, file);
    if (image === undefined) throw new Error('No image was generated. Is your Dockerfile empty?');
    state.out(`Successfully built ${shortId(image)}\n`);
    for (const tag of options.tags) {
      await dependencies.images.tag(image, tag);
      state.out(`Successfully tagged ${tag}\n`);
    }
    return image;
  } catch (error) {
    if (!signal.aborted) throw error;
    state.out('Build cancelled\n');
    throw cancelled();
  } finally {
    await settleContainers(state, true);
    await unmountTrees(state);
    for (const hold of holds) hold.release();
    await context.close();
  }
}
