/**
 * Image config documents from outside: checked before anything is built on them.
 *
 * In: bytes. Out: ImageConfig with valid platform, layers and history. May import: errors, types.
 */
import { DaemonError } from '../../errors.js';
import type { Digest, ImageConfig } from '../types.js';

/** Of a tar without entries, 1024 zero bytes: a step that changed no file adds no layer. */
export const emptyLayerDiffId: Digest =
  'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef';

/** Larger than any real config (history of some hundred steps); manifests are bounded by half of it. */
export const configLimitBytes = 8 * 2 ** 20;

const digestPattern = /^sha256:[0-9a-f]{64}$/;

const refuse = (reason: string): DaemonError =>
  new DaemonError('invalid', `invalid image configuration: ${reason}`);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isOptional = (value: unknown, type: string): boolean =>
  value === undefined || value === null || typeof value === type;

const isStringList = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  (Array.isArray(value) && value.every((entry) => typeof entry === 'string'));

/** Fields of `config` whose wrong type would surprise whoever runs the image. */
function checkRunConfig(config: unknown): void {
  if (config === undefined || config === null) return;
  if (!isObject(config)) throw refuse('config is not an object');
  for (const name of ['User', 'WorkingDir', 'StopSignal'])
    if (!isOptional(config[name], 'string')) throw refuse(`config.${name} is not a string`);
  for (const name of ['Env', 'Entrypoint', 'Cmd', 'Shell', 'OnBuild'])
    if (!isStringList(config[name])) throw refuse(`config.${name} is not a list of strings`);
  for (const name of ['ExposedPorts', 'Volumes', 'Labels', 'Healthcheck'])
    if (config[name] !== undefined && config[name] !== null && !isObject(config[name]))
      throw refuse(`config.${name} is not an object`);
  for (const [name, value] of Object.entries(config.Labels ?? {}))
    if (typeof value !== 'string') throw refuse(`label ${name} is not a string`);
  const health = (config.Healthcheck ?? {}) as Record<string, unknown>;
  if (!isStringList(health.Test)) throw refuse('config.Healthcheck.Test is not a list of strings');
  for (const name of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval', 'Retries'])
    if (!isOptional(health[name], 'number')) throw refuse(`config.Healthcheck.${name} is not a number`);
}

/** Parses and checks; null fields, which Go writes for what is absent, are left out. */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new DaemonError('invalid', 'invalid image configuration: not JSON', { cause });
  }
  if (!isObject(document)) throw refuse('not an object');
  const { rootfs, history, config, os, architecture, variant, created, author } = document;
  if (rootfs === undefined || rootfs === null)
    throw new DaemonError('invalid', 'invalid image JSON, no RootFS key');
  if (!isObject(rootfs)) throw refuse('invalid rootfs in image configuration');
  if (rootfs.type !== 'layers') throw refuse(`unknown rootfs type ${JSON.stringify(rootfs.type)}`);
  const diffIds = rootfs.diff_ids ?? [];
  if (!Array.isArray(diffIds) || !diffIds.every((id) => typeof id === 'string' && digestPattern.test(id)))
    throw refuse('rootfs.diff_ids is not a list of sha256 digests');
  if (history !== undefined && history !== null && !(Array.isArray(history) && history.every(isObject)))
    throw refuse('history is not a list');
  for (const [name, value] of Object.entries({ os, architecture, variant, created, author }))
    if (!isOptional(value, 'string')) throw refuse(`${name} is not a string`);
  checkRunConfig(config);
  const present = Object.fromEntries(Object.entries(document).filter(([, value]) => value !== null));
  return {
    ...present,
    os: (os as string | undefined) || 'linux',
    architecture: (architecture as string | undefined) ?? '',
    rootfs: { type: 'layers', diff_ids: diffIds as Digest[] },
  } as ImageConfig;
}
