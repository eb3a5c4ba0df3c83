/**
 * A container's configuration from the request and its image (moby, runconfig and daemon/commit.go `merge`).
 *
 * In: ContainerConfig, the image's config. Out: the effective ones. May import: container and image types, errors.
 */
import { DaemonError } from '../../errors.js';
import type { HealthcheckConfig, ImageRunConfig } from '../../images/types.js';
import type { ContainerConfig } from '../types.js';

const environmentName = (entry: string): string => entry.split('=', 1)[0]!;

function mergeHealthcheck(
  own: HealthcheckConfig | undefined,
  image: HealthcheckConfig | undefined,
): HealthcheckConfig | undefined {
  if (image === undefined || own === undefined) return own ?? image;
  return {
    Test: own.Test?.length ? own.Test : (image.Test ?? []),
    Interval: own.Interval || image.Interval || 0,
    Timeout: own.Timeout || image.Timeout || 0,
    StartPeriod: own.StartPeriod || image.StartPeriod || 0,
    StartInterval: own.StartInterval || image.StartInterval || 0,
    Retries: own.Retries || image.Retries || 0,
  };
}

/** What the user said wins; lists and maps are united; Cmd of the image counts only with its Entrypoint. */
export function mergeConfig(request: ContainerConfig, image: ImageRunConfig = {}): ContainerConfig {
  const own = new Set((request.Env ?? []).map(environmentName));
  const env = [
    ...(request.Env ?? []),
    ...(image.Env ?? []).filter((entry) => !own.has(environmentName(entry))),
  ];
  const healthcheck = mergeHealthcheck(request.Healthcheck, image.Healthcheck);
  // `--entrypoint ""` arrives as [""]: an empty one that also hides the image's command.
  const cleared = request.Entrypoint?.length === 1 && request.Entrypoint[0] === '';
  const inherits = !request.Entrypoint?.length;
  const entrypoint = cleared ? null : inherits ? (image.Entrypoint ?? null) : request.Entrypoint;
  const command = request.Cmd?.length ? request.Cmd : inherits ? (image.Cmd ?? null) : (request.Cmd ?? null);
  const ports = { ...image.ExposedPorts, ...request.ExposedPorts };
  const volumes = { ...image.Volumes, ...request.Volumes };
  return {
    ...request,
    User: request.User || image.User || '',
    Env: env,
    Entrypoint: entrypoint ?? null,
    Cmd: command,
    WorkingDir: request.WorkingDir || image.WorkingDir || '',
    Labels: { ...image.Labels, ...request.Labels },
    ...(Object.keys(ports).length > 0 ? { ExposedPorts: ports } : {}),
    ...(Object.keys(volumes).length > 0 ? { Volumes: volumes } : {}),
    ...(request.StopSignal || image.StopSignal
      ? { StopSignal: request.StopSignal || image.StopSignal! }
      : {}),
    ...(healthcheck === undefined ? {} : { Healthcheck: healthcheck }),
    ...(request.Shell?.length || image.Shell?.length
      ? { Shell: request.Shell?.length ? request.Shell : image.Shell! }
      : {}),
    ...(image.OnBuild?.length ? { OnBuild: image.OnBuild } : {}),
  };
}

/** Program and arguments; throws invalid `no command specified`. */
export function commandOf(config: ContainerConfig): { path: string; args: string[] } {
  const [path, ...args] = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  if (path === undefined) throw new DaemonError('invalid', 'no command specified');
  return { path, args };
}
