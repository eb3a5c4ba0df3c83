/** Images that must not start: one line that says why, exit code 1, nothing printed by a guest. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { imageHeader, sectionTypes } from '@noos/abi';
import { buildGuest, contentDigest, type Guest, guestSections, imageBytes } from '../testing/guest.js';

let guest: Guest;
before(async () => {
  guest = await buildGuest();
});

function run(
  image: Buffer | string,
  ...options: string[]
): { status: number | null; out: string; error: string } {
  const path = typeof image === 'string' ? image : `${guest.image}.bad`;
  if (typeof image !== 'string') writeFileSync(path, image);
  const { status, stdout, stderr } = spawnSync(guest.runtime, [path, '--param', 'do=t', ...options], {
    encoding: 'utf8',
    timeout: 5000,
  });
  if (typeof image !== 'string') rmSync(path);
  return { status, out: stdout, error: stderr };
}

function refused(result: ReturnType<typeof run>, why: RegExp): void {
  assert.equal(result.status, 1);
  assert.equal(result.out, '');
  assert.match(result.error, why);
  assert.equal(result.error.trim().split('\n').length, 1);
}

const good = (): Buffer => imageBytes(guestSections(), guest.digests);

test('the image is good as it is', () => assert.equal(run(good()).status, 5));

test('every flipped byte is found', () => {
  const size = good().length;
  for (let at = 0; at < size; at += 997) {
    // Bytes 120 to 127 of the header are reserved and no part of the digest.
    if (at >= imageHeader.reserved[0] && at < 128) continue;
    const image = good();
    image[at]! ^= 0x40;
    const { status, out } = run(image);
    assert.deepEqual([status, out], [1, ''], `byte ${at}`);
  }
});

test('a flipped byte of the content is a digest error', () => {
  const image = good();
  image[image.length - 1]! ^= 1;
  refused(run(image), /content digest does not match/);
});

test('truncated, extended, empty, foreign, missing', () => {
  refused(run(good().subarray(0, -1)), /truncated or has bytes appended/);
  refused(run(Buffer.concat([good(), Buffer.alloc(1)])), /truncated or has bytes appended/);
  refused(run(Buffer.alloc(0)), /not a Noos image/);
  refused(run(Buffer.from('#!/bin/sh\n'.repeat(100))), /not a Noos image/);
  refused(run('/nonexistent'), /cannot be opened: No such file/);
  refused(run('/'), /is not a file/);
});

test('another interface version, another engine, another library OS', () => {
  const image = good();
  image.writeUInt32LE(99, imageHeader.abiVersion[0]);
  refused(run(image), /another version of the platform interface/);
  const other = Buffer.alloc(32, 1);
  refused(run(imageBytes(guestSections(), { ...guest.digests, engine: other })), /another engine\.wasm/);
  refused(run(imageBytes(guestSections(), { ...guest.digests, libos: other })), /another libos\.wasm/);
});

test('sections that contradict each other, under a right digest', () => {
  const changed = (type: number, bytes: Buffer, value?: bigint): Buffer =>
    imageBytes(
      guestSections().map((section) =>
        section.type === type
          ? {
              type,
              bytes,
              ...((value ?? section.value) === undefined ? {} : { value: value ?? section.value! }),
            }
          : section,
      ),
      guest.digests,
    );
  const runs = (...values: number[]): Buffer => Buffer.from(new Uint32Array(values).buffer);
  refused(run(changed(sectionTypes.libosRuns, runs(0xffffffff, 1))), /runs overlap or lie outside/);
  refused(run(changed(sectionTypes.libosRuns, runs(64, 1))), /runs overlap or lie outside/);
  refused(run(changed(sectionTypes.libosRuns, runs(2, 0xffffffff))), /runs overlap or lie outside/);
  refused(run(changed(sectionTypes.libosRuns, runs(2, 2))), /differ in length/);
  refused(run(changed(sectionTypes.libosRuns, Buffer.alloc(7))), /memory size is impossible/);
  refused(run(changed(sectionTypes.libosGlobals, Buffer.alloc(8))), /globals are not this runtime's/);
  refused(run(changed(sectionTypes.libosPages, Buffer.alloc(4096), 65536n)), /memory size is impossible/);
  refused(run(imageBytes(guestSections().slice(0, 5), guest.digests)), /lacks a memory/);
  const twice = [...guestSections(), guestSections()[0]!];
  refused(run(imageBytes(twice, guest.digests)), /a section twice/);
  refused(run(imageBytes([{ type: 99, bytes: Buffer.alloc(1) }], guest.digests)), /does not know/);
  const outside = good();
  outside.writeBigUInt64LE(1n << 63n, 128 + 8);
  outside.set(contentDigest(outside), imageHeader.contentDigest[0]);
  refused(run(outside), /outside the image/);
});

test('wrong use is exit code 2', () => {
  for (const [options, why] of [
    [['--tap', 'x', '--socket', 'y'], /give only one of them/],
    [['--ip', '192.0.2.1/24'], /without a network/],
    [['--memory', 'lots'], /needs a size/],
    [['--param', 'novalue'], /needs KEY=VALUE/],
    [['--disk', '/dev/null:ro'], /is no disk/],
    [['--nonsense'], /unrecognized option/],
  ] as const) {
    const { status, error } = run(guest.image, ...options);
    assert.equal(status, options[0] === '--disk' ? 1 : 2);
    assert.match(error, why);
  }
});

test('a TAP device or a socket that does not exist', () => {
  refused(run(guest.image, '--tap', 'noos-missing'), /no such TAP device: create it with/);
  refused(run(guest.image, '--socket', '/nonexistent'), /no network listens at this socket/);
});
