/**
 * RUN: a container of the stage's tip that runs the command; what it wrote becomes a layer.
 *
 * In: an instruction. Out: a layer on the stage, or RunFailure. May import: stage, configure, run-config.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostConfig } from '../../containers/types.js';
import { writeFileAtomic } from '../../storage/atomic-file.js';
import type { BodyOf } from '../dockerfile/instructions.js';
import type { Heredoc } from '../dockerfile/lines.js';
import { RunFailure } from '../types.js';
import { resolveCommand } from './configure.js';
import { copyConfig, type StepConfig } from './run-config.js';
import { type Build, commitStep, probe, randomId, type StageState, shortId } from './stage.js';

interface Script {
  /** What the shell gets. */
  words: readonly string[];
  /** A script with a `#!` line: run as a file. */
  file?: { name: string; content: string };
}

const dropTabs = (heredoc: Heredoc): string =>
  heredoc.chomp ? heredoc.content.replace(/^\t+/gm, '') : heredoc.content;

/**
 * The command of a RUN with heredocs (Dockerfile reference, "Here-Documents"): `RUN <<EOF` alone is a script; in any
 * other command the shell reads the documents itself.
 */
export function scriptOf(body: Pick<BodyOf<'run'>, 'command' | 'heredocs'>): Script {
  const { command, heredocs } = body;
  const first = heredocs[0];
  if (!first || !command.shell) return { words: command.words };
  const text = command.words[0] ?? '';
  if (heredocs.length === 1 && /^\d*<<-?\s*\S+$/.test(text)) {
    const content = dropTabs(first);
    if (content.startsWith('#!')) return { words: [content], file: { name: first.name, content } };
    return { words: [content] };
  }
  const documents = heredocs.map(({ content, name }) => `\n${content}${name}`).join('');
  return { words: [text + documents] };
}

/** Directory in the container where BuildKit shows scripts too. */
const scriptDirectory = '/dev/pipes';

/** `|2 A=1 B=2 /bin/sh -c …`: the arguments are part of what the cache compares. */
export function withArguments(
  values: ReadonlyMap<string, string>,
  counts: (name: string) => boolean,
  command: readonly string[],
): string[] {
  if (values.size === 0) return [...command];
  const counted = [...values]
    .filter(([name]) => counts(name))
    .map(([name, value]) => `${name}=${value}`)
    .sort();
  return [`|${counted.length}`, ...counted, ...command];
}

async function runIn(build: Build, config: StepConfig, hostConfig: HostConfig): Promise<string> {
  // The journal is written first: whatever happens afterwards, a restart finds the container by its name.
  const name = `build_${randomId().slice(0, 16)}`;
  const entry = join(build.journal, name);
  await writeFileAtomic(entry, '');
  const { id, warnings } = await build.containers
    .create({ name, config: { ...config, Image: config.Image ?? '' }, hostConfig })
    .catch(async (error: unknown) => {
      await rm(entry, { force: true });
      throw error;
    });
  build.runContainers.add(id);
  for (const warning of warnings) build.out(` ---> [Warning] ${warning}\n`);
  build.out(` ---> Running in ${shortId(id)}\n`);
  return id;
}

/** Removes containers of RUN; one that is left (`--rm=false`, a failure) belongs to the user from now on. */
export async function settleContainers(build: Build, remove: boolean): Promise<void> {
  for (const id of build.runContainers) {
    let name: string | undefined;
    try {
      name = build.containers.get(id).name;
      if (remove) {
        await build.containers.remove(id, { force: true, volumes: true });
        build.out(`Removing intermediate container ${shortId(id)}\n`);
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (name !== undefined) build.out(`Error removing intermediate container ${shortId(id)}: ${message}\n`);
    }
    build.runContainers.delete(id);
    if (name !== undefined) await rm(join(build.journal, name), { force: true });
  }
}

export async function runStep(build: Build, stage: StageState, body: BodyOf<'run'>): Promise<void> {
  if (body.refused) throw body.refused;
  const script = scriptOf(body);
  const command = resolveCommand({ ...body.command, words: script.words }, stage.config);
  const values = stage.args.visible(stage.config.Env ?? []);
  const saved = withArguments(values, stage.args.countsForCache, command);
  const step: StepConfig = { ...copyConfig(stage.config), Cmd: saved };
  if (saved.length > 0) step.Entrypoint = null;
  if (await probe(build, stage, step)) return;

  const hostConfig: HostConfig = { ...build.options.hostConfig };
  let running: readonly string[] = command;
  let directory: string | undefined;
  try {
    if (script.file) {
      directory = await mkdtemp(join(build.temporary, 'script-'));
      await writeFile(join(directory, 'script'), script.file.content, { mode: 0o755 });
      const target = `${scriptDirectory}/${script.file.name.replaceAll(/[^\w.-]/g, '_')}`;
      hostConfig.Mounts = [
        { Type: 'bind', Source: join(directory, 'script'), Target: target, ReadOnly: true },
      ];
      running = [target];
    }
    const id = await runIn(
      build,
      {
        ...copyConfig(stage.config),
        ...(stage.image && { Image: stage.image }),
        Cmd: [...running],
        Env: [...(stage.config.Env ?? []), ...[...values].map(([name, value]) => `${name}=${value}`).sort()],
        Entrypoint: [''],
        Healthcheck: { Test: ['NONE'] },
      },
      hostConfig,
    );
    const code = await build.runContainer(
      id,
      (stream, text) => (stream === 'stdout' ? build.out(text) : build.err(text)),
      build.signal,
    );
    build.signal.throwIfAborted();
    if (code !== 0)
      throw new RunFailure(`The command '${running.join(' ')}' returned a non-zero code: ${code}`, code);
    await commitStep(build, stage, step, await build.layers.commitRoot(id));
  } finally {
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  }
}
