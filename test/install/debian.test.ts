/** The Debian package, in a machine of its own with systemd: installed, started, upgraded, removed. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runInMachine, testResults } from '../daemon/machine/machine.js';
import { repository } from '../targets.js';

/** apt reads and unpacks 45 MB by an emulated processor: a minute or two, ten on a machine that is busy elsewhere. */
const patienceMs = 20 * 60_000;

test('apt install, systemctl start, docker run', async (t) => {
  execFileSync('node', ['scripts/pack-deb.mjs', '--no-build'], {
    cwd: repository,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const deb = readdirSync(join(repository, 'build')).find((name) => name.endsWith('.deb'));
  assert.ok(deb);
  const script = `export NOOS_DEB="$REPOSITORY/build/${deb}"
exec "$NODE" --test-reporter=tap "$REPOSITORY/test/dist/install/inside-debian.js"
`;
  const { code, output } = await runInMachine({ script, systemd: 'bare', patienceMs });
  const results = testResults(output);
  assert.ok(results.length > 0, output);
  for (const { name, passed } of results) await t.test(name, () => assert.ok(passed, output));
  assert.equal(code, 0, output);
});
