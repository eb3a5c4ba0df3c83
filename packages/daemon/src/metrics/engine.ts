/**
 * What dockerd measures about itself, under dockerd's names.
 *
 * In: requests served, counts, events. Out: metrics. May import: events, linux, prometheus.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { EventBus } from '../events/bus.js';
import { readHostFacts } from '../linux/host-facts.js';
import { createHistogram, formatMetrics, type Labels, type Metric } from './prometheus.js';

export interface EngineMetricsDeps {
  events: EventBus;
  version: string;
  engineId: string;
  counts(): { running: number; paused: number; stopped: number };
}

export interface EngineMetrics {
  /** A request that was served: `POST /containers/create`. */
  served(route: string, seconds: number): void;
  text(): string;
}

const containerActions: Readonly<Record<string, string>> = {
  'GET /containers/:id/changes': 'changes',
  'POST /commit': 'commit',
  'POST /containers/create': 'create',
  'DELETE /containers/:id': 'delete',
  'POST /containers/:id/start': 'start',
};
const networkActions: Readonly<Record<string, string>> = {
  'POST /networks/create': 'create',
  'POST /networks/*id/connect': 'connect',
  'POST /networks/*id/disconnect': 'disconnect',
  'DELETE /networks/*id': 'delete',
};

const gauge = (name: string, help: string, value: number, labels?: Labels): Metric => ({
  name,
  help,
  type: 'gauge',
  samples: [labels === undefined ? { value } : { labels, value }],
});
const counter = (name: string, help: string, value: number): Metric => ({
  name,
  help,
  type: 'counter',
  samples: [{ value }],
});

/** Soft limit of open files, from proc(5). */
function maximumDescriptors(): number {
  const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  return Number(line?.[1] ?? 0);
}

export function createEngineMetrics({ events, version, engineId, counts }: EngineMetricsDeps): EngineMetrics {
  const facts = readHostFacts();
  const startedS = Math.round(Date.now() / 1000 - process.uptime());
  const containers = createHistogram(
    'engine_daemon_container_actions_seconds',
    'The number of seconds it takes to process each container action',
    'action',
    Object.values(containerActions),
  );
  const networks = createHistogram(
    'engine_daemon_network_actions_seconds',
    'The number of seconds it takes to process each network action',
    'action',
    Object.values(networkActions),
  );
  let builds = 0;
  return {
    served(route, seconds) {
      if (route in containerActions) containers.observe(containerActions[route]!, seconds);
      else if (route in networkActions) networks.observe(networkActions[route]!, seconds);
      else if (route === 'POST /build') builds++;
    },
    text() {
      const { published, subscribers } = events.counts();
      const states = counts();
      const { user, system } = process.cpuUsage();
      return formatMetrics([
        counter('builder_builds_triggered_total', 'Number of triggered image builds', builds),
        containers.metric(),
        {
          name: 'engine_daemon_container_states_containers',
          help: 'The count of containers in various states',
          type: 'gauge',
          samples: (['paused', 'running', 'stopped'] as const).map((state) => ({
            labels: { state },
            value: states[state],
          })),
        },
        gauge(
          'engine_daemon_engine_cpus_cpus',
          'The number of cpus that the host system of the engine has',
          facts.cpus,
        ),
        gauge(
          'engine_daemon_engine_info',
          'The information related to the engine and the OS it is running on',
          1,
          {
            architecture: facts.machine,
            commit: '',
            daemon_id: engineId,
            graphdriver: 'overlay2',
            kernel: facts.kernelVersion,
            os: facts.operatingSystem,
            os_type: 'linux',
            os_version: facts.osVersion,
            version,
          },
        ),
        gauge(
          'engine_daemon_engine_memory_bytes',
          'The number of bytes of memory that the host system of the engine has',
          facts.memory,
        ),
        gauge(
          'engine_daemon_events_subscribers_total',
          'The number of current subscribers to events',
          subscribers,
        ),
        counter('engine_daemon_events_total', 'The number of events logged', published),
        networks.metric(),
        counter(
          'process_cpu_seconds_total',
          'Total user and system CPU time spent in seconds.',
          (user + system) / 1e6,
        ),
        gauge('process_max_fds', 'Maximum number of open file descriptors.', maximumDescriptors()),
        gauge(
          'process_open_fds',
          'Number of open file descriptors.',
          readdirSync('/proc/self/fd').length - 1,
        ),
        gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', process.memoryUsage.rss()),
        gauge(
          'process_start_time_seconds',
          'Start time of the process since unix epoch in seconds.',
          startedS,
        ),
      ]);
    },
  };
}
