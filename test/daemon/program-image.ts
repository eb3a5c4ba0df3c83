/**
 * Images made of programs of this machine: busybox, further programs with their libraries, files.
 *
 * In: names of programs. Out: an image in the daemon, imported from a tar. May import: daemon.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestDaemon } from './daemon.js';

export interface ProgramImage {
  /** Name of the image. */
  name: string;
  /** Absolute paths of programs to copy, with what they are linked to. */
  programs?: readonly string[];
  /** Path in the image → content. */
  files?: Readonly<Record<string, string>>;
  /** Dockerfile instructions of `docker import --change`. */
  changes?: readonly string[];
}

const text = (program: string, ...words: string[]): string =>
  execFileSync(program, words, { encoding: 'utf8' });

/** Shared objects that the dynamic linker names for `program`. */
const librariesOf = (program: string): string[] =>
  [...text('ldd', program).matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map((match) => match[1]!);

/** The tree of a small Linux with busybox; returns the path of its tar. */
export function programTar(
  scratch: string,
  { programs = [], files = {} }: Omit<ProgramImage, 'name'>,
): string {
  const tree = mkdtempSync(join(scratch, 'image-'));
  for (const name of ['bin', 'etc', 'root', 'proc', 'sys', 'dev', 'usr/bin', 'var', 'tmp'])
    mkdirSync(join(tree, name), { recursive: true });
  chmodSync(join(tree, 'tmp'), 0o1777);
  cpSync('/bin/busybox', join(tree, 'bin/busybox'), { dereference: true });
  for (const applet of text('/bin/busybox', '--list').trim().split('\n'))
    if (applet !== 'busybox') symlinkSync('busybox', join(tree, 'bin', applet));
  for (const program of programs)
    for (const path of [program, ...librariesOf(program)]) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      cpSync(realpathSync(path), join(tree, path), { dereference: true });
    }
  const accounts = {
    '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n',
    '/etc/group': 'root:x:0:\nuser:x:1000:\nextra:x:2000:user\n',
  };
  for (const [path, content] of Object.entries({ ...accounts, ...files })) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), content);
  }
  execFileSync('tar', ['-C', tree, '--owner=0', '--group=0', '-cf', `${tree}.tar`, '.']);
  return `${tree}.tar`;
}

/** Imports the image; resolves with its ID. */
export async function importProgramImage(daemon: TestDaemon, image: ProgramImage): Promise<string> {
  const changes = (image.changes ?? []).flatMap((change) => ['--change', change]);
  const id = await daemon.ok('import', ...changes, programTar(daemon.scratch, image), image.name);
  assert.match(id, /^sha256:[0-9a-f]{64}$/);
  return id;
}

export const redisImage = (name: string): ProgramImage => ({
  name,
  programs: ['/usr/bin/redis-server', '/usr/bin/redis-cli'],
  changes: ['VOLUME /data', 'WORKDIR /data', 'EXPOSE 6379', 'CMD ["redis-server", "--protected-mode", "no"]'],
});

export const nodeImage = (name: string): ProgramImage => ({
  name,
  programs: [realpathSync(process.execPath)],
  changes: [`ENTRYPOINT ["${realpathSync(process.execPath)}"]`, 'WORKDIR /app'],
});
