const { createServer } = require('node:http');
const { hostname } = require('node:os');
const { redis } = require('./redis.cjs');
const { DATABASE, CACHE, GREETING, PORT } = process.env;
createServer(async (request, response) => {
  try {
    if (request.url === '/health') return response.end('ok');
    if (request.url === '/job')
      return response.end(`queued ${await redis(DATABASE, 'LPUSH', 'jobs', 'job')}`);
    if (request.url === '/done') return response.end(`done ${await redis(DATABASE, 'GET', 'done')}`);
    const visits = await redis(DATABASE, 'INCR', 'visits');
    const hits = await redis(CACHE, 'INCR', 'hits');
    response.end(JSON.stringify({ GREETING, visits, hits, host: hostname() }));
  } catch (error) {
    response.statusCode = 500;
    response.end(String(error));
  }
}).listen(PORT, () => console.log(`api listens on ${PORT}`));
process.on('SIGTERM', () => process.exit(0));
