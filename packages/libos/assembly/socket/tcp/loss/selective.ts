/**
 * The SACK option of an arriving acknowledgement (RFC 2018, RFC 6675): what it reports of the flight, and duplicates
 * (DSACK, RFC 2883). In: the parsed option. Out: marks on the flight. May import: wire.
 */
import { optionSackCount, optionSackEnd, optionSackStart } from '../../../wire/tcp-options';
import { Connection } from '../connection';
import { segmentAck } from '../segment';
import { after, before, beforeOrAt } from '../sequence';
import { flightSacked } from './flight';

/** The current acknowledgement reports that [duplicateStart, duplicateEnd) came twice. */
export let duplicateReported: bool = false;
export let duplicateStart: u32 = 0;
export let duplicateEnd: u32 = 0;

/** RFC 2883 §4: the first block lies at or below the acknowledgment, or within the second. */
function noteDuplicate(c: Connection): void {
  duplicateReported = false;
  if (optionSackCount == 0) return;
  const start = optionSackStart(0);
  const end = optionSackEnd(0);
  if (!before(start, end)) return;
  const below = beforeOrAt(end, segmentAck);
  const within = optionSackCount > 1 && !before(start, optionSackStart(1)) && !after(end, optionSackEnd(1));
  if (!below && !within) return;
  // Nothing older than the connection, nothing never sent.
  if (before(start, c.initialSend + 1) || after(end, c.sendNext)) return;
  duplicateReported = true;
  duplicateStart = start;
  duplicateEnd = end;
}

/** Takes the current segment's blocks, lowest first; true when they tell something new. Impossible ones are passed over. */
export function takeSelective(c: Connection): bool {
  noteDuplicate(c);
  let news = false;
  let floor = c.sendUnacknowledged;
  for (let taken: u32 = 0; taken < optionSackCount; taken++) {
    let lowest: u32 = optionSackCount;
    for (let index: u32 = 0; index < optionSackCount; index++) {
      const start = optionSackStart(index);
      if (
        !after(start, floor) ||
        !before(start, optionSackEnd(index)) ||
        after(optionSackEnd(index), c.sendNext)
      )
        continue;
      if (
        lowest == optionSackCount ||
        before(start, optionSackStart(lowest)) ||
        (start == optionSackStart(lowest) && after(optionSackEnd(index), optionSackEnd(lowest)))
      )
        lowest = index;
    }
    if (lowest == optionSackCount) break;
    floor = optionSackStart(lowest);
    if (flightSacked(c, floor, optionSackEnd(lowest))) news = true;
  }
  return news;
}
