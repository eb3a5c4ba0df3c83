// One field line (RFC 9112 §5) from received bytes to normal form. Strict: no obs-fold, no bare CR or LF, no space
// before the colon, no control characters: what two recipients could read differently is an error.
// In: bytes. Out: a line in the head, facts through field-facts. May import: characters, head, field-facts.
import { allPrintable, CR, HTAB, isText, LF, SP, tokenLower } from './characters';
import { noteField } from './field-facts';
import { fieldsOf, HEAD_DONE, Head } from './head';
import { limits } from './limits';

/**
 * Reads the line at `start`; bytes end at `end`. Returns the address after the line, or 0 when the line is not
 * complete or wrong (`head.error`). The empty line sets HEAD_DONE.
 */
export function readField(head: Head, start: usize, end: usize): usize {
  if (start >= end) return 0;
  if (load<u8>(start) == CR) {
    if (start + 1 >= end) return 0;
    if (load<u8>(start + 1) != LF) return fail(head, 400);
    head.state = HEAD_DONE;
    return start + 2;
  }
  // Bytes from `stop` on are over the limit.
  const stop = min(end, start + <usize>(limits.fieldBytes - head.fieldBytes));
  const nameStart = fieldsOf(head) + head.fieldsLength;
  let out = nameStart;
  let p = start;
  while (p < stop) {
    const c = tokenLower(load<u8>(p));
    if (c == 0) break;
    store<u8>(out++, <u8>c);
    p++;
  }
  if (p >= stop) return incomplete(head, stop, end);
  if (load<u8>(p) != 0x3a || p == start) return fail(head, 400);
  const nameLength = <u32>(out - nameStart);
  store<u16>(out, 0x203a); // ": "
  out += 2;
  p++;
  while (p < stop && (load<u8>(p) == SP || load<u8>(p) == HTAB)) p++;
  const valueStart = out;
  while (p < stop) {
    if (p + 8 <= stop) {
      const word = load<u64>(p);
      if (allPrintable(word)) {
        store<u64>(out, word);
        out += 8;
        p += 8;
        continue;
      }
    }
    const c = <u32>load<u8>(p);
    if (isText(c)) store<u8>(out++, <u8>c);
    else if (c >= 0x80) {
      store<u8>(out, <u8>(0xc0 | (c >> 6)));
      store<u8>(out + 1, <u8>(0x80 | (c & 0x3f)));
      out += 2;
    } else break;
    p++;
  }
  if (p >= stop) return incomplete(head, stop, end);
  if (load<u8>(p) != CR) return fail(head, 400);
  if (p + 1 >= stop) return incomplete(head, stop, end);
  if (load<u8>(p + 1) != LF) return fail(head, 400);
  p += 2;
  while (out > valueStart && (load<u8>(out - 1) == SP || load<u8>(out - 1) == HTAB)) out--;
  store<u8>(out, LF);
  head.fieldBytes += <u32>(p - start);
  if (++head.fieldCount > limits.fieldCount) return fail(head, 431);
  if (noteField(head, nameStart, nameLength, valueStart, <u32>(out - valueStart)))
    head.fieldsLength += <u32>(out + 1 - nameStart);
  return head.error == 0 ? p : 0;
}

function fail(head: Head, status: u16): usize {
  head.error = status;
  return 0;
}

/** Ran into `stop`: either the bytes end there, or the limit does. */
function incomplete(head: Head, stop: usize, end: usize): usize {
  return stop < end ? fail(head, 431) : 0;
}
