import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../testing/seeded-random.js';
import type { Endpoint, Network } from '../types.js';
import { createNameSource } from './names.js';
import type { Joined, SandboxState } from './state.js';
import { createSandboxStates } from './states.js';

const endpoint = (networkId: string, more: Partial<Endpoint>): Endpoint =>
  ({
    networkId,
    networkName: networkId,
    address: '',
    address6: '',
    dnsNames: [],
    request: {},
    ...more,
  }) as Endpoint;

const join = (...endpoints: Endpoint[]): Joined[] =>
  endpoints.map((each, at) => ({ endpoint: each, interfaceName: `eth${at}` }));

const sandbox = (id: string, joined: readonly Joined[]): SandboxState =>
  ({ request: { id, name: id }, joined }) as unknown as SandboxState;

const network = (id: string): Network => ({ id, name: id }) as Network;

test('names, aliases in any case, addresses in any way of writing; each network by itself', () => {
  const states = createSandboxStates();
  const names = createNameSource(states, network);
  const web = endpoint('front', { dnsNames: ['Web', 'shop'], address: '10.0.0.2', address6: 'fd00::2' });
  states.add(sandbox('web', join(web, endpoint('back', { dnsNames: ['web'], address: '10.1.0.2' }))));
  states.add(sandbox('peer', join(endpoint('front', { dnsNames: ['peer', 'SHOP'], address: '10.0.0.3' }))));
  states.add(sandbox('far', join(endpoint('back', { dnsNames: ['far'] }))));
  assert.deepEqual(names.addresses('peer', 'web', 4), ['10.0.0.2']);
  assert.deepEqual(names.addresses('peer', 'web', 6), ['fd00::2']);
  assert.deepEqual(names.addresses('peer', 'shop', 4), ['10.0.0.2', '10.0.0.3']);
  assert.deepEqual(names.addresses('far', 'web', 4), ['10.1.0.2']);
  assert.equal(names.addresses('far', 'peer', 4), undefined);
  assert.deepEqual(names.addresses('web', 'far', 4), [], 'known, without an address');
  assert.equal(names.nameOf('peer', '10.0.0.2'), 'web.front');
  assert.equal(names.nameOf('peer', 'fd00:0000:0000:0000:0000:0000:0000:0002'), 'web.front');
  assert.equal(names.nameOf('far', '10.0.0.2'), undefined);
});

test('property: what is found is what a walk over all endpoints finds', () => {
  const random = createRandom(12);
  const ids = ['a', 'b', 'c', 'd', 'e'];
  const networkIds = ['n1', 'n2'];
  const words = ['web', 'Web', 'db', 'x'];
  const states = createSandboxStates();
  const model = new Map<string, SandboxState>();
  let next = 0;
  const some = (): Endpoint =>
    endpoint(random.pick(networkIds), {
      address: `10.0.${next >> 8}.${next++ & 255}`,
      dnsNames: Array.from({ length: random.below(3) }, () => random.pick(words)),
    });
  for (let step = 0; step < 3000; step++) {
    const id = random.pick(ids);
    const state = model.get(id);
    if (!state) {
      const added = sandbox(id, join(...Array.from({ length: random.below(3) }, some)));
      model.set(id, added);
      states.add(added);
    } else if (random.below(4) === 0) {
      model.delete(id);
      states.remove(id);
    } else {
      // Connect, disconnect or rename.
      const kept = state.joined.filter(() => random.below(3) > 0);
      const renamed = kept.map((joined) =>
        random.below(2) === 0
          ? joined
          : { ...joined, endpoint: { ...joined.endpoint, dnsNames: [random.pick(words)] } },
      );
      states.setJoined(state, random.below(2) === 0 ? renamed : [...renamed, ...join(some())]);
    }
    const walked = [...model.values()].flatMap((each) => each.joined.map((joined) => ({ each, ...joined })));
    for (const networkId of networkIds) {
      const here = walked.filter((each) => each.endpoint.networkId === networkId);
      const sorted = (endpoints: Iterable<Endpoint>) => [...endpoints].map(({ address }) => address).sort();
      assert.deepEqual(
        sorted([...states.onNetwork(networkId)].map((each) => each.endpoint)),
        sorted(here.map((each) => each.endpoint)),
      );
      for (const name of words)
        assert.deepEqual(
          sorted(states.called(networkId, name)),
          sorted(
            here
              .map((each) => each.endpoint)
              .filter(({ dnsNames }) => dnsNames.some((known) => known.toLowerCase() === name.toLowerCase())),
          ),
        );
      for (const { endpoint: own, each } of here) assert.equal(states.at(networkId, own.address), each);
      assert.equal(states.at(networkId, '10.9.9.9'), undefined);
    }
  }
});
