/** `docker run --rm … true` on the default bridge, beside dockerd. */
import { report } from '../report.js';
import { alternate, image, startEngines } from './engines.js';

const engines = await startEngines();
const run = ['run', '--rm', image, 'true'];
await alternate(engines, 2, (engine) => engine.timed(...run));
report({
  figure: 'docker run --rm true on a bridge, ms',
  ...(await alternate(engines, 21, (engine) => engine.timed(...run))),
  peer: 'dockerd',
  target: { relation: '<=', ratio: 0.45 },
});
await engines.stop();
