/** Prints what a benchmark measured: medians of both sides, their ratio and the ratio to reach. */

export interface Comparison {
  /** What was measured, with its unit: `requests per second`. */
  figure: string;
  ours: number[];
  /** Name and figures of the peer. */
  peer: string;
  theirs: number[];
  /** The ratio ours/theirs that is wanted: `<=` or `>=`, then a number. */
  target: { relation: '<=' | '>='; ratio: number };
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const format = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString('en') : Number(value.toPrecision(3)).toString();

/** One line a comparison; says plainly when the ratio is not reached. */
export function report(comparison: Comparison): void {
  const ours = median(comparison.ours);
  const theirs = median(comparison.theirs);
  const ratio = ours / theirs;
  const { relation, ratio: wanted } = comparison.target;
  const reached = relation === '<=' ? ratio <= wanted : ratio >= wanted;
  console.log(
    `${comparison.figure}: noos ${format(ours)}, ${comparison.peer} ${format(theirs)}, ` +
      `ratio ${ratio.toFixed(3)} (to reach ${relation} ${wanted}: ${reached ? 'reached' : 'NOT reached'}) ` +
      `[noos ${comparison.ours.map(format).join(' ')} | peer ${comparison.theirs.map(format).join(' ')}]`,
  );
}

/** A figure without a peer, against a fixed bound. */
export function reportBound(figure: string, value: number, bound: number): void {
  console.log(
    `${figure}: ${format(value)} (to reach <= ${bound}: ${value <= bound ? 'reached' : 'NOT reached'})`,
  );
}
