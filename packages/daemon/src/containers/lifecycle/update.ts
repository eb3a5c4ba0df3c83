/**
 * `docker update` and `docker rename`.
 *
 * In: changes. Out: changed records, and control groups where the container runs. May import: the parts beside it.
 */
import { DaemonError } from '../../errors.js';
import { checkHostConfig } from '../configuration/validate.js';
import { type Context, isUp, publish } from '../context.js';
import { checkName } from '../records/names.js';
import { resourcesOf } from '../spec/resources.js';
import type { Container, HostConfig } from '../types.js';

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

/** moby daemon/container: UpdateContainer. What is set already limits what may change. */
function checkChange(current: HostConfig, change: Partial<HostConfig>): void {
  const conflict = (message: string) => new DaemonError('conflict', message);
  const clashes = (one: keyof HostConfig, other: keyof HostConfig) =>
    Number(change[one] ?? 0) > 0 && Number(current[other] ?? 0) > 0;
  if (clashes('NanoCpus', 'CpuPeriod'))
    throw conflict('Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set');
  if (clashes('NanoCpus', 'CpuQuota'))
    throw conflict('Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set');
  if (clashes('CpuPeriod', 'NanoCpus'))
    throw conflict('Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set');
  if (clashes('CpuQuota', 'NanoCpus'))
    throw conflict('Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set');
  // Without a limit of memory and swap there is none that memory could stay below: both have to be given.
  if (change.Memory && !change.MemorySwap && change.Memory > (current.MemorySwap ?? 0))
    throw conflict(
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    );
  if (current.AutoRemove && change.RestartPolicy?.Name && change.RestartPolicy.Name !== 'no')
    throw conflict('Restart policy cannot be updated because AutoRemove is enabled for the container');
}

/** The configuration after the change; throws conflict for contradictions with what is set. */
export function changedHostConfig(current: HostConfig, change: Partial<HostConfig>): HostConfig {
  checkChange(current, change);
  const next: HostConfig = { ...current };
  for (const name of changeable) {
    const value = change[name];
    if (value !== undefined && value !== 0 && value !== '') Object.assign(next, { [name]: value });
  }
  if (change.PidsLimit !== undefined && change.PidsLimit !== null) next.PidsLimit = change.PidsLimit;
  if (change.RestartPolicy?.Name)
    next.RestartPolicy = {
      Name: change.RestartPolicy.Name,
      MaximumRetryCount: change.RestartPolicy.MaximumRetryCount ?? 0,
    };
  return next;
}

/** Under the container's lock. */
export async function updateContainer(
  context: Context,
  container: Container,
  change: Partial<HostConfig>,
): Promise<{ Warnings: string[] | null }> {
  if (container.state.status === 'removing' || container.state.status === 'dead')
    throw new DaemonError(
      'conflict',
      `Cannot update container ${container.id}: container is marked for removal and cannot be "update"`,
    );
  // As dockerd: what is asked for has to make sense by itself.
  const asked: HostConfig = { ...change };
  const { warnings } = checkHostConfig(asked, context.host, 'update');
  let next: HostConfig;
  try {
    next = changedHostConfig(container.hostConfig, asked);
    if (isUp(container)) await context.runtimeOf(container).update(container.id, resourcesOf(next));
  } catch (error) {
    throw new DaemonError(
      error instanceof DaemonError ? error.kind : 'system',
      `Cannot update container ${container.id}: ${(error as Error).message}`,
      { cause: error },
    );
  }
  container.hostConfig = next;
  await context.records.save(container);
  publish(context, container, 'update');
  return { Warnings: warnings.length > 0 ? warnings : null };
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
  if (to === '') throw new DaemonError('invalid', 'Neither old nor new names may be empty');
  const name = allocate(() => checkName(to.startsWith('/') ? to : `/${to}`));
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
