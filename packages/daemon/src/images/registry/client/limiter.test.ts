import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLimiter } from './limiter.js';

test('places are given in order, and back', async () => {
  const limiter = createLimiter(() => 1);
  const { signal } = new AbortController();
  const order: string[] = [];
  const first = await limiter.acquire(signal);
  const second = limiter.acquire(signal, () => order.push('second waits'));
  const third = limiter.acquire(signal, () => order.push('third waits')).then(() => order.push('third'));
  assert.deepEqual(order, ['second waits', 'third waits']);
  first();
  first();
  const releaseSecond = await second;
  assert.equal(order.length, 2, 'freeing twice gives one place');
  releaseSecond();
  await third;
  assert.equal(order.at(-1), 'third');
});

test('who gives up does not hold a place', async () => {
  const limiter = createLimiter(() => 1);
  const { signal } = new AbortController();
  const first = await limiter.acquire(signal);
  const controller = new AbortController();
  const abandoned = limiter.acquire(controller.signal);
  controller.abort(new Error('gone'));
  await assert.rejects(abandoned, /gone/);
  first();
  (await limiter.acquire(signal))();
  await assert.rejects(limiter.acquire(controller.signal), /gone/);
});

test('the number of places may change; 0 is no limit', async () => {
  let places = 1;
  const limiter = createLimiter(() => places);
  const { signal } = new AbortController();
  const first = await limiter.acquire(signal);
  const waiting = [limiter.acquire(signal), limiter.acquire(signal)];
  places = 2;
  first();
  await Promise.all(waiting);
  places = 0;
  for (let round = 0; round < 10; round++) await limiter.acquire(signal);
});
