#!/usr/bin/env node
// The tables of docs/api.md: endpoint × implemented × tested, from the daemon's own routes and the requests that the
// end-to-end tests made; and the explained differences from dockerd.
// Usage: node scripts/api-coverage.mjs [--check] [--record FILE]
//   --record FILE  adds the routes in FILE (written by the tests with NOOS_RECORD_ROUTES=FILE) to those known as tested
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { endpoints, refusing } from './api-endpoints.mjs';

const document = 'docs/api.md';
const testedFile = 'test/daemon/requested-routes.txt';
const { values } = parseArgs({ options: { check: { type: 'boolean' }, record: { type: 'string' } } });

/** Stands in for what a factory of routes is given: it only has to make the table. */
const anything = new Proxy(() => {}, {
  get: (_, name) => (name === Symbol.toPrimitive ? () => '' : anything),
  apply: () => anything,
  construct: () => anything,
});

/** Names of parameters do not matter: `/images/*image/json` is `/images/*name/json`. */
const canonical = (route) =>
  route
    .replace(/:[^/]+/g, ':x')
    .replace(/\*[^/]+/g, '*x')
    .replace('/volumes/*x', '/volumes/:x');

async function routesOfDaemon() {
  const directory = resolve('packages/daemon/dist/api');
  const found = new Set();
  const modules = readdirSync(directory, { recursive: true }).filter((name) => /(?<!\.test)\.js$/.test(name));
  for (const file of modules)
    for (const [name, factory] of Object.entries(await import(join(directory, file))))
      if (/(Routes|Api)$/.test(name) && typeof factory === 'function') {
        const made = factory(anything);
        for (const { method, path } of made.routes ?? made) found.add(canonical(`${method} ${path}`));
      }
  return found;
}

const linesOf = (file) =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];

const tested = new Set([
  ...linesOf(testedFile),
  ...(values.record === undefined ? [] : linesOf(values.record)),
]);
if (values.record !== undefined)
  writeFileSync(
    testedFile,
    [...tested]
      .sort()
      .map((line) => `${line}\n`)
      .join(''),
  );

const implemented = await routesOfDaemon();
const testedCanonical = new Set([...tested].map(canonical));
const rows = Object.entries(endpoints).flatMap(([group, list]) =>
  list.map((endpoint) => {
    const key = canonical(endpoint);
    const yes = refusing.has(group) ? 'answers as an engine without' : 'yes';
    return {
      group,
      endpoint,
      implemented: implemented.has(key) ? yes : 'no',
      tested: testedCanonical.has(key),
    };
  }),
);
const count = (select) => rows.filter(select).length;
const table = [
  `${count((row) => row.implemented !== 'no')} of ${rows.length} endpoints are implemented, ${count((row) => row.tested)} are asked for by the end-to-end tests.`,
  '',
  '| group | endpoint | implemented | tested |',
  '|---|---|---|---|',
  ...rows.map(
    (row) => `| ${row.group} | \`${row.endpoint}\` | ${row.implemented} | ${row.tested ? 'yes' : 'no'} |`,
  ),
].join('\n');

const { explained } = await import(resolve('test/dist/compare/differences.js'));
const differences = [
  '| what differs | why |',
  '|---|---|',
  ...explained.map(({ what, why }) => `| ${what} | ${why} |`),
].join('\n');

/** The document with `content` between the marks of that name. */
function between(text, name, content) {
  const [open, close] = [`<!-- ${name}: made by scripts/api-coverage.mjs -->`, `<!-- /${name} -->`];
  const [start, end] = [text.indexOf(open), text.indexOf(close)];
  if (start < 0 || end < start) {
    console.error(`${document} has no place for ${name}: ${open} … ${close}`);
    process.exit(1);
  }
  return `${text.slice(0, start + open.length)}\n\n${content}\n\n${text.slice(end)}`;
}

const text = readFileSync(document, 'utf8');
const next = between(between(text, 'coverage', table), 'differences', differences);
if (values.check && next !== text) {
  console.error(`the tables of ${document} are not current: node scripts/api-coverage.mjs`);
  process.exit(1);
}
if (!values.check) writeFileSync(document, next);
console.log(table.split('\n', 1)[0]);
