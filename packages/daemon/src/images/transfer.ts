/**
 * Images between this host and elsewhere: registries, archives, root file systems. Face of the folder for the API.
 *
 * In: the image store, the registry configuration. Out: ImageTransfer. May import: the files beside, registry/.
 */
import { join } from 'node:path';
import type { EventSink } from '../events/types.js';
import type { Layout } from '../layout.js';
import type { Logger } from '../log.js';
import type { ImportRequest } from './archives/import.js';
import type { LoadRequest } from './archives/load.js';
import type { Reference } from './documents/reference.js';
import { type RegistryConfig, validateRegistryConfig } from './registry/client/endpoints.js';
import { createLimiter } from './registry/client/limiter.js';
import type { SearchRequest, SearchResult } from './registry/client/search.js';
import { createBlobRecords } from './registry/transfers/blob-records.js';
import { defaultRetryPolicy, type RetryPolicy } from './registry/transfers/download.js';
import type { PullRequest } from './registry/transfers/pull.js';
import type { PushRequest } from './registry/transfers/push.js';
import { createTransfers } from './registry/transfers/transfers.js';
import type { Content, Descriptor, Image, Images, Layers, Platform, RegistryAuth } from './types.js';

export interface ImageTransfer {
  pull(request: PullRequest): Promise<void>;
  push(request: PushRequest): Promise<void>;
  load(request: LoadRequest): Promise<void>;
  import(request: ImportRequest): Promise<Image>;
  search(request: SearchRequest): Promise<SearchResult[]>;
  inspect(
    reference: Reference,
    auth: RegistryAuth | undefined,
    signal: AbortSignal,
  ): Promise<{ Descriptor: Descriptor; Platforms: Platform[] }>;
  /** Checks credentials; resolves with the registry's identity token, "" for none. */
  login(auth: RegistryAuth, signal: AbortSignal): Promise<string>;
  /** Writes what is only remembered so far. */
  close(): Promise<void>;
}

export interface ImageTransferConfig extends RegistryConfig {
  readonly maxConcurrentDownloads: number;
  readonly maxConcurrentUploads: number;
  readonly maxDownloadAttempts: number;
}

export async function createImageTransfer(dependencies: {
  layout: Layout;
  images: Images;
  layers: Layers;
  content: Content;
  events: EventSink;
  log: Logger;
  /** The configuration in force; mirrors and insecure registries may change while running. */
  config(): ImageTransferConfig;
}): Promise<ImageTransfer> {
  const { layout, layers, content, config } = dependencies;
  const parts = { ...dependencies, config: () => validateRegistryConfig(config()) };
  // A configuration that cannot be used ends the start, not the first pull.
  parts.config();
  const records = await createBlobRecords(join(layout.images, 'blobs.json'));
  const downloads = createLimiter(() => config().maxConcurrentDownloads);
  const uploads = createLimiter(() => config().maxConcurrentUploads);
  const retry: RetryPolicy = {
    ...defaultRetryPolicy,
    get attempts() {
      return config().maxDownloadAttempts;
    },
  };
  const transfers = createTransfers({ content, layers, downloads, retry });
  const { temporary } = layout;
  // The registry client is loaded when it is first used: most daemons are idle most of the time.
  return {
    pull: async (request) =>
      (await import('./registry/transfers/pull.js')).pull({ ...parts, transfers, records }, request),
    push: async (request) =>
      (await import('./registry/transfers/push.js')).push({ ...parts, records, uploads }, request),
    load: async (request) =>
      (await import('./archives/load.js')).loadImages({ ...parts, temporary }, request),
    import: async (request) => (await import('./archives/import.js')).importImage(parts, request),
    search: async (request) => (await import('./registry/client/search.js')).search(parts, request),
    inspect: async (...request) =>
      (await import('./registry/authentication/account.js')).inspectDistribution(parts, ...request),
    login: async (...request) =>
      (await import('./registry/authentication/account.js')).login(parts, ...request),
    close: () => records.flush(),
  };
}
