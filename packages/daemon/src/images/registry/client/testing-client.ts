import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createLayout } from '../../../layout.js';
import { createLogger } from '../../../log.js';
import type { ProgressMessage } from '../../../protocol/progress.js';
import { parsePlatform } from '../../documents/platform.js';
import { parseReference } from '../../documents/reference.js';
import { openImageStore } from '../../store/store.js';
import type { RegistryAuth } from '../../types.js';
import { type FakeRegistry, startFakeRegistry } from '../testing.js';
import { createBlobRecords } from '../transfers/blob-records.js';
import { type PullRequest, pull } from '../transfers/pull.js';
import { push } from '../transfers/push.js';
import { createTransfers } from '../transfers/transfers.js';
import { createLimiter } from './limiter.js';

export const log = createLogger('fatal');

export interface RequestOptions {
  auth?: RegistryAuth;
  platform?: string;
  signal?: AbortSignal;
}

/** A registry client with a store of its own, and a registry that does as told. */
export async function setUp(t: TestContext, mirrors: string[] = []) {
  const directory = mkdtempSync(join(tmpdir(), 'noos-registry-'));
  const registry = await startFakeRegistry();
  t.after(async () => {
    await registry.close();
    rmSync(directory, { recursive: true });
  });
  const events: string[] = [];
  const layout = createLayout(join(directory, 'data'), join(directory, 'run'));
  const store = await openImageStore({
    layout,
    log,
    events: {
      publish: (type, action, { ID }) => events.push(`${type} ${action} ${ID.replace(registry.host, 'R')}`),
    },
  });
  const retry = { attempts: 3, unitMs: 1 };
  const records = await createBlobRecords(join(directory, 'blobs.json'));
  const parts = {
    ...store,
    log,
    events: {
      publish: (type: string, action: string, { ID }: { ID: string }) =>
        void events.push(`${type} ${action} ${ID.replace(registry.host, 'R')}`),
    },
    records,
    retry,
    transfers: createTransfers({ ...store, downloads: createLimiter(() => 3), retry }),
    uploads: createLimiter(() => 5),
    config: () => ({ mirrors, insecureRegistries: [] }),
    certificateDirectories: [],
  };
  const shown: ProgressMessage[] = [];
  const request = (name: string, options: RequestOptions = {}): PullRequest => ({
    reference: parseReference(`${registry.host}/${name}`),
    platform: options.platform === undefined ? undefined : parsePlatform(options.platform),
    auth: options.auth,
    report: (message: ProgressMessage) => void shown.push(message),
    signal: options.signal ?? new AbortController().signal,
  });
  const graph = join(layout.layers, 'graph');
  return {
    registry,
    events,
    parts,
    shown,
    request,
    texts: () => shown.map(({ id, status }) => (id === undefined ? status : `${id}: ${status}`)),
    pull: (name: string, options?: RequestOptions) => pull(parts, request(name, options)),
    push: (name: string, options?: RequestOptions) => push(parts, request(name, options)),
    /** Nothing half-made: no staged layers, no partial downloads. */
    leftovers: () => [
      ...readdirSync(join(layout.layers, 'tmp')),
      ...(existsSync(join(layout.content, 'partial')) ? readdirSync(join(layout.content, 'partial')) : []),
    ],
    layersOnDisk: () => readdirSync(graph).length,
  };
}

/** Makes the registry ask for tokens; `accept` says who gets one. */
export const withToken = (
  registry: FakeRegistry,
  accept: (authorization: string | undefined) => boolean,
): { tokens: URL[] } => {
  const seen = { tokens: [] as URL[] };
  registry.intercept = (request, response, url) => {
    if (url.pathname === '/token') {
      seen.tokens.push(url);
      if (!accept(request.headers.authorization)) {
        response.writeHead(401, { 'content-type': 'application/json' });
        response.end('{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}');
      } else
        response.end(
          JSON.stringify({
            token: `for ${url.searchParams.getAll('scope').join(' ')}`,
            refresh_token: 'again',
          }),
        );
      return true;
    }
    if (request.headers.authorization?.startsWith('Bearer for')) return false;
    response.writeHead(401, {
      'www-authenticate': `Bearer realm="http://${registry.host}/token",service="fake"`,
      'content-type': 'application/json',
    });
    response.end('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}');
    return true;
  };
  return seen;
};
