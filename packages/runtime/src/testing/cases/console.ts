/**
 * Values for console.log, whose text must be as Node's.
 *
 * In: nothing. Out: calls' arguments by name. Imports nothing.
 */
class Point {
  x = 1;
  y = { z: [1, 2, { deep: { deeper: { deepest: 1 } } }] };
}
class Empty {}
function named() {}
function* generator() {}
class Special extends Map {}

const cyclic: Record<string, unknown> = { name: 'loop' };
cyclic.self = cyclic;
cyclic.list = [cyclic, { inner: cyclic }];

const sparse: unknown[] = [1];
sparse.length = 4;
sparse.push(2);

export const calls: Record<string, () => unknown[]> = {
  texts: () => ['plain', 'two\nlines'],
  primitives: () => [1, -0, 1.5, Number.NaN, true, null, undefined, 10n, Symbol('s')],
  nestedTexts: () => [['a', "it's", `both ' and "`, 'all \' " `', 'new\nline', '\x01\x7f', 'ü😀']],
  objects: () => [{ a: 1, 'b-c': 'x', 3: true, [Symbol('k')]: null }, {}, []],
  nested: () => [{ a: { b: { c: { d: 1 } } }, list: [[[[1]]]] }],
  wide: () => [{ first: 'a'.repeat(30), second: 'b'.repeat(30), third: 'c'.repeat(30) }],
  justFits: () => [{ first: 'a'.repeat(20), second: 'b'.repeat(20), third: 1 }],
  numbers: () => [Array.from({ length: 30 }, (_, index) => index * 37)],
  many: () => [Array.from({ length: 120 }, (_, index) => index)],
  words: () => [['apple', 'pear', 'plum', 'fig', 'cherry', 'banana', 'kiwi', 'melon', 'grape']],
  longWords: () => [Array.from({ length: 17 }, (_, index) => 'w'.repeat(index % 9))],
  floats: () => [Array.from({ length: 13 }, (_, index) => index / 7)],
  nestedNumbers: () => [{ deep: { list: Array.from({ length: 40 }, (_, index) => index * index) } }],
  few: () => [[1, 2, 3]],
  sparse: () => [sparse],
  classes: () => [new Point(), new Empty(), Point, class extends Empty {}],
  functions: () => [named, () => {}, async () => {}, generator],
  functionProperty: () => [Object.assign(() => {}, { extra: 1 })],
  maps: () => [
    new Map<unknown, unknown>([
      ['a', 1],
      [{ k: 1 }, [2]],
    ]),
    new Set(['x', 2]),
    new Map(),
    new Special(),
  ],
  dates: () => [new Date(0), new Date(Number.NaN), { at: new Date(0) }],
  patterns: () => [/a+/gi, { pattern: /x/ }],
  boxed: () => [Object(1), Object('s'), Object(true)],
  noPrototype: () => [Object.assign(Object.create(null), { a: 1 })],
  accessors: () => [
    {
      get a() {
        return 1;
      },
      set b(_value: unknown) {},
      get c() {
        return 1;
      },
      set c(_value: unknown) {},
    },
  ],
  cycle: () => [cyclic],
  bytes: () => [new Uint8Array([1, 2, 3]), new Float64Array(2), new ArrayBuffer(3)],
  manyObjects: () => [
    [
      { id: 1, name: 'one' },
      { id: 2, name: 'two' },
      { id: 3, name: 'three' },
    ],
  ],
  rows: () => [
    [
      { id: 1, name: 'a'.repeat(40), tags: ['x', 'y'] },
      { id: 2, name: 'b'.repeat(40), tags: [] },
    ],
  ],
  tagged: () => [{ [Symbol.toStringTag]: 'Tag', a: 1 }],
  weak: () => [new WeakMap(), new WeakSet()],
  extraArray: () => [Object.assign([1, 2], { extra: true })],
  formats: () => [
    '%s is %d years and %i months, %f, %j %o %O %%',
    'Bob',
    42.5,
    7.9,
    '1.5',
    { a: 1 },
    { o: 1 },
    { b: 2 },
    'rest',
    5,
  ],
  formatFew: () => ['%s %s', 'one'],
  formatNone: () => ['100%', 5],
  formatObjects: () => ['%s %s %s', { a: 1 }, [1, [2]], new Empty()],
  formatNumbers: () => ['%d %i %d', 'x', '12px', 3n],
  formatStyle: () => ['%cred', 'color: red'],
  urls: () => [new URL('http://a/b?c=d'), new URLSearchParams('a=b&c=d')],
};
