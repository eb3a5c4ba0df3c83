import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NameSource } from '../dns/types.js';
import { createLayout } from '../layout.js';
import { run } from '../linux/run.js';
import { createLogger } from '../log.js';
import { listLinks } from './netlink/links.js';
import { createNetworks } from './networks.js';
import type { Networks, SandboxRequest } from './types.js';

interface Fixture {
  networks: Networks;
  names: NameSource;
  events: string[];
  /** Sandboxes with an open resolver. */
  resolvers: Set<string>;
  bridge: string;
  instance: string;
  namespaces: string;
  /** A new daemon with the same directories. */
  again(): Promise<Fixture>;
}

/** Networks of their own: directories, table, bridge; nothing may be left of them. */
async function fixture(t: TestContext): Promise<Fixture> {
  const root = mkdtempSync(join(tmpdir(), 'noos-networks-'));
  const id = randomBytes(3).toString('hex');
  const [instance, bridge] = [`noos-test-${id}`, `nu${id}`];
  const layout = createLayout(join(root, 'data'), join(root, 'run'));
  const started: Networks[] = [];
  t.after(async () => {
    // The last first: those before it are daemons that ended, as far as this process allows.
    for (const networks of started.toReversed()) {
      const ids = new Set(readdirSync(layout.namespaces));
      for (const { id: network } of networks.list())
        for (const container of networks.endpointsOf(network).keys()) ids.add(container);
      for (const container of ids) await networks.close(container);
      await networks.shutdown();
    }
    const left = (await listLinks()).filter(
      ({ ifalias, ifname }) => ifalias === instance || ifname === bridge,
    );
    assert.deepEqual(left, []);
    assert.doesNotMatch(await run(['nft', 'list', 'tables']), new RegExp(instance));
    assert.deepEqual(readdirSync(layout.namespaces), []);
    rmSync(root, { recursive: true });
  });
  async function start(): Promise<Fixture> {
    const events: string[] = [];
    const resolvers = new Set<string>();
    let names: NameSource | undefined;
    const networks = await createNetworks({
      layout,
      log: createLogger('fatal'),
      events: {
        publish: (type, action, { Attributes }) => events.push(`${type} ${action} ${Attributes.name}`),
      },
      settings: {
        instance,
        bridge: { name: bridge, ipv6: false, mtu: 0, icc: true },
        defaultAddressPools: [],
        publishAddress: '',
        ipForward: true,
        ipMasquerade: true,
        userlandProxy: true,
        defaultNetworkOptions: {},
        ...{ dns: [], dnsSearch: [], dnsOptions: [] },
      },
      createDns(source) {
        names = source;
        return {
          open: async ({ sandbox }) => void resolvers.add(sandbox),
          close: async (sandbox) => void resolvers.delete(sandbox),
        };
      },
    });
    const { namespaces } = layout;
    started.push(networks);
    return {
      ...{ networks, names: names!, events, resolvers, bridge, instance, namespaces },
      again: start,
    };
  }
  return start();
}

const request = (name: string, more: Partial<SandboxRequest> = {}): SandboxRequest => ({
  id: randomBytes(32).toString('hex'),
  name,
  hostNames: [name],
  hostname: name,
  endpoints: { bridge: {} },
  ports: {},
  exposedPorts: [],
  publishAll: false,
  dns: { servers: [], search: [], options: [] },
  sysctls: {},
  attachment: 'veth',
  ...more,
});

const linkOf = async (name: string) => (await listLinks()).find(({ ifname }) => ifname === name);

const links = async (bridge: string): Promise<string[]> =>
  (await listLinks()).filter(({ master }) => master === bridge).map(({ ifname }) => ifname);

test('a TAP instead of a veth: on the bridge, with an address, without a namespace', async (t) => {
  const { networks, bridge, namespaces } = await fixture(t);
  const sandbox = await networks.open(
    request('uni', { attachment: 'tap', ports: { '80/tcp': [{ HostIp: '127.0.0.1' }] } }),
  );
  const endpoint = sandbox.endpoints.bridge!;
  assert.match(endpoint.hostInterface, /^tap[0-9a-f]{7}$/);
  assert.equal(sandbox.path, '');
  assert.deepEqual(await links(bridge), [endpoint.hostInterface]);
  assert.equal((await linkOf(endpoint.hostInterface))?.linkinfo?.info_kind, 'tun');
  assert.match(endpoint.address, /^\d+\.\d+\.\d+\.2$/);
  assert.match(sandbox.ports['80/tcp']![0]!.HostPort!, /^\d+$/);
  assert.deepEqual(readdirSync(namespaces), []);
  await networks.close(sandbox.id);
  assert.deepEqual(await links(bridge), []);
});

test('many at once: no address twice, all gone when closed', async (t) => {
  const { networks, bridge, namespaces } = await fixture(t);
  const opened = await Promise.all(
    Array.from({ length: 16 }, (_, at) => networks.open(request(`many${at}`))),
  );
  assert.equal(new Set(opened.map(({ endpoints }) => endpoints.bridge!.address)).size, 16);
  assert.equal((await links(bridge)).length, 16);
  await Promise.all(opened.map(({ id }) => networks.close(id)));
  assert.deepEqual(readdirSync(namespaces), []);
  await Promise.all(opened.map(({ id }) => networks.close(id)));
  assert.equal(
    (await networks.open(request('next'))).endpoints.bridge!.address,
    opened[0]!.endpoints.bridge!.address,
  );
});

test('an open that fails leaves nothing: port in use, unknown network, wrong sysctl', async (t) => {
  const { networks, bridge, namespaces } = await fixture(t);
  const busy = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => busy.once('listening', resolve));
  const address = busy.address() as { port: number };
  const taken = { '80/tcp': [{ HostIp: '127.0.0.1' }, { HostIp: '127.0.0.1', HostPort: `${address.port}` }] };
  await assert.rejects(networks.open(request('x', { ports: taken })), {
    message:
      /^driver failed programming external connectivity on endpoint x \([0-9a-f]{64}\): Error starting userland proxy: listen tcp4 127\.0\.0\.1:\d+: bind: address already in use$/,
  });
  busy.close();
  await assert.rejects(networks.open(request('x', { endpoints: { nosuch: {} } })), {
    kind: 'notFound',
    message: 'network nosuch not found',
  });
  await assert.rejects(networks.open(request('x', { sysctls: { 'net.ipv4.nosuch': '1' } })));
  assert.deepEqual(readdirSync(namespaces), []);
  assert.equal(networks.endpointsOf(networks.get('bridge').id).size, 0);
  const { endpoints } = await networks.open(request('y', { ports: taken }));
  assert.match(endpoints.bridge!.address, /\.2$/);
  // The kernel takes the veth of the undone one away a moment later.
  for (
    const end = Date.now() + 10_000;
    (await links(bridge)).length > 1 && Date.now() < end;
    await sleep(20)
  );
  assert.deepEqual(await links(bridge), [endpoints.bridge!.hostInterface]);
});

test('names: containers, aliases, networks; a rename; links known to one only', async (t) => {
  const { networks, names, resolvers } = await fixture(t);
  for (const Name of ['front', 'back']) await networks.create({ Name });
  const web = await networks.open(
    request('web', {
      endpoints: { front: { Aliases: ['www'] }, back: {} },
      hostNames: ['host'],
      hostname: 'host',
    }),
  );
  const api = await networks.open(
    request('api', { endpoints: { front: { Aliases: ['www'], Links: ['web:w'] } } }),
  );
  const other = await networks.open(request('other', { endpoints: { back: {} } }));
  const plain = await networks.open(request('plain'));
  const of = (sandbox: { id: string }, name: string) => names.addresses(sandbox.id, name, 4);
  const front = (sandbox: typeof web) => sandbox.endpoints.front!.address;
  assert.deepEqual(of(api, 'web'), [front(web)]);
  assert.deepEqual(of(api, 'web.front'), [front(web)]);
  assert.equal(of(api, 'web.back'), undefined);
  assert.deepEqual(of(other, 'web.back'), [web.endpoints.back!.address]);
  assert.deepEqual(of(api, 'w'), [front(web)]);
  assert.equal(of(other, 'w'), undefined);
  assert.deepEqual(of(api, 'www')!.toSorted(), [front(web), front(api)].toSorted());
  assert.deepEqual(of(api, web.id.slice(0, 12)), [front(web)]);
  assert.deepEqual(names.addresses(api.id, 'web', 6), []);
  assert.equal(of(other, 'api'), undefined);
  assert.equal(of(plain, 'plain'), undefined);
  assert.equal(names.nameOf(api.id, front(web)), 'web.front');
  assert.equal(names.nameOf(other.id, front(web)), undefined);
  await networks.rename(web.id, 'site');
  assert.deepEqual(of(api, 'site'), [front(web)]);
  assert.equal(of(api, 'web'), undefined);
  assert.deepEqual([...resolvers].toSorted(), [web.id, api.id, other.id].toSorted());
  await networks.disconnect(other.id, 'back');
  assert.ok(!resolvers.has(other.id));
  await networks.close(web.id);
  assert.equal(of(api, 'site'), undefined);
});

test('events; a network in use stays; predefined ones stay', async (t) => {
  const { networks, events } = await fixture(t);
  const { id } = await networks.create({ Name: 'front' });
  const sandbox = await networks.open(request('web', { endpoints: { front: {} } }));
  await assert.rejects(networks.remove('front'), {
    kind: 'forbidden',
    message: `error while removing network: network front id ${id} has active endpoints`,
  });
  await networks.connect(sandbox.id, 'bridge', {});
  await networks.close(sandbox.id);
  await networks.remove(id.slice(0, 10));
  for (const name of ['bridge', 'host', 'none'])
    await assert.rejects(networks.remove(name), {
      kind: 'forbidden',
      message: `${name} is a pre-defined network and cannot be removed`,
    });
  assert.deepEqual(events, [
    'network create front',
    'network connect front',
    'network connect bridge',
    'network disconnect front',
    'network disconnect bridge',
    'network destroy front',
  ]);
});

test('a new daemon: running sandboxes stay, others go, links are made again', async (t) => {
  const first = await fixture(t);
  const kept = await first.networks.open(request('kept'));
  const gone = await first.networks.open(request('gone'));
  await first.networks.create({ Name: 'front' });
  await run(['ip', 'link', 'del', first.bridge]);
  const second = await first.again();
  await second.networks.reconcile(new Set([kept.id]));
  assert.deepEqual(second.networks.find(kept.id), kept);
  assert.equal(second.networks.find(gone.id), undefined);
  assert.deepEqual(readdirSync(first.namespaces), [kept.id]);
  assert.deepEqual(await links(first.bridge), [kept.endpoints.bridge!.hostInterface]);
  assert.equal(second.networks.get('front').name, 'front');
  assert.equal((await linkOf(first.bridge))?.ifalias, first.instance);
  await second.networks.close(kept.id);
});
