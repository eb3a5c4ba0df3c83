/**
 * `--build-arg` and ARG: which names are visible where, and which were never asked for.
 *
 * In: the request's arguments, ARG instructions. Out: values. May import: nothing.
 */

/** Known without an ARG, kept out of the history and of the cache's key (moby's builtinAllowedBuildArgs). */
const predefined = new Set(
  ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap((name) => [
    name,
    name.toLowerCase(),
  ]),
);

/** `null`: named on the command line without a value. */
export type GivenArgs = Readonly<Record<string, string | null>>;

export interface BuildArgs {
  /** ARG before the first FROM. */
  addGlobal(name: string, value: string | undefined): void;
  add(name: string, value: string | undefined): void;
  /** For FROM: global ARGs and the predefined names. */
  globals(): ReadonlyMap<string, string>;
  /** For instructions of this stage, without the names in `environment`. */
  visible(environment: readonly string[]): ReadonlyMap<string, string>;
  /** False for a predefined name that no ARG declares: it does not change the image. */
  countsForCache(name: string): boolean;
  /** The arguments of the next stage: nothing declared yet. */
  nextStage(): BuildArgs;
  /** Given arguments that no ARG of any stage asked for, sorted. */
  unused(): string[];
}

type Values = Map<string, string | undefined>;

export function createBuildArgs(given: GivenArgs): BuildArgs {
  const globals: Values = new Map();
  const referenced = new Set<string>();
  const valuesOf = (declared: Values): Map<string, string> => {
    const found = new Map<string, string>();
    for (const name of [...declared.keys(), ...predefined]) {
      const fromOptions = Object.hasOwn(given, name) ? given[name] : undefined;
      const value = fromOptions ?? declared.get(name) ?? globals.get(name);
      if (value !== undefined) found.set(name, value);
    }
    return found;
  };
  const stage = (): BuildArgs => {
    const declared: Values = new Map();
    return {
      addGlobal(name, value) {
        globals.set(name, value);
        declared.set(name, value);
        referenced.add(name);
      },
      add(name, value) {
        declared.set(name, value);
        referenced.add(name);
      },
      globals: () => valuesOf(globals),
      visible(environment) {
        const values = valuesOf(declared);
        for (const pair of environment) values.delete(pair.split('=', 1)[0]!);
        return values;
      },
      countsForCache: (name) => declared.has(name) || !predefined.has(name),
      nextStage: stage,
      unused: () =>
        Object.keys(given)
          .filter((name) => !predefined.has(name) && !referenced.has(name))
          .sort(),
    };
  };
  return stage();
}
