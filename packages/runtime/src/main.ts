/**
 * What the bundle's entry calls with the application's module.
 *
 * In: `export default { fetch?, start? }`. Out: the handlers of start and stop. Imports core, http, modules.
 * On start: `start(env)` is awaited, then the server listens. On stop: it stops listening, waits for the answers in
 * progress, runs the hooks of `onStop` and ends; what takes longer than `stopGraceMs` is cut off.
 */
import { dispatchKinds } from '@noos/abi';
import { setRunning } from './core/build-time.js';
import { systemError } from './core/errors.js';
import { host, onDispatch } from './core/host.js';
import { parameter, readParameters } from './core/parameters.js';
import { seedRandom } from './core/random.js';
import { reportError } from './core/report.js';
import { type FetchHandler, responsesDone, serveHttp } from './http/server.js';
import { env, setEnvironment } from './modules/env.js';
import { runStopHooks } from './modules/process.js';
import { setTimeout } from './timers/timers.js';

export interface Application {
  fetch?: FetchHandler;
  start?: (env: unknown) => unknown;
}

/** Port of the fetch handler unless the parameter `http.port` says otherwise. */
const defaultPort = 8080;

/** What Docker gives a container between SIGTERM and SIGKILL, less a second. */
const stopGraceMs = 9000;

let listener = 0;

function listen(): void {
  const text = parameter('http.port') ?? String(defaultPort);
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new RangeError(`parameter http.port=${text}: must be a number from 1 to 65535`);
  const result = host.httpListen(port, 0);
  if (result < 0) throw systemError(result, `listen for HTTP on port ${port}`);
  listener = result;
}

async function start(application: Application): Promise<void> {
  try {
    setRunning();
    readParameters();
    seedRandom();
    setEnvironment();
    const started = application.start?.(env);
    if (typeof (started as PromiseLike<unknown> | undefined)?.then === 'function') await started;
    if (typeof application.fetch === 'function') listen();
  } catch (error) {
    reportError(error, 'start');
    host.exit(1);
  }
}

async function stop(): Promise<void> {
  setTimeout(() => {
    reportError(new Error(`not all requests and hooks had ended ${stopGraceMs} ms after the stop`), 'stop');
    host.exit(1);
  }, stopGraceMs);
  if (listener > 0) host.httpClose(listener);
  await responsesDone();
  const failed = await runStopHooks();
  host.exit(failed ? 1 : 0);
}

/** The application cannot be run; the message says what to do. */
class ApplicationError extends Error {
  static {
    ApplicationError.prototype.name = 'ApplicationError';
  }
}

/**
 * Registers the application; the bundle's entry calls it once.
 * @throws ApplicationError when the default export has neither `fetch` nor `start`
 */
export function run(application: Application | undefined): void {
  const given =
    typeof application === 'object' || typeof application === 'function' ? application : undefined;
  if (typeof given?.fetch !== 'function' && typeof given?.start !== 'function')
    throw new ApplicationError(
      "the application has no fetch handler: write `export default { fetch(request, env) { return new Response('hello') } }`, " +
        'or `export default { start(env) {} }` for one that uses noos:net only',
    );
  if (typeof given.fetch === 'function') serveHttp(given as { fetch: FetchHandler }, env);
  onDispatch(dispatchKinds.start, () => void start(given));
  onDispatch(dispatchKinds.stop, () => void stop());
}
