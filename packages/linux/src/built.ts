/**
 * Where the compiled files are: in the workspace those of build-addon.mjs; where Noos is installed, those of the package
 * for this system.
 *
 * In: a file name. Out: its path. May import: nothing.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** The path of a compiled file; when there is none, where the workspace would have it. */
export function builtPath(name: string): string {
  const own = fileURLToPath(new URL(`../build/${name}`, import.meta.url));
  if (existsSync(own)) return own;
  try {
    return createRequire(import.meta.url).resolve(`@noos/native-linux-x64/${name}`);
  } catch {
    return own;
  }
}
