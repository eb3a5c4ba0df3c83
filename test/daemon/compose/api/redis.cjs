// One command of the Redis protocol (RESP) per connection.
const net = require('node:net');
exports.redis = (host, ...words) =>
  new Promise((resolve, reject) => {
    const socket = net.connect(6379, host);
    let text = '';
    socket.setEncoding('utf8');
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      text += chunk;
      if (!text.endsWith('\r\n')) return;
      socket.end();
      if (text[0] === '-') return reject(new Error(text.trim()));
      resolve(
        text[0] === ':'
          ? Number(text.slice(1))
          : text
              .split('\r\n')
              .filter((line) => !/^[*$]/.test(line) && line)
              .map((line) => line.replace(/^\+/, '')),
      );
    });
    socket.write(
      `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`,
    );
  });
