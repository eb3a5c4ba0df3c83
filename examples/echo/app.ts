/** Sends back what arrives on port 7, over TCP and UDP (RFC 862). No HTTP: `start` instead of `fetch`. */
import { listen, udpBind } from 'noos:net';
import { onStop } from 'noos:process';

const port = 7;

export default {
  start(): void {
    const listener = listen({ port }, async (connection) => {
      connection.setNoDelay();
      for await (const chunk of connection) await connection.write(chunk);
      connection.end();
    });
    const socket = udpBind({ port }, (datagram) =>
      socket.send(datagram.data, datagram.address, datagram.port),
    );
    console.log(`echo on port ${port}`);
    onStop(() => {
      listener.close();
      socket.close();
    });
  },
};
