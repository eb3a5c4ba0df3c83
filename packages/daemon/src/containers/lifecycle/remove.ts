/**
 * `docker rm`: record, root file system, volumes that have no name. Begun removals are finished at the next start.
 *
 * In: a container that does not run. Out: nothing left of it. May import: areas below, the parts beside it.
 */
import { crashPoint } from '../../storage/crash-point.js';
import { withReserve } from '../../storage/reserve.js';
import { type Context, publish } from '../context.js';
import type { Container } from '../types.js';

/** Under the container's lock. */
export async function removeLocked(
  context: Context,
  container: Container,
  { volumes }: { volumes: boolean },
): Promise<void> {
  const { id, state } = container;
  const live = context.live(id);
  if (context.registry.byId(id) !== container) return;
  clearTimeout(live.restartTimer);
  live.removing = true;
  state.status = 'removing';
  state.removesVolumes = volumes;
  try {
    await withReserve(context.layout.dataRoot, () => context.records.saveState(container));
    crashPoint('remove:marked');
    await Promise.all([context.layers.removeRoot(id), context.mounts.forget(id, container.mounts, volumes)]);
    crashPoint('remove:before-record');
    await context.records.remove(id);
  } catch (error) {
    state.status = 'dead';
    state.error = (error as Error).message;
    live.removing = false;
    await context.records.saveState(container).catch(() => {});
    throw error;
  }
  context.registry.remove(id);
  publish(context, container, 'destroy');
  for (const observer of context.observers) observer.removed?.(container);
  context.waiters.removed(id, { StatusCode: state.exitCode });
  context.forgetLive(id);
}
