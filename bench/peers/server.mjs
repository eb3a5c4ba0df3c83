// The peer of the HTTP benchmarks: Node's own server with the answer of examples/hello.
import { createServer } from 'node:http';

createServer((_request, response) => {
  response.setHeader('content-type', 'text/plain;charset=UTF-8');
  response.end('Hello from Noos\n');
}).listen(Number(process.argv[2] ?? 3000), '127.0.0.1');
