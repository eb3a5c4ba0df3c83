/** Hosts that this one is not: control groups of version 2 only, systemd as the first process. Each boots once. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Job, runInMachine, testResults } from './machine/machine.js';

/** Runs files of tests in a machine; each of their tests is one of this test's. */
async function testsInside(t: TestContext, files: readonly string[], job: Partial<Job> = {}): Promise<void> {
  const script = files
    .map(
      (file) => `"$NODE" --test-reporter=tap "$REPOSITORY/test/dist/daemon/machine/${file}.js" || failed=1\n`,
    )
    .join('');
  const { code, output } = await runInMachine({ script: `${script}exit $failed`, ...job });
  const results = testResults(output);
  assert.ok(results.length > 0, output);
  for (const { name, passed } of results) await t.test(name, () => assert.ok(passed, output));
  assert.equal(code, 0, output);
}

test('control groups of version 2 only, VLANs, NFS, AppArmor', (t) =>
  testsInside(t, ['inside-unified', 'inside-links', 'inside-apparmor']));

test('systemd as the first process', (t) => testsInside(t, ['inside-systemd'], { systemd: true }));
