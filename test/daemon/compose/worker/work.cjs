const net = require('node:net');
console.log('worker version VERSION');
const socket = net.connect(6379, process.env.DATABASE, next);
socket.setEncoding('utf8');
socket.on('error', (error) => {
  console.error(String(error));
  process.exit(3);
});
function next() {
  socket.write('BRPOP jobs 0\r\n');
}
socket.on('data', (text) => {
  if (!text.startsWith('*')) return;
  console.log('worked');
  socket.write('INCR done\r\n');
  next();
});
process.on('SIGTERM', () => process.exit(0));
