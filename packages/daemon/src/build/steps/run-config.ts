/**
 * The configuration that grows while a stage is built, and what of it decides whether a cached image fits.
 *
 * In: image configurations. Out: copies, comparisons. May import: images/types.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ImageRunConfig } from '../../images/types.js';

/** `container_config` of a built image: what its step ran as. */
export interface StepConfig extends ImageRunConfig {
  Image?: string;
}

export const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const defaultShell = ['/bin/sh', '-c'] as const;

export const copyConfig = <T extends ImageRunConfig>(config: T): T => structuredClone(config);

/** The SHELL of the stage, for the shell form of RUN, CMD, ENTRYPOINT. */
export const shellOf = (config: ImageRunConfig): string[] => [
  ...(config.Shell?.length ? config.Shell : defaultShell),
];

/** Sets `name=value` in a list of variables, in its place when it is there. */
export function setVariable(environment: readonly string[], name: string, value: string): string[] {
  const pair = `${name}=${value}`;
  const index = environment.findIndex((entry) => entry.split('=', 1)[0] === name);
  return index < 0 ? [...environment, pair] : environment.with(index, pair);
}

export const environmentMap = (environment: readonly string[]): Map<string, string> =>
  new Map(
    environment.map((pair) => {
      const equals = pair.indexOf('=');
      return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );

/** The command recorded for a step that runs nothing: `/bin/sh -c #(nop)  CMD ["sh"]`. */
export const withComment = (config: StepConfig, comment: string): StepConfig => ({
  ...copyConfig(config),
  Cmd: [...shellOf(config), '#(nop) ', comment],
});

/** The same in one word, as WORKDIR, COPY and ADD have it: `#(nop) WORKDIR /x`. */
export const withOneComment = (config: StepConfig, comment: string): StepConfig => ({
  ...copyConfig(config),
  Cmd: [...shellOf(config), `#(nop) ${comment}`],
});

const same = (a: unknown, b: unknown): boolean => isDeepStrictEqual(a, b);
const sortedKeys = (record: object | undefined): string[] => Object.keys(record ?? {}).sort();

/** Whether a step ran with the same configuration (moby's image/cache compare). */
export function sameStep(a: StepConfig, b: StepConfig): boolean {
  const lists = ['Env', 'Cmd', 'Entrypoint', 'Shell', 'OnBuild'] as const;
  const health = (config: StepConfig): object | undefined =>
    config.Healthcheck && {
      Test: config.Healthcheck.Test ?? [],
      Interval: config.Healthcheck.Interval ?? 0,
      Timeout: config.Healthcheck.Timeout ?? 0,
      StartPeriod: config.Healthcheck.StartPeriod ?? 0,
      StartInterval: config.Healthcheck.StartInterval ?? 0,
      Retries: config.Healthcheck.Retries ?? 0,
    };
  return (
    lists.every((name) => same(a[name] ?? [], b[name] ?? [])) &&
    same(sortedKeys(a.ExposedPorts), sortedKeys(b.ExposedPorts)) &&
    same(sortedKeys(a.Volumes), sortedKeys(b.Volumes)) &&
    same({ ...a.Labels }, { ...b.Labels }) &&
    (a.User ?? '') === (b.User ?? '') &&
    (a.WorkingDir ?? '') === (b.WorkingDir ?? '') &&
    (a.StopSignal ?? '') === (b.StopSignal ?? '') &&
    (a.ArgsEscaped ?? false) === (b.ArgsEscaped ?? false) &&
    same(health(a), health(b))
  );
}
