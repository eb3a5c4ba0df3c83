// HTTP's limits from the start parameters `http.NAME` (docs/http.md). In: parameters. Out: `httpLimits`.
// May import: http/, kernel/.
import { httpHeadBytes, httpLimitSet, LIMIT_OUT_OF_RANGE, LIMIT_SET } from '../http/index';
import {
  keyAddress,
  keyRestLength,
  NOT_A_NUMBER,
  nextParameter,
  parameterError,
  valueAsU64,
} from './parameters';

/** Buffers of incomplete heads are memory that everything else needs too. */
const MOST_HEAD_BYTES: u64 = 256 << 20;

/** Before anything listens. False: a parameter is wrong (said on the console). `http.port` is the runtime's. */
export function configureHttp(): bool {
  for (let at = nextParameter('http.', 0); at != 0; at = nextParameter('http.', at)) {
    if (isPort()) continue;
    const value = valueAsU64();
    const result =
      value == NOT_A_NUMBER ? LIMIT_OUT_OF_RANGE : httpLimitSet(keyAddress, keyRestLength, value);
    if (result == LIMIT_OUT_OF_RANGE) return parameterError('a number in the range of docs/http.md');
    if (result != LIMIT_SET) return parameterError('a limit that docs/http.md lists');
    if (httpHeadBytes() > MOST_HEAD_BYTES)
      return parameterError('less: all incomplete heads together may take 256 MiB');
  }
  return true;
}

function isPort(): bool {
  return keyRestLength == 4 && load<u32>(keyAddress) == 0x74726f70; // "port"
}
