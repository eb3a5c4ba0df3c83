/**
 * Which fields of an instruction have their variables replaced (EXPOSE does it itself, into several words).
 *
 * In: an instruction's body, a function for one word. Out: a body. May import: instructions.
 */
import type { Body, CopyFields } from './instructions.js';
import type { Pair } from './words.js';

type Expand = (word: string) => string;

const pairs = (list: readonly Pair[], expand: Expand): Pair[] =>
  list.map(({ key, value }) => ({ key: expand(key), value: expand(value) }));

const copyFields = (copy: CopyFields, expand: Expand): CopyFields => ({
  ...copy,
  sources: copy.sources.map(expand),
  destination: expand(copy.destination),
  chown: expand(copy.chown),
  chmod: expand(copy.chmod),
  exclude: copy.exclude.map(expand),
});

export function expandBody(body: Body, expand: Expand): Body {
  switch (body.kind) {
    case 'add':
      return { ...body, copy: copyFields(body.copy, expand), checksum: expand(body.checksum) };
    case 'copy':
      return { ...body, copy: copyFields(body.copy, expand) };
    case 'arg':
      return {
        ...body,
        args: body.args.map(({ name, value }) => ({
          name: expand(name),
          value: value === undefined ? undefined : expand(value),
        })),
      };
    case 'env':
      return { ...body, pairs: pairs(body.pairs, expand) };
    case 'label':
      return body.literal ? body : { ...body, pairs: pairs(body.pairs, expand) };
    case 'stopsignal':
      return { ...body, signal: expand(body.signal) };
    case 'user':
      return { ...body, user: expand(body.user) };
    case 'volume':
      return { ...body, volumes: body.volumes.map(expand) };
    case 'workdir':
      return { ...body, path: expand(body.path) };
    default:
      return body;
  }
}
