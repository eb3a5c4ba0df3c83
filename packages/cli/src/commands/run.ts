/**
 * `noos run`: builds when needed, runs, forwards the console, stops on a signal.
 *
 * In: a source or image, options. Out: the unikernel's exit code. May import: build, source, report; host.
 */
import {
  checkRunOptions,
  formatEndpoint,
  HostError,
  type PublishedPort,
  parsePort,
  type RunOptions,
  runUnikernel,
  type StaticAddress,
  type TargetName,
} from '@noos/host/run';
import { type BuildOptions, type Built, buildCached, limitsOf } from '../build.js';
import { partLines } from '../parts.js';
import { resolveSource } from '../source.js';
import { formatMs, style } from '../terminal.js';

export interface RunCommandOptions extends BuildOptions {
  target: string;
  publish?: string[];
  tap?: string;
  ip?: string;
  gateway?: string;
  dns?: string;
  network: string;
  hostLoopback: boolean;
  pcap?: string;
  probe?: boolean;
  json?: boolean;
}

/** Says what happens on standard error: as text, or as JSON lines. */
function reporter(json: boolean): (event: Record<string, unknown>, text: string | undefined) => void {
  return (event, text) => {
    if (json) process.stderr.write(`${JSON.stringify(event)}\n`);
    else if (text !== undefined) process.stderr.write(`${text}\n`);
  };
}

function staticAddress({ ip, gateway, dns }: RunCommandOptions): StaticAddress | undefined {
  if (ip !== undefined) {
    if (!/^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/.test(ip))
      throw new HostError('bad-option', `--ip ${ip} has no prefix length: write it like --ip 192.0.2.2/24`);
    return { cidr: ip, gateway, dnsServers: dns?.split(',') ?? [] };
  }
  if (gateway !== undefined || dns !== undefined)
    throw new HostError(
      'bad-option',
      '--gateway and --dns belong to a static address: add --ip 192.0.2.2/24',
    );
  return undefined;
}

/** First signal: stop in order. Second: at once. Returns how to listen no more. */
function onSignals(stop: () => void, kill: () => void): () => void {
  let count = 0;
  const handle = (): void => (++count === 1 ? stop() : kill());
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, handle);
  return () => {
    for (const signal of signals) process.off(signal, handle);
  };
}

/** Where a fetch handler listens unless the parameter `http.port` says otherwise. */
const httpPort = 8080;

const describePort = ({ hostAddress, hostPort, guestPort, protocol }: PublishedPort): string =>
  protocol === 'tcp' && guestPort === httpPort && hostAddress === undefined
    ? `http://localhost:${hostPort} → :${guestPort}`
    : `${formatEndpoint(hostAddress, hostPort)}/${protocol} → :${guestPort}`;

const builtLines = (built: Built): string[] => [
  ...built.warnings.map((warning) => `${style('yellow', 'warning:')} ${warning}`),
  ...partLines(built.manifest, built.bytes).map((line) => style('dim', line)),
];

/** Runs until the unikernel ends. */
export async function runCommand(path: string, options: RunCommandOptions): Promise<number> {
  const report = reporter(options.json === true);
  const source = resolveSource(path);
  const address = staticAddress(options);
  const settings = source.kind === 'entry' ? source.settings : {};
  const ports = (options.publish ?? (options.tap === undefined ? settings.ports : []) ?? []).map(parsePort);
  const { env = {}, memory } = options;

  const runOptions: RunOptions = {
    target: options.target as TargetName,
    console: (stream, bytes) => void (stream === 1 ? process.stdout : process.stderr).write(bytes),
    note: (line) => report({ event: 'note', line }, style('dim', line)),
    ports,
    env,
    limits: limitsOf(options),
    network: { cidr: options.network, hostLoopback: options.hostLoopback },
    probe: options.probe === true,
    ...(memory === undefined ? {} : { memoryBytes: memory }),
    ...(options.tap === undefined ? {} : { tap: options.tap }),
    ...(address === undefined ? {} : { address }),
    ...(options.pcap === undefined ? {} : { pcap: options.pcap }),
  };
  checkRunOptions(runOptions);

  let imagePath = source.path;
  if (source.kind === 'entry') {
    const startMs = performance.now();
    // --env and limits override at start, so that one image serves every environment.
    const { env: _, memory: _memory, limit: _limit, httpBodyLimit: _bodyLimit, ...buildOptions } = options;
    const { path: cached, built } = await buildCached(source, buildOptions);
    imagePath = cached;
    const took = performance.now() - startMs;
    if (built !== undefined) {
      process.stderr.write(built.console);
      const text = [`built ${source.name} in ${formatMs(took)}`, ...builtLines(built)].join('\n');
      report({ event: 'built', image: built.path, bytes: built.bytes, ms: took }, text);
    } else report({ event: 'cached', image: cached }, undefined);
  }

  const running = await runUnikernel(imagePath, runOptions);
  const release = onSignals(running.stop, running.kill);
  const lines = running.ports.map(describePort);
  report(
    { event: 'started', target: options.target, ports: running.ports },
    `running on target ${options.target}${lines.length > 0 ? `: ${lines.join(', ')}` : ''} (Ctrl-C stops)`,
  );
  running.firstAnswer?.then((answer) => {
    if (answer !== undefined)
      report(
        { event: 'firstAnswer', ...answer },
        `first answer (${answer.status}, to a request of our own) ${style('bold', formatMs(answer.afterMs))} after the start`,
      );
  });
  const code = await running.exited.finally(release);
  report({ event: 'exited', code }, code === 0 ? undefined : style('red', `ended with code ${code}`));
  return code;
}
