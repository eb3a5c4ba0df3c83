/**
 * A new application that runs at once: what `npm init noos` and `noos init` write.
 *
 * In: a directory. Out: its files. May import: nothing, so that `npm init noos` fetches this one small package.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';

/** The directory cannot be used; `message` says what to do. */
export class InitError extends Error {
  override readonly name = 'InitError';
}

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

/** Files of the template by path; the application takes Noos in exactly this version. */
export function template(name: string, version: string): Record<string, string> {
  const manifest = {
    name,
    version: '0.1.0',
    private: true,
    type: 'module',
    main: 'src/main.ts',
    scripts: { start: 'noos run', build: 'noos build' },
    noos: { ports: ['8080:8080'] },
    // The runtime is named for its types, which tsconfig.json finds here.
    devDependencies: { '@noos/runtime': version, noos: version },
  };
  const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
  return {
    'package.json': json(manifest),
    'tsconfig.json': json(tsconfig),
    'src/main.ts': main,
    '.gitignore': 'node_modules/\n*.noos\n*.noos.map\n',
  };
}

/** This package's version, that of all of Noos. */
function ownVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

/**
 * Writes the template into `directory`, which must be empty or not exist.
 * @returns lines that say what was written and what to do next
 * @throws InitError when the directory holds something
 */
export function create(directory = '.'): string[] {
  const target = resolve(directory);
  if (existsSync(target) && readdirSync(target).length > 0)
    throw new InitError(`${directory} is not empty: name a new directory, noos init my-service`);
  const name =
    basename(target)
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, '-')
      .replace(/^[._-]+/, '') || 'service';
  const files = Object.entries(template(name, ownVersion()));
  for (const [path, text] of files) {
    mkdirSync(join(target, path, '..'), { recursive: true });
    writeFileSync(join(target, path), text);
  }
  const enter = directory === '.' ? '' : `cd ${directory} && `;
  return [...files.map(([path]) => `  ${path}`), `Now: ${enter}npm install && npm start`];
}
