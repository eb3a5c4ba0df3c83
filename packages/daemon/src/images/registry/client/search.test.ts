import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addImage } from '../testing.js';
import { search } from './search.js';
import { setUp } from './testing-client.js';

test("search asks Docker's endpoint where there is one, the catalog elsewhere", async (t) => {
  const { registry, parts } = await setUp(t);
  const { signal } = new AbortController();
  addImage(registry, 'team/web', '1', []);
  addImage(registry, 'db', '1', []);
  const find = (term: string, filters: [string, string[]][] = [], limit = 0) =>
    search(parts, {
      term: `${registry.host}/${term}`,
      limit,
      filters: new Map(filters),
      auth: undefined,
      signal,
    });
  assert.deepEqual(
    (await find('web')).map(({ name }) => name),
    [`${registry.host}/team/web`],
  );
  assert.deepEqual(await find('web', [['is-official', ['true']]]), []);
  registry.intercept = (_request, response, url) => {
    if (url.pathname !== '/v1/search') return false;
    const entry = (name: string, stars: number) => ({
      name,
      description: `about ${name}`,
      star_count: stars,
      is_official: stars > 5,
    });
    response.end(
      JSON.stringify({ results: [entry('a', 9), entry('b', 1)], query: url.searchParams.get('q') }),
    );
    return true;
  };
  assert.deepEqual(await find('x', [['stars', ['3']]]), [
    { name: 'a', description: 'about a', star_count: 9, is_official: true, is_automated: false },
  ]);
  assert.equal((await find('x', [], 1)).length, 1);
  await assert.rejects(find('x', [['color', ['red']]]), /invalid filter 'color'/);
  await assert.rejects(find('x', [], 101), /limit 101 is outside the range of \[1, 100\]/);
});
