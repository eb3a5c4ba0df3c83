/**
 * `docker update` and `docker rename`.
 *
 * In: changes. Out: changed records, and control groups where the container runs. May import: the parts beside it.
 */
import { DaemonError } from '../errors.js';
import { type Context, isUp, publish } from './context.js';
import { checkName } from './names.js';
import { resourcesOf } from './spec/resources.js';
import type { Container, HostConfig } from './types.js';
import { checkHostConfig } from './validate.js';

/** What the endpoint may change; the rest of the body is ignored as dockerd does. */
const changeable = [
  'BlkioWeight',
  'CpuPeriod',
  'CpuQuota',
  'CpuRealtimePeriod',
  'CpuRealtimeRuntime',
  'CpuShares',
  'CpusetCpus',
  'CpusetMems',
  'Memory',
  'MemoryReservation',
  'MemorySwap',
  'NanoCpus',
] as const satisfies readonly (keyof HostConfig)[];

/** The configuration after the change; throws conflict for contradictions with what is set. */
export function changedHostConfig(current: HostConfig, change: Partial<HostConfig>): HostConfig {
  const next: HostConfig = { ...current };
  for (const name of changeable) {
    const value = change[name];
    if (value !== undefined && value !== 0 && value !== '') Object.assign(next, { [name]: value });
  }
  if (change.PidsLimit !== undefined && change.PidsLimit !== null) next.PidsLimit = change.PidsLimit;
  if (change.RestartPolicy?.Name) {
    if (current.AutoRemove && change.RestartPolicy.Name !== 'no')
      throw new DaemonError(
        'invalid',
        'Restart policy cannot be updated because AutoRemove is enabled for the container',
      );
    next.RestartPolicy = {
      Name: change.RestartPolicy.Name,
      MaximumRetryCount: change.RestartPolicy.MaximumRetryCount ?? 0,
    };
  }
  if (change.Memory && !change.MemorySwap && current.MemorySwap && current.MemorySwap > 0)
    if (change.Memory > current.MemorySwap)
      throw new DaemonError(
        'conflict',
        'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
      );
  if (change.NanoCpus && (current.CpuQuota || current.CpuPeriod))
    throw new DaemonError(
      'conflict',
      'Conflicting options: Nano CPUs cannot be updated as CPU quota/period has already been set',
    );
  return next;
}

/** Under the container's lock. */
export async function updateContainer(
  context: Context,
  container: Container,
  change: Partial<HostConfig>,
): Promise<{ Warnings: string[] }> {
  if (container.state.status === 'removing' || container.state.status === 'dead')
    throw new DaemonError(
      'conflict',
      `Cannot update container ${container.id}: container is marked for removal and cannot be "update"`,
    );
  const next = changedHostConfig(container.hostConfig, change);
  const { warnings } = checkHostConfig(next, context.host);
  if (isUp(container)) await context.runtimeOf(container).update(container.id, resourcesOf(next));
  container.hostConfig = next;
  await context.records.save(container);
  publish(context, container, 'update');
  return { Warnings: warnings };
}

/** Docker's words before what is wrong with a new name. */
function allocate<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof DaemonError)) throw error;
    throw new DaemonError(error.kind, `Error when allocating new name: ${error.message}`);
  }
}

/** Under the container's lock. */
export async function renameContainer(context: Context, container: Container, to: string): Promise<void> {
  if (to === '' || to === '/') throw new DaemonError('invalid', 'Neither old nor new names may be empty');
  const name = allocate(() => checkName(to));
  const old = container.name;
  if (name === old)
    throw new DaemonError('invalid', 'Renaming a container with the same name as its current name');
  allocate(() => context.registry.reserve(name, container.id));
  container.name = name;
  try {
    await context.records.save(container);
    if (isUp(container)) await context.networks.rename(container.id, name);
  } catch (error) {
    container.name = old;
    context.registry.release(name);
    await context.records.save(container).catch(() => {});
    throw error;
  }
  context.registry.release(old);
  publish(context, container, 'rename', { oldName: `/${old}` });
}
