/** Look-ups of the embedded DNS in the networks' names alone, as containers grow in number; the peer is ourselves among 100. */
import { fileURLToPath } from 'node:url';
import { report } from '../report.js';

type States = typeof import('../../packages/daemon/dist/networks/sandboxes/states.js');
type Names = typeof import('../../packages/daemon/dist/networks/sandboxes/names.js');

const area = fileURLToPath(new URL('../../../packages/daemon/dist/networks/sandboxes/', import.meta.url));
const { createSandboxStates } = (await import(`${area}states.js`)) as States;
const { createNameSource } = (await import(`${area}names.js`)) as Names;

const lookUps = 200_000;
const rounds = 7;

function fill(count: number) {
  const states = createSandboxStates();
  for (let at = 0; at < count; at++) {
    const id = at.toString(16).padStart(64, '0');
    const endpoint = {
      ...{ networkId: 'front', networkName: 'front', endpointId: id, request: {}, address6: '' },
      ...{ address: `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`, dnsNames: [`web-${at}`, id.slice(-12)] },
    };
    states.add({
      request: { id, name: `web-${at}` },
      joined: [{ endpoint, interfaceName: 'eth0' }],
    } as never);
  }
  const names = createNameSource(states, () => ({ name: 'front' }) as never);
  const asker = (0).toString(16).padStart(64, '0');
  let at = 0;
  const next = (): number => {
    at = (at + 7919) % count;
    return at;
  };
  return {
    name: () => names.addresses(asker, `web-${next()}`, 4)?.length === 1,
    address: () => {
      const of = next();
      return names.nameOf(asker, `10.${of >> 16}.${(of >> 8) & 255}.${of & 255}`) !== undefined;
    },
  };
}

/** Microseconds a look-up. */
function time(lookUp: () => boolean): number {
  const start = process.hrtime.bigint();
  for (let count = 0; count < lookUps; count++) if (!lookUp()) throw new Error('not found');
  return Number(process.hrtime.bigint() - start) / 1000 / lookUps;
}

const sources = new Map([100, 1000, 10_000].map((count) => [count, fill(count)]));
for (const kind of ['name', 'address'] as const) {
  const figures = new Map([...sources.keys()].map((count): [number, number[]] => [count, []]));
  for (let round = 0; round <= rounds; round++)
    for (const [count, source] of sources) {
      const figure = time(source[kind]);
      if (round > 0) figures.get(count)!.push(figure);
    }
  for (const count of [1000, 10_000])
    report({
      figure: `look-up of ${kind === 'name' ? 'a name' : 'an address'} among ${count.toLocaleString('en')} endpoints, us`,
      ours: figures.get(count)!,
      peer: 'among 100',
      theirs: figures.get(100)!,
      // A walk over them would be 10 and 100 times as long.
      target: { relation: '<=', ratio: 8 },
    });
}
