/**
 * Published ports as a table: host address × families of the network × families the service listens on × protocol,
 * from the host and from another host.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProgram, startDaemon } from './daemon.js';
import { externalHost, importNetImage } from './external-hosts.js';
import type { Question } from './port-asker.js';

type Family = 4 | 6;
type Place = 'the host' | 'another host';

const networks: Record<string, readonly Family[]> = { four: [4], dual: [4, 6], six: [6] };
/** By container port: the families that the service listens on. */
const services: Record<number, readonly Family[]> = { 80: [4], 81: [6], 82: [4, 6] };
const protocols = ['tcp', 'udp'] as const;

function listener(protocol: 'tcp' | 'udp', port: string, families: readonly Family[]): string {
  const [kind, only] = families.includes(6)
    ? [6, families.includes(4) ? ',ipv6only=0' : ',ipv6only=1']
    : [4, ''];
  const address = protocol === 'tcp' ? `TCP${kind}-LISTEN:${port},reuseaddr` : `UDP${kind}-RECVFROM:${port}`;
  return `socat ${address},fork${only} 'SYSTEM:echo ${protocol} ${port}' &`;
}

const serving = [
  ...protocols.flatMap((protocol) =>
    Object.entries(services).map(([port, families]) => listener(protocol, port, families)),
  ),
  'wait',
].join('\n');

test('published ports by address, network, service and protocol', async (t) => {
  const daemon = await startDaemon(t);
  const cable = externalHost(t);
  await importNetImage(daemon);
  const link = (...words: string[]) => execFileSync('ip', words, { encoding: 'utf8' });
  // A second address of each family on the same cable: an answer must come from the one that was asked.
  const [second, second6] = [cable.gateway.replace(/\.1$/, '.9'), cable.gateway6.replace(/::1$/, '::9')];
  link('addr', 'add', `${second}/24`, 'dev', cable.interface);
  link('addr', 'add', `${second6}/64`, 'dev', cable.interface, 'nodad');
  const local6 = /inet6 (fe80::[0-9a-f:]+)/.exec(link('-6', 'addr', 'show', 'dev', cable.interface))![1]!;

  /** Host address → addresses that are asked and must lead to the container, by where they are asked from. */
  const bindings: Record<string, Record<Place, readonly string[]>> = {
    '0.0.0.0': {
      'the host': ['127.0.0.1', '127.0.0.7', cable.gateway, second],
      'another host': [cable.gateway, second],
    },
    '127.0.0.1': { 'the host': ['127.0.0.1'], 'another host': [] },
    '127.0.0.7': { 'the host': ['127.0.0.7'], 'another host': [] },
    [cable.gateway]: { 'the host': [cable.gateway], 'another host': [cable.gateway] },
    '::': {
      'the host': ['::1', cable.gateway6, second6, `${local6}%${cable.interface}`],
      'another host': [cable.gateway6, second6, `${local6}%${cable.interface.replace('nx', 'ny')}`],
    },
    '::1': { 'the host': ['::1'], 'another host': [] },
    [cable.gateway6]: { 'the host': [cable.gateway6], 'another host': [cable.gateway6] },
  };
  const everywhere = Object.values(bindings);
  const addressesFrom = (place: Place) => [...new Set(everywhere.flatMap((each) => each[place]))];
  const familyOf = (address: string): Family => (address.includes(':') ? 6 : 4);

  for (const [name, families] of Object.entries(networks)) {
    const { status } = await daemon.api('POST', '/networks/create', {
      Name: name,
      EnableIPv4: families.includes(4),
      EnableIPv6: families.includes(6),
    });
    assert.equal(status, 201);
    const ports = Object.keys(services).flatMap((port) =>
      protocols.flatMap((protocol) =>
        Object.keys(bindings).flatMap((host) => [
          '-p',
          `${host.includes(':') ? `[${host}]` : host}::${port}/${protocol}`,
        ]),
      ),
    );
    await daemon.ok('run', '-d', '--name', name, '--network', name, ...ports, 'net', 'sh', '-c', serving);
  }

  interface Row extends Question {
    name: string;
    place: Place;
    answer: string;
  }
  const rows: Row[] = [];
  for (const [name, families] of Object.entries(networks)) {
    const shown = JSON.parse(
      await daemon.ok('inspect', '-f', '{{json .NetworkSettings.Ports}}', name),
    ) as Record<string, { HostIp: string; HostPort: string }[]>;
    for (const [key, published] of Object.entries(shown)) {
      const [port, protocol] = key.split('/') as [string, 'tcp' | 'udp'];
      assert.deepEqual(published.map(({ HostIp }) => HostIp).sort(), Object.keys(bindings).sort(), key);
      for (const { HostIp, HostPort } of published)
        for (const place of ['the host', 'another host'] as const)
          for (const address of addressesFrom(place).filter((each) => familyOf(each) === familyOf(HostIp))) {
            // A family that the network lacks is forwarded to the other one. No other family is tried when the service
            // does not listen on the one it gets: neither does dockerd, which translates as the kernel does.
            const arrives = families.includes(familyOf(HostIp)) ? familyOf(HostIp) : families[0]!;
            rows.push({
              ...{ protocol, address, port: Number(HostPort), place },
              name: `network ${name}, -p ${HostIp}::${key}, from ${place} to ${address}`,
              answer: `${protocol} ${port}`,
              expected:
                bindings[HostIp]![place].includes(address) && services[Number(port)]!.includes(arrives),
            });
          }
    }
  }

  const asker = join(import.meta.dirname, 'port-asker.js');
  /** In portions: the containers fork a process for each question. */
  async function answers(place: Place, asked: readonly Row[]): Promise<string[]> {
    const found: string[] = [];
    for (let at = 0; at < asked.length; at += 50) {
      const words = [asker, JSON.stringify(asked.slice(at, at + 50))];
      const outcome =
        place === 'the host'
          ? await runProgram(process.execPath, words)
          : await cable.run(process.execPath, ...words);
      assert.equal(outcome.code, 0, outcome.stderr);
      found.push(...(JSON.parse(outcome.stdout) as string[]));
    }
    return found;
  }

  for (const place of ['the host', 'another host'] as const)
    for (const expected of [true, false])
      await t.test(`from ${place}: ${expected ? 'what answers' : 'what stays silent'}`, async () => {
        const asked = rows.filter((row) => row.place === place && row.expected === expected);
        const found = await answers(place, asked);
        const wrong = asked.filter(({ answer }, at) => found[at] !== (expected ? answer : ''));
        assert.ok(asked.length > 50);
        assert.deepEqual(
          wrong.map(({ name }) => name),
          [],
        );
      });
});
