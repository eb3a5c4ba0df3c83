/**
 * Builds: what a request asks for, what the builder offers, what it needs of others.
 *
 * In: options, a context. Out: an image's ID. May import: types of the areas below.
 */
import type { Readable } from 'node:stream';
import type { HostConfig } from '../containers/types.js';
import type { Digest, Hold, Image, ImageRunConfig, Platform, RegistryAuth } from '../images/types.js';
import type { ProgressMessage } from '../protocol/progress.js';
import type { GivenArgs } from './steps/build-args.js';

export interface BuildOptions {
  /** Path of the Dockerfile below the context. */
  dockerfile: string;
  /** URL of a Dockerfile, an archive or a git repository instead of a context in the body. */
  remote: string;
  tags: readonly string[];
  noCache: boolean;
  cacheFrom: readonly string[];
  /** Pull base images although they are here. */
  pull: boolean;
  /** Remove containers of steps that succeeded. */
  remove: boolean;
  /** Remove them always. */
  forceRemove: boolean;
  args: GivenArgs;
  labels: Readonly<Record<string, string>>;
  target: string;
  platform: Platform | undefined;
  /** Limits, network, hosts of the containers of RUN. */
  hostConfig: HostConfig;
  /** By registry, from X-Registry-Config. */
  auths: Readonly<Record<string, RegistryAuth>>;
}

export type Report = (message: ProgressMessage) => void;

export interface BuildRequest {
  options: BuildOptions;
  context: Readable;
  report: Report;
  /** Emit `aux` messages (API ≥ 1.30). */
  aux: boolean;
  signal: AbortSignal;
}

export interface CommitRequest {
  container: string;
  reference: string | undefined;
  author: string;
  comment: string;
  pause: boolean;
  /** Dockerfile instructions. */
  changes: readonly string[];
  /** Replaces the container's configuration. */
  config: ImageRunConfig | undefined;
}

export interface Builder {
  build(request: BuildRequest): Promise<Digest>;
  /** `docker commit`. */
  commit(request: CommitRequest): Promise<Digest>;
  /** `--change` of commit and import: Dockerfile instructions that change a configuration. */
  applyChanges(config: ImageRunConfig, changes: readonly string[]): Promise<ImageRunConfig>;
}

/** A RUN that ended with another code than 0: the code goes into `errorDetail`. */
export class RunFailure extends Error {
  override readonly name = 'RunFailure';
  constructor(
    message: string,
    readonly code: number,
  ) {
    super(message);
  }
}

/** Fetches an image for FROM or COPY --from; resolves when it can be found by `reference`. */
export type PullImage = (
  reference: string,
  options: {
    platform: Platform | undefined;
    auths: Readonly<Record<string, RegistryAuth>>;
    report: Report;
    signal: AbortSignal;
    /** Gets a hold on the image. */
    holds: Hold[];
  },
) => Promise<Image>;

/** Runs a created container to its end, passing its output on; resolves with the exit code. */
export type RunContainer = (
  id: string,
  output: (stream: 'stdout' | 'stderr', text: string) => void,
  signal: AbortSignal,
) => Promise<number>;
