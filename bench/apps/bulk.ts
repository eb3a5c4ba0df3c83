/** The unikernel's side of the bulk benchmark: the protocol of peers/tcp-bulk.c on port 5001. */
import { listen } from 'noos:net';

const port = 5001;
const blockBytes = 256 * 1024;

export default {
  start(): void {
    const block = new Uint8Array(blockBytes);
    listen({ port }, async (connection) => {
      try {
        const role = await connection.read();
        if (role?.[0] === 's'.charCodeAt(0)) while ((await connection.read()) !== undefined);
        else while (role !== undefined) await connection.write(block);
      } catch {
        // The client ends a transfer by closing in the middle of it.
      }
      connection.abort();
    });
  },
};
