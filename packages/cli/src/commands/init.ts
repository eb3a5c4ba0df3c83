/**
 * `noos init`: a new application that runs at once.
 *
 * In: a directory. Out: its files. May import: errors.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { CliError, exitCodes } from '../errors.js';

const main = `/** A service: one function from request to response. */
export default {
  fetch(request: Request): Response {
    const { pathname } = new URL(request.url);
    return new Response(\`Hello from a unikernel, \${pathname}\\n\`);
  },
};
`;

const tsconfig = {
  compilerOptions: {
    target: 'es2023',
    lib: ['es2023', 'webworker'],
    types: ['@noos/runtime/types'],
    module: 'esnext',
    moduleResolution: 'bundler',
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    paths: { 'noos:*': ['./node_modules/@noos/runtime/dist/modules/*.d.ts'] },
  },
  include: ['src'],
};

/** Files of the template by path. */
export function template(name: string, version: string): Record<string, string> {
  const manifest = {
    name,
    version: '0.1.0',
    private: true,
    type: 'module',
    main: 'src/main.ts',
    scripts: { start: 'noos run -p 8080:8080', build: 'noos build' },
    devDependencies: { noos: version },
  };
  const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
  return {
    'package.json': json(manifest),
    'tsconfig.json': json(tsconfig),
    'src/main.ts': main,
    '.gitignore': 'node_modules/\n*.noos\n*.noos.map\n',
  };
}

/** Writes the template into `directory`, which must be empty or not exist. */
export function init(directory: string, version: string): string[] {
  const target = resolve(directory);
  if (existsSync(target) && readdirSync(target).length > 0)
    throw new CliError(
      exitCodes.usage,
      `${directory} is not empty: name a new directory, noos init my-service`,
    );
  const name =
    basename(target)
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, '-')
      .replace(/^[._-]+/, '') || 'service';
  const files = Object.entries(template(name, version));
  for (const [path, text] of files) {
    mkdirSync(join(target, path, '..'), { recursive: true });
    writeFileSync(join(target, path), text);
  }
  return files.map(([path]) => path);
}
