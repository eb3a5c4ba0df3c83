/**
 * `/build` and `/commit`: images made of Dockerfiles and containers.
 *
 * In: calls. Out: calls into the builder. May import: http, build.
 */
import { Type } from '@sinclair/typebox';
import { type Builder, RunFailure } from '../../build/types.js';
import { DaemonError } from '../../errors.js';
import type { EventSink } from '../../events/types.js';
import type { Call, ProgressMessage, Route } from '../../http/route.js';
import { familiarString, parseReference, withDefaultTag } from '../../images/documents/reference.js';
import type { ImageRunConfig } from '../../images/types.js';
import { parseBuildOptions } from './build-parameters.js';

/** `aux` messages since this version. */
const auxSince = 30;

const texts = Type.Union([Type.Array(Type.String()), Type.Null()]);
const set = Type.Union([Type.Record(Type.String(), Type.Object({})), Type.Null()]);

/** ContainerConfig, the part that an image has. */
const commitSchema = Type.Union([
  Type.Null(),
  Type.Object({
    User: Type.Optional(Type.String()),
    ExposedPorts: Type.Optional(set),
    Env: Type.Optional(texts),
    Entrypoint: Type.Optional(texts),
    Cmd: Type.Optional(texts),
    Volumes: Type.Optional(set),
    WorkingDir: Type.Optional(Type.String()),
    Labels: Type.Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()])),
    StopSignal: Type.Optional(Type.String()),
    Healthcheck: Type.Optional(
      Type.Union([
        Type.Null(),
        Type.Object({
          Test: Type.Optional(texts),
          Interval: Type.Optional(Type.Number()),
          Timeout: Type.Optional(Type.Number()),
          StartPeriod: Type.Optional(Type.Number()),
          StartInterval: Type.Optional(Type.Number()),
          Retries: Type.Optional(Type.Number()),
        }),
      ]),
    ),
    Shell: Type.Optional(texts),
    OnBuild: Type.Optional(texts),
  }),
]);

const withoutNulls = (value: object): ImageRunConfig =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));

/** Ends the stream with the error; the code of a failed RUN goes with it, as `docker build` exits with it. */
function failBuild(call: Call, error: unknown): void {
  const progress = call.progress();
  if (!(error instanceof RunFailure)) {
    progress.fail(error);
    return;
  }
  progress.write({ errorDetail: { code: error.code, message: error.message }, error: error.message });
  progress.end();
}

export interface BuildRouteDependencies {
  builder: Builder;
  events: EventSink;
}

export function buildRoutes({ builder, events }: BuildRouteDependencies): Route[] {
  /** Builds under way by `buildid`. */
  const underWay = new Map<string, AbortController>();

  const build = async (call: Call): Promise<void> => {
    const id = call.query.get('buildid') ?? '';
    const cancel = new AbortController();
    const quiet = call.flag('q');
    const held: ProgressMessage[] = [];
    const progress = call.progress();
    try {
      const options = parseBuildOptions(call);
      if (id !== '') underWay.set(id, cancel);
      const image = await builder.build({
        options,
        context: call.input,
        report: quiet ? (message) => held.push(message) : progress.write,
        aux: call.version >= auxSince,
        signal: AbortSignal.any([call.signal, cancel.signal]),
      });
      if (quiet) progress.write({ stream: `${image}\n` });
      progress.end();
    } catch (error) {
      for (const message of held) progress.write(message);
      failBuild(call, error);
    } finally {
      if (underWay.get(id) === cancel) underWay.delete(id);
      // A client that is still sending its context must be able to finish before it reads the answer.
      call.input.resume();
    }
  };

  const commit = async (call: Call): Promise<void> => {
    const text = (name: string): string => call.query.get(name) ?? '';
    const repository = text('repo');
    const tag = text('tag');
    let reference: string | undefined;
    if (repository !== '') {
      const parsed = parseReference(repository);
      if (parsed.digest !== undefined) throw new DaemonError('invalid', 'cannot create a tag with a digest');
      const named = tag === '' ? parsed : parseReference(`${parsed.familiar}:${tag}`);
      reference = familiarString(withDefaultTag(named));
    }
    const id = await builder.commit({
      container: text('container'),
      reference,
      author: text('author'),
      comment: text('comment'),
      pause: call.flag('pause', true),
      changes: call.query.getAll('changes'),
      config: call.body ? withoutNulls(call.body) : undefined,
    });
    call.json(201, { Id: id });
  };

  return [
    { method: 'POST', path: '/build', handler: build },
    {
      method: 'POST',
      path: '/build/prune',
      since: 31,
      async handler(call) {
        call.filters();
        for (const name of ['keep-storage', 'reserved-space', 'max-used-space', 'min-free-space'])
          call.integer(name);
        // The cache is images: `docker image prune` takes them.
        events.publish('builder', 'prune', { ID: '', Attributes: { reclaimed: '0' } });
        call.json(200, { CachesDeleted: null, SpaceReclaimed: 0 });
      },
    },
    {
      method: 'POST',
      path: '/build/cancel',
      since: 39,
      async handler(call) {
        const id = call.query.get('id') ?? '';
        if (id === '') throw new DaemonError('invalid', 'build ID not provided');
        underWay.get(id)?.abort();
        call.empty(200);
      },
    },
    { method: 'POST', path: '/commit', body: commitSchema, bodyOptional: true, handler: commit },
  ];
}
