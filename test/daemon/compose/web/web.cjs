const { appendFileSync, readFileSync } = require('node:fs');
const { createServer, get } = require('node:http');
const udp = require('node:dgram').createSocket('udp4');
udp.on('message', (message, { address, port }) => udp.send(`udp ${message}`, port, address));
udp.bind(81);
createServer((request, response) => {
  appendFileSync('/var/log/web/access.log', `${request.url}\n`);
  if (request.url === '/') return response.end(readFileSync('/static/index.html'));
  get(`http://api:8080${request.url.slice('/api'.length)}`, (answer) => answer.pipe(response)).on(
    'error',
    (error) => {
      response.statusCode = 502;
      response.end(String(error));
    },
  );
}).listen(80, () => console.log('web listens on 80'));
process.on('SIGTERM', () => process.exit(0));
