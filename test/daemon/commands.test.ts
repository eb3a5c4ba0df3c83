/** The command suite: every docker command, with both command lines, against one daemon; outputs checked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildCommands } from './commands/build.js';
import { type Commands, createCommands, wordsOf } from './commands/commands.js';
import { fileCommands, lifeCommands, outputCommands, settingCommands } from './commands/containers.js';
import { imageCommands } from './commands/images.js';
import { networkCommands } from './commands/networks.js';
import { systemCommands } from './commands/system.js';
import { volumeCommands } from './commands/volumes.js';
import { runProgram, startDaemon, type TestDaemon } from './daemon.js';
import { importProgramImage } from './program-image.js';

/** Debian's is 20.10; a newer one may stand before it on the path. */
async function commandLines(): Promise<{ cli: string; version: string }[]> {
  const found = new Map<string, string>();
  for (const cli of ['docker', '/usr/bin/docker']) {
    const { stdout } = await runProgram(cli, ['--version']);
    const version = /version (\d+\.\d+\.\d+)/.exec(stdout)?.[1];
    assert.ok(version, `${cli} tells no version`);
    if (!found.has(version)) found.set(version, cli);
  }
  return [...found].map(([version, cli]) => ({ cli, version }));
}

const areas: Record<string, (docker: Commands) => Promise<void>> = {
  system: systemCommands,
  life: lifeCommands,
  output: outputCommands,
  files: fileCommands,
  settings: settingCommands,
  images: imageCommands,
  build: buildCommands,
  volumes: volumeCommands,
  networks: networkCommands,
};

/** A line without what differs from run to run: two such lines are the same command. */
const withoutChance = (line: string, scratch: string): string =>
  wordsOf(line)
    .join(' ')
    .replaceAll(scratch, '')
    .replace(/-(true|false)\b|127\.0\.0\.1:\d+|sha256:[0-9a-f]+|\d{10}/g, '');

/** Takes away what a failed area left, so that the next one is judged by itself. */
async function clear(daemon: TestDaemon): Promise<void> {
  if ((await daemon.docker('version')).code !== 0) {
    console.error(`the daemon ended:\n${daemon.log().slice(-2000)}`);
    await daemon.restart();
  }
  const containers = (await daemon.ok('ps', '-aq')).split('\n').filter(Boolean);
  if (containers.length > 0) await daemon.docker('rm', '-fv', ...containers);
  await daemon.docker('network', 'prune', '-f');
  const volumes = (await daemon.ok('volume', 'ls', '-q')).split('\n').filter(Boolean);
  if (volumes.length > 0) await daemon.docker('volume', 'rm', '-f', ...volumes);
}

test('docker commands', { timeout: 600_000 }, async (t) => {
  const daemon = await startDaemon(t);
  const image = 'test/box:1';
  await importProgramImage(daemon, { name: image, changes: ['CMD ["sh"]'] });
  const distinct = new Set<string>();
  let count = 0;
  for (const { cli, version } of await commandLines())
    for (const [area, commands] of Object.entries(areas))
      await t.test(`${version}: ${area}`, async () => {
        const docker = createCommands(daemon, cli, Number.parseInt(version, 10) >= 23, image);
        try {
          await commands(docker);
          await docker('ps -aq', '');
        } catch (error) {
          await clear(daemon);
          throw error;
        } finally {
          count += docker.lines.length;
          for (const line of docker.lines) distinct.add(withoutChance(line, daemon.scratch));
        }
      });
  t.diagnostic(`${count} commands, ${distinct.size} different ones`);
});
