/**
 * Metrics in Prometheus' text format, version 0.0.4.
 *
 * In: metrics. Out: text. May import: nothing.
 */

export type Labels = Readonly<Record<string, string>>;

export interface Metric {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  samples: readonly { suffix?: string; labels?: Labels; value: number }[];
}

const escapeLabel = (text: string): string =>
  text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');

const formatLabels = (labels: Labels | undefined): string => {
  const pairs = Object.entries(labels ?? {}).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
};

/** One exposition of all metrics. */
export function formatMetrics(metrics: readonly Metric[]): string {
  return metrics
    .flatMap(({ name, help, type, samples }) => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
      ...samples.map(({ suffix = '', labels, value }) => `${name}${suffix}${formatLabels(labels)} ${value}`),
    ])
    .join('\n')
    .concat('\n');
}

/** prometheus/client_golang: DefBuckets, seconds. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface Histogram {
  observe(labelValue: string, seconds: number): void;
  metric(): Metric;
}

interface Series {
  counts: number[];
  sum: number;
  count: number;
}

/** Durations by the value of one label; `known` are shown from the start. */
export function createHistogram(
  name: string,
  help: string,
  label: string,
  known: readonly string[],
): Histogram {
  const series = new Map(
    known.map((value): [string, Series] => [value, { counts: buckets.map(() => 0), sum: 0, count: 0 }]),
  );
  return {
    observe(labelValue, seconds) {
      const one = series.get(labelValue);
      if (one === undefined) return;
      one.sum += seconds;
      one.count++;
      buckets.forEach((bound, index) => {
        if (seconds <= bound) one.counts[index]!++;
      });
    },
    metric: () => ({
      name,
      help,
      type: 'histogram',
      samples: [...series].flatMap(([value, { counts, sum, count }]) => [
        ...buckets.map((bound, index) => ({
          suffix: '_bucket',
          labels: { [label]: value, le: String(bound) },
          value: counts[index]!,
        })),
        { suffix: '_bucket', labels: { [label]: value, le: '+Inf' }, value: count },
        { suffix: '_sum', labels: { [label]: value }, value: sum },
        { suffix: '_count', labels: { [label]: value }, value: count },
      ]),
    }),
  };
}
