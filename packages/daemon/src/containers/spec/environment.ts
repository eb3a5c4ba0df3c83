/**
 * Environment variables as lists of `NAME=value`. May import: nothing.
 */

/** What a container's programs search when neither image nor user set PATH (moby, oci/defaults.go). */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const nameOf = (entry: string): string => entry.split('=', 1)[0]!;

/** `base` with `over` on top: same names are replaced in place; an entry without `=` removes the name. */
export function overlayEnvironment(base: readonly string[], over: readonly string[]): string[] {
  const result = new Map(base.map((entry) => [nameOf(entry), entry]));
  for (const entry of over) {
    if (entry.includes('=')) result.set(nameOf(entry), entry);
    else result.delete(entry);
  }
  return [...result.values()];
}

export interface EnvironmentRequest {
  hostname: string;
  terminal: boolean;
  /** Variables of `--link`. */
  links?: readonly string[];
  /** The container's own. */
  env: readonly string[];
}

export const containerEnvironment = ({ hostname, terminal, links = [], env }: EnvironmentRequest): string[] =>
  overlayEnvironment(
    [`PATH=${defaultPath}`, `HOSTNAME=${hostname}`, ...(terminal ? ['TERM=xterm'] : []), ...links],
    env,
  );
