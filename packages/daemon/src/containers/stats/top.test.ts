import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkPsArguments, listProcesses, parsePs } from './top.js';

test('rows of the container, the command as one cell', () => {
  const output =
    'UID   PID  CMD\nroot    1 init -x  y\nroot   12 sh -c a b\nroot    - thread\nroot   13 other\n';
  assert.deepEqual(parsePs(output, new Set([12])), {
    Titles: ['UID', 'PID', 'CMD'],
    Processes: [
      ['root', '12', 'sh -c a b'],
      ['root', '-', 'thread'],
    ],
  });
  assert.throws(() => parsePs('UID CMD\nroot x\n', new Set([1])), /Couldn't find PID field in ps output/);
  assert.throws(() => parsePs('PID\nabc\n', new Set([1])), /Unexpected pid 'abc'/);
});

test('arguments that rename PID are refused', () => {
  checkPsArguments('-o pid=PID,comm');
  assert.throws(() => checkPsArguments('-o comm=PID'), /specifying "comm=PID" is not allowed/);
});

test('ps itself', async () => {
  const mine = await listProcesses('', [process.pid]);
  assert.equal(mine.Processes.length, 1);
  assert.equal(mine.Processes[0]?.[mine.Titles.indexOf('PID')], String(process.pid));
  assert.deepEqual((await listProcesses('-o pid', [process.pid])).Processes, [[String(process.pid)]]);
  await assert.rejects(listProcesses('--nonsense', [process.pid]), /^DaemonError: ps: /);
});
