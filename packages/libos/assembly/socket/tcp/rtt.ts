/**
 * Retransmission timeout (RFC 6298). In: round-trip samples, out: `rtoUs`. May import: time.
 */
import { nowNs } from '../../time/clock';
import { RTO_LEAST_US, RTO_MOST_US } from './configuration';
import { Connection } from './connection';

/** Takes a sample, in microseconds. */
export function rttSample(c: Connection, sampleUs: u32): void {
  const sample = max(min(sampleUs, RTO_MOST_US), 1);
  if (c.smoothedRttUs == 0) {
    c.smoothedRttUs = sample;
    c.rttVariationUs = sample >> 1;
  } else {
    const difference = sample > c.smoothedRttUs ? sample - c.smoothedRttUs : c.smoothedRttUs - sample;
    c.rttVariationUs = c.rttVariationUs - (c.rttVariationUs >> 2) + (difference >> 2);
    c.smoothedRttUs = c.smoothedRttUs - (c.smoothedRttUs >> 3) + (sample >> 3);
    if (c.smoothedRttUs == 0) c.smoothedRttUs = 1;
  }
  // The floor stands under the variation, not under the sum: on a long steady path a delay of that much more is no loss.
  c.rtoUs = min(c.smoothedRttUs + max(RTO_LEAST_US, c.rttVariationUs << 2), RTO_MOST_US);
}

/** When the retransmission timer that starts now expires: RTO with the current back-off. */
export function retransmitDeadline(c: Connection): u64 {
  const us = min((<u64>c.rtoUs) << (<u64>min(c.backoff, 16)), <u64>RTO_MOST_US);
  return nowNs + us * 1000;
}
