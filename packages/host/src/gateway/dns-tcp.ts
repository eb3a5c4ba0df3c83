/**
 * DNS over a TCP connection of the stack (RFC 1035 §4.2.2): messages behind a 16-bit length, pipelined.
 *
 * In: an accepted connection. Out: replies. May import: libos's types.
 */
import type { TcpConnection } from '@noos/libos';

const lengthBytes = 2;
/** A client that has more than this unread or unanswered is cut off. */
const maxBufferedBytes = 131_072;

/** Answers every query until the client has finished. */
export function serveDnsOverTcp(
  connection: TcpConnection,
  answer: (query: Uint8Array) => Promise<Uint8Array | undefined>,
): void {
  let received = Buffer.alloc(0);
  let unsent = Buffer.alloc(0);
  let inProgress = 0;
  let open = true;

  function flush(): void {
    if (!open) return;
    unsent = unsent.subarray(connection.write(unsent));
    if (unsent.length > maxBufferedBytes) end();
    else if (inProgress === 0 && unsent.length === 0 && connection.finished()) {
      open = false;
      connection.release();
    }
  }

  function end(): void {
    open = false;
    connection.abort();
  }

  async function reply(query: Uint8Array): Promise<void> {
    inProgress++;
    const message = await answer(query);
    inProgress--;
    if (!open) return;
    if (message === undefined) return end();
    const length = Buffer.alloc(lengthBytes);
    length.writeUInt16BE(message.length);
    unsent = Buffer.concat([unsent, length, message]);
    flush();
  }

  function readable(): void {
    for (let bytes = connection.read(); bytes.length > 0; bytes = connection.read())
      received = Buffer.concat([received, bytes]);
    if (received.length > maxBufferedBytes) {
      end();
      return;
    }
    while (received.length >= lengthBytes && received.length >= lengthBytes + received.readUInt16BE(0)) {
      const messageEnd = lengthBytes + received.readUInt16BE(0);
      void reply(new Uint8Array(received.subarray(lengthBytes, messageEnd)));
      received = received.subarray(messageEnd);
    }
    flush();
  }

  connection.onReadable = readable;
  connection.onWritable = flush;
  connection.onClosed = () => {
    open = false;
  };
  readable();
}
